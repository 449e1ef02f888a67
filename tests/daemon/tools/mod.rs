//! The tools for a running server: `larder stats`, `top`, `keys`, `why`, `advise`, `ping`, `get`, `delete`,
//! `set-memory`.
//!
//! Reports that depend on time or traffic come from a scripted server, the others from larder, and from memcached where
//! it is installed. `tests/clients/larder_top.py` tests the live view on a terminal.

mod control;
mod failures;
mod keys;
mod larder_reports;
mod memcached;
mod scripted_server;
mod statistics;

use crate::support::{Daemon, larder};

/// The output of a tool, which must succeed without messages.
#[track_caller]
fn printed(line: &str, server: &str) -> String {
    let output = larder(line).arg("--server").arg(server).output();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "larder {line}");
    assert_eq!(output.status.code(), Some(0), "larder {line}");
    String::from_utf8(output.stdout).unwrap()
}

/// The message of a tool, which must fail with a single line.
#[track_caller]
fn refused(line: &str, server: &str) -> String {
    let (message, status) = larder(line).arg("--server").arg(server).refusal();
    assert_eq!(status, 1, "larder {line}: {message}");
    message
}

/// A larder with some items; the key of one would clear a terminal.
fn larder_with_items() -> Daemon {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for (key, flags, exptime) in
        [("site:1:news", 1, 300), ("site:1:count", 2, 0), (":1:page", 24, 300), ("evil\x1b[2J", 16, 0)]
    {
        client.send(format!("set {key} {flags} {exptime} 5\r\nhello\r\n"));
        client.expect("STORED\r\n");
    }
    daemon
}

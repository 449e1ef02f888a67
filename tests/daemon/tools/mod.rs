//! What an operator asks a running server by the tools: `larder advise`, `why`, `stats`, `keys`, `top`.
//!
//! What only some servers tell comes from a scripted one; the rest is asked of larder, and of memcached where there is
//! one. The live view on a terminal is tested by `tests/clients/larder_top.py`.

mod explained;
mod keys;
mod plain_memcached;
mod scripted_server;
mod statistics;
mod trouble;

use crate::support::{Daemon, larder};

/// What a tool prints, which must be all it does.
#[track_caller]
fn printed(line: &str, server: &str) -> String {
    let output = larder(line).arg("--server").arg(server).output();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "larder {line}");
    assert_eq!(output.status.code(), Some(0), "larder {line}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line by which a tool says that it cannot answer.
#[track_caller]
fn refused(line: &str, server: &str) -> String {
    let (told, status) = larder(line).arg("--server").arg(server).refusal();
    assert_eq!(status, 1, "larder {line}: {told}");
    told
}

/// A larder that holds some items, one of which has a name that would clear a terminal.
fn filled() -> Daemon {
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

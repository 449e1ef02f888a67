//! Requests and the replies of memcached 1.6.45 to them, byte for byte.
//!
//! Each request has a connection of its own. The store holds `n` with the value 10, `a` with the value x and flags 5,
//! and nothing else. `{250}` and `{251}` stand for keys of 250 and 251 bytes.

mod administration;
mod arithmetic;
mod crawler;
mod lines;
mod meta;
mod retrieval;
mod storage;
mod touch_and_delete;
mod tuning;

use crate::conversation::conversation;
use crate::support::{Daemon, larder};

/// A request and the reply to it.
type Row<'a> = (&'a str, &'a str);

const ERROR: &str = "ERROR\r\n";
const BAD_LINE: &str = "CLIENT_ERROR bad command line format\r\n";
const BAD_CHUNK: &str = "CLIENT_ERROR bad data chunk\r\n";
const BAD_EXPTIME: &str = "CLIENT_ERROR invalid exptime argument\r\n";
const BAD_DELTA: &str = "CLIENT_ERROR invalid numeric delta argument\r\n";
const NOT_NUMERIC: &str = "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
const STORED: &str = "STORED\r\n";
const NOT_FOUND: &str = "NOT_FOUND\r\n";
const OK: &str = "OK\r\n";
const END: &str = "END\r\n";
const SILENCE: &str = "";

/// Sends the request of every row and reports all rows with another reply.
#[track_caller]
fn check(rows: &[Row<'_>]) {
    check_on(&larder("").start(), rows);
}

/// The same with a stopped clock, for replies with times.
#[track_caller]
fn check_with_stopped_clock(rows: &[Row<'_>]) {
    let daemon = larder("--debug-commands").start();
    daemon.stop_clock();
    check_on(&daemon, rows);
}

#[track_caller]
fn check_on(daemon: &Daemon, rows: &[Row<'_>]) {
    let filled_in = |text: &str| text.replace("{250}", &"k".repeat(250)).replace("{251}", &"k".repeat(251));
    let mut wrong = String::new();
    for (request, reply) in rows {
        let prepared = conversation(daemon, "flush_all\r\nset n 0 0 2\r\n10\r\nset a 5 0 1\r\nx\r\n");
        assert_eq!(prepared, "OK\r\nSTORED\r\nSTORED\r\n");
        let received = conversation(daemon, filled_in(request));
        if received != filled_in(reply) {
            wrong += &format!("{request:?}\n    expected {reply:?}\n    received {received:?}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

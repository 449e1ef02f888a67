//! A request, and the answer of memcached 1.6.45 to it, byte for byte.
//!
//! Each request goes over a connection of its own to a store that holds `n` with the value 10, `a` with the value x
//! and flags 5, and nothing else. In requests and answers `{250}` and `{251}` stand for keys of so many bytes.

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
use crate::support::larder;

/// A request and its answer.
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

/// A time to live of 30, 60, or 20 seconds whose first one passed meanwhile, as if it had not.
fn as_asked(heard: &str) -> String {
    heard.replace(" t29", " t30").replace(" t59", " t60").replace(" t19", " t20").replace("exp=29", "exp=30")
}

/// Asks every row and reports all that are answered otherwise.
#[track_caller]
fn check(rows: &[Row<'_>]) {
    let daemon = larder("").start();
    let filled_in = |text: &str| text.replace("{250}", &"k".repeat(250)).replace("{251}", &"k".repeat(251));
    let mut wrong = String::new();
    for (request, answer) in rows {
        let prepared = conversation(&daemon, "flush_all\r\nset n 0 0 2\r\n10\r\nset a 5 0 1\r\nx\r\n");
        assert_eq!(prepared, "OK\r\nSTORED\r\nSTORED\r\n");
        let heard = as_asked(&conversation(&daemon, filled_in(request)));
        if heard != filled_in(answer) {
            wrong += &format!("{request:?}\n    expected {answer:?}\n    heard    {heard:?}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

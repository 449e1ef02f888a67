//! Every limit of the protocol, reached and exceeded by one.

use crate::conversation::conversation;
use crate::support::{Daemon, larder};
use crate::transcript::transcript;

/// The largest value under a key of three bytes without flags; memcached counts 48 + 8 + key + 1 + value + 2 bytes.
const LARGEST: usize = 1024 * 1024 - 48 - 8 - 3 - 1 - 2;

const TOO_LARGE: &str = "SERVER_ERROR object too large for cache\r\n";

/// Stores a value of this length. True if it is stored and read back, false if it is refused and the key is gone.
fn stores(daemon: &Daemon, key: &str, flags: u32, len: usize) -> bool {
    let stream = format!("set {key} {flags} 0 {len}\r\n{}\r\nget {key}\r\n", "v".repeat(len));
    let received = transcript(daemon.address().port(), [stream.as_bytes()]);
    let received = String::from_utf8(received.bytes).expect("text");
    if received.starts_with("STORED\r\n") {
        let value = format!("STORED\r\nVALUE {key} {flags} {len}\r\n{}\r\nEND\r\n", "v".repeat(len));
        assert!(received == value, "the stored value differs");
        true
    } else {
        assert_eq!(received, format!("{TOO_LARGE}END\r\n"));
        false
    }
}

#[test]
fn the_largest_value_fits_and_one_byte_more_does_not() {
    let daemon = larder("").start();
    assert!(stores(&daemon, "foo", 0, LARGEST));
    assert!(!stores(&daemon, "foo", 0, LARGEST + 1));
    assert!(stores(&daemon, "foo", 1, LARGEST - 4));
    assert!(!stores(&daemon, "foo", 1, LARGEST - 3));
    let long = "k".repeat(250);
    assert!(stores(&daemon, &long, 0, LARGEST - 247));
    assert!(!stores(&daemon, &long, 0, LARGEST - 246));
}

#[test]
fn without_cas_a_value_may_be_eight_bytes_larger() {
    let daemon = larder("-C").start();
    assert!(stores(&daemon, "foo", 0, LARGEST + 8));
    assert!(!stores(&daemon, "foo", 0, LARGEST + 9));
}

#[test]
fn the_item_limit_can_be_set() {
    let daemon = larder("-I 2m").start();
    assert!(stores(&daemon, "foo", 0, LARGEST + 1024 * 1024));
    assert!(!stores(&daemon, "foo", 0, LARGEST + 1024 * 1024 + 1));
}

#[test]
fn an_append_over_the_limit_is_refused_and_keeps_the_value() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask(format!("set foo 0 0 {LARGEST}\r\n{}\r\n", "v".repeat(LARGEST)), "STORED\r\n");
    client.ask("append foo 0 0 1\r\nx\r\n", "NOT_STORED\r\n");
    client.ask("prepend foo 0 0 1\r\nx\r\n", "NOT_STORED\r\n");
    client.ask("append foo 0 0 0\r\n\r\n", "STORED\r\n");
    client.ask("get foo\r\n", format!("VALUE foo 0 {LARGEST}\r\n{}\r\nEND\r\n", "v".repeat(LARGEST)));
}

#[test]
fn a_value_over_half_a_mebibyte_is_not_numeric() {
    let daemon = larder("").start();
    let spaces = " ".repeat(600 * 1024);
    let stream = format!("set n 0 0 {}\r\n1{spaces}\r\nincr n 1\r\n", spaces.len() + 1);
    let refused = "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
    assert_eq!(conversation(&daemon, stream), refused);
}

#[test]
fn every_command_accepts_keys_of_250_bytes_and_refuses_251() {
    let daemon = larder("").start();
    let (longest, over) = ("k".repeat(250), "k".repeat(251));
    for (request, reply) in [
        ("set {} 0 0 1\r\n1\r\n", "STORED\r\n"),
        ("add {} 0 0 1\r\n1\r\n", "NOT_STORED\r\n"),
        ("replace {} 0 0 1\r\n1\r\n", "STORED\r\n"),
        ("append {} 0 0 1\r\n0\r\n", "STORED\r\n"),
        ("prepend {} 0 0 1\r\n1\r\n", "STORED\r\n"),
        ("cas {} 0 0 1 0\r\n1\r\n", "EXISTS\r\n"),
        ("incr {} 1\r\n", "111\r\n"),
        ("decr {} 1\r\n", "110\r\n"),
        ("touch {} 0\r\n", "TOUCHED\r\n"),
        ("get {}\r\n", "VALUE {} 0 3\r\n110\r\nEND\r\n"),
        ("gat 0 {}\r\n", "VALUE {} 0 3\r\n110\r\nEND\r\n"),
        ("delete {}\r\n", "DELETED\r\n"),
    ] {
        let received = conversation(&daemon, request.replace("{}", &longest));
        assert_eq!(received, reply.replace("{}", &longest), "{request:?}");
        let received = conversation(&daemon, request.replace("{}", &over));
        assert_eq!(received, "CLIENT_ERROR bad command line format\r\n", "{request:?}");
    }
}

#[test]
fn a_line_of_2048_bytes_is_accepted_and_a_longer_one_closes_the_connection() {
    let daemon = larder("").start();
    let padded = |len: usize| format!("delete none{}", " ".repeat(len - "delete none".len()));
    let answered = conversation(&daemon, format!("{}\r\nversion\r\n", padded(2048)));
    assert_eq!(answered, "NOT_FOUND\r\nVERSION 1.6.45\r\n");
    for stream in [format!("{}\r\nversion\r\n", padded(2049)), padded(2051), "x".repeat(100_000)] {
        let received = conversation(&daemon, format!("version\r\n{stream}"));
        assert_eq!(received, "VERSION 1.6.45\r\nCLIENT_ERROR line too long\r\n");
    }
}

#[test]
fn a_value_length_of_two_gibibytes_is_valid_and_takes_no_memory() {
    let daemon = larder("").start();
    let before = daemon.resident_bytes();
    let mut client = daemon.connect();
    client.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    client.send(format!("set a 0 0 2147483645\r\n{}", "v".repeat(100_000)));
    // The value is received and dropped; the old value is removed at once.
    let mut other = daemon.connect();
    crate::support::wait_for("the removal of the old value", || {
        other.send("get a\r\n");
        (other.read_until("END\r\n") == "END\r\n").then_some(())
    });
    assert!(daemon.resident_bytes() < before + 16 * 1024 * 1024);
    assert_eq!(
        conversation(&daemon, "set a 0 0 2147483646\r\nblock\r\n"),
        "CLIENT_ERROR bad command line format\r\n"
    );
}

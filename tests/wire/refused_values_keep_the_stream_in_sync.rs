//! A value that is not stored costs one answer; what follows it is read as if it had been.

use crate::support::larder;
use crate::transcript::transcript;

const TOO_LARGE: &str = "SERVER_ERROR object too large for cache\r\n";

#[test]
fn a_value_too_large_is_dropped_before_its_answer() {
    let daemon = larder("").start();
    let value = "flush_all\r\n".repeat(100_000);
    for verb in ["set", "add", "replace", "append", "prepend", "cas"] {
        let unique = if verb == "cas" { " 1" } else { "" };
        let line = format!("{verb} k 0 0 {}{unique}\r\n", value.len());
        let stream = format!("set other 0 0 1\r\n1\r\n{line}{value}\r\nget other\r\n");
        let heard = transcript(daemon.address().port(), stream.as_bytes().chunks(7001));
        let expected = format!("STORED\r\n{TOO_LARGE}VALUE other 0 1\r\n1\r\nEND\r\n");
        assert_eq!(String::from_utf8_lossy(&heard), expected, "{verb}");
    }
}

#[test]
fn the_answer_to_a_value_too_large_waits_for_its_end() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let value = "v".repeat(2 * 1024 * 1024);
    client.send(format!("version\r\nset k 0 0 {}\r\n", value.len()));
    client.expect("VERSION 1.6.45\r\n");
    client.send(&value);
    client.ask("\r\nversion\r\n", format!("{TOO_LARGE}VERSION 1.6.45\r\n"));
}

#[test]
fn only_a_failed_set_removes_the_value_that_was_there() {
    let daemon = larder("").start();
    let value = "v".repeat(1024 * 1024);
    for (verb, kept) in
        [("set", false), ("add", true), ("replace", true), ("append", true), ("prepend", true), ("cas", true)]
    {
        let unique = if verb == "cas" { " 1" } else { "" };
        let stream =
            format!("set k 0 0 1\r\n1\r\n{verb} k 0 0 {}{unique}\r\n{value}\r\nget k\r\n", value.len());
        let heard = transcript(daemon.address().port(), [stream.as_bytes()]);
        let found = if kept { "VALUE k 0 1\r\n1\r\n" } else { "" };
        assert_eq!(String::from_utf8_lossy(&heard), format!("STORED\r\n{TOO_LARGE}{found}END\r\n"), "{verb}");
    }
}

#[test]
fn a_long_value_with_a_broken_end_is_not_stored() {
    let daemon = larder("").start();
    // Around the length beyond which a value is received in place.
    for len in [16_383, 16_384, 16_385, 500_000] {
        let value = "v".repeat(len);
        for (end, answers) in [
            ("\r\n", "STORED\r\n"),
            ("x\r\n", "CLIENT_ERROR bad data chunk\r\n"),
            ("xxflush_all\r\n", "CLIENT_ERROR bad data chunk\r\n"),
            ("\n", "CLIENT_ERROR bad data chunk\r\n"),
            ("\r\r\n", "CLIENT_ERROR bad data chunk\r\n"),
        ] {
            let stream =
                format!("set other 0 0 1\r\n1\r\nset k 0 0 {len}\r\n{value}{end}get other\r\ndelete k\r\n");
            let heard = transcript(daemon.address().port(), stream.as_bytes().chunks(9973));
            let deleted = if answers == "STORED\r\n" { "DELETED" } else { "NOT_FOUND" };
            let expected = format!("STORED\r\n{answers}VALUE other 0 1\r\n1\r\nEND\r\n{deleted}\r\n");
            assert_eq!(String::from_utf8_lossy(&heard), expected, "{len} bytes, {end:?}");
        }
    }
}

#[test]
fn a_peer_that_leaves_in_the_middle_of_a_value_stores_nothing() {
    let daemon = larder("").start();
    for len in [10, 100_000] {
        let half = format!("set k 0 0 {len}\r\n{}", "v".repeat(len / 2));
        assert_eq!(transcript(daemon.address().port(), [half.as_bytes()]), b"");
        assert_eq!(transcript(daemon.address().port(), [&b"get k\r\n"[..]]), b"END\r\n");
    }
}

#[test]
fn a_line_of_unreadable_length_that_nothing_follows_leaves_the_next_command() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k 0 0 -1\r\n", "CLIENT_ERROR bad command line format\r\n");
    client.ask("version\r\n", "VERSION 1.6.45\r\n");
    client.ask("set k 0 0 x\r\n", "CLIENT_ERROR bad command line format\r\n");
    client.ask("some text\r\nversion\r\n", "VERSION 1.6.45\r\n");
}

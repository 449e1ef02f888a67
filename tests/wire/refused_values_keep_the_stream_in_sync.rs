//! A value that is refused gets one reply, and the next request is parsed correctly.

use crate::support::larder;
use crate::transcript::transcript;

const TOO_LARGE: &str = "SERVER_ERROR object too large for cache\r\n";

#[test]
fn a_value_too_large_is_skipped() {
    let daemon = larder("").start();
    let value = "flush_all\r\n".repeat(100_000);
    for verb in ["set", "add", "replace", "append", "prepend", "cas"] {
        let unique = if verb == "cas" { " 1" } else { "" };
        let line = format!("{verb} k 0 0 {}{unique}\r\n", value.len());
        let stream = format!("set other 0 0 1\r\n1\r\n{line}{value}\r\nget other\r\n");
        let received = transcript(daemon.address().port(), stream.as_bytes().chunks(7001));
        let expected = format!("STORED\r\n{TOO_LARGE}VALUE other 0 1\r\n1\r\nEND\r\n");
        assert_eq!(String::from_utf8_lossy(&received), expected, "{verb}");
    }
}

#[test]
fn the_reply_to_a_value_too_large_comes_after_its_last_byte() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let value = "v".repeat(2 * 1024 * 1024);
    client.send(format!("version\r\nset k 0 0 {}\r\n", value.len()));
    client.expect("VERSION 1.6.45\r\n");
    client.send(&value);
    client.ask("\r\nversion\r\n", format!("{TOO_LARGE}VERSION 1.6.45\r\n"));
}

#[test]
fn a_refused_set_removes_the_old_value_and_other_commands_keep_it() {
    let daemon = larder("").start();
    let value = "v".repeat(1024 * 1024);
    for (verb, kept) in
        [("set", false), ("add", true), ("replace", true), ("append", true), ("prepend", true), ("cas", true)]
    {
        let unique = if verb == "cas" { " 1" } else { "" };
        let stream =
            format!("set k 0 0 1\r\n1\r\n{verb} k 0 0 {}{unique}\r\n{value}\r\nget k\r\n", value.len());
        let received = transcript(daemon.address().port(), [stream.as_bytes()]);
        let found = if kept { "VALUE k 0 1\r\n1\r\n" } else { "" };
        assert_eq!(
            String::from_utf8_lossy(&received),
            format!("STORED\r\n{TOO_LARGE}{found}END\r\n"),
            "{verb}"
        );
    }
}

#[test]
fn a_long_value_with_an_invalid_end_is_not_stored() {
    let daemon = larder("").start();
    // Around the length above which a value is received directly into its page.
    for len in [16_383, 16_384, 16_385, 500_000] {
        let value = "v".repeat(len);
        for (end, replies) in [
            ("\r\n", "STORED\r\n"),
            ("x\r\n", "CLIENT_ERROR bad data chunk\r\n"),
            ("xxflush_all\r\n", "CLIENT_ERROR bad data chunk\r\n"),
            ("\n", "CLIENT_ERROR bad data chunk\r\n"),
            ("\r\r\n", "CLIENT_ERROR bad data chunk\r\n"),
        ] {
            let stream =
                format!("set other 0 0 1\r\n1\r\nset k 0 0 {len}\r\n{value}{end}get other\r\ndelete k\r\n");
            let received = transcript(daemon.address().port(), stream.as_bytes().chunks(9973));
            let deleted = if replies == "STORED\r\n" { "DELETED" } else { "NOT_FOUND" };
            let expected = format!("STORED\r\n{replies}VALUE other 0 1\r\n1\r\nEND\r\n{deleted}\r\n");
            assert_eq!(String::from_utf8_lossy(&received), expected, "{len} bytes, {end:?}");
        }
    }
}

#[test]
fn an_incomplete_value_at_the_end_of_the_stream_is_not_stored() {
    let daemon = larder("").start();
    for len in [10, 100_000] {
        let half = format!("set k 0 0 {len}\r\n{}", "v".repeat(len / 2));
        assert_eq!(transcript(daemon.address().port(), [half.as_bytes()]).bytes, b"");
        assert_eq!(transcript(daemon.address().port(), [&b"get k\r\n"[..]]).bytes, b"END\r\n");
    }
}

#[test]
fn a_line_with_an_invalid_length_and_no_data_does_not_swallow_the_next_command() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k 0 0 -1\r\n", "CLIENT_ERROR bad command line format\r\n");
    client.ask("version\r\n", "VERSION 1.6.45\r\n");
    client.ask("set k 0 0 x\r\n", "CLIENT_ERROR bad command line format\r\n");
    client.ask("some text\r\nversion\r\n", "VERSION 1.6.45\r\n");
}

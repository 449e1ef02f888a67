//! Quiet commands suppress the reply to a successful change or to a miss. They report everything else.

use super::{ask, conversation, expect_close, read_reply};
use crate::support::frames::{Request, arithmetic, keyed, numbered, request, store, valued};
use crate::support::larder;

#[test]
fn quiet_changes_and_quiet_misses_get_no_reply() {
    let daemon = larder("").start();
    let silent = [
        store(0x11, "k", 0, 0, "1"),
        store(0x12, "l", 0, 0, "1"),
        store(0x13, "k", 0, 0, "2"),
        valued(0x19, "k", "3"),
        valued(0x1a, "k", "1"),
        arithmetic(0x15, "k", 1, 0, 0),
        arithmetic(0x16, "k", 2, 0, 0),
        arithmetic(0x15, "n", 1, 5, 0),
        keyed(0x14, "l"),
        keyed(0x09, "none"),
        keyed(0x0d, "none"),
        numbered(0x1e, "none", 0),
        numbered(0x24, "none", 0),
    ];
    assert!(conversation(&daemon, &silent).is_empty());
    let lines = conversation(&daemon, &[keyed(0x00, "k"), keyed(0x00, "l"), keyed(0x00, "n")]);
    let expected = ["00 0 +00000000 value=122 cas", "00 1 value=Not found", "00 0 +00000000 value=5 cas"];
    assert_eq!(lines, expected);
    assert!(conversation(&daemon, &[request(0x18)]).is_empty());
    assert!(conversation(&daemon, &[keyed(0x09, "k"), request(0x17)]).is_empty(), "flushed, and closed");
}

#[test]
fn quiet_commands_report_errors() {
    let daemon = larder("").start();
    let requests = [
        store(0x11, "k", 0, 0, "v").cas(9),
        store(0x13, "k", 0, 0, "v"),
        valued(0x19, "k", "v"),
        valued(0x1a, "k", "v"),
        arithmetic(0x15, "k", 1, 0, u32::MAX),
        arithmetic(0x16, "k", 1, 0, u32::MAX),
        keyed(0x14, "k"),
        store(0x11, "k", 0, 0, "v"),
        store(0x12, "k", 0, 0, "v"),
        arithmetic(0x15, "k", 1, 0, 0),
        keyed(0x14, "k").cas(1 << 40),
    ];
    let expected = [
        "11 1 value=Not found",
        "13 1 value=Not found",
        "19 5 value=Not stored.",
        "1a 5 value=Not stored.",
        "15 1 value=Not found",
        "16 1 value=Not found",
        "14 1 value=Not found",
        "12 2 value=Data exists for key.",
        "15 6 value=Non-numeric server-side value for incr or decr",
        "14 2 value=Data exists for key.",
    ];
    assert_eq!(conversation(&daemon, &requests), expected);
}

#[test]
fn quiet_hits_are_sent_without_a_noop() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.send([store(0x11, "k", 0, 0, "v"), keyed(0x0d, "k")].map(|request| request.bytes()).concat());
    assert_eq!(read_reply(&mut client).summary(), "0d 0 +00000000 key=k value=v cas");
    assert_eq!(ask(&mut client, &keyed(0x0c, "k")).opcode, 0x0c);
}

#[test]
fn requests_after_quit_are_not_executed() {
    let daemon = larder("").start();
    for (opcode, replies) in [(0x07, 2), (0x17, 1)] {
        let mut client = daemon.connect();
        let all: Vec<u8> = [request(0x0a), request(opcode), store(0x01, "k", 0, 0, "v")]
            .iter()
            .flat_map(Request::bytes)
            .collect();
        client.send(all);
        for _ in 0..replies {
            assert_eq!(read_reply(&mut client).status, 0);
        }
        expect_close(&mut client);
    }
    assert_eq!(conversation(&daemon, &[keyed(0x00, "k")]), ["00 1 value=Not found"]);
}

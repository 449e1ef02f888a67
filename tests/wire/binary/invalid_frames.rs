//! An invalid frame gets one error. Then the daemon either parses the next frame correctly or closes the connection
//! after the replies that are due.

use super::{ask, conversation, raw_conversation, read_to_close};
use crate::support::frames::{Request, arithmetic, keyed, numbered, replies, request, store, valued};
use crate::support::larder;

#[test]
fn an_unknown_command_is_skipped_with_its_body() {
    let daemon = larder("").start();
    for opcode in [0x1f, 0x25, 0x30, 0x3c, 0x7f, 0xff] {
        for (extras, key, value) in [("", "", ""), ("", "", "v"), ("", "k", ""), ("extra", "key", "value")] {
            let unknown = Request { extras: extras.into(), ..valued(opcode, key, value) };
            let lines = conversation(&daemon, &[request(0x0a), unknown, request(0x0b)]);
            let refused = format!("{opcode:02x} 81 value=Unknown command");
            assert_eq!(lines, ["0a 0", &refused, "0b 0 value=1.6.45"], "{extras:?} {key:?} {value:?}");
        }
    }
    let long = valued(0x30, "key", vec![b'v'; 300_000]);
    let lines = conversation(&daemon, &[long, request(0x0a)]);
    assert_eq!(lines, ["30 81 value=Unknown command", "0a 0"]);
}

#[test]
fn invalid_arguments_get_an_error_and_close_the_connection() {
    let daemon = larder("").start();
    let key_too_long = "k".repeat(251);
    for wrong in [
        request(0x00),
        valued(0x00, "k", "v"),
        numbered(0x00, "k", 0),
        keyed(0x00, key_too_long),
        keyed(0x01, "k"),
        store(0x01, "", 0, 0, "v"),
        arithmetic(0x01, "k", 0, 0, 0),
        numbered(0x04, "k", 0),
        numbered(0x05, "k", 0),
        keyed(0x07, "k"),
        keyed(0x08, "k"),
        valued(0x08, "", "v"),
        keyed(0x0a, "k"),
        keyed(0x0b, "k"),
        numbered(0x0e, "k", 0),
        numbered(0x10, "k", 0),
        keyed(0x1b, "k"),
        keyed(0x1c, "k"),
        Request { value: b"v".to_vec(), ..numbered(0x1c, "k", 0) },
        Request { value: b"v".to_vec(), ..numbered(0x1d, "k", 0) },
        keyed(0x20, "k"),
        valued(0x21, "", "v"),
        Request { extras: vec![0; 255], ..keyed(0x77, "k".repeat(251)) },
    ] {
        let refused = format!("{:02x} 4 value=Invalid arguments", wrong.opcode);
        assert_eq!(conversation(&daemon, &[request(0x0a), wrong, request(0x0a)]), ["0a 0", &refused]);
    }
}

#[test]
fn inconsistent_lengths_get_an_error_and_close_the_connection() {
    let daemon = larder("").start();
    for (request, body_len, status) in [
        (keyed(0x00, "key"), 2, 0x81),
        (store(0x01, "key", 0, 0, ""), 10, 0x81),
        (store(0x01, "key", 0, 0, ""), (1 << 30) + 1, 0x04),
        (request(0x77), u32::MAX, 0x04),
    ] {
        // The error comes after the header; the declared body is not awaited.
        let mut client = daemon.connect();
        client.send(request.header(body_len));
        let received = replies(&read_to_close(&mut client));
        assert_eq!(received.iter().map(|reply| reply.status).collect::<Vec<_>>(), [status], "{body_len}");
    }
}

#[test]
fn a_wrong_magic_byte_closes_the_connection_after_the_replies_that_are_due() {
    let daemon = larder("").start();
    for wrong in [&b"get a\r\n"[..], &[0x81; 24], b"\0"] {
        let received = raw_conversation(&daemon, &[&request(0x0a).bytes()[..], wrong].concat());
        assert_eq!(received.len(), 1);
    }
}

#[test]
fn a_value_over_the_item_limit_is_refused_and_set_removes_the_old_value() {
    let daemon = larder("-I 100k").start();
    let mut client = daemon.connect();
    let value = vec![b'v'; 100 * 1024];
    for (opcode, quiet, kept) in [(0x01, 0x11, 1), (0x02, 0x12, 0), (0x03, 0x13, 0)] {
        for opcode in [opcode, quiet] {
            assert_eq!(ask(&mut client, &store(0x01, "k", 0, 0, "old")).status, 0);
            let line = format!("{opcode:02x} 3 value=Too large.");
            assert_eq!(ask(&mut client, &store(opcode, "k", 0, 0, &value)).summary(), line);
            assert_eq!(ask(&mut client, &keyed(0x00, "k")).status, kept, "{opcode:02x}");
        }
    }
    let joined = vec![b'v'; 60 * 1024];
    assert_eq!(ask(&mut client, &store(0x01, "k", 0, 0, &joined)).status, 0);
    assert_eq!(ask(&mut client, &valued(0x0e, "k", &joined)).summary(), "0e 5 value=Not stored.");
    assert_eq!(ask(&mut client, &keyed(0x00, "k")).value.len(), joined.len());
}

#[test]
fn without_eviction_a_full_store_replies_out_of_memory() {
    let daemon = larder("-M -m 8").start();
    let mut client = daemon.connect();
    let value = vec![b'v'; 500_000];
    let refused = (0..100).map(|at| ask(&mut client, &store(0x01, at.to_string(), 0, 0, &value)));
    let refused = refused.filter(|reply| reply.status != 0).map(|reply| reply.summary()).collect::<Vec<_>>();
    assert!(!refused.is_empty());
    assert!(refused.iter().all(|line| line == "01 82 value=Out of memory allocating item"), "{refused:?}");
    assert_eq!(ask(&mut client, &request(0x0a)).status, 0);
}

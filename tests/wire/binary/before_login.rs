//! Under `-S` nothing but Version and SASL is answered before login; everything else ends the connection with one and
//! the same answer, and leaves no trace.

use super::login::{guarded, login};
use super::{ask, conversation, hear_close, heard_to_close};
use crate::support::frames::{Request, arithmetic, keyed, numbered, replies, request, store, valued};

/// A well-formed request for every command, and some that are none.
fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for opcode in [0x00, 0x09, 0x0c, 0x0d, 0x04, 0x14] {
        all.push(keyed(opcode, "k"));
    }
    for opcode in [0x01, 0x02, 0x03, 0x11, 0x12, 0x13] {
        all.push(store(opcode, "k", 0, 0, "v"));
    }
    for opcode in [0x05, 0x06, 0x15, 0x16] {
        all.push(arithmetic(opcode, "k", 1, 1, 0));
    }
    for opcode in [0x0e, 0x0f, 0x19, 0x1a] {
        all.push(valued(opcode, "k", "v"));
    }
    for opcode in [0x1c, 0x1d, 0x1e, 0x23, 0x24] {
        all.push(numbered(opcode, "k", 0));
    }
    for opcode in [0x07, 0x17, 0x08, 0x18, 0x0a, 0x10, 0x30, 0x77, 0xff] {
        all.push(request(opcode));
    }
    all.push(keyed(0x10, "settings"));
    all.push(keyed(0x10, "reset"));
    all.push(numbered(0x1b, "", 0));
    // A large value is not received, and a wrong shape not told from a right one.
    all.push(store(0x01, "k", 0, 0, vec![b'v'; 20_000]));
    all.push(keyed(0x01, "k"));
    all.push(keyed(0x00, "k".repeat(251)));
    all
}

#[test]
fn nothing_but_version_and_sasl_is_answered() {
    let (daemon, _folder) = guarded();
    for before in [None, Some(login("ann", "wrong")), Some(keyed(0x21, "PLAIN")), Some(request(0x20))] {
        for request in requests() {
            let mut client = daemon.connect_from_new_address();
            if let Some(before) = &before {
                ask(&mut client, before);
            }
            let line = format!("{:02x} 20 value=Auth failure.", request.opcode);
            assert_eq!(ask(&mut client, &request).summary(), line);
            hear_close(&mut client);
        }
    }
    let lines = conversation(&daemon, &[login("ann", "secret"), keyed(0x00, "k")]);
    assert_eq!(lines, ["21 0 value=Authenticated", "00 1 value=Not found"], "none of them was executed");
}

#[test]
fn what_is_pipelined_behind_a_refusal_is_not_executed() {
    let (daemon, _folder) = guarded();
    let lines = conversation(&daemon, &[request(0x0b), request(0x0a), login("ann", "secret"), request(0x0b)]);
    assert_eq!(lines, ["0b 0 value=1.6.45", "0a 20 value=Auth failure."]);
}

#[test]
fn text_is_not_answered() {
    let (daemon, _folder) = guarded();
    for line in ["get k\r\n", "version\r\n", "stats\r\n", "set k 0 0 10\r\nann secret\r\n", "\r\n"] {
        let mut client = daemon.connect_from_new_address();
        client.send(line);
        hear_close(&mut client);
    }
}

#[test]
fn headers_that_lie_are_no_way_in() {
    let (daemon, _folder) = guarded();
    for (request, body_len, status) in [
        (keyed(0x00, "key"), 2, 0x81),
        (store(0x01, "k", 0, 0, ""), 1 << 30, 0x20),
        (store(0x01, "k", 0, 0, ""), u32::MAX, 0x04),
        (keyed(0x21, "k".repeat(60_000)), 60_000, 0x04),
    ] {
        let mut client = daemon.connect_from_new_address();
        client.send(request.header(body_len));
        let heard = replies(&heard_to_close(&mut client));
        assert_eq!(heard.iter().map(|reply| reply.status).collect::<Vec<_>>(), [status]);
    }
    let (mut stalled, mut client) = (daemon.connect_from_new_address(), daemon.connect_from_new_address());
    stalled.send(&valued(0x21, "PLAIN", "\0ann\0secret").bytes()[..30]);
    assert_eq!(ask(&mut client, &login("ann", "secret")).status, 0);
}

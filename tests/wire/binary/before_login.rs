//! With `-S`, only Version and SASL commands work before the login. All others get the same error, are not executed,
//! and close the connection.

use super::login::{guarded, login};
use super::{ask, conversation, expect_close, read_to_close};
use crate::support::frames::{Request, arithmetic, keyed, numbered, replies, request, store, valued};

/// A valid request for every command, and unknown commands.
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
    // A large value and invalid requests get the same error.
    all.push(store(0x01, "k", 0, 0, vec![b'v'; 20_000]));
    all.push(keyed(0x01, "k"));
    all.push(keyed(0x00, "k".repeat(251)));
    all
}

#[test]
fn all_commands_but_version_and_sasl_are_refused() {
    let (daemon, _folder) = guarded();
    for before in [None, Some(login("ann", "wrong")), Some(keyed(0x21, "PLAIN")), Some(request(0x20))] {
        for request in requests() {
            let mut client = daemon.connect_from_new_address();
            if let Some(before) = &before {
                ask(&mut client, before);
            }
            let line = format!("{:02x} 20 value=Auth failure.", request.opcode);
            assert_eq!(ask(&mut client, &request).summary(), line);
            expect_close(&mut client);
        }
    }
    let lines = conversation(&daemon, &[login("ann", "secret"), keyed(0x00, "k")]);
    assert_eq!(lines, ["21 0 value=Authenticated", "00 1 value=Not found"], "no request was executed");
}

#[test]
fn requests_after_a_refusal_are_not_executed() {
    let (daemon, _folder) = guarded();
    let lines = conversation(&daemon, &[request(0x0b), request(0x0a), login("ann", "secret"), request(0x0b)]);
    assert_eq!(lines, ["0b 0 value=1.6.45", "0a 20 value=Auth failure."]);
}

#[test]
fn text_connections_are_closed_without_a_reply() {
    let (daemon, _folder) = guarded();
    for line in ["get k\r\n", "version\r\n", "stats\r\n", "set k 0 0 10\r\nann secret\r\n", "\r\n"] {
        let mut client = daemon.connect_from_new_address();
        client.send(line);
        expect_close(&mut client);
    }
}

#[test]
fn headers_with_wrong_lengths_do_not_bypass_the_login() {
    let (daemon, _folder) = guarded();
    for (request, body_len, status) in [
        (keyed(0x00, "key"), 2, 0x81),
        (store(0x01, "k", 0, 0, ""), 1 << 30, 0x20),
        (store(0x01, "k", 0, 0, ""), u32::MAX, 0x04),
        (keyed(0x21, "k".repeat(60_000)), 60_000, 0x04),
    ] {
        let mut client = daemon.connect_from_new_address();
        client.send(request.header(body_len));
        let received = replies(&read_to_close(&mut client));
        assert_eq!(received.iter().map(|reply| reply.status).collect::<Vec<_>>(), [status]);
    }
    let (mut stalled, mut client) = (daemon.connect_from_new_address(), daemon.connect_from_new_address());
    stalled.send(&valued(0x21, "PLAIN", "\0ann\0secret").bytes()[..30]);
    assert_eq!(ask(&mut client, &login("ann", "secret")).status, 0);
}

//! The first byte of a connection selects its protocol, unless `-B` does.

use super::{ask, conversation, expect_close};
use crate::support::frames::{keyed, request};
use crate::support::larder;

#[test]
fn one_port_serves_both_protocols_and_a_connection_keeps_its_own() {
    for args in ["", "-B auto"] {
        let daemon = larder(args).start();
        let (mut text, mut binary) = (daemon.connect(), daemon.connect());
        text.ask("set k 0 0 1\r\nv\r\n", "STORED\r\n");
        assert_eq!(ask(&mut binary, &keyed(0x00, "k")).value, b"v");
        binary.send("get k\r\n");
        expect_close(&mut binary);
        text.ask([&request(0x0b).bytes()[..], b"\r\n"].concat(), "ERROR\r\n");
        text.ask("get k\r\n", "VALUE k 0 1\r\nv\r\nEND\r\n");
    }
}

#[test]
fn option_b_binary_closes_text_connections() {
    let daemon = larder("-B binary").start();
    let mut text = daemon.connect();
    text.send("version\r\n");
    expect_close(&mut text);
    assert_eq!(conversation(&daemon, &[request(0x0b)]), ["0b 0 value=1.6.45"]);
}

#[test]
fn option_b_ascii_parses_frames_as_text() {
    let daemon = larder("-B ascii").start();
    let mut client = daemon.connect();
    client.ask([&request(0x0b).bytes()[..], b"\r\n"].concat(), "ERROR\r\n");
    client.ask("version\r\n", "VERSION 1.6.45\r\n");
}

//! The first byte of a connection tells which protocol it speaks, unless `-B` says so.

use super::{ask, conversation, hear_close};
use crate::support::frames::{keyed, request};
use crate::support::larder;

#[test]
fn one_port_serves_both_and_a_connection_stays_with_its_choice() {
    for args in ["", "-B auto"] {
        let daemon = larder(args).start();
        let (mut text, mut binary) = (daemon.connect(), daemon.connect());
        text.ask("set k 0 0 1\r\nv\r\n", "STORED\r\n");
        assert_eq!(ask(&mut binary, &keyed(0x00, "k")).value, b"v");
        binary.send("get k\r\n");
        hear_close(&mut binary);
        text.ask([&request(0x0b).bytes()[..], b"\r\n"].concat(), "ERROR\r\n");
        text.ask("get k\r\n", "VALUE k 0 1\r\nv\r\nEND\r\n");
    }
}

#[test]
fn binary_alone_hangs_up_on_text() {
    let daemon = larder("-B binary").start();
    let mut text = daemon.connect();
    text.send("version\r\n");
    hear_close(&mut text);
    assert_eq!(conversation(&daemon, &[request(0x0b)]), ["0b 0 value=1.6.45"]);
}

#[test]
fn text_alone_takes_a_frame_for_a_line() {
    let daemon = larder("-B ascii").start();
    let mut client = daemon.connect();
    client.ask([&request(0x0b).bytes()[..], b"\r\n"].concat(), "ERROR\r\n");
    client.ask("version\r\n", "VERSION 1.6.45\r\n");
}

//! When the daemon closes, and what it still says.

use crate::conversation::conversation;
use crate::support::frames::keyed;
use crate::support::{larder, memcached};
use crate::transcript::read_to_end;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use std::io::Write;
use std::net::TcpStream;

#[test]
fn everything_before_the_peers_end_is_answered() {
    let daemon = larder("").start();
    let answers = "VERSION 1.6.45\r\n".repeat(5000);
    let mut client = daemon.connect();
    client.send("version\r\n".repeat(5000));
    client.close_sending();
    assert_eq!(client.read_to_close(), answers);
}

#[test]
fn an_http_request_is_closed_without_a_word() {
    let daemon = larder("").start();
    for request in ["GET / HTTP/1.1\r\nHost: larder\r\n\r\n", "POST /x HTTP/1.0\r\n\r\n", "foo HTTP/\r\n"] {
        assert_eq!(conversation(&daemon, request), "", "{request:?}");
    }
}

#[test]
fn what_is_due_is_sent_before_a_close() {
    let daemon = larder("").start();
    for ending in ["quit\r\nversion\r\n", "GET / HTTP/1.1\r\nversion\r\n"] {
        assert_eq!(conversation(&daemon, format!("version\r\n{ending}")), "VERSION 1.6.45\r\n");
    }
}

/// A socket that is closed with input unread is reset, which takes back the replies on their way. A small receive buffer
/// keeps them on their way until the client has read.
#[test]
fn replies_on_their_way_arrive_before_what_is_no_request() {
    let daemon = larder("").start();
    let value = "v".repeat(300_000);
    assert_eq!(conversation(&daemon, format!("set k 0 0 300000\r\n{value}\r\n")), "STORED\r\n");
    let zeros = [0; 70_000];
    let text_reply = format!("VALUE k 0 300000\r\n{value}\r\nEND\r\n");
    for (request, reply_bytes, ending) in [
        (b"get k\r\n".to_vec(), text_reply.len(), &b"GET / HTTP/1.1\r\n"[..]),
        (keyed(0x00, b"k").bytes(), 24 + 4 + value.len(), b"\x13"),
    ] {
        let stream = TcpStream::connect(daemon.address()).expect("the daemon listens");
        set_socket_recv_buffer_size(&stream, 64 * 1024).expect("a TCP socket");
        (&stream).write_all(&request).expect("the daemon reads");
        // The reply has begun before what ends the connection comes.
        stream.peek(&mut [0; 1]).expect("the daemon answers");
        (&stream).write_all(&[ending, &zeros].concat()).expect("the daemon reads");
        let answer = read_to_end(&stream, |_| {});
        assert_eq!(answer.len(), reply_bytes, "before {}", ending.escape_ascii());
    }
}

#[test]
fn an_unfinished_line_is_never_executed() {
    let daemon = larder("").start();
    assert_eq!(conversation(&daemon, "set k 0 0 1\r\n1\r\ndelete k"), "STORED\r\n");
    assert_eq!(conversation(&daemon, "get k\r\n"), "VALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn shutdown_answers_what_is_due_and_ends_the_daemon() {
    for command in ["shutdown\r\n", "shutdown graceful\r\n", "shutdown g\r\n", "shutdown noreply\r\n"] {
        let mut daemon = larder("-A").start();
        assert_eq!(conversation(&daemon, format!("version\r\n{command}version\r\n")), "VERSION 1.6.45\r\n");
        assert_eq!(daemon.wait().code(), Some(0), "{command:?}");
    }
}

#[test]
fn a_shutdown_of_no_known_kind_is_refused() {
    let daemon = larder("-A").start();
    for command in ["shutdown now\r\n", "shutdown gracefully\r\n", "shutdown graceful now\r\n"] {
        assert_eq!(conversation(&daemon, command), "CLIENT_ERROR invalid shutdown mode\r\n", "{command:?}");
    }
    assert_eq!(conversation(&daemon, "version\r\n"), "VERSION 1.6.45\r\n");
}

#[test]
fn the_same_is_said_under_the_name_memcached() {
    let daemon = memcached("").start();
    assert_eq!(conversation(&daemon, "version\r\n"), "VERSION 1.6.45\r\n");
}

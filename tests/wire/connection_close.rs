//! The daemon closes connections only after it has sent the replies that are due.

use crate::conversation::conversation;
use crate::support::frames::keyed;
use crate::support::{larder, memcached};
use crate::transcript::read_to_end;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use std::io::Write;
use std::net::TcpStream;

#[test]
fn all_requests_before_the_end_of_the_stream_get_replies() {
    let daemon = larder("").start();
    let replies = "VERSION 1.6.45\r\n".repeat(5000);
    let mut client = daemon.connect();
    client.send("version\r\n".repeat(5000));
    client.close_sending();
    assert_eq!(client.read_to_close(), replies);
}

#[test]
fn an_http_request_is_closed_without_a_reply() {
    let daemon = larder("").start();
    for request in ["GET / HTTP/1.1\r\nHost: larder\r\n\r\n", "POST /x HTTP/1.0\r\n\r\n", "foo HTTP/\r\n"] {
        assert_eq!(conversation(&daemon, request), "", "{request:?}");
    }
}

#[test]
fn replies_that_are_due_are_sent_before_a_close() {
    let daemon = larder("").start();
    for ending in ["quit\r\nversion\r\n", "GET / HTTP/1.1\r\nversion\r\n"] {
        assert_eq!(conversation(&daemon, format!("version\r\n{ending}")), "VERSION 1.6.45\r\n");
    }
}

/// If a socket is closed with unread input, the kernel resets the connection and the client may lose replies. A small
/// receive buffer delays the replies until the client reads.
#[test]
fn delayed_replies_arrive_although_invalid_input_follows() {
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
        // The reply has begun before the invalid bytes are sent.
        stream.peek(&mut [0; 1]).expect("the daemon replies");
        (&stream).write_all(&[ending, &zeros].concat()).expect("the daemon reads");
        let reply = read_to_end(&stream, |_| {});
        assert_eq!(reply.len(), reply_bytes, "before {}", ending.escape_ascii());
    }
}

#[test]
fn an_incomplete_line_is_not_executed() {
    let daemon = larder("").start();
    assert_eq!(conversation(&daemon, "set k 0 0 1\r\n1\r\ndelete k"), "STORED\r\n");
    assert_eq!(conversation(&daemon, "get k\r\n"), "VALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn shutdown_sends_replies_that_are_due_and_stops_the_daemon() {
    for command in ["shutdown\r\n", "shutdown graceful\r\n", "shutdown g\r\n", "shutdown noreply\r\n"] {
        let mut daemon = larder("-A").start();
        assert_eq!(conversation(&daemon, format!("version\r\n{command}version\r\n")), "VERSION 1.6.45\r\n");
        assert_eq!(daemon.wait().code(), Some(0), "{command:?}");
    }
}

#[test]
fn an_unknown_shutdown_mode_is_refused() {
    let daemon = larder("-A").start();
    for command in ["shutdown now\r\n", "shutdown gracefully\r\n", "shutdown graceful now\r\n"] {
        assert_eq!(conversation(&daemon, command), "CLIENT_ERROR invalid shutdown mode\r\n", "{command:?}");
    }
    assert_eq!(conversation(&daemon, "version\r\n"), "VERSION 1.6.45\r\n");
}

#[test]
fn replies_are_the_same_under_the_name_memcached() {
    let daemon = memcached("").start();
    assert_eq!(conversation(&daemon, "version\r\n"), "VERSION 1.6.45\r\n");
}

//! When the daemon closes, and what it still says.

use crate::conversation::conversation;
use crate::support::{larder, memcached};

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

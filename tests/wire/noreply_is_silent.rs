//! Commands with noreply send no reply, whatever the result. Commands without that option reply.

use crate::conversation::conversation;
use crate::support::larder;

/// Every command that accepts noreply, with all kinds of results.
const SILENT: &[&str] = &[
    "set k 0 0 1 noreply\r\n1\r\n",
    "set k 0 0 1  noreply  \r\n1\r\n",
    "set k x 0 1 noreply\r\n1\r\n",
    "set k 0 x 1 noreply\r\n1\r\n",
    "set k 0 0 1 noreply\r\n12\r\n",
    "set k 0 0 1 foo bar noreply\r\n1\r\n",
    "add k 0 0 1 noreply\r\n1\r\n",
    "add n 0 0 1 noreply\r\n1\r\n",
    "replace k 0 0 1 noreply\r\n1\r\n",
    "replace none 0 0 1 noreply\r\n1\r\n",
    "append k 0 0 1 noreply\r\n1\r\n",
    "append none 0 0 1 noreply\r\n1\r\n",
    "prepend k 0 0 1 noreply\r\n1\r\n",
    "prepend none 0 0 1 noreply\r\n1\r\n",
    "cas k 0 0 1 0 noreply\r\n1\r\n",
    "cas none 0 0 1 0 noreply\r\n1\r\n",
    "cas k 0 0 1 x noreply\r\n1\r\n",
    "cas k 0 0 1 noreply\r\n1\r\n",
    "delete n noreply\r\n",
    "delete none noreply\r\n",
    "delete none 0 noreply\r\n",
    "delete noreply\r\n",
    "incr n 1 noreply\r\n",
    "incr none 1 noreply\r\n",
    "incr n x noreply\r\n",
    "incr n noreply\r\n",
    "decr n 1 noreply\r\n",
    "decr none 1 noreply\r\n",
    "touch n 0 noreply\r\n",
    "touch none 0 noreply\r\n",
    "touch n x noreply\r\n",
    "touch n noreply\r\n",
    "flush_all noreply\r\n",
    "flush_all 0 noreply\r\n",
    "flush_all x noreply\r\n",
    "verbosity 0 noreply\r\n",
    "verbosity x noreply\r\n",
    "cache_memlimit 64 noreply\r\n",
    "cache_memlimit 1 noreply\r\n",
    "cache_memlimit x noreply\r\n",
    "shutdown noreply\r\n",
    "nosuch noreply\r\n",
    "noreply\r\n",
];

/// Lines with noreply that get a reply: incomplete commands, and commands that do not accept it.
const REPLIED: &[(&str, &str)] = &[
    ("set noreply\r\n", "CLIENT_ERROR bad command line format\r\n"),
    ("set k 0 0 noreply\r\nblock\r\n", "CLIENT_ERROR bad command line format\r\n"),
    ("set k 0 0 -1 noreply\r\nblock\r\n", "CLIENT_ERROR bad command line format\r\n"),
    ("incr noreply\r\n", "CLIENT_ERROR bad command line format\r\n"),
    ("touch noreply\r\n", "CLIENT_ERROR bad command line format\r\n"),
    ("set k 0 0 1 NOREPLY\r\n1\r\n", "STORED\r\n"),
    ("set k 0 0 1 noreply1\r\n1\r\n", "STORED\r\n"),
    ("set k 0 0 1 norepl\r\n1\r\n", "STORED\r\n"),
    ("set k 0 0 1 noreply foo\r\n1\r\n", "STORED\r\n"),
    ("get none noreply\r\n", "END\r\n"),
    ("gat 0 none noreply\r\n", "END\r\n"),
    ("version noreply\r\n", "VERSION 1.6.45\r\n"),
    ("stats noreply\r\n", "ERROR\r\n"),
];

#[test]
fn commands_with_noreply_send_no_reply() {
    let daemon = larder("").start();
    for request in SILENT {
        let stream = format!("set n 0 0 2\r\n10\r\n{request}version\r\n");
        assert_eq!(conversation(&daemon, stream), "STORED\r\nVERSION 1.6.45\r\n", "{request:?}");
    }
}

#[test]
fn commands_that_do_not_accept_noreply_send_a_reply() {
    let daemon = larder("").start();
    for (request, reply) in REPLIED {
        assert_eq!(conversation(&daemon, request), *reply, "{request:?}");
    }
}

#[test]
fn silent_commands_are_executed() {
    let daemon = larder("").start();
    let stream = "set k 7 0 1 noreply\r\n1\r\nappend k 0 0 1 noreply\r\n2\r\nprepend k 0 0 1 noreply\r\n3\r\n\
                  incr k 1 noreply\r\ndecr k 2 noreply\r\nget k\r\ntouch k -1 noreply\r\nget k\r\n";
    assert_eq!(conversation(&daemon, stream), "VALUE k 7 3\r\n311\r\nEND\r\nEND\r\n");
}

#[test]
fn a_value_too_large_with_noreply_is_refused_silently() {
    let daemon = larder("").start();
    let value = "v".repeat(1024 * 1024);
    let stream = format!("set k 0 0 {} noreply\r\n{value}\r\nversion\r\n", value.len());
    assert_eq!(conversation(&daemon, stream), "VERSION 1.6.45\r\n");
}

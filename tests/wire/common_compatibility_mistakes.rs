//! A smoke test of the behaviour that other servers with the memcached protocol most often get wrong.

use crate::conversation::conversation;
use crate::support::larder;

#[test]
fn commands_with_noreply_get_no_reply() {
    let daemon = larder("").start();
    let stream = "set k 0 0 1 noreply\r\n1\r\nadd k 0 0 1 noreply\r\n2\r\ncas k 0 0 1 0 noreply\r\n3\r\n\
                  incr k x noreply\r\ndelete none noreply\r\ntouch none 0 noreply\r\nversion\r\n";
    assert_eq!(conversation(&daemon, stream), "VERSION 1.6.45\r\n");
}

#[test]
fn add_of_an_existing_key_replies_not_stored() {
    let daemon = larder("").start();
    let stream = "add k 0 0 1\r\n1\r\nadd k 0 0 1\r\n2\r\nget k\r\n";
    assert_eq!(conversation(&daemon, stream), "STORED\r\nNOT_STORED\r\nVALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn a_negative_exptime_expires_the_item_at_once() {
    let daemon = larder("").start();
    assert_eq!(conversation(&daemon, "set k 0 -1 1\r\n1\r\nget k\r\n"), "STORED\r\nEND\r\n");
}

#[test]
fn an_exptime_over_thirty_days_is_a_unix_time() {
    let daemon = larder("").start();
    // libmemcached checks by this command whether a key exists.
    let past = "add k 0 2678400 0\r\n\r\nget k\r\n";
    assert_eq!(conversation(&daemon, past), "STORED\r\nEND\r\n");
    let future = "set k 0 2147483647 1\r\n1\r\nget k\r\n";
    assert_eq!(conversation(&daemon, future), "STORED\r\nVALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn touch_with_zero_removes_the_exptime() {
    let daemon = larder("").start();
    let stream = "set k 0 100 1\r\n1\r\ntouch k 0\r\nget k\r\n";
    assert_eq!(conversation(&daemon, stream), "STORED\r\nTOUCHED\r\nVALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn cas_accepts_the_unique_of_gets_once() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k 0 0 1\r\n1\r\n", "STORED\r\n");
    client.send("gets k\r\n");
    let reply = client.read_until("END\r\n");
    let unique = reply.split_whitespace().nth(4).expect("a fifth word");
    client.ask(format!("cas k 0 0 1 {unique}\r\n2\r\n"), "STORED\r\n");
    client.ask(format!("cas k 0 0 1 {unique}\r\n3\r\n"), "EXISTS\r\n");
    client.ask("get k\r\n", "VALUE k 0 1\r\n2\r\nEND\r\n");
}

#[test]
fn a_refused_set_removes_the_old_value() {
    let daemon = larder("").start();
    let value = "v".repeat(1024 * 1024);
    let stream = format!("set k 0 0 1\r\n1\r\nset k 0 0 {}\r\n{value}\r\nget k\r\n", value.len());
    assert_eq!(conversation(&daemon, stream), "STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\n");
}

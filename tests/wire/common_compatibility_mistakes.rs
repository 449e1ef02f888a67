//! The smallest smoke test: what servers that speak "the memcached protocol" most often get wrong.

use crate::conversation::conversation;
use crate::support::larder;

#[test]
fn noreply_is_never_answered() {
    let daemon = larder("").start();
    let stream = "set k 0 0 1 noreply\r\n1\r\nadd k 0 0 1 noreply\r\n2\r\ncas k 0 0 1 0 noreply\r\n3\r\n\
                  incr k x noreply\r\ndelete none noreply\r\ntouch none 0 noreply\r\nversion\r\n";
    assert_eq!(conversation(&daemon, stream), "VERSION 1.6.45\r\n");
}

#[test]
fn add_on_a_live_key_answers_not_stored() {
    let daemon = larder("").start();
    let stream = "add k 0 0 1\r\n1\r\nadd k 0 0 1\r\n2\r\nget k\r\n";
    assert_eq!(conversation(&daemon, stream), "STORED\r\nNOT_STORED\r\nVALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn a_negative_exptime_stores_what_is_gone() {
    let daemon = larder("").start();
    assert_eq!(conversation(&daemon, "set k 0 -1 1\r\n1\r\nget k\r\n"), "STORED\r\nEND\r\n");
}

#[test]
fn an_exptime_beyond_thirty_days_is_a_time_and_not_a_duration() {
    let daemon = larder("").start();
    // libmemcached asks whether a key exists by this.
    let past = "add k 0 2678400 0\r\n\r\nget k\r\n";
    assert_eq!(conversation(&daemon, past), "STORED\r\nEND\r\n");
    let future = "set k 0 2147483647 1\r\n1\r\nget k\r\n";
    assert_eq!(conversation(&daemon, future), "STORED\r\nVALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn touch_with_zero_lets_a_key_live() {
    let daemon = larder("").start();
    let stream = "set k 0 100 1\r\n1\r\ntouch k 0\r\nget k\r\n";
    assert_eq!(conversation(&daemon, stream), "STORED\r\nTOUCHED\r\nVALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn gets_gives_a_unique_that_cas_takes_once() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k 0 0 1\r\n1\r\n", "STORED\r\n");
    client.send("gets k\r\n");
    let answer = client.read_until("END\r\n");
    let unique = answer.split_whitespace().nth(4).expect("a fifth word");
    client.ask(format!("cas k 0 0 1 {unique}\r\n2\r\n"), "STORED\r\n");
    client.ask(format!("cas k 0 0 1 {unique}\r\n3\r\n"), "EXISTS\r\n");
    client.ask("get k\r\n", "VALUE k 0 1\r\n2\r\nEND\r\n");
}

#[test]
fn a_failed_set_removes_the_old_value() {
    let daemon = larder("").start();
    let value = "v".repeat(1024 * 1024);
    let stream = format!("set k 0 0 1\r\n1\r\nset k 0 0 {}\r\n{value}\r\nget k\r\n", value.len());
    assert_eq!(conversation(&daemon, stream), "STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\n");
}

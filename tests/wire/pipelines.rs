//! Pipelined requests get their replies in order, whatever their number.

use crate::conversation::conversation;
use crate::support::larder;
use crate::transcript::transcript;

#[test]
fn replies_have_the_order_of_the_requests() {
    let daemon = larder("").start();
    let stream = "set a 0 0 1\r\n1\r\nget a\r\nincr a 5\r\nnosuch\r\ndelete a\r\nget a\r\nversion\r\n";
    let replies = "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n6\r\nERROR\r\nDELETED\r\nEND\r\nVERSION 1.6.45\r\n";
    assert_eq!(conversation(&daemon, stream), replies);
}

#[test]
fn a_hundred_thousand_pipelined_requests_all_get_replies() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set n 0 0 1\r\n0\r\n", "STORED\r\n");
    let count = 100_000;
    let stream = "incr n 1\r\n".repeat(count);
    let replies: String = (1..=count).map(|number| format!("{number}\r\n")).collect();
    // The replies exceed all socket buffers, so the client reads while it sends.
    assert!(transcript(daemon.address().port(), [stream.as_bytes()]).bytes == replies.as_bytes());
    client.ask("get n\r\n", format!("VALUE n 0 6\r\n{count}\r\nEND\r\n"));
}

#[test]
fn complete_requests_do_not_wait_for_an_incomplete_one() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("version\r\nset k 0 0 10\r\n12345", "VERSION 1.6.45\r\n");
    client.ask("67890\r\nget k", "STORED\r\n");
    client.ask("\r\n", "VALUE k 0 10\r\n1234567890\r\nEND\r\n");
}

#[test]
fn quit_sends_replies_that_are_due_and_later_commands_are_not_executed() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.send("set k 0 0 1\r\n1\r\nget k\r\nquit\r\ndelete k\r\nversion\r\n");
    assert_eq!(client.read_to_close(), "STORED\r\nVALUE k 0 1\r\n1\r\nEND\r\n");
    assert_eq!(conversation(&daemon, "get k\r\n"), "VALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn a_line_of_two_hundred_thousand_keys_gets_a_reply() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k7 0 0 1\r\n7\r\nset k199999 0 0 1\r\n9\r\n", "STORED\r\nSTORED\r\n");
    let keys: String = (0..200_000).map(|number| format!(" k{number}")).collect();
    let reply = "VALUE k7 0 1\r\n7\r\nVALUE k199999 0 1\r\n9\r\nEND\r\n";
    client.ask(format!("get{keys}\r\n"), reply);
    client.ask(format!("gat 0{keys}\r\n"), reply);
}

#[test]
fn an_invalid_key_discards_only_the_values_of_its_own_command() {
    let daemon = larder("").start();
    let value = "v".repeat(16_000);
    assert_eq!(conversation(&daemon, format!("set a 0 0 16000\r\n{value}\r\n")), "STORED\r\n");
    // Just below the size at which a connection sends its output.
    let list = format!("get{} {}\r\n", " a".repeat(15), "k".repeat(251));
    let refusal = "CLIENT_ERROR bad command line format\r\n";
    assert_eq!(conversation(&daemon, &list), refusal);
    let one = format!("VALUE a 0 16000\r\n{value}\r\nEND\r\n");
    let reply = conversation(&daemon, format!("{}{list}", "get a\r\n".repeat(3)));
    assert_eq!(reply.len(), 3 * one.len() + refusal.len());
    assert_eq!(reply, format!("{}{refusal}", one.repeat(3)));
}

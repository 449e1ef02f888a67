//! Exptimes in the past, far in the future, or none; and short ones in real time.

use crate::conversation::conversation;
use crate::support::{larder, wait_for};

/// Exptimes of items that live during a test, and of items that are expired at once.
const LIVE: [&str; 9] = [
    "0",
    "1000",
    "2592000",
    "2147483647",
    "2147483648",
    "4102444800",
    "4292375295",
    "4294967296",
    "9223372036854775807",
];
const EXPIRED: [&str; 7] =
    ["-1", "-2147483648", "-2147483649", "-9223372036854775808", "2592001", "1000000000", "4294967295"];

#[test]
fn storage_commands_set_the_exptime() {
    let daemon = larder("").start();
    for verb in ["set", "add", "replace"] {
        let prepare = if verb == "replace" { "set k 0 0 1\r\nx\r\n" } else { "" };
        let prepared = if verb == "replace" { "STORED\r\n" } else { "" };
        for (exptimes, reply) in [(&LIVE[..], "VALUE k 0 1\r\n1\r\n"), (&EXPIRED[..], "")] {
            for exptime in exptimes {
                let stream = format!("{prepare}{verb} k 0 {exptime} 1\r\n1\r\nget k\r\ndelete k\r\n");
                let end = if reply.is_empty() { "NOT_FOUND" } else { "DELETED" };
                let expected = format!("{prepared}STORED\r\n{reply}END\r\n{end}\r\n");
                assert_eq!(conversation(&daemon, &stream), expected, "{stream:?}");
            }
        }
    }
}

#[test]
fn an_exptime_after_2038_is_kept_by_every_command() {
    const YEAR_2100: &str = "4102444800";
    let daemon = larder("--debug-commands").start();
    daemon.stop_clock();
    let mut client = daemon.connect();
    client.ask(format!("set k 0 {YEAR_2100} 1\r\n1\r\n"), "STORED\r\n");
    client.send("mg k t\r\n");
    let left = client.read_until("\r\n");
    let secs: u64 = left.trim_end().strip_prefix("HD t").unwrap().parse().unwrap();
    assert!(secs > i32::MAX as u64, "{left}");
    for request in [
        format!("touch k {YEAR_2100}"),
        format!("gat {YEAR_2100} k"),
        format!("mg k T{YEAR_2100}"),
        format!("ms k 1 T{YEAR_2100}\r\n1"),
        format!("ma k T{YEAR_2100}"),
        format!("delete k\r\nmg k N{YEAR_2100}"),
        format!("delete k\r\nma k N{YEAR_2100}"),
    ] {
        client.send(format!("set k 0 0 1\r\n1\r\n{request}\r\nmg k t\r\nmn\r\n"));
        let replies = client.read_until("MN\r\n");
        assert!(replies.contains(&format!("HD t{secs}")), "{request}: {replies}");
    }
}

#[test]
fn append_and_prepend_keep_the_exptime() {
    let daemon = larder("").start();
    let stream = "set k 0 0 1\r\n2\r\nappend k 9 -1 1\r\n3\r\nprepend k 9 -1 1\r\n1\r\nget k\r\n";
    assert_eq!(conversation(&daemon, stream), "STORED\r\nSTORED\r\nSTORED\r\nVALUE k 0 3\r\n123\r\nEND\r\n");
}

#[test]
fn an_expired_item_is_missing_for_every_command() {
    let daemon = larder("").start();
    for (request, reply) in [
        ("get k\r\n", "END\r\n"),
        ("gets k\r\n", "END\r\n"),
        ("gat 0 k\r\n", "END\r\n"),
        ("gats 0 k\r\n", "END\r\n"),
        ("touch k 0\r\n", "NOT_FOUND\r\n"),
        ("delete k\r\n", "NOT_FOUND\r\n"),
        ("incr k 1\r\n", "NOT_FOUND\r\n"),
        ("decr k 1\r\n", "NOT_FOUND\r\n"),
        ("add k 0 0 1\r\n1\r\n", "STORED\r\n"),
        ("replace k 0 0 1\r\n1\r\n", "NOT_STORED\r\n"),
        ("append k 0 0 1\r\n1\r\n", "NOT_STORED\r\n"),
        ("prepend k 0 0 1\r\n1\r\n", "NOT_STORED\r\n"),
        ("cas k 0 0 1 0\r\n1\r\n", "NOT_FOUND\r\n"),
    ] {
        let stream = format!("set k 0 -1 1\r\n5\r\n{request}");
        assert_eq!(conversation(&daemon, stream), format!("STORED\r\n{reply}"), "{request:?}");
    }
}

#[test]
fn an_item_with_a_lifetime_of_one_second_expires() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k 0 1 1\r\n1\r\nset l 0 1000 1\r\n1\r\n", "STORED\r\nSTORED\r\n");
    wait_for("an expired item", || {
        client.send("get k\r\n");
        (client.read_until("END\r\n") == "END\r\n").then_some(())
    });
    client.ask("get l\r\n", "VALUE l 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn a_delayed_flush_removes_old_items_and_keeps_later_ones() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set old 0 0 1\r\n1\r\nflush_all 2\r\n", "STORED\r\nOK\r\n");
    wait_for("the flush", || {
        client.send("get old\r\n");
        (client.read_until("END\r\n") == "END\r\n").then_some(())
    });
    wait_for("the second after the flush", || {
        client.send("set new 0 0 1\r\n1\r\nget old new\r\n");
        (client.read_until("END\r\n") == "STORED\r\nVALUE new 0 1\r\n1\r\nEND\r\n").then_some(())
    });
    client.ask("get old new\r\n", "VALUE new 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn a_new_flush_replaces_a_delayed_one() {
    let daemon = larder("").start();
    let stream = "flush_all 100000\r\nflush_all\r\nset k 0 0 1\r\n1\r\nget k\r\n";
    assert_eq!(conversation(&daemon, stream), "OK\r\nOK\r\nSTORED\r\nVALUE k 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn flush_all_is_refused_if_it_is_disabled() {
    let daemon = larder("-F").start();
    let stream = "set k 0 0 1\r\n1\r\nflush_all\r\nflush_all 0\r\nflush_all noreply\r\nget k\r\n";
    let refused = "CLIENT_ERROR flush_all not allowed\r\n";
    assert_eq!(
        conversation(&daemon, stream),
        format!("STORED\r\n{refused}{refused}VALUE k 0 1\r\n1\r\nEND\r\n")
    );
}

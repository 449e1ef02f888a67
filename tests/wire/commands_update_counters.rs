//! The counters that each command changes.

use crate::conversation::conversation;
use crate::support::{Client, larder};
use std::collections::BTreeMap;

/// Counters that commands change. A row names all that change; the others must not.
const WATCHED: [&str; 20] = [
    "cmd_get",
    "cmd_set",
    "cmd_flush",
    "cmd_touch",
    "cmd_meta",
    "get_hits",
    "get_misses",
    "delete_misses",
    "delete_hits",
    "incr_misses",
    "incr_hits",
    "decr_misses",
    "decr_hits",
    "cas_misses",
    "cas_hits",
    "cas_badval",
    "touch_hits",
    "touch_misses",
    "store_too_large",
    "store_no_memory",
];

/// A request, the end of its reply, and the counters that it changes, each with the difference.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, u64)]);

/// Before each request, `a` holds x and `n` holds 10.
#[rustfmt::skip]
const CHANGES: &[Row<'_>] = &[
    ("set k 0 0 1\r\n1\r\n", "STORED\r\n", &[("cmd_set", 1)]),
    ("set k 0 0 1 noreply\r\n1\r\nversion\r\n", "VERSION 1.6.45\r\n", &[("cmd_set", 1)]),
    ("add k2 0 0 1\r\n1\r\n", "STORED\r\n", &[("cmd_set", 1)]),
    ("add a 0 0 1\r\n1\r\n", "NOT_STORED\r\n", &[("cmd_set", 1)]),
    ("replace a 0 0 1\r\n1\r\n", "STORED\r\n", &[("cmd_set", 1)]),
    ("replace zz 0 0 1\r\n1\r\n", "NOT_STORED\r\n", &[("cmd_set", 1)]),
    ("append a 0 0 1\r\n1\r\n", "STORED\r\n", &[("cmd_set", 1)]),
    ("append zz 0 0 1\r\n1\r\n", "NOT_STORED\r\n", &[("cmd_set", 1)]),
    ("prepend a 0 0 1\r\n1\r\n", "STORED\r\n", &[("cmd_set", 1)]),
    ("cas a 0 0 1 0\r\n1\r\n", "EXISTS\r\n", &[("cmd_set", 1), ("cas_badval", 1)]),
    ("cas zz 0 0 1 0\r\n1\r\n", "NOT_FOUND\r\n", &[("cmd_set", 1), ("cas_misses", 1)]),
    ("get a a zz\r\n", "END\r\n", &[("cmd_get", 3), ("get_hits", 2), ("get_misses", 1)]),
    ("gets a zz\r\n", "END\r\n", &[("cmd_get", 2), ("get_hits", 1), ("get_misses", 1)]),
    ("gat 0 a a zz\r\n", "END\r\n", &[("cmd_touch", 3), ("touch_hits", 2), ("touch_misses", 1)]),
    ("gats 0 zz\r\n", "END\r\n", &[("cmd_touch", 1), ("touch_misses", 1)]),
    ("touch a 0\r\n", "TOUCHED\r\n", &[("cmd_touch", 1), ("touch_hits", 1)]),
    ("touch zz 0\r\n", "NOT_FOUND\r\n", &[("cmd_touch", 1), ("touch_misses", 1)]),
    ("delete a\r\n", "DELETED\r\n", &[("delete_hits", 1)]),
    ("delete zz\r\n", "NOT_FOUND\r\n", &[("delete_misses", 1)]),
    ("incr n 1\r\n", "11\r\n", &[("incr_hits", 1)]),
    ("incr zz 1\r\n", "NOT_FOUND\r\n", &[("incr_misses", 1)]),
    ("decr n 1\r\n", "9\r\n", &[("decr_hits", 1)]),
    ("decr zz 1\r\n", "NOT_FOUND\r\n", &[("decr_misses", 1)]),
    ("flush_all\r\n", "OK\r\n", &[("cmd_flush", 1)]),
    ("flush_all 100000 noreply\r\nversion\r\n", "VERSION 1.6.45\r\n", &[("cmd_flush", 1)]),
    ("get k -1\r\n", "END\r\n", &[("cmd_get", 2), ("get_misses", 2)]),
    ("set k 0 -1 1\r\n1\r\nget k\r\n", "END\r\n", &[("cmd_set", 1), ("cmd_get", 1), ("get_misses", 1)]),
    // Invalid lines and values change no counter.
    ("get\r\n", "CLIENT_ERROR bad command line format\r\n", &[]),
    ("set k x 0 1\r\n1\r\n", "CLIENT_ERROR bad command line format\r\n", &[]),
    ("set k 0 0 1\r\n12\r\n", "CLIENT_ERROR bad data chunk\r\n", &[]),
    ("incr n x\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n", &[]),
    ("incr a 1\r\n", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n", &[]),
    ("touch a x\r\n", "CLIENT_ERROR invalid exptime argument\r\n", &[]),
    ("nosuch\r\n", "ERROR\r\n", &[]),
    ("mg a\r\n", "HD\r\n", &[("cmd_get", 1), ("get_hits", 1)]),
    ("mg a u v\r\n", "x\r\n", &[("cmd_get", 1), ("get_hits", 1)]),
    ("mg zz\r\n", "EN\r\n", &[("cmd_get", 1), ("get_misses", 1)]),
    ("mg zz q\r\nmn\r\n", "MN\r\n", &[("cmd_get", 1), ("get_misses", 1)]),
    ("mg a T30\r\n", "HD\r\n", &[("cmd_touch", 1), ("touch_hits", 1)]),
    ("mg zz T30\r\n", "EN\r\n", &[("cmd_get", 1), ("get_misses", 1)]),
    ("mg k N30\r\n", "HD W\r\n", &[("cmd_get", 1), ("get_hits", 1)]),
    ("mg k N30 T30\r\n", "HD W\r\n", &[("cmd_touch", 1), ("touch_hits", 1)]),
    ("mg a z\r\n", "CLIENT_ERROR invalid flag\r\n", &[]),
    ("ms k 1\r\n1\r\n", "HD\r\n", &[("cmd_set", 1)]),
    ("ms k 1 q\r\n1\r\nmn\r\n", "MN\r\n", &[("cmd_set", 1)]),
    ("ms a 1 ME\r\n1\r\n", "NS\r\n", &[("cmd_set", 1)]),
    ("ms a 1 C0\r\n1\r\n", "EX\r\n", &[("cmd_set", 1), ("cas_badval", 1)]),
    ("ms zz 1 C1\r\n1\r\n", "NF\r\n", &[("cmd_set", 1), ("cas_misses", 1)]),
    ("ms a 1 C1 I\r\n1\r\n", "HD\r\n", &[("cmd_set", 1), ("cas_hits", 1)]),
    ("ms a 1 MA C999999\r\n1\r\n", "EX\r\n", &[("cmd_set", 1)]),
    ("ms a 1 z\r\n1\r\n", "CLIENT_ERROR invalid flag\r\n", &[]),
    ("ms a 1\r\n12\r\n", "CLIENT_ERROR bad data chunk\r\n", &[]),
    ("md a\r\n", "HD\r\n", &[("delete_hits", 1)]),
    ("md zz\r\n", "NF\r\n", &[("delete_misses", 1)]),
    ("md a C0\r\n", "EX\r\n", &[("delete_misses", 1)]),
    ("md a I\r\n", "HD\r\n", &[]),
    ("md a x\r\n", "HD\r\n", &[("delete_hits", 1)]),
    ("md zz I\r\n", "NF\r\n", &[("delete_misses", 1)]),
    ("ma n\r\n", "HD\r\n", &[("incr_hits", 1)]),
    ("ma n MD\r\n", "HD\r\n", &[("decr_hits", 1)]),
    ("ma zz\r\n", "NF\r\n", &[("incr_misses", 1)]),
    ("ma zz MD\r\n", "NF\r\n", &[("decr_misses", 1)]),
    ("ma k N0\r\n", "HD\r\n", &[]),
    ("ma n C1\r\n", "EX\r\n", &[]),
    ("ma a\r\n", "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n", &[]),
    ("me a\r\n", "\r\n", &[("cmd_meta", 1)]),
    ("me zz\r\n", "EN\r\n", &[("cmd_meta", 1)]),
    ("mn\r\n", "MN\r\n", &[]),
    ("version\r\n", "VERSION 1.6.45\r\n", &[]),
    ("verbosity 0\r\n", "OK\r\n", &[]),
    ("stats settings\r\n", "END\r\n", &[]),
];

fn counters(client: &mut Client) -> BTreeMap<String, u64> {
    client.send("stats\r\n");
    let report = client.read_until("END\r\n");
    let lines = report.lines().filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '));
    lines.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

#[test]
fn each_command_changes_its_counters_and_no_others() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for (request, reply_end, changes) in CHANGES {
        client.ask("set a 0 0 1\r\nx\r\nset n 0 0 2\r\n10\r\ndelete k\r\n", "STORED\r\nSTORED\r\n");
        client.read_until("\r\n");
        let before = counters(&mut client);
        client.send(request);
        client.read_until(reply_end);
        let after = counters(&mut client);
        for name in WATCHED {
            let expected = changes.iter().find(|(known, _)| *known == name).map_or(0, |(_, by)| *by);
            assert_eq!(after[name] - before[name], expected, "{name} by {request:?}");
        }
    }
}

#[test]
fn a_cas_that_stores_counts_as_cas_hit() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k 0 0 1\r\n1\r\n", "STORED\r\n");
    client.send("gets k\r\n");
    let reply = client.read_until("END\r\n");
    let unique = reply.split_whitespace().nth(4).expect("a fifth word").to_owned();
    client.ask(format!("cas k 0 0 1 {unique}\r\n2\r\n"), "STORED\r\n");
    let after = counters(&mut client);
    assert_eq!((after["cas_hits"], after["cas_badval"], after["cas_misses"], after["cmd_set"]), (1, 0, 0, 2));
}

#[test]
fn a_value_too_large_changes_only_store_too_large() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let value = "v".repeat(1024 * 1024);
    client.ask(
        format!("set k 0 0 {}\r\n{value}\r\n", value.len()),
        "SERVER_ERROR object too large for cache\r\n",
    );
    let after = counters(&mut client);
    assert_eq!((after["store_too_large"], after["cmd_set"], after["delete_misses"]), (1, 0, 0));
}

#[test]
fn total_items_counts_every_store() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for (request, reply, total) in [
        ("set k 0 0 1\r\n1\r\n", "STORED\r\n", 1),
        ("set k 0 0 1\r\n1\r\n", "STORED\r\n", 2),
        ("add k 0 0 1\r\n1\r\n", "NOT_STORED\r\n", 2),
        ("append k 0 0 1\r\n1\r\n", "STORED\r\n", 3),
        ("delete k\r\n", "DELETED\r\n", 3),
        ("add k 0 0 1\r\n1\r\n", "STORED\r\n", 4),
        ("ms k 1\r\n1\r\n", "HD\r\n", 5),
        ("mg new N30\r\n", "HD W\r\n", 6),
        ("ma number N0\r\n", "HD\r\n", 7),
        ("ma number\r\n", "HD\r\n", 7),
    ] {
        client.ask(request, reply);
        assert_eq!(counters(&mut client)["total_items"], total, "{request:?}");
    }
}

#[test]
fn a_flush_that_is_disabled_is_counted() {
    let daemon = larder("-F").start();
    let mut client = daemon.connect();
    client.ask("flush_all\r\n", "CLIENT_ERROR flush_all not allowed\r\n");
    assert_eq!(counters(&mut client)["cmd_flush"], 1);
}

#[test]
fn received_and_sent_bytes_are_counted() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let first = counters(&mut client);
    client.ask("version\r\n", "VERSION 1.6.45\r\n");
    let second = counters(&mut client);
    assert_eq!(second["bytes_read"] - first["bytes_read"], "version\r\nstats\r\n".len() as u64);
    assert!(second["bytes_written"] > first["bytes_written"] + 1000);
}

#[test]
fn stats_reset_zeroes_counters_and_keeps_gauges() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for (request, ..) in CHANGES {
        conversation(&daemon, request);
    }
    client.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    let before = counters(&mut client);
    client.ask("stats reset\r\n", "RESET\r\n");
    let after = counters(&mut client);
    for name in WATCHED.iter().chain(&["total_items", "get_expired", "evictions", "reclaimed", "conn_yields"])
    {
        assert_eq!(after[*name], 0, "{name}");
    }
    for name in ["curr_items", "bytes", "limit_maxbytes", "max_connections", "threads", "curr_connections"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    assert!(after["uptime"] >= before["uptime"]);
}

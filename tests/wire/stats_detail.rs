//! `stats detail` and `stats sizes`: statistics that are collected on demand only.

use crate::conversation::conversation;
use crate::support::larder;

const USAGE: &str = "CLIENT_ERROR usage: stats detail on|off|dump\r\n";

/// Every command on keys with the prefix `a`, with an empty prefix, and without a prefix.
const COMMANDS: &str = "get a:1 none\r\nset a:1 0 0 1\r\n1\r\nadd a:1 0 0 1\r\n1\r\nreplace a:2 0 0 1\r\n1\r\n\
    append a:1 0 0 1\r\n1\r\ncas a:1 0 0 1 0\r\n1\r\ngets a:1 a:1:x :x\r\ngat 0 a:1\r\n\
    incr a:1 1\r\ntouch a:1 0\r\ndelete a:1\r\ndelete a:1\r\nset none 0 0 1\r\n1\r\n";

#[test]
fn prefixes_are_counted_while_detail_is_on() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    assert_eq!(conversation(&daemon, "stats detail dump\r\n"), "END\r\n");
    conversation(&daemon, COMMANDS);
    assert_eq!(client.stat("settings", "detail_enabled"), "no");
    client.ask("stats detail on\r\n", "OK\r\n");
    client.ask("stats detail dump\r\n", "END\r\n");
    conversation(&daemon, COMMANDS);
    assert_eq!(client.stat("settings", "detail_enabled"), "yes");
    let counted = "PREFIX  get 1 hit 0 set 0 del 0\r\nPREFIX a get 4 hit 2 set 5 del 2\r\nEND\r\n";
    client.ask("stats detail dump\r\n", counted);
    client.ask("stats detail off\r\n", "OK\r\n");
    conversation(&daemon, COMMANDS);
    client.ask("stats detail dump\r\n", counted);
    client.ask("stats reset\r\nstats detail dump\r\n", "RESET\r\nEND\r\n");
}

#[test]
fn option_d_sets_the_delimiter_and_turns_detail_on() {
    let daemon = larder("-D /").start();
    let mut client = daemon.connect();
    assert_eq!(client.stat("settings", "stat_key_prefix"), "/");
    assert_eq!(client.stat("settings", "detail_enabled"), "yes");
    client.ask("get a/1 a:1\r\n", "END\r\n");
    // Large values and refused ones are counted as well.
    client.ask(format!("set a/1 0 0 20000\r\n{}\r\n", "v".repeat(20_000)), "STORED\r\n");
    let refused = "SERVER_ERROR object too large for cache\r\n";
    client.ask(format!("set a/1 0 0 2000000\r\n{}\r\n", "v".repeat(2_000_000)), refused);
    client.ask("stats detail dump\r\n", "PREFIX a get 1 hit 0 set 2 del 0\r\nEND\r\n");
}

#[test]
fn invalid_arguments_get_the_usage() {
    let daemon = larder("").start();
    for words in ["", " x", " onx", " dumpx", " ON"] {
        assert_eq!(conversation(&daemon, format!("stats detail{words}\r\n")), USAGE, "{words}");
    }
    // Prefixes of a word and superfluous words are accepted, as in all of stats.
    assert_eq!(conversation(&daemon, "stats d on x\r\nstats det of\r\nstats d d\r\n"), "OK\r\nOK\r\nEND\r\n");
}

#[test]
fn option_x_disables_detail() {
    let daemon = larder("-X").start();
    for word in ["on", "off", "dump", "x"] {
        let refused = "CLIENT_ERROR stats detail not allowed\r\n";
        assert_eq!(conversation(&daemon, format!("stats detail {word}\r\n")), refused);
    }
}

#[test]
fn sizes_are_reported_with_track_sizes_only() {
    let daemon = larder("-o track_sizes").start();
    let mut client = daemon.connect();
    client.ask("stats sizes\r\n", "END\r\n");
    assert_eq!(client.stat("settings", "track_sizes"), "yes");
    for (key, len) in [("a", 100), ("b", 100), ("c", 5000), ("d", 100_000)] {
        client.ask(format!("set {key} 0 0 {len}\r\n{}\r\n", "v".repeat(len)), "STORED\r\n");
    }
    client.send("version\r\nstats sizes\r\nversion\r\n");
    client.expect("VERSION 1.6.45\r\n");
    let report = client.read_until("END\r\n");
    client.expect("VERSION 1.6.45\r\n");
    let sizes: Vec<(u64, u64)> = report
        .lines()
        .filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '))
        .map(|(size, count)| (size.parse().unwrap(), count.parse().unwrap()))
        .collect();
    let [(small, 2), (long, 1), (large, 1)] = sizes[..] else { panic!("{report}") };
    for (size, len) in [(small, 100), (long, 5000), (large, 100_000)] {
        assert!(size % 32 == 0 && (len..len + 96).contains(&size), "{report}");
    }
    let other = larder("").start();
    assert_eq!(conversation(&other, "stats sizes\r\n"), "STAT sizes_status disabled\r\nEND\r\n");
}

//! `why KEY` reports whether an item is present, or why and when it was removed, or that nothing is known.

use crate::support::{Client, larder};

/// The reply to `why` without its first word and the key.
#[track_caller]
fn why(client: &mut Client, key: &str) -> String {
    client.send(format!("why {key}\r\n"));
    let line = client.read_until("\r\n");
    let rest = line.strip_prefix(&format!("WHY {key} ")).unwrap_or_else(|| panic!("{line}"));
    rest.trim_end().to_owned()
}

#[test]
fn a_present_key_is_described() {
    let daemon = larder("--debug-commands").start();
    let mut client = daemon.connect();
    client.ask("debugtime p\r\n", "OK\r\n");
    client.ask("set here 0 100 3\r\nabc\r\nset ever 0 0 1\r\nx\r\n", "STORED\r\nSTORED\r\n");
    client.ask("debugtime 7\r\n", "OK\r\n");
    client.ask("get here\r\n", "VALUE here 0 3\r\nabc\r\nEND\r\n");
    client.ask("debugtime 2\r\n", "OK\r\n");
    assert_eq!(why(&mut client, "here"), "present age=9 idle=2 left=91 size=3");
    assert_eq!(why(&mut client, "ever"), "present age=9 idle=9 left=never size=1");
}

#[test]
fn a_removed_key_is_reported_with_cause_and_time() {
    let daemon = larder("--debug-commands").start();
    let mut client = daemon.connect();
    client.ask("debugtime p\r\n", "OK\r\n");
    client.ask("set deleted 0 0 3\r\nabc\r\nset expired 0 5 1\r\nx\r\n", "STORED\r\nSTORED\r\n");
    client.ask("debugtime 3\r\n", "OK\r\n");
    client.ask("delete deleted\r\n", "DELETED\r\n");
    client.ask("debugtime 10\r\n", "OK\r\n");
    let deleted = why(&mut client, "deleted");
    assert!(deleted.starts_with("deleted ago=10 age=3 idle=3 size="), "{deleted}");
    let expired = why(&mut client, "expired");
    assert!(expired.starts_with("expired ago=8 age=5 idle=5 size="), "{expired}");
    client.ask("set deleted 0 0 1\r\nx\r\n", "STORED\r\n");
    assert_eq!(why(&mut client, "deleted"), "present age=0 idle=0 left=never size=1");
}

#[test]
fn a_store_with_a_passed_time_is_explained_and_counted() {
    let daemon = larder("--debug-commands").start();
    daemon.stop_clock();
    let mut client = daemon.connect();
    let expected = "passed_time ago=0 exptime=2592001 year=1970 size=2";
    for store in ["set k 0 2592001 2\r\nxx\r\n", "add k 0 2592001 2\r\nxx\r\n", "ms k 2 T2592001\r\nxx\r\n"] {
        let reply = if store.starts_with("ms") { "HD\r\n" } else { "STORED\r\n" };
        client.ask(store, reply);
        assert_eq!(why(&mut client, "k"), expected, "{store:?}");
        client.ask("get k\r\n", "END\r\n");
        assert_eq!(why(&mut client, "k"), expected, "{store:?}, after the expiry was noticed");
    }
    assert_eq!(client.stat("", "store_passed_time"), "3");
    // Other ways to expire are not counted.
    client.ask("set k 0 -1 1\r\nx\r\nset k 0 0 1\r\nx\r\n", "STORED\r\nSTORED\r\n");
    client.ask("append k 0 2592001 1\r\nx\r\nadd k 0 2592001 1\r\nx\r\n", "STORED\r\nNOT_STORED\r\n");
    client.ask("set k 0 5 1\r\nx\r\n", "STORED\r\n");
    client.ask("debugtime 6\r\n", "OK\r\n");
    assert_eq!(client.stat("", "store_passed_time"), "3");
    let expired = why(&mut client, "k");
    assert!(expired.starts_with("expired ago=1 age=5 idle=5 size="), "{expired}");
}

#[test]
fn a_value_too_large_is_reported_with_its_size() {
    let daemon = larder("-I 1m --debug-commands").start();
    daemon.stop_clock();
    let mut client = daemon.connect();
    client.ask("set k 0 0 1\r\nx\r\n", "STORED\r\n");
    let value = "v".repeat(2 << 20);
    client.ask(
        format!("set k 0 0 {}\r\n{value}\r\n", value.len()),
        "SERVER_ERROR object too large for cache\r\n",
    );
    let reply = why(&mut client, "k");
    assert_eq!(reply, format!("too_large ago=0 age=? idle=0 size={}", value.len()));
}

#[test]
fn recently_evicted_keys_are_known() {
    let daemon = larder("-m 8 -t 1").start();
    let mut client = daemon.connect();
    let value = "v".repeat(1000);
    for key in 0..20_000 {
        client.send(format!("set key{key} 0 0 1000 noreply\r\n{value}\r\n"));
    }
    client.ask("mn\r\n", "MN\r\n");
    let evictions: u64 = client.stat("", "evictions").parse().unwrap();
    assert!(evictions > 5000, "{evictions}");
    let replies: Vec<String> = (0..20_000).map(|key| why(&mut client, &format!("key{key}"))).collect();
    let count = |word: &str| replies.iter().filter(|reply| reply.starts_with(word)).count() as u64;
    let items: u64 = client.stat("", "curr_items").parse().unwrap();
    assert_eq!(count("present"), items);
    assert!(count("evicted") >= 1000, "a page of the removal log holds 1365 entries");
    assert_eq!(count("present") + count("evicted") + count("unknown"), 20_000);
}

#[test]
fn the_removal_log_reaches_back_to_the_start() {
    let daemon = larder("--debug-commands").start();
    let mut client = daemon.connect();
    client.ask("debugtime p\r\n", "OK\r\n");
    client.ask("debugtime 100\r\n", "OK\r\n");
    // The uptime starts at 2.
    let reach = client.stat("", "uptime").parse::<u32>().unwrap() - 2;
    assert_eq!(why(&mut client, "never"), format!("unknown reach={reach}"));
}

#[test]
fn an_unknown_key_is_reported_with_the_last_flush() {
    let daemon = larder("--debug-commands").start();
    let mut client = daemon.connect();
    client.ask("debugtime p\r\n", "OK\r\n");
    assert!(why(&mut client, "never").starts_with("unknown reach="));
    client.ask("set k 0 0 1\r\nx\r\nflush_all\r\n", "STORED\r\nOK\r\n");
    client.ask("debugtime 4\r\n", "OK\r\n");
    let reply = why(&mut client, "k");
    assert!(reply.starts_with("unknown reach=") && reply.ends_with(" flushed=4"), "{reply}");
}

#[test]
fn keys_are_escaped_and_invalid_lines_are_refused() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.send(b"why a/\x01\xff\r\n".as_slice());
    assert!(client.read_until("\r\n").starts_with("WHY a%2F%01%FF unknown"));
    client.ask("why\r\n", "CLIENT_ERROR bad command line format\r\n");
    client.ask("why a b\r\n", "CLIENT_ERROR bad command line format\r\n");
    client.ask(format!("why {}\r\n", "k".repeat(251)), "CLIENT_ERROR bad command line format\r\n");
    let refusing = larder("-X").start();
    refusing.connect().ask("why k\r\n", "CLIENT_ERROR showing keys not allowed\r\n");
}

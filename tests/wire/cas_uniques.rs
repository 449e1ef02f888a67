//! Every change of an item gives it a new CAS unique; nothing else does.

use crate::conversation::conversation;
use crate::support::{Client, larder};

/// The unique of a key, read by gets.
#[track_caller]
fn unique(client: &mut Client, key: &str) -> u64 {
    client.send(format!("gets {key}\r\n"));
    let reply = client.read_until("END\r\n");
    let words: Vec<&str> = reply.split_whitespace().collect();
    assert_eq!((words[0], words[1]), ("VALUE", key), "{reply}");
    words[4].parse().expect("a number")
}

#[test]
fn every_change_of_an_item_gives_it_a_larger_unique() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k 0 0 2\r\n10\r\n", "STORED\r\n");
    let mut last = unique(&mut client, "k");
    assert_ne!(last, 0);
    for (change, reply) in [
        ("set k 0 0 2\r\n10\r\n", "STORED\r\n"),
        ("replace k 0 0 2\r\n10\r\n", "STORED\r\n"),
        ("append k 0 0 1\r\n0\r\n", "STORED\r\n"),
        ("prepend k 0 0 1\r\n1\r\n", "STORED\r\n"),
        ("incr k 1\r\n", "1101\r\n"),
        ("decr k 1102\r\n", "0\r\n"),
        ("delete k\r\nadd k 0 0 1\r\n1\r\n", "DELETED\r\nSTORED\r\n"),
    ] {
        client.ask(change, reply);
        let now = unique(&mut client, "k");
        assert!(now > last, "{change:?} left {last} at {now}");
        last = now;
    }
}

#[test]
fn reads_touches_and_failed_stores_keep_the_unique() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k 0 0 1\r\n1\r\n", "STORED\r\n");
    let first = unique(&mut client, "k");
    client.ask("get k\r\n", "VALUE k 0 1\r\n1\r\nEND\r\n");
    client.ask("touch k 100\r\n", "TOUCHED\r\n");
    client.ask("gats 100 k\r\n", format!("VALUE k 0 1 {first}\r\n1\r\nEND\r\n"));
    client.ask("add k 0 0 1\r\n2\r\n", "NOT_STORED\r\n");
    client.ask("cas k 0 0 1 0\r\n2\r\n", "EXISTS\r\n");
    client.ask("incr k x\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n");
    assert_eq!(unique(&mut client, "k"), first);
}

#[test]
fn cas_stores_only_with_the_current_unique() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set k 1 0 1\r\n1\r\n", "STORED\r\n");
    let first = unique(&mut client, "k");
    client.ask(format!("cas k 2 0 1 {}\r\n2\r\n", first + 1), "EXISTS\r\n");
    client.ask(format!("cas k 2 0 1 {first}\r\n2\r\n"), "STORED\r\n");
    client.ask(format!("cas k 3 0 1 {first}\r\n3\r\n"), "EXISTS\r\n");
    client.ask("get k\r\n", "VALUE k 2 1\r\n2\r\nEND\r\n");
    let second = unique(&mut client, "k");
    client.ask("delete k\r\n", "DELETED\r\n");
    client.ask(format!("cas k 2 0 1 {second}\r\n2\r\n"), "NOT_FOUND\r\n");
}

#[test]
fn no_two_items_share_a_unique() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let mut seen = std::collections::HashSet::new();
    for key in 0..100 {
        client.ask(format!("set k{key} 0 0 1\r\n1\r\n"), "STORED\r\n");
        assert!(seen.insert(unique(&mut client, &format!("k{key}"))));
    }
}

#[test]
fn without_cas_uniques_are_zero_and_cas_never_stores() {
    let daemon = larder("-C --debug-commands").start();
    daemon.stop_clock();
    let stream =
        "set k 0 0 1\r\n1\r\ngets k\r\ncas k 0 0 1 0\r\n2\r\ncas k 0 0 1 1\r\n2\r\ncas no 0 0 1 0\r\n2\r\n";
    let replies = "STORED\r\nVALUE k 0 1 0\r\n1\r\nEND\r\nEXISTS\r\nEXISTS\r\nNOT_FOUND\r\n";
    assert_eq!(conversation(&daemon, stream), replies);
    let stream = "ms k 1 c E7\r\n1\r\nmg k c v C7\r\nms k 1 C7\r\n2\r\nme k\r\nmd k C7\r\nmd k C0\r\n";
    let replies =
        "HD c0\r\nVA 1 c0\r\n1\r\nEX\r\nME k exp=-1 la=0 cas=0 fetch=yes cls=1 size=53\r\nEX\r\nHD\r\n";
    assert_eq!(conversation(&daemon, stream), replies);
}

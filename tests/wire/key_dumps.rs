//! metadump, mgdump and cachedump: lines, end marks, errors, and slow readers.

use crate::conversation::conversation;
use crate::support::{Client, Daemon, larder, wait_for};
use std::collections::BTreeSet;

/// Three items, two of them in the same class, and a stopped clock.
fn three_items(args: &str) -> (Daemon, Client) {
    let daemon = larder(&format!("--debug-commands {args}")).start();
    let mut client = daemon.connect();
    daemon.stop_clock();
    client.ask("set a/1 5 100 3\r\nabc\r\nset b 0 0 3\r\nxyz\r\n", "STORED\r\nSTORED\r\n");
    client.ask(format!("set long 0 0 5000\r\n{}\r\n", "v".repeat(5000)), "STORED\r\n");
    (daemon, client)
}

/// The lines of a dump without the first and the last line.
#[track_caller]
fn dump(client: &mut Client, request: &str, end: &str) -> BTreeSet<String> {
    client.send(format!("{request}\r\n"));
    client.expect("OK\r\n");
    let dump = client.read_until(end);
    dump.strip_suffix(end).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

fn field<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(' ')
        .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("{line}"))
}

#[test]
fn metadump_lists_every_item_with_its_metadata() {
    let (_daemon, mut client) = three_items("");
    let now: u64 = client.stat("", "time").parse().unwrap();
    client.ask("get b\r\n", "VALUE b 0 3\r\nxyz\r\nEND\r\n");
    client.ask("debugtime 7\r\n", "OK\r\n");
    let lines = dump(&mut client, "lru_crawler metadump all", "END\r\n");
    let [a, b, long] = lines.iter().collect::<Vec<_>>()[..] else { panic!("{lines:?}") };
    let size = |line| field(line, "size").parse::<usize>().unwrap();
    let class = |line| field(line, "cls").parse::<u32>().unwrap();
    assert_eq!(
        *a,
        format!(
            "key=a%2F1 exp={} la={now} cas=2 fetch=no cls={} size={} flags=5 \n",
            now + 100,
            class(a),
            size(a)
        )
    );
    assert_eq!(
        *b,
        format!("key=b exp=-1 la={now} cas=3 fetch=yes cls={} size={} flags=0 \n", class(b), size(b))
    );
    assert_eq!(field(long, "key"), "long");
    assert!((6..100).contains(&size(a)) && (5004..5100).contains(&size(long)), "{a}{long}");
    assert!(class(a) < class(long));
    assert_eq!(client.stat("", "bytes"), (size(a) + size(b) + size(long)).to_string());
    assert_eq!(dump(&mut client, "lru_crawler metadump hash", "END\r\n"), lines);
}

#[test]
fn a_dump_of_some_classes_lists_only_their_items() {
    let (_daemon, mut client) = three_items("");
    let all = dump(&mut client, "lru_crawler metadump all", "END\r\n");
    for id in 1..=255 {
        let of_class = dump(&mut client, &format!("lru_crawler metadump {id}"), "END\r\n");
        let expected = all.iter().filter(|line| field(line, "cls") == id.to_string()).cloned();
        assert_eq!(of_class, expected.collect(), "{id}");
    }
    let ids = (1..=255).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(dump(&mut client, &format!("lru_crawler metadump {ids}"), "END\r\n"), all);
}

#[test]
fn mgdump_lists_every_key_as_an_mg_command() {
    let (_daemon, mut client) = three_items("");
    let lines = dump(&mut client, "lru_crawler mgdump all", "EN\r\n");
    assert_eq!(
        lines.iter().map(String::as_str).collect::<Vec<_>>(),
        ["mg a/1\r\n", "mg b\r\n", "mg long\r\n"]
    );
}

#[test]
fn expired_and_flushed_items_are_not_listed() {
    let (_daemon, mut client) = three_items("");
    client.ask("debugtime 100\r\n", "OK\r\n");
    assert_eq!(dump(&mut client, "lru_crawler mgdump all", "EN\r\n").len(), 2);
    client.ask("flush_all\r\n", "OK\r\n");
    assert!(dump(&mut client, "lru_crawler mgdump all", "EN\r\n").is_empty());
}

#[test]
fn cachedump_lists_the_items_of_a_class_up_to_its_limit() {
    let (_daemon, mut client) = three_items("");
    let now: u64 = client.stat("", "time").parse().unwrap();
    let mut listed = Vec::new();
    for class in 0..=255 {
        client.send(format!("stats cachedump {class} 0\r\n"));
        let dump = client.read_until("END\r\n");
        let mut lines: Vec<_> = dump.strip_suffix("END\r\n").unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        if lines.len() > 1 {
            client.send(format!("stats cachedump {class} 1\r\n"));
            assert_eq!(client.read_until("END\r\n").lines().count(), 2);
        }
        listed.extend(lines);
    }
    listed.sort();
    assert_eq!(
        listed,
        [
            format!("ITEM a/1 [3 b; {} s]", now + 100),
            "ITEM b [3 b; 0 s]".into(),
            "ITEM long [5000 b; 0 s]".into()
        ]
    );
}

#[test]
fn dumps_accept_every_class_of_a_large_store() {
    let daemon = larder("-m 1024").start();
    let mut client = daemon.connect();
    client.ask(format!("set large 0 0 500000\r\n{}\r\n", "v".repeat(500_000)), "STORED\r\n");
    client.ask("lru_crawler metadump all\r\n", "OK\r\n");
    let dump = client.read_until("END\r\n");
    let class = field(dump.lines().next().unwrap(), "cls");
    client.ask(format!("stats cachedump {class} 0\r\n"), "ITEM large [500000 b; 0 s]\r\nEND\r\n");
    client.ask(format!("lru_crawler mgdump {class}\r\n"), "OK\r\nmg large\r\nEN\r\n");
}

#[test]
fn cachedump_stops_at_two_megabytes() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for batch in 0..10 {
        for key in 0..1000 {
            client.send(format!("set {:0>250} 0 0 1 noreply\r\nx\r\n", batch * 1000 + key));
        }
    }
    wait_for("all items", || (client.stat("", "curr_items") == "10000").then_some(()));
    let class = client.stat("slabs", "active_slabs");
    assert_eq!(class, "1");
    client.send("stats items\r\n");
    let items = client.read_until("END\r\n");
    let class = items.split(':').nth(1).unwrap();
    client.send(format!("stats cachedump {class} 0\r\n"));
    let dump = client.read_until("END\r\n");
    let line = "ITEM  [1 b; 0 s]\r\n".len() + 250;
    let cap = 2 * 1024 * 1024;
    assert_eq!(dump.len(), cap / line * line + "END\r\n".len());
}

#[test]
fn a_dump_must_be_the_first_command_of_a_packet() {
    let daemon = larder("").start();
    let version = "VERSION 1.6.45\r\n";
    for (word, end) in [("metadump", "END"), ("mgdump", "EN")] {
        let request = format!("lru_crawler {word} all\r\n");
        assert_eq!(
            conversation(&daemon, format!("version\r\n{request}version\r\n")),
            format!("{version}ERROR cannot pipeline other commands before {word}\r\n{version}")
        );
        // Commands after it get their replies after the dump.
        assert_eq!(
            conversation(&daemon, format!("{request}version\r\n")),
            format!("OK\r\n{end}\r\n{version}")
        );
    }
}

#[test]
fn option_x_disables_key_dumps() {
    let daemon = larder("-X").start();
    for (request, reply) in [
        ("lru_crawler metadump all", "ERROR metadump not allowed"),
        ("lru_crawler mgdump all", "ERROR key dump not allowed"),
        ("stats cachedump 1 0", "CLIENT_ERROR stats cachedump not allowed"),
        ("lru_crawler crawl all", "OK"),
    ] {
        assert_eq!(conversation(&daemon, format!("{request}\r\n")), format!("{reply}\r\n"));
    }
    assert_eq!(daemon.connect().stat("settings", "dump_enabled"), "no");
}

/// 50,000 items with long keys, whose dump takes 15 MB.
fn many_items() -> Daemon {
    let daemon = larder("-m 100").start();
    let mut client = daemon.connect();
    for batch in 0..50 {
        let sets = (0..1000).map(|key| format!("set {:0>250} 0 0 1 noreply\r\nx\r\n", batch * 1000 + key));
        client.send(sets.collect::<String>());
    }
    wait_for("all items", || (client.stat("", "curr_items") == "50000").then_some(()));
    daemon
}

#[test]
fn a_large_dump_is_complete_and_other_clients_are_served_meanwhile() {
    let daemon = many_items();
    let mut reader = daemon.connect();
    reader.send("lru_crawler mgdump all\r\n");
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
    reader.expect("OK\r\n");
    let mut dump = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(&mut reader, 50_000 * 255 + 4), &mut dump)
        .unwrap();
    assert!(dump.ends_with("\r\nEN\r\n"));
    assert_eq!(dump.lines().collect::<BTreeSet<_>>().len(), 50_001);
}

#[test]
fn the_daemon_does_not_buffer_dumps_for_slow_readers() {
    let daemon = many_items();
    let before = daemon.resident_bytes();
    let mut readers: Vec<_> = (0..20).map(|_| daemon.connect()).collect();
    for reader in &mut readers {
        reader.send("lru_crawler metadump all\r\n");
    }
    let mut asking = daemon.connect();
    wait_for("dumps that wait for their readers", || {
        asking.send("stats conns\r\n");
        let waiting = asking.read_until("END\r\n").matches("conn_mwrite").count();
        (waiting == readers.len()).then_some(())
    });
    // 20 complete dumps take 300 MB.
    let grown = daemon.resident_bytes().saturating_sub(before);
    assert!(grown < 60 << 20, "{grown}");
    asking.ask("set k 0 0 1\r\n1\r\n", "STORED\r\n");
}

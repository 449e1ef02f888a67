//! Expiry and delayed flushes with the manual clock of `--debug-commands`: no test waits.

use crate::binary::ask;
use crate::support::frames::numbered;
use crate::support::{Client, Daemon, larder, wait_for};

const MISS: &str = "END\r\n";
const HIT: &str = "VALUE k 0 1\r\n1\r\nEND\r\n";

/// A daemon with a stopped clock and a client.
fn stopped_clock(args: &str) -> (Daemon, Client) {
    let daemon = larder(&format!("--debug-commands {args}")).start();
    daemon.stop_clock();
    let client = daemon.connect();
    (daemon, client)
}

fn store(client: &mut Client, exptime: impl std::fmt::Display) {
    client.ask(format!("set k 0 {exptime} 1\r\n1\r\n"), "STORED\r\n");
}

fn advance(client: &mut Client, secs: i64) {
    client.ask(format!("debugtime {secs}\r\n"), "OK\r\n");
}

fn server_time(client: &mut Client) -> u64 {
    client.stat("", "time").parse().unwrap()
}

#[test]
fn an_item_with_a_relative_exptime_expires_at_its_second() {
    let (_daemon, mut client) = stopped_clock("");
    for ttl in [1, 2, 60, 2_592_000] {
        store(&mut client, ttl);
        advance(&mut client, ttl - 1);
        client.ask("get k\r\n", HIT);
        advance(&mut client, 1);
        client.ask("get k\r\n", MISS);
    }
}

#[test]
fn an_item_with_an_absolute_exptime_expires_at_its_second() {
    let (_daemon, mut client) = stopped_clock("");
    let now = server_time(&mut client);
    store(&mut client, now + 10);
    advance(&mut client, 9);
    client.ask("get k\r\n", HIT);
    assert_eq!(server_time(&mut client), now + 9);
    advance(&mut client, 1);
    client.ask("get k\r\n", MISS);
    // An exptime in the past of the manual clock expires at once, although the real clock has not reached it.
    store(&mut client, now + 5);
    client.ask("get k\r\n", MISS);
}

#[test]
fn touch_and_gat_change_the_exptime() {
    let (_daemon, mut client) = stopped_clock("");
    store(&mut client, 10);
    advance(&mut client, 9);
    client.ask("touch k 10\r\n", "TOUCHED\r\n");
    advance(&mut client, 9);
    client.ask("gat 10 k\r\n", HIT);
    advance(&mut client, 9);
    client.ask("get k\r\n", HIT);
    advance(&mut client, 1);
    client.ask("touch k 10\r\n", "NOT_FOUND\r\n");
    // touch can set an exptime and remove it.
    store(&mut client, 0);
    client.ask("touch k 1\r\ntouch k 0\r\n", "TOUCHED\r\nTOUCHED\r\n");
    advance(&mut client, 1_000_000);
    client.ask("get k\r\ntouch k 1\r\n", format!("{HIT}TOUCHED\r\n"));
    advance(&mut client, 1);
    client.ask("get k\r\n", MISS);
}

#[test]
fn incr_keeps_the_exptime() {
    let (_daemon, mut client) = stopped_clock("");
    client.ask("set k 0 10 1\r\n9\r\nincr k 1\r\n", "STORED\r\n10\r\n");
    advance(&mut client, 9);
    client.ask("get k\r\n", "VALUE k 0 2\r\n10\r\nEND\r\n");
    advance(&mut client, 1);
    client.ask("get k\r\n", MISS);
}

#[test]
fn a_get_of_an_expired_item_counts_as_expired() {
    let (_daemon, mut client) = stopped_clock("");
    store(&mut client, 1);
    advance(&mut client, 1);
    client.ask("get k\r\n", MISS);
    // The crawler may have removed the item before the get.
    let (expired, reclaimed) = (client.stat("", "get_expired"), client.stat("", "reclaimed"));
    assert_eq!((client.stat("", "get_misses").as_str(), reclaimed.as_str()), ("1", "1"));
    assert!(expired == "1" || client.stat("", "crawler_reclaimed") == "1", "{expired}");
}

/// Requests that store `k`, each with its reply.
const STORES: [(&str, &str); 5] = [
    ("set k 0 0 1\r\n1\r\n", "STORED\r\n"),
    ("add k 0 0 1\r\n1\r\n", "STORED\r\n"),
    ("ms k 1\r\n1\r\n", "HD\r\n"),
    ("mg k N100 t\r\n", "HD t100 W\r\n"),
    ("ma k N0 J1 v\r\n", "VA 1\r\n1\r\n"),
];

/// Requests that change `k`, each with its reply if `k` is missing.
const CHANGES: [(&str, &str); 6] = [
    ("replace k 0 0 1\r\n1\r\n", "NOT_STORED\r\n"),
    ("append k 0 0 1\r\n1\r\n", "NOT_STORED\r\n"),
    ("incr k 1\r\n", "NOT_FOUND\r\n"),
    ("touch k 0\r\n", "NOT_FOUND\r\n"),
    ("gat 0 k\r\n", MISS),
    ("delete k\r\n", "NOT_FOUND\r\n"),
];

/// Schedules a flush in `delay` seconds: in the text protocol, with a Unix time, and in the binary protocol.
fn schedule_flush(daemon: &Daemon, client: &mut Client, delay: u32, form: u8) {
    let at = u32::try_from(server_time(client)).unwrap() + delay;
    match form {
        0 => client.ask(format!("flush_all {delay}\r\n"), "OK\r\n"),
        1 => client.ask(format!("flush_all {at}\r\n"), "OK\r\n"),
        _ => assert_eq!(ask(&mut daemon.connect(), &numbered(0x08, "", delay)).status, 0),
    }
}

#[test]
fn a_delayed_flush_removes_items_stored_before_its_time_and_no_others() {
    let (daemon, mut client) = stopped_clock("");
    for form in 0..3 {
        store(&mut client, 0);
        schedule_flush(&daemon, &mut client, 10, form);
        advance(&mut client, 8);
        client.ask("get k\r\n", HIT);
        // One second before the flush time, existing items are gone and new ones vanish at once.
        advance(&mut client, 1);
        client.ask("get k\r\n", MISS);
        for (store, stored) in STORES {
            client.ask(store, stored);
            client.ask("get k\r\n", MISS);
            for (change, reply) in CHANGES {
                client.ask(store, stored);
                client.ask(change, reply);
            }
        }
        store(&mut client, 0);
        let large = format!("set large 0 0 100000\r\n{}\r\n", "v".repeat(100_000));
        client.ask(format!("{large}get large\r\n"), "STORED\r\nEND\r\n");
        client.ask(&large, "STORED\r\n");
        advance(&mut client, 1);
        client.ask("get k large\r\n", MISS);
        store(&mut client, 0);
        advance(&mut client, 100);
        client.ask("get k\r\n", HIT);
    }
}

#[test]
fn a_flush_delayed_by_one_second_removes_items_until_its_time() {
    let (daemon, mut client) = stopped_clock("");
    for form in 0..3 {
        store(&mut client, 0);
        schedule_flush(&daemon, &mut client, 1, form);
        client.ask("get k\r\n", MISS);
        store(&mut client, 0);
        client.ask("get k\r\n", MISS);
        advance(&mut client, 1);
        client.ask("get k\r\n", MISS);
        store(&mut client, 0);
        client.ask("get k\r\n", HIT);
    }
}

#[test]
fn a_new_flush_cancels_a_delayed_one() {
    let (_daemon, mut client) = stopped_clock("");
    for delay in [0, 100] {
        client.ask("flush_all 1\r\n", "OK\r\n");
        store(&mut client, 0);
        client.ask(format!("flush_all {delay}\r\nget k\r\n"), format!("OK\r\n{MISS}"));
        store(&mut client, 0);
        client.ask("get k\r\n", HIT);
        advance(&mut client, 1);
        client.ask("get k\r\n", HIT);
    }
}

#[test]
fn a_delayed_flush_removes_items_although_no_request_came_at_its_time() {
    let (_daemon, mut client) = stopped_clock("");
    store(&mut client, 0);
    client.ask("flush_all 2\r\n", "OK\r\n");
    advance(&mut client, 50);
    client.ask("get k\r\n", MISS);
    store(&mut client, 0);
    client.ask("get k\r\n", HIT);
}

#[test]
fn the_crawler_removes_expired_items_that_no_client_reads() {
    let (_daemon, mut client) = stopped_clock("");
    for key in 0..1000 {
        client.send(format!("set small{key} 0 10 100\r\n{}\r\n", "v".repeat(100)));
    }
    client.expect("STORED\r\n".repeat(1000));
    client.ask(format!("set large 0 10 100000\r\n{}\r\n", "v".repeat(100_000)), "STORED\r\n");
    client.ask("set kept 0 11 1\r\n1\r\n", "STORED\r\n");
    advance(&mut client, 10);
    wait_for("the end of the crawl", || (client.stat("", "curr_items") == "1").then_some(()));
    assert_eq!(client.stat("", "reclaimed"), "1001");
    assert_eq!(client.stat("", "expired_unfetched"), "1001");
    assert_eq!(client.stat("", "crawler_reclaimed"), "1001");
    client.ask("get kept\r\n", "VALUE kept 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn crawls_are_refused_until_the_crawler_is_enabled() {
    let (_daemon, mut client) = stopped_clock("-o no_lru_crawler");
    assert_eq!(client.stat("settings", "lru_crawler"), "no");
    store(&mut client, 1);
    client.ask("lru_crawler crawl all\r\n", "CLIENT_ERROR lru crawler disabled\r\n");
    client.ask("lru_crawler enable\r\nlru_crawler crawl all\r\n", "OK\r\nOK\r\n");
}

#[test]
fn a_disabled_crawler_removes_nothing_and_a_crawl_does() {
    let (_daemon, mut client) = stopped_clock("");
    client
        .ask("lru_crawler sleep 5\r\nlru_crawler tocrawl 9\r\nlru_crawler disable\r\n", "OK\r\nOK\r\nOK\r\n");
    for (name, value) in [("lru_crawler", "no"), ("lru_crawler_sleep", "5"), ("lru_crawler_tocrawl", "9")] {
        assert_eq!(client.stat("settings", name), value);
    }
    store(&mut client, 1);
    advance(&mut client, 1);
    client.ask("lru_crawler crawl all\r\n", "CLIENT_ERROR lru crawler disabled\r\n");
    assert_eq!(
        (client.stat("", "curr_items"), client.stat("", "lru_crawler_starts")),
        ("1".into(), "0".into())
    );
    client.ask("lru_crawler enable\r\nlru_crawler crawl 1,2\r\n", "OK\r\nOK\r\n");
    wait_for("the removal of the expired item", || (client.stat("", "curr_items") == "0").then_some(()));
    wait_for("the end of the crawl", || (client.stat("", "lru_crawler_running") == "0").then_some(()));
    assert_eq!(client.stat("", "lru_crawler_starts"), "1");
    assert_eq!(client.stat("settings", "lru_crawler"), "yes");
}

#[test]
fn a_crawl_of_many_items_continues_after_its_reply() {
    let (_daemon, mut client) = stopped_clock("-t 1 -m 64");
    client.ask("lru_crawler disable\r\n", "OK\r\n");
    wait_for("the refusal of a second crawl", || {
        let value = "v".repeat(200);
        client.send(
            (0..50_000).map(|key| format!("set {key} 0 1 200 noreply\r\n{value}\r\n")).collect::<String>(),
        );
        advance(&mut client, 1);
        client.send(
            "lru_crawler enable\r\nlru_crawler crawl 1\r\nlru_crawler crawl all\r\nlru_crawler crawl all\r\n",
        );
        client.expect("OK\r\nOK\r\nOK\r\n");
        let third = client.read_until("\r\n");
        client.ask("lru_crawler disable\r\n", "OK\r\n");
        // The crawler in the background may have been faster.
        (third == "BUSY currently processing crawler request\r\n").then_some(())
    });
}

#[test]
fn item_ages_follow_the_manual_clock() {
    let (_daemon, mut client) = stopped_clock("");
    store(&mut client, 0);
    advance(&mut client, 77);
    client.send("stats items\r\n");
    let items = client.read_until("END\r\n");
    let age = items.lines().find(|line| line.contains(":age ")).expect("an age");
    assert_eq!(age.rsplit(' ').next(), Some("77"));
}

#[test]
fn uptime_follows_the_manual_clock_and_never_precedes_the_start() {
    let (_daemon, mut client) = stopped_clock("");
    store(&mut client, 5);
    let uptime: u64 = client.stat("", "uptime").parse().unwrap();
    advance(&mut client, 1000);
    assert_eq!(client.stat("", "uptime"), (uptime + 1000).to_string());
    advance(&mut client, -1_000_000);
    assert_eq!(client.stat("", "uptime"), "2");
}

#[test]
fn the_clock_runs_after_it_is_resumed() {
    let (_daemon, mut client) = stopped_clock("");
    let before = server_time(&mut client);
    client.ask("debugtime r\r\n", "OK\r\n");
    wait_for("the next second", || (server_time(&mut client) > before).then_some(()));
}

#[test]
fn debugtime_refuses_invalid_arguments() {
    let (_daemon, mut client) = stopped_clock("");
    let before = server_time(&mut client);
    for request in
        ["debugtime", "debugtime x", "debugtime 1x", "debugtime pause", "debugtime 9223372036854775808"]
    {
        client.ask(format!("{request}\r\n"), "ERROR\r\n");
    }
    assert_eq!(server_time(&mut client), before);
    client.ask("debugtime 5 noreply\r\n", "");
    assert_eq!(server_time(&mut client), before + 5);
}

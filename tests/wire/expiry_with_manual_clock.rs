//! Deadlines that come: the clock of a daemon started with `--debug-commands` is moved, nobody waits.

use crate::binary::ask;
use crate::support::frames::numbered;
use crate::support::{Client, Daemon, larder, wait_for};

const GONE: &str = "END\r\n";
const HERE: &str = "VALUE k 0 1\r\n1\r\nEND\r\n";

/// A daemon whose clock stands still unless it is moved.
fn paused(args: &str) -> (Daemon, Client) {
    let daemon = larder(&format!("--debug-commands {args}")).start();
    let mut client = daemon.connect();
    client.ask("debugtime p\r\n", "OK\r\n");
    (daemon, client)
}

fn store(client: &mut Client, exptime: impl std::fmt::Display) {
    client.ask(format!("set k 0 {exptime} 1\r\n1\r\n"), "STORED\r\n");
}

fn shift(client: &mut Client, secs: i64) {
    client.ask(format!("debugtime {secs}\r\n"), "OK\r\n");
}

fn server_time(client: &mut Client) -> u64 {
    client.stat("", "time").parse().unwrap()
}

#[test]
fn a_relative_exptime_is_over_at_its_second_and_not_before() {
    let (_daemon, mut client) = paused("");
    for ttl in [1, 2, 60, 2_592_000] {
        store(&mut client, ttl);
        shift(&mut client, ttl - 1);
        client.ask("get k\r\n", HERE);
        shift(&mut client, 1);
        client.ask("get k\r\n", GONE);
    }
}

#[test]
fn an_absolute_exptime_is_over_at_its_second_and_not_before() {
    let (_daemon, mut client) = paused("");
    let now = server_time(&mut client);
    store(&mut client, now + 10);
    shift(&mut client, 9);
    client.ask("get k\r\n", HERE);
    assert_eq!(server_time(&mut client), now + 9);
    shift(&mut client, 1);
    client.ask("get k\r\n", GONE);
    // One that has passed by the moved clock is over at once, though the real one has not reached it.
    store(&mut client, now + 5);
    client.ask("get k\r\n", GONE);
}

#[test]
fn touch_and_gat_move_the_deadline() {
    let (_daemon, mut client) = paused("");
    store(&mut client, 10);
    shift(&mut client, 9);
    client.ask("touch k 10\r\n", "TOUCHED\r\n");
    shift(&mut client, 9);
    client.ask("gat 10 k\r\n", HERE);
    shift(&mut client, 9);
    client.ask("get k\r\n", HERE);
    shift(&mut client, 1);
    client.ask("touch k 10\r\n", "NOT_FOUND\r\n");
    // touch can end a life without end, and take the end away.
    store(&mut client, 0);
    client.ask("touch k 1\r\ntouch k 0\r\n", "TOUCHED\r\nTOUCHED\r\n");
    shift(&mut client, 1_000_000);
    client.ask("get k\r\ntouch k 1\r\n", format!("{HERE}TOUCHED\r\n"));
    shift(&mut client, 1);
    client.ask("get k\r\n", GONE);
}

#[test]
fn an_expired_get_is_counted_as_expired() {
    let (_daemon, mut client) = paused("");
    store(&mut client, 1);
    shift(&mut client, 1);
    client.ask("get k\r\n", GONE);
    // Unless the sweep was there first.
    let (expired, reclaimed) = (client.stat("", "get_expired"), client.stat("", "reclaimed"));
    assert_eq!((client.stat("", "get_misses").as_str(), reclaimed.as_str()), ("1", "1"));
    assert!(expired == "1" || client.stat("", "crawler_reclaimed") == "1", "{expired}");
}

/// Requests that make `k`, each with its answer.
const MAKING: [(&str, &str); 5] = [
    ("set k 0 0 1\r\n1\r\n", "STORED\r\n"),
    ("add k 0 0 1\r\n1\r\n", "STORED\r\n"),
    ("ms k 1\r\n1\r\n", "HD\r\n"),
    ("mg k N100 t\r\n", "HD t100 W\r\n"),
    ("ma k N0 J1 v\r\n", "VA 1\r\n1\r\n"),
];

/// Requests that change `k`, each with its answer if there is none.
const CHANGING: [(&str, &str); 6] = [
    ("replace k 0 0 1\r\n1\r\n", "NOT_STORED\r\n"),
    ("append k 0 0 1\r\n1\r\n", "NOT_STORED\r\n"),
    ("incr k 1\r\n", "NOT_FOUND\r\n"),
    ("touch k 0\r\n", "NOT_FOUND\r\n"),
    ("gat 0 k\r\n", GONE),
    ("delete k\r\n", "NOT_FOUND\r\n"),
];

/// Flushes so many seconds from now: by text, with a Unix time, and by the binary protocol.
fn flush_later(daemon: &Daemon, client: &mut Client, delay: u32, form: u8) {
    let at = u32::try_from(server_time(client)).unwrap() + delay;
    match form {
        0 => client.ask(format!("flush_all {delay}\r\n"), "OK\r\n"),
        1 => client.ask(format!("flush_all {at}\r\n"), "OK\r\n"),
        _ => assert_eq!(ask(&mut daemon.connect(), &numbered(0x08, "", delay)).status, 0),
    }
}

#[test]
fn a_delayed_flush_takes_what_is_stored_before_its_second_and_nothing_else() {
    let (daemon, mut client) = paused("");
    for form in 0..3 {
        store(&mut client, 0);
        flush_later(&daemon, &mut client, 10, form);
        shift(&mut client, 8);
        client.ask("get k\r\n", HERE);
        // The second before its time: what is there has gone, what is stored now goes at once.
        shift(&mut client, 1);
        client.ask("get k\r\n", GONE);
        for (make, made) in MAKING {
            client.ask(make, made);
            client.ask("get k\r\n", GONE);
            for (change, answer) in CHANGING {
                client.ask(make, made);
                client.ask(change, answer);
            }
        }
        store(&mut client, 0);
        let large = format!("set large 0 0 100000\r\n{}\r\n", "v".repeat(100_000));
        client.ask(format!("{large}get large\r\n"), "STORED\r\nEND\r\n");
        client.ask(&large, "STORED\r\n");
        shift(&mut client, 1);
        client.ask("get k large\r\n", GONE);
        store(&mut client, 0);
        shift(&mut client, 100);
        client.ask("get k\r\n", HERE);
    }
}

#[test]
fn a_flush_in_one_second_takes_the_rest_of_this_one() {
    let (daemon, mut client) = paused("");
    for form in 0..3 {
        store(&mut client, 0);
        flush_later(&daemon, &mut client, 1, form);
        client.ask("get k\r\n", GONE);
        store(&mut client, 0);
        client.ask("get k\r\n", GONE);
        shift(&mut client, 1);
        client.ask("get k\r\n", GONE);
        store(&mut client, 0);
        client.ask("get k\r\n", HERE);
    }
}

#[test]
fn a_new_flush_ends_the_second_of_a_delayed_one() {
    let (_daemon, mut client) = paused("");
    for delay in [0, 100] {
        client.ask("flush_all 1\r\n", "OK\r\n");
        store(&mut client, 0);
        client.ask(format!("flush_all {delay}\r\nget k\r\n"), format!("OK\r\n{GONE}"));
        store(&mut client, 0);
        client.ask("get k\r\n", HERE);
        shift(&mut client, 1);
        client.ask("get k\r\n", HERE);
    }
}

#[test]
fn a_delayed_flush_that_nobody_sees_takes_its_second_as_well() {
    let (_daemon, mut client) = paused("");
    store(&mut client, 0);
    client.ask("flush_all 2\r\n", "OK\r\n");
    shift(&mut client, 50);
    client.ask("get k\r\n", GONE);
    store(&mut client, 0);
    client.ask("get k\r\n", HERE);
}

#[test]
fn the_sweep_takes_back_what_nobody_asks_for() {
    let (_daemon, mut client) = paused("");
    for key in 0..1000 {
        client.send(format!("set small{key} 0 10 100\r\n{}\r\n", "v".repeat(100)));
    }
    client.expect("STORED\r\n".repeat(1000));
    client.ask(format!("set large 0 10 100000\r\n{}\r\n", "v".repeat(100_000)), "STORED\r\n");
    client.ask("set kept 0 11 1\r\n1\r\n", "STORED\r\n");
    shift(&mut client, 10);
    wait_for("the sweep", || (client.stat("", "curr_items") == "1").then_some(()));
    assert_eq!(client.stat("", "reclaimed"), "1001");
    assert_eq!(client.stat("", "expired_unfetched"), "1001");
    assert_eq!(client.stat("", "crawler_reclaimed"), "1001");
    client.ask("get kept\r\n", "VALUE kept 0 1\r\n1\r\nEND\r\n");
}

#[test]
fn without_a_crawler_there_is_no_crawl_until_it_is_enabled() {
    let (_daemon, mut client) = paused("-o no_lru_crawler");
    assert_eq!(client.stat("settings", "lru_crawler"), "no");
    store(&mut client, 1);
    client.ask("lru_crawler crawl all\r\n", "CLIENT_ERROR lru crawler disabled\r\n");
    client.ask("lru_crawler enable\r\nlru_crawler crawl all\r\n", "OK\r\nOK\r\n");
}

#[test]
fn a_crawl_sweeps_and_a_disabled_sweep_does_not() {
    let (_daemon, mut client) = paused("");
    client
        .ask("lru_crawler sleep 5\r\nlru_crawler tocrawl 9\r\nlru_crawler disable\r\n", "OK\r\nOK\r\nOK\r\n");
    for (name, value) in [("lru_crawler", "no"), ("lru_crawler_sleep", "5"), ("lru_crawler_tocrawl", "9")] {
        assert_eq!(client.stat("settings", name), value);
    }
    store(&mut client, 1);
    shift(&mut client, 1);
    client.ask("lru_crawler crawl all\r\n", "CLIENT_ERROR lru crawler disabled\r\n");
    assert_eq!(
        (client.stat("", "curr_items"), client.stat("", "lru_crawler_starts")),
        ("1".into(), "0".into())
    );
    client.ask("lru_crawler enable\r\nlru_crawler crawl 1,2\r\n", "OK\r\nOK\r\n");
    wait_for("the crawl", || (client.stat("", "curr_items") == "0").then_some(()));
    wait_for("the end of the crawl", || (client.stat("", "lru_crawler_running") == "0").then_some(()));
    assert_eq!(client.stat("", "lru_crawler_starts"), "1");
    assert_eq!(client.stat("settings", "lru_crawler"), "yes");
}

#[test]
fn a_crawl_with_much_to_do_is_under_way_after_its_answer() {
    let (_daemon, mut client) = paused("-t 1 -m 64");
    client.ask("lru_crawler disable\r\n", "OK\r\n");
    wait_for("another crawl to be refused", || {
        let value = "v".repeat(200);
        client.send(
            (0..50_000).map(|key| format!("set {key} 0 1 200 noreply\r\n{value}\r\n")).collect::<String>(),
        );
        shift(&mut client, 1);
        client.send(
            "lru_crawler enable\r\nlru_crawler crawl 1\r\nlru_crawler crawl all\r\nlru_crawler crawl all\r\n",
        );
        client.expect("OK\r\nOK\r\nOK\r\n");
        let third = client.read_until("\r\n");
        client.ask("lru_crawler disable\r\n", "OK\r\n");
        // Unless the sweep in the background came in between.
        (third == "BUSY currently processing crawler request\r\n").then_some(())
    });
}

#[test]
fn ages_are_counted_by_the_moved_clock() {
    let (_daemon, mut client) = paused("");
    store(&mut client, 0);
    shift(&mut client, 77);
    client.send("stats items\r\n");
    let items = client.read_until("END\r\n");
    let age = items.lines().find(|line| line.contains(":age ")).expect("an age");
    assert_eq!(age.rsplit(' ').next(), Some("77"));
}

#[test]
fn uptime_follows_and_the_clock_never_goes_before_its_start() {
    let (_daemon, mut client) = paused("");
    store(&mut client, 5);
    let uptime: u64 = client.stat("", "uptime").parse().unwrap();
    shift(&mut client, 1000);
    assert_eq!(client.stat("", "uptime"), (uptime + 1000).to_string());
    shift(&mut client, -1_000_000);
    assert_eq!(client.stat("", "uptime"), "2");
}

#[test]
fn the_clock_goes_on_when_it_is_resumed() {
    let (_daemon, mut client) = paused("");
    let before = server_time(&mut client);
    client.ask("debugtime r\r\n", "OK\r\n");
    wait_for("the next second", || (server_time(&mut client) > before).then_some(()));
}

#[test]
fn debugtime_answers_error_to_what_it_cannot_do() {
    let (_daemon, mut client) = paused("");
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

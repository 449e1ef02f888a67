//! Commands for operators: replies that both versions of memcached share, dumps and prefix counters.

use crate::servers::{Server, wait_until};
use crate::transcript::transcript;
use std::collections::BTreeSet;

/// Requests to an empty server that both versions reply to alike. `tests/wire` tests replies with more than `OK` or an
/// error line.
#[rustfmt::skip]
const REQUESTS: &[&str] = &[
    "lru_crawler", "lru_crawler foo", "lru_crawler enable", "lru_crawler crawl", "lru_crawler crawl 1 2",
    "lru_crawler crawl 1000", "lru_crawler crawl x", "lru_crawler crawl 0", "lru_crawler crawl hash",
    "lru_crawler metadump", "lru_crawler metadump 0", "lru_crawler metadump 1000", "lru_crawler metadump x",
    "lru_crawler metadump 1,1000", "lru_crawler sleep", "lru_crawler sleep 0", "lru_crawler sleep 1000000",
    "lru_crawler sleep 1000001", "lru_crawler sleep x", "lru_crawler tocrawl", "lru_crawler tocrawl 7",
    "lru_crawler tocrawl x", "lru_crawler disable", "lru_crawler disable", "lru_crawler crawl all",
    "lru_crawler enable",
    "slabs", "slabs foo", "slabs reassign", "slabs reassign 1", "slabs reassign 1 1", "slabs reassign x 1",
    "slabs reassign 1 x", "slabs reassign 1 1000", "slabs reassign 1000 1", "slabs reassign 1 2",
    "slabs reassign 1 2 3",
    "slabs reassign -1 1", "slabs reassign -2 1", "slabs reassign 1 -1",
    "slabs automove", "slabs automove 0", "slabs automove 1", "slabs automove 3", "slabs automove x",
    "slabs automove ratio 0.5", "slabs automove ratio x",
    "lru", "lru foo", "lru tune", "lru tune 10 20 0.1 2", "lru tune 40 41 0.1 2", "lru tune 10 20 0 2",
    "lru tune 10 20 1", "lru tune x 20 1 1", "lru mode flat", "lru mode segmented", "lru mode x", "lru mode",
    "lru temp_ttl 5", "lru temp_ttl -1", "lru temp_ttl x", "lru temp_ttl",
    "stats detail", "stats detail x", "stats detail on", "stats detail off", "stats detail dump",
    "stats cachedump", "stats cachedump 1", "stats cachedump 1000 0", "stats cachedump x 0", "stats cachedump 1 0",
    "stats sizes", "watch x", "watch fetchers x", "version\r\nwatch", "debugtime 1",
];

#[test]
fn administration_commands_get_the_replies_of_memcached() {
    let (larder, oracle) = (Server::larder(), Server::oracle_with_background_threads());
    let mut different = String::new();
    for request in REQUESTS {
        let (by_larder, by_oracle) = (reply(&larder, request), reply(&oracle, request));
        if *request == "lru_crawler disable" {
            wait_for_stopped_crawler(&oracle);
        }
        let by_oracle = by_oracle.replace("VERSION 1.6.18", "VERSION 1.6.45");
        if by_larder != by_oracle {
            different += &format!("{request:?}\n    memcached {by_oracle:?}\n    larder    {by_larder:?}\n");
        }
    }
    assert!(different.is_empty(), "\n{different}");
}

/// Waits until the crawler thread of memcached has stopped. The reply to `lru_crawler disable` comes before that, and a
/// crawl in the meantime gets an unknown error.
fn wait_for_stopped_crawler(oracle: &Server) {
    wait_until("a stopped crawler", || reply(oracle, "stats settings").contains("STAT lru_crawler no\r\n"));
}

/// Crawls of an empty store and of a few items. Each request waits for the previous reply.
const CRAWLS: [&str; 10] = [
    "lru_crawler enable",
    "lru_crawler crawl all",
    "lru_crawler crawl all",
    "lru_crawler crawl 1",
    "lru_crawler crawl 1,2,3",
    "set a 0 0 1\r\nx",
    "lru_crawler crawl all",
    "lru_crawler crawl all",
    "lru_crawler crawl 7",
    "lru_crawler crawl 7",
];

#[test]
fn crawls_of_few_items_get_the_replies_of_memcached() {
    // memcached's maintainer thread would start crawls by itself. Without it the crawler runs on command only.
    let (larder, oracle) = (Server::larder(), Server::oracle());
    reply(&larder, "lru_crawler disable");
    for request in CRAWLS {
        // memcached is busy until its crawler thread has finished the previous crawl.
        let mut by_oracle = String::new();
        wait_until("an idle crawler", || {
            by_oracle = reply(&oracle, request);
            !by_oracle.contains("BUSY")
        });
        assert_eq!(reply(&larder, request), by_oracle, "{request:?}");
    }
    for server in [&larder, &oracle] {
        assert!(reply(server, "stats").contains("STAT lru_crawler_starts 8\r\n"));
    }
}

/// Sets, reads and deletes on keys with and without a prefix.
const PREFIXED: &str = "stats detail on\r\nget a:1 none\r\nset a:1 0 0 1\r\n1\r\nadd a:1 0 0 1\r\n1\r\n\
    append a:1 0 0 1\r\n1\r\nset none 0 0 1\r\n1\r\nget a:1 a:1:x :x\r\ngat 0 a:1\r\nincr a:1 1\r\n\
    touch a:1 0\r\ndelete a:1\r\ndelete a:1\r\nset a:1 0 0 20000\r\n{20000}\r\nset a:1 0 0 2000000\r\n{2000000}\r\n\
    delete a:1\r\nstats detail dump";

#[test]
fn prefix_counters_match_memcached() {
    let request =
        PREFIXED.replace("{20000}", &"v".repeat(20_000)).replace("{2000000}", &"v".repeat(2_000_000));
    let dump = |server: &Server| {
        let reply = reply(server, &request);
        reply.lines().filter(|line| line.starts_with("PREFIX ")).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let by_oracle = dump(&Server::oracle());
    assert_eq!(by_oracle.len(), 2);
    assert_eq!(dump(&Server::larder()), by_oracle);
}

#[test]
fn dumps_list_the_same_items_with_the_same_times() {
    let (larder, oracle) = (Server::larder(), Server::oracle_with_background_threads());
    let mut request = String::new();
    for number in 0..500 {
        let exptime = [0, 100_000, 2_000_000_000][number % 3];
        request += &format!("set k/{number}%~ 5 {exptime} {number}\r\n{}\r\n", "v".repeat(number));
    }
    request += "get k/1%~ k/2%~\r\nset gone 0 -1 1\r\n1";
    for server in [&larder, &oracle] {
        reply(server, &request);
    }
    let items = |server: &Server| {
        let dump = reply(server, "lru_crawler metadump all");
        let lines = dump.lines().filter(|line| line.starts_with("key="));
        lines.map(comparable).collect::<BTreeSet<_>>()
    };
    let by_oracle = items(&oracle);
    assert_eq!(by_oracle.len(), 500);
    assert_eq!(items(&larder), by_oracle);
}

/// A line without the fields that differ between the servers (CAS unique, class, size) and without times that depend on
/// the current second.
fn comparable(line: &str) -> String {
    let fields = line.split(' ').filter(|field| {
        let own = ["la=", "cas=", "cls=", "size=", "flags="].iter().any(|name| field.starts_with(name));
        !own && !field.is_empty()
    });
    let fields =
        fields.map(|field| match field.strip_prefix("exp=").and_then(|unix| unix.parse::<i64>().ok()) {
            Some(unix) if unix > 0 && unix != 2_000_000_000 => "exp=soon".to_owned(),
            _ => field.to_owned(),
        });
    fields.collect::<Vec<_>>().join(" ")
}

fn reply(server: &Server, request: &str) -> String {
    String::from_utf8_lossy(&transcript(server.port, [format!("{request}\r\n").as_bytes()])).into_owned()
}

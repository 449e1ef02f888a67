//! Every command, option and statistic of memcached 1.6.45 and its support by larder, tested with running daemons.
//!
//! `cargo test --test wire compatibility -- --nocapture` prints the list. A startup warning names an option without
//! effect, and the manual's table names differences. Everything else must work.

use crate::stats_report::{GENERAL, ITEMS, SETTINGS, SLABS};
use crate::support::Authority;
use crate::support::frames::{self, Request};
use crate::support::{Daemon, larder};
use Support::*;
use std::collections::BTreeSet;
use std::io::Read;
use std::{fmt, fs};

const DIFFERENCES: &str = include_str!("../../src/manual/differences.md");
const STATS_SOURCE: &str = concat!(
    include_str!("../../src/commands/stats/general.rs"),
    include_str!("../../src/commands/stats/items_and_slabs.rs")
);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Support {
    Works,
    Differs,
    WithoutEffect,
    AlwaysZero,
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Works => "works",
            Differs => "works, with differences in the manual",
            WithoutEffect => "accepted without effect",
            AlwaysZero => "reported, always 0",
        })
    }
}

/// A command, a request, and the start of the reply. `k` holds 1, `t` holds text.
#[rustfmt::skip]
pub const TEXT: &[(&str, &str, &str)] = &[
    ("get", "get k\r\n", "VALUE k 0 1\r\n1\r\nEND\r\n"),
    ("gets", "gets k\r\n", "VALUE k 0 1 "),
    ("gat", "gat 0 k\r\n", "VALUE k 0 1\r\n1\r\nEND\r\n"),
    ("gats", "gats 0 k\r\n", "VALUE k 0 1 "),
    ("set", "set a 0 0 1\r\nx\r\n", "STORED\r\n"),
    ("add", "add a 0 0 1\r\nx\r\n", "STORED\r\n"),
    ("replace", "replace k 0 0 1\r\nx\r\n", "STORED\r\n"),
    ("append", "append k 0 0 1\r\nx\r\n", "STORED\r\n"),
    ("prepend", "prepend k 0 0 1\r\nx\r\n", "STORED\r\n"),
    ("cas", "cas k 0 0 1 999999\r\nx\r\n", "EXISTS\r\n"),
    ("incr", "incr k 4\r\n", "5\r\n"),
    ("decr", "decr k 1\r\n", "0\r\n"),
    ("delete", "delete k\r\n", "DELETED\r\n"),
    ("touch", "touch k 0\r\n", "TOUCHED\r\n"),
    ("flush_all", "flush_all\r\n", "OK\r\n"),
    ("mg", "mg k v\r\n", "VA 1\r\n1\r\n"),
    ("ms", "ms a 1\r\nx\r\n", "HD\r\n"),
    ("md", "md k\r\n", "HD\r\n"),
    ("ma", "ma k v\r\n", "VA 1\r\n2\r\n"),
    ("mn", "mn\r\n", "MN\r\n"),
    ("me", "me k\r\n", "ME k exp=-1 la=0 cas="),
    ("stats", "stats\r\n", "STAT pid "),
    ("stats settings", "stats settings\r\n", "STAT maxbytes "),
    ("stats items", "stats items\r\n", "STAT items:"),
    ("stats slabs", "stats slabs\r\n", "STAT "),
    ("stats sizes", "stats sizes\r\n", "STAT 32 2\r\nEND\r\n"),
    ("stats conns", "stats conns\r\n", "STAT "),
    ("stats cachedump", "stats cachedump 1 0\r\n", "ITEM "),
    ("stats detail on", "stats detail on\r\n", "OK\r\n"),
    ("stats detail off", "stats detail off\r\n", "OK\r\n"),
    ("stats detail dump", "stats detail dump\r\n", "END\r\n"),
    ("stats reset", "stats reset\r\n", "RESET\r\n"),
    ("cache_memlimit", "cache_memlimit 100\r\n", "OK\r\n"),
    ("verbosity", "verbosity 0\r\n", "OK\r\n"),
    ("version", "version\r\n", "VERSION 1.6.45\r\n"),
    ("quit", "quit\r\nversion\r\n", ""),
    ("shutdown", "shutdown\r\n", ""),
    ("refresh_certs", "refresh_certs\r\n", "Error TLS"),
    ("watch", "watch fetchers mutations evictions connevents sysevents deletions\r\n", "OK\r\n"),
    ("lru_crawler crawl", "lru_crawler crawl all\r\n", "OK\r\n"),
    ("lru_crawler metadump", "lru_crawler metadump all\r\n", "OK\r\nkey="),
    ("lru_crawler mgdump", "lru_crawler mgdump all\r\n", "OK\r\nmg "),
    ("lru_crawler enable", "lru_crawler disable\r\nlru_crawler enable\r\n", "OK\r\nOK\r\n"),
    ("lru_crawler disable", "lru_crawler disable\r\n", "OK\r\n"),
    ("lru_crawler sleep", "lru_crawler sleep 100\r\n", "OK\r\n"),
    ("lru_crawler tocrawl", "lru_crawler tocrawl 5\r\n", "OK\r\n"),
    ("slabs reassign", "slabs reassign 1 1\r\n", "SAME "),
    ("slabs automove", "slabs automove 1\r\n", "OK\r\n"),
    ("lru tune", "lru tune 10 25 0.1 2\r\n", "OK\r\n"),
    ("lru mode", "lru mode segmented\r\n", "OK\r\n"),
    ("lru temp_ttl", "lru temp_ttl 60\r\n", "OK\r\n"),
    ("debugtime", "debugtime p\r\n", "OK\r\n"),
];

/// A meta command with a flag, a request, and the start of the reply.
#[rustfmt::skip]
pub const META_FLAGS: &[(&str, &str, &str)] = &[
    ("mg b", "mg aw== b k\r\n", "HD kk\r\n"),
    ("mg c", "mg k c\r\n", "HD c"),
    ("mg f", "mg k f\r\n", "HD f0\r\n"),
    ("mg h", "mg k h\r\n", "HD h0\r\n"),
    ("mg k", "mg k k\r\n", "HD kk\r\n"),
    ("mg l", "mg k l\r\n", "HD l0\r\n"),
    ("mg q", "mg none q\r\nmn\r\n", "MN\r\n"),
    ("mg s", "mg k s\r\n", "HD s1\r\n"),
    ("mg t", "mg k t\r\n", "HD t-1\r\n"),
    ("mg v", "mg k v\r\n", "VA 1\r\n"),
    ("mg O", "mg k O7\r\n", "HD O7\r\n"),
    ("mg E", "mg none N9 E5 c\r\n", "HD c5 W\r\n"),
    ("mg N", "mg none N9\r\n", "HD W\r\n"),
    ("mg R", "mg k R9 T3\r\nmg k R9\r\n", "HD\r\nHD W\r\n"),
    ("mg T", "mg k T9 t\r\n", "HD t9\r\n"),
    ("ms b", "ms aw== 1 b k\r\nx\r\n", "HD kaw== b\r\n"),
    ("ms c", "ms a 1 c\r\nx\r\n", "HD c"),
    ("ms k", "ms a 1 k\r\nx\r\n", "HD ka\r\n"),
    ("ms s", "ms a 1 s\r\nx\r\n", "HD s1\r\n"),
    ("ms C", "ms k 1 C9999\r\nx\r\n", "EX\r\n"),
    ("ms E", "ms k 1 E9 c\r\nx\r\n", "HD c9\r\n"),
    ("ms F", "ms k 1 F9\r\nx\r\nmg k f\r\n", "HD\r\nHD f9\r\n"),
    ("ms I", "ms k 1 E99 I C1\r\nx\r\n", "HD\r\n"),
    ("ms O", "ms k 1 O9\r\nx\r\n", "HD O9\r\n"),
    ("ms q", "ms k 1 q\r\nx\r\nmn\r\n", "MN\r\n"),
    ("ms M", "ms k 1 ME\r\nx\r\n", "NS\r\n"),
    ("ms T", "ms k 1 T9\r\nx\r\nmg k t\r\n", "HD\r\nHD t9\r\n"),
    ("ms N", "ms a 1 MA N9\r\nx\r\nmg a t\r\n", "HD\r\nHD t9\r\n"),
    ("md b", "md aw== b k\r\n", "HD kaw== b\r\n"),
    ("md k", "md k k\r\n", "HD kk\r\n"),
    ("md C", "md k C9999\r\n", "EX\r\n"),
    ("md E", "md k I E7\r\nmg k c\r\n", "HD\r\nHD c7 X W\r\n"),
    ("md I", "md k I\r\nmg k\r\n", "HD\r\nHD X W\r\n"),
    ("md O", "md k O9\r\n", "HD O9\r\n"),
    ("md q", "md k q\r\nmn\r\n", "MN\r\n"),
    ("md T", "md k I T9\r\nmg k t\r\n", "HD\r\nHD t9 X W\r\n"),
    ("md x", "md k x\r\nmg k s\r\n", "HD\r\nHD s0\r\n"),
    ("ma b", "ma aw== b k\r\n", "HD kaw== b\r\n"),
    ("ma C", "ma k C9999\r\n", "EX\r\n"),
    ("ma E", "ma k E9 c\r\n", "HD c9\r\n"),
    ("ma N", "ma none N9 t\r\n", "HD t9\r\n"),
    ("ma J", "ma none N9 J7 v\r\n", "VA 1\r\n7\r\n"),
    ("ma D", "ma k D3 v\r\n", "VA 1\r\n4\r\n"),
    ("ma T", "ma k T9 t\r\n", "HD t9\r\n"),
    ("ma M", "ma k MD v\r\n", "VA 1\r\n0\r\n"),
    ("ma O", "ma k O9\r\n", "HD O9\r\n"),
    ("ma q", "ma k q\r\nmn\r\n", "MN\r\n"),
    ("ma t", "ma k t\r\n", "HD t-1\r\n"),
    ("ma c", "ma k c\r\n", "HD c"),
    ("ma v", "ma k v\r\n", "VA 1\r\n2\r\n"),
    ("ma k", "ma k k\r\n", "HD kk\r\n"),
];

/// A command of the binary protocol, a request, and the status of the reply; none if success is silent.
pub fn binary() -> Vec<(&'static str, Request, Option<u16>)> {
    use frames::{arithmetic, keyed, numbered, request, store, valued};
    let ok = Some(0);
    vec![
        ("Get", keyed(0x00, "k"), ok),
        ("GetQ", keyed(0x09, "k"), ok),
        ("GetK", keyed(0x0c, "k"), ok),
        ("GetKQ", keyed(0x0d, "k"), ok),
        ("Set", store(0x01, "a", 0, 0, "x"), ok),
        ("SetQ", store(0x11, "a", 0, 0, "x"), None),
        ("Add", store(0x02, "a", 0, 0, "x"), ok),
        ("AddQ", store(0x12, "a", 0, 0, "x"), None),
        ("Replace", store(0x03, "k", 0, 0, "x"), ok),
        ("ReplaceQ", store(0x13, "k", 0, 0, "x"), None),
        ("Delete", keyed(0x04, "k"), ok),
        ("DeleteQ", keyed(0x14, "k"), None),
        ("Increment", arithmetic(0x05, "k", 1, 0, 0), ok),
        ("IncrementQ", arithmetic(0x15, "k", 1, 0, 0), None),
        ("Decrement", arithmetic(0x06, "k", 1, 0, 0), ok),
        ("DecrementQ", arithmetic(0x16, "k", 1, 0, 0), None),
        ("Quit", request(0x07), ok),
        ("QuitQ", request(0x17), None),
        ("Flush", numbered(0x08, "", 0), ok),
        ("FlushQ", numbered(0x18, "", 0), None),
        ("Noop", request(0x0a), ok),
        ("Version", request(0x0b), ok),
        ("Append", valued(0x0e, "k", "x"), ok),
        ("AppendQ", valued(0x19, "k", "x"), None),
        ("Prepend", valued(0x0f, "k", "x"), ok),
        ("PrependQ", valued(0x1a, "k", "x"), None),
        ("Stat", request(0x10), ok),
        ("Verbosity", numbered(0x1b, "", 0), ok),
        ("Touch", numbered(0x1c, "k", 0), ok),
        ("GAT", numbered(0x1d, "k", 0), ok),
        ("GATQ", numbered(0x1e, "k", 0), ok),
        ("GATK", numbered(0x23, "k", 0), ok),
        ("GATKQ", numbered(0x24, "k", 0), ok),
        ("SASL list", request(0x20), Some(0x81)),
        ("SASL auth", valued(0x21, "PLAIN", "\0a\0b"), Some(0x81)),
        ("SASL step", valued(0x22, "PLAIN", "\0a\0b"), Some(0x81)),
    ]
}

/// Options of memcached, with an argument where one is needed. `{folder}` stands for a folder of the test.
#[rustfmt::skip]
const OPTIONS: &[&str] = &[
    "-p -1", "-U -1", "-s {folder}/socket", "-a 700", "-A", "-l 127.0.0.1", "-r", "-u root", "-m 64", "-M", "-c 100",
    "-k", "-v", "-P {folder}/pid", "-f 1.25", "-n 48", "-t 2", "-D :", "-R 20", "-C", "-b 1024", "-B auto", "-I 1m",
    "-F", "-X", "-W", "-Y {folder}/pairs", "-e {folder}/memory", "-L", "-N 1", "-S -B binary", "-h", "-i", "-V",
    "-Z -l 127.0.0.1 -o ssl_chain_cert={folder}/server.pem,ssl_key={folder}/server.key",
];

/// Extended options (`-o`), with a value where one is needed.
#[rustfmt::skip]
const EXTENDED: &[&str] = &[
    "maxconns_fast", "no_maxconns_fast", "hashpower=20", "no_hashexpand", "slab_reassign", "no_slab_reassign",
    "slab_automove=1", "no_slab_automove", "slab_automove_ratio=0.8", "slab_automove_window=10",
    "slab_automove_freeratio=0.01", "tail_repair_time=10", "hash_algorithm=murmur3", "lru_crawler", "no_lru_crawler",
    "lru_crawler_sleep=100", "lru_crawler_tocrawl=0", "lru_maintainer", "no_lru_maintainer", "hot_lru_pct=20",
    "warm_lru_pct=40", "hot_max_factor=0.2", "warm_max_factor=2", "temporary_ttl=61", "idle_timeout=60",
    "watcher_logbuf_size=256", "worker_logbuf_size=64", "slab_sizes=100-200-300", "slab_chunk_max=512",
    "no_chunked_items", "track_sizes", "inline_ascii_resp", "no_inline_ascii_resp", "read_buf_mem_limit=16",
    "resp_obj_mem_limit=16", "drop_privileges", "no_drop_privileges", "modern", "no_modern", "sock_cookie_id=0",
    "ext_path={folder}/ext:1g", "ext_page_size=64", "ext_wbuf_size=4", "ext_threads=1", "ext_io_depth=1",
    "ext_item_size=512", "ext_item_age=1", "ext_low_ttl=1", "ext_recache_rate=2000", "ext_compact_under=1",
    "ext_drop_under=1", "ext_max_sleep=1000", "ext_max_frag=0.8", "ext_drop_unread",
];

/// Extended options for TLS; they need `-Z`.
#[rustfmt::skip]
const EXTENDED_TLS: &[&str] = &[
    "ssl_chain_cert={folder}/server.pem", "ssl_key={folder}/server.key", "ssl_ca_cert={folder}/ca.pem",
    "ssl_verify_mode=0", "ssl_keyformat=1", "ssl_ciphers=HIGH", "ssl_wbuf_size=16", "ssl_session_cache",
    "ssl_kernel_tls", "ssl_min_version=2",
];

#[test]
fn compatibility_with_every_command_option_and_statistic() {
    let mut list = vec![("kind", "name".to_owned(), "state".to_owned())];
    let mut add =
        |kind, name: &str, support: Support| list.push((kind, name.to_owned(), support.to_string()));
    for (name, request, reply) in TEXT {
        check_text(request, reply);
        add("command", name, documented_support(name));
    }
    for (name, request, reply) in META_FLAGS {
        check_text(request, reply);
        add("meta flag", name, Works);
    }
    for (name, request, status) in binary() {
        check_binary(name, &request, status);
        add("binary", name, documented_support(&format!("binary {name}")));
    }
    let authority = Authority::new();
    for option in OPTIONS {
        add("option", option.split(' ').next().unwrap(), option_support(&authority, option));
    }
    for setting in EXTENDED {
        add("-o", setting.split('=').next().unwrap(), option_support(&authority, &format!("-o {setting}")));
    }
    for setting in EXTENDED_TLS {
        let option =
            format!("-Z -o ssl_chain_cert={{folder}}/server.pem,ssl_key={{folder}}/server.key,{setting}");
        add("-o", setting.split('=').next().unwrap(), option_support(&authority, &option));
    }
    for (kind, names) in
        [("stats", GENERAL), ("stats settings", SETTINGS), ("stats items", ITEMS), ("stats slabs", SLABS)]
    {
        // `stats_report.rs` tests that each name is reported, in order.
        for name in names.split_whitespace() {
            add(kind, name, statistic_support(name));
        }
    }
    for (kind, name, state) in list {
        println!("| {kind} | {name} | {state} |");
    }
}

#[test]
fn statistics_that_are_always_zero_are_in_the_manual() {
    let documented: BTreeSet<_> =
        row_of_constant_statistics().split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(documented, constant_statistics());
}

/// The statistics that the source reports as absent.
fn constant_statistics() -> BTreeSet<String> {
    let statements = STATS_SOURCE.split("stat(\"").skip(1).filter_map(|statement| statement.split_once('"'));
    let absent =
        statements.filter(|(_, rest)| rest.starts_with(", &ABSENT);") || rest.starts_with(", ABSENT);"));
    absent.map(|(name, _)| name.to_owned()).collect()
}

fn row_of_constant_statistics() -> &'static str {
    let row = DIFFERENCES
        .lines()
        .find(|line| line.starts_with("| figures of features that larder does not have |"));
    row.expect("a row about the statistics that are always 0").rsplit('|').nth(1).unwrap()
}

fn statistic_support(name: &str) -> Support {
    if constant_statistics().contains(name) { AlwaysZero } else { documented_support(name) }
}

/// `Differs` if the first cell of a row in the table of differences contains the name: as code, or in plain words for
/// commands of the binary protocol.
fn documented_support(name: &str) -> Support {
    let words: Vec<_> = name.split(' ').collect();
    let names = |text: &str, same: fn(&str, &str) -> bool| {
        let found: Vec<_> = text.split([' ', ',', '=']).collect();
        words.iter().all(|word| found.iter().any(|other| same(other, word)))
    };
    let names_it = |cell: &str| match words[0] {
        "binary" => names(cell, str::eq_ignore_ascii_case),
        _ => cell.split('`').skip(1).step_by(2).any(|code| names(code, |other, word| other == word)),
    };
    let cells = DIFFERENCES.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    if cells.into_iter().any(names_it) { Differs } else { Works }
}

fn daemon_with_items(args: &str) -> Daemon {
    let daemon = larder(args).start();
    daemon.connect().ask("set k 0 0 1\r\n1\r\nset t 0 0 4\r\ntext\r\n", "STORED\r\nSTORED\r\n");
    daemon
}

fn check_text(request: &str, reply: &str) {
    let daemon = daemon_with_items("-A --debug-commands -o track_sizes");
    daemon.stop_clock();
    let mut client = daemon.connect();
    client.ask(request, reply);
    if reply.is_empty() {
        assert_eq!(client.read_to_close(), "", "{request:?}");
    }
}

fn check_binary(name: &str, request: &Request, status: Option<u16>) {
    const OPAQUE: u32 = 0x7777;
    let daemon = daemon_with_items("");
    let mut client = daemon.connect();
    client.send([request.clone().opaque(OPAQUE).bytes(), frames::request(0x07).bytes()].concat());
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).unwrap();
    let reply = frames::take_reply(&mut &bytes[..]).filter(|reply| reply.opaque == OPAQUE);
    assert_eq!(reply.map(|reply| reply.status), status, "{name}");
}

/// Starts a daemon with the option and looks for a startup warning about it.
fn option_support(authority: &Authority, option: &str) -> Support {
    let pairs = authority.file("pairs");
    fs::write(&pairs, "name:password\n").unwrap();
    let option = option.replace("{folder}", pairs.parent().unwrap().to_str().unwrap());
    let starting = larder(&option).env("MEMCACHED_SASL_PWDB", &pairs);
    let (letter, last) = (option.split(' ').next().unwrap(), option.rsplit([' ', ',']).next().unwrap());
    if ["-h", "-i", "-V"].contains(&letter) {
        assert_eq!(starting.output().status.code(), Some(0), "{option}");
        return Works;
    }
    let name = if option.contains("-o ") {
        format!("-o {}", last.split('=').next().unwrap())
    } else {
        letter.to_owned()
    };
    let output = starting.start().stop();
    let without = format!("{name} has no effect in larder: ");
    if output.lines().any(|line| line.contains(&without)) { WithoutEffect } else { documented_support(&name) }
}

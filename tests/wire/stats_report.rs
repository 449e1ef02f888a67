//! The reports of stats have memcached's names in memcached's order, so that its tools and exporters can read them.

use crate::support::{Client, frames, larder, memcached, wait_for};

pub(crate) const GENERAL: &str = "pid uptime time version libevent pointer_size rusage_user rusage_system \
    max_connections curr_connections total_connections rejected_connections connection_structures response_obj_oom \
    response_obj_count response_obj_bytes read_buf_count read_buf_bytes read_buf_bytes_free read_buf_oom \
    reserved_fds cmd_get cmd_set cmd_flush cmd_touch cmd_meta get_hits get_misses get_expired get_flushed \
    delete_misses delete_hits incr_misses incr_hits decr_misses decr_hits cas_misses cas_hits cas_badval \
    touch_hits touch_misses store_too_large store_no_memory auth_cmds auth_errors bytes_read bytes_written \
    limit_maxbytes accepting_conns listen_disabled_num time_in_listen_disabled_us threads conn_yields \
    hash_power_level hash_bytes hash_is_expanding slab_reassign_rescues slab_reassign_chunk_rescues \
    slab_reassign_inline_reclaim slab_reassign_busy_items slab_reassign_busy_deletes slab_reassign_busy_nomem \
    slab_reassign_last_busy_status slab_reassign_running slabs_moved lru_crawler_running lru_crawler_starts \
    lru_maintainer_juggles malloc_fails log_worker_dropped log_worker_written log_watcher_skipped \
    log_watcher_sent log_watchers unexpected_napi_ids round_robin_fallback bytes curr_items total_items \
    slab_global_page_pool expired_unfetched evicted_unfetched evicted_active evictions reclaimed \
    crawler_reclaimed crawler_items_checked lrutail_reflocked moves_to_cold moves_to_warm moves_within_lru \
    direct_reclaims lru_bumps_dropped";

pub(crate) const SETTINGS: &str = "maxbytes maxconns tcpport udpport inter verbosity oldest evictions domain_socket \
    umask shutdown_command growth_factor chunk_size num_threads num_threads_per_udp stat_key_prefix detail_enabled \
    reqs_per_event cas_enabled tcp_backlog binding_protocol auth_enabled_sasl auth_enabled_ascii item_size_max \
    maxconns_fast hashpower_init slab_reassign slab_automove slab_automove_ratio slab_automove_window \
    slab_chunk_max lru_crawler lru_crawler_sleep lru_crawler_tocrawl tail_repair_time flush_enabled \
    dump_enabled hash_algorithm lru_maintainer_thread lru_segmented hot_lru_pct warm_lru_pct hot_max_factor \
    warm_max_factor temp_lru temporary_ttl idle_timeout watcher_logbuf_size worker_logbuf_size \
    read_buf_mem_limit track_sizes inline_ascii_response ssl_enabled \
    ssl_chain_cert ssl_key ssl_verify_mode ssl_keyformat ssl_ciphers ssl_ca_cert ssl_wbuf_size ssl_session_cache \
    ssl_kernel_tls ssl_min_version num_napi_ids memory_file \
    client_flags_size";

pub(crate) const ITEMS: &str = "number number_hot number_warm number_cold age_hot age_warm age mem_requested evicted \
    evicted_nonzero evicted_time outofmemory tailrepairs reclaimed expired_unfetched evicted_unfetched \
    evicted_active crawler_reclaimed crawler_items_checked lrutail_reflocked moves_to_cold moves_to_warm \
    moves_within_lru direct_reclaims hits_to_hot hits_to_warm hits_to_cold hits_to_temp";

pub(crate) const SLABS: &str = "chunk_size chunks_per_page total_pages total_chunks used_chunks free_chunks \
    free_chunks_end get_hits cmd_set delete_hits incr_hits decr_hits cas_hits cas_badval touch_hits";

/// A report as names and values.
#[track_caller]
fn report(client: &mut Client, topic: &str) -> Vec<(String, String)> {
    client.send(format!("stats {topic}\r\n"));
    let report = client.read_until("END\r\n");
    let lines = report.strip_suffix("END\r\n").unwrap().split_terminator("\r\n");
    lines
        .map(|line| {
            let (name, value) = line.strip_prefix("STAT ").and_then(|rest| rest.split_once(' ')).expect(line);
            assert!(!value.is_empty(), "{line:?}");
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

fn names(report: &[(String, String)]) -> Vec<&str> {
    report.iter().map(|(name, _)| name.as_str()).collect()
}

#[track_caller]
fn value<'a>(report: &'a [(String, String)], name: &str) -> &'a str {
    &report.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}")).1
}

#[test]
fn the_general_report_has_all_names_of_memcached_in_order() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let general = report(&mut client, "");
    // The last statistic is larder's own.
    let expected: Vec<_> = GENERAL.split_whitespace().chain(["store_passed_time"]).collect();
    assert_eq!(names(&general), expected);
    client.send("stats\r\n");
    let bare = client.read_until("END\r\n");
    assert_eq!(bare.lines().count(), general.len() + 1);
}

#[test]
fn values_of_the_general_report_are_numeric() {
    let daemon = larder("").start();
    let general = report(&mut daemon.connect(), "");
    for (name, value) in &general {
        match name.as_str() {
            "version" => assert_eq!(value, "1.6.45"),
            "libevent" | "slab_reassign_last_busy_status" => {}
            "rusage_user" | "rusage_system" => {
                let (secs, micros) = value.split_once('.').expect("a decimal point");
                assert!(secs.parse::<u64>().is_ok() && micros.len() == 6 && micros.parse::<u32>().is_ok());
            }
            _ => assert!(value.parse::<u64>().is_ok(), "{name} {value}"),
        }
    }
    assert_eq!(value(&general, "pid"), daemon.pid().to_string());
    assert_eq!(value(&general, "pointer_size"), "64");
    assert!(value(&general, "uptime").parse::<u64>().unwrap() >= 2);
}

#[test]
fn the_settings_report_has_all_names_of_memcached_in_order() {
    let daemon = larder("").start();
    let settings = report(&mut daemon.connect(), "settings");
    assert_eq!(names(&settings), SETTINGS.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn settings_report_the_options_of_the_command_line() {
    let daemon =
        memcached("-m 100 -c 77 -t 3 -R 7 -f 1.5 -n 64 -b 50 -I 2m -C -F -A -M -l 127.0.0.1").start();
    let settings = report(&mut daemon.connect(), "settings");
    for (name, expected) in [
        ("maxbytes", "104857600"),
        ("maxconns", "77"),
        ("tcpport", "-1"),
        ("udpport", "0"),
        ("inter", "127.0.0.1"),
        ("verbosity", "0"),
        ("evictions", "off"),
        ("domain_socket", "NULL"),
        ("umask", "700"),
        ("shutdown_command", "yes"),
        ("growth_factor", "1.50"),
        ("chunk_size", "64"),
        ("num_threads", "3"),
        ("reqs_per_event", "7"),
        ("cas_enabled", "no"),
        ("tcp_backlog", "50"),
        ("item_size_max", "2097152"),
        ("maxconns_fast", "yes"),
        ("flush_enabled", "no"),
    ] {
        assert_eq!(value(&settings, name), expected, "{name}");
    }
}

#[test]
fn settings_report_changes_by_verbosity_and_cache_memlimit() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("verbosity 5\r\ncache_memlimit 128\r\n", "OK\r\nOK\r\n");
    let settings = report(&mut client, "settings");
    assert_eq!((value(&settings, "verbosity"), value(&settings, "maxbytes")), ("2", "134217728"));
    assert_eq!(client.stat("", "limit_maxbytes"), "134217728");
    client.ask(
        "verbosity 0\r\ncache_memlimit 7\r\n",
        "OK\r\nMEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n",
    );
    assert_eq!(client.stat("", "limit_maxbytes"), "134217728");
}

#[test]
fn settings_report_changes_by_slabs_and_lru() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let settings = |client: &mut Client| report(client, "settings");
    let changed = [
        "slab_automove",
        "slab_automove_ratio",
        "slab_automove_window",
        "lru_segmented",
        "hot_lru_pct",
        "warm_lru_pct",
        "hot_max_factor",
        "warm_max_factor",
        "temp_lru",
        "temporary_ttl",
    ];
    let values =
        |settings: &[(String, String)]| changed.map(|name| value(settings, name).to_owned()).join(" ");
    assert_eq!(values(&settings(&mut client)), "1 0.80 10 yes 20 40 0.20 2.00 no 61");
    client.ask(
        "slabs automove 2\r\nslabs automove ratio 0.5\r\nslabs automove window 30\r\nlru mode flat\r\n\
        lru tune 11 22 0.3 4\r\nlru temp_ttl 77\r\n",
        "OK\r\n".repeat(6),
    );
    assert_eq!(values(&settings(&mut client)), "2 0.50 30 no 11 22 0.30 4.00 yes 77");
    client.ask("lru temp_ttl -1\r\n", "OK\r\n");
    assert!(values(&settings(&mut client)).ends_with(" no 61"));
}

#[test]
fn settings_report_the_extended_options_of_slabs_and_lru() {
    let daemon = larder(
        "-o hashpower=20,tail_repair_time=100,slab_automove=2,slab_automove_ratio=0.5,slab_automove_window=30,\
        lru_crawler_sleep=7,lru_crawler_tocrawl=9,hot_lru_pct=11 -o warm_lru_pct=22,hot_max_factor=0.3,\
        warm_max_factor=4,temporary_ttl=77",
    )
    .start();
    let settings = report(&mut daemon.connect(), "settings");
    for (name, expected) in [
        ("hashpower_init", "20"),
        ("tail_repair_time", "100"),
        ("slab_automove", "2"),
        ("slab_automove_ratio", "0.50"),
        ("slab_automove_window", "30"),
        ("lru_crawler_sleep", "7"),
        ("lru_crawler_tocrawl", "9"),
        ("hot_lru_pct", "11"),
        ("warm_lru_pct", "22"),
        ("hot_max_factor", "0.30"),
        ("warm_max_factor", "4.00"),
        ("temp_lru", "yes"),
        ("temporary_ttl", "77"),
    ] {
        assert_eq!(value(&settings, name), expected, "{name}");
    }
    let without = larder("-o no_slab_automove").start();
    assert_eq!(value(&report(&mut without.connect(), "settings"), "slab_automove"), "0");
}

#[test]
fn slabs_reassign_moves_a_page() {
    let daemon = larder("-t 1").start();
    let mut client = daemon.connect();
    let mut watcher = daemon.connect();
    watcher.ask("watch sysevents\r\n", "OK\r\n");
    for key in 0..1000 {
        client.ask(format!("set k{key} 0 0 500\r\n{}\r\n", "v".repeat(500)), "STORED\r\n");
    }
    let pages = |client: &mut Client, class: u32| {
        let slabs = report(client, "slabs");
        let name = format!("{class}:total_pages");
        slabs.iter().find(|(known, _)| *known == name).map_or(0, |(_, pages)| pages.parse::<u64>().unwrap())
    };
    let class: u32 = report(&mut client, "slabs")[0].0.split(':').next().unwrap().parse().unwrap();
    let before = pages(&mut client, class);
    client.ask(format!("slabs reassign {class} 3\r\n"), "OK\r\n");
    assert_eq!((pages(&mut client, class), pages(&mut client, 3)), (before - 1, 1));
    assert_eq!(client.stat("", "slabs_moved"), "1");
    assert!(watcher.read_until("\n").ends_with(&format!(" type=slab_move src={class} dst=3 state=done\n")));
    client.ask("slabs reassign 3 0\r\n", "NOSPARE source class has no spare pages\r\n");
    client.ask("slabs reassign -1 4\r\n", "OK\r\n");
    assert_eq!(pages(&mut client, class), before - 2);
    let refusing = larder("-o no_slab_reassign").start();
    refusing.connect().ask("slabs reassign 1 2\r\n", "CLIENT_ERROR slab reassignment disabled\r\n");
    assert_eq!(refusing.connect().stat("settings", "slab_reassign"), "no");
}

#[test]
fn stats_items_of_an_empty_store_is_empty() {
    let daemon = larder("").start();
    daemon.connect().ask("stats items\r\n", "END\r\n");
}

#[test]
fn items_and_slabs_are_reported_by_class() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for len in [10, 1000, 5000, 100_000] {
        client.ask(format!("set k{len} 0 0 {len}\r\n{}\r\n", "v".repeat(len)), "STORED\r\n");
    }
    let items = report(&mut client, "items");
    let mut items_held = 0;
    for class in items.chunks(ITEMS.split_whitespace().count()) {
        let id = class[0].0.split(':').nth(1).expect("items:<class>:<field>");
        let expected: Vec<String> =
            ITEMS.split_whitespace().map(|name| format!("items:{id}:{name}")).collect();
        assert_eq!(names(class), expected);
        items_held += class[0].1.parse::<u64>().unwrap();
    }
    assert_eq!(items_held, 4);
    let slabs = report(&mut client, "slabs");
    let (classes, totals) = slabs.split_at(slabs.len() - 2);
    assert_eq!(names(totals), ["active_slabs", "total_malloced"]);
    let fields = SLABS.split_whitespace().count();
    assert_eq!(value(totals, "active_slabs"), (classes.len() / fields).to_string());
    for class in classes.chunks(fields) {
        let id = class[0].0.split(':').next().expect("<class>:<field>");
        let expected: Vec<String> = SLABS.split_whitespace().map(|name| format!("{id}:{name}")).collect();
        assert_eq!(names(class), expected);
        assert_ne!(class[2].1, "0", "memcached-tool skips a class without pages");
    }
}

#[test]
fn bytes_and_curr_items_count_stored_items() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    assert_eq!((client.stat("", "curr_items"), client.stat("", "bytes")), ("0".to_owned(), "0".to_owned()));
    client.ask("set k 0 0 100\r\n".to_owned() + &"v".repeat(100) + "\r\n", "STORED\r\n");
    assert_eq!(client.stat("", "curr_items"), "1");
    assert!(client.stat("", "bytes").parse::<u64>().unwrap() >= 101);
    client.ask("delete k\r\n", "DELETED\r\n");
    assert_eq!((client.stat("", "curr_items"), client.stat("", "bytes")), ("0".to_owned(), "0".to_owned()));
}

#[test]
fn stats_conns_reports_the_state_of_each_connection() {
    let daemon = larder("-l 127.0.0.1").start();
    let mut asking = daemon.connect();
    let mut idle = daemon.connect();
    idle.ask("version\r\n", "VERSION 1.6.45\r\n");
    let mut sending = daemon.connect();
    sending.ask("version\r\nset k 0 0 100000\r\nhalf", "VERSION 1.6.45\r\n");
    let mut sending_little = daemon.connect();
    sending_little.ask("version\r\nset k 0 0 10\r\nhalf", "VERSION 1.6.45\r\n");
    let mut sending_binary = daemon.connect();
    let set = frames::store(0x01, "k", 0, 0, "whole").bytes();
    sending_binary.send(&set[..set.len() - 1]);
    wait_for("five connections", || (asking.stat("", "curr_connections") == "5").then_some(()));
    let listen = format!("tcp:{}", daemon.address());
    // The state of a connection is final when the daemon waits for its input.
    wait_for("the states of all connections", || {
        let mut states = Vec::new();
        for (name, value) in report(&mut asking, "conns") {
            match name.split_once(':').expect("<fd>:<field>") {
                (_, "state") => states.push(value),
                (_, "addr") => assert!(value.starts_with("tcp:127.0.0.1:")),
                (_, "listen_addr") => assert_eq!(value, listen),
                (_, "secs_since_last_cmd") => assert!(value.parse::<u64>().is_ok()),
                other => panic!("{other:?}"),
            }
        }
        states.sort_unstable();
        let nread = "conn_nread";
        (states == ["conn_listening", nread, nread, nread, "conn_parse_cmd", "conn_read"]).then_some(())
    });
}

#[test]
fn class_counters_separate_touches_from_gets_and_count_failed_stores() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("set a 0 0 1\r\n1\r\ngat 0 a\r\n", "STORED\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
    client.ask("mg a T0 v\r\nget a\r\n", "VA 1\r\n1\r\nVALUE a 0 1\r\n1\r\nEND\r\n");
    client.ask("add a 0 0 1\r\n1\r\nreplace b 0 0 1\r\n1\r\n", "NOT_STORED\r\nNOT_STORED\r\n");
    client.ask("append b 0 0 1\r\n1\r\ncas b 0 0 1 7\r\n1\r\n", "NOT_STORED\r\nNOT_FOUND\r\n");
    client.ask("cas a 0 0 1 999999999\r\n1\r\n", "EXISTS\r\n");
    let slabs = report(&mut client, "slabs");
    for (name, expected) in [("1:get_hits", "1"), ("1:touch_hits", "2"), ("1:cmd_set", "6")] {
        assert_eq!(value(&slabs, name), expected, "{name}");
    }
}

#[test]
fn settings_report_the_flush_time() {
    let daemon = larder("--debug-commands").start();
    let mut client = daemon.connect();
    client.ask("debugtime p\r\n", "OK\r\n");
    assert_eq!(client.stat("settings", "oldest"), "0");
    client.ask("flush_all\r\n", "OK\r\n");
    let now: u64 = client.stat("settings", "oldest").parse().unwrap();
    assert!(now >= 60, "{now}");
    client.ask("flush_all 100\r\n", "OK\r\n");
    assert_eq!(client.stat("settings", "oldest"), (now + 99).to_string());
}

#[test]
fn stats_reset_zeroes_total_connections() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    assert_ne!(client.stat("", "total_connections"), "0");
    client.ask("stats reset\r\n", "RESET\r\n");
    assert_eq!(client.stat("", "total_connections"), "0");
}

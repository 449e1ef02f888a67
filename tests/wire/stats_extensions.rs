//! `stats advisor|hotkeys|families|memory|latency`: reports after known traffic, and errors with `-X`.

use crate::support::{Client, larder};

/// The names and values of a report, in order.
fn report_rows(client: &mut Client, topic: &str) -> Vec<(String, String)> {
    client.send(format!("stats {topic}\r\n"));
    let reply = client.read_until("END\r\n");
    reply
        .lines()
        .filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn value<'a>(report: &'a [(String, String)], name: &str) -> &'a str {
    let found = report.iter().find(|(known, _)| known == name);
    &found.unwrap_or_else(|| panic!("no {name} in {report:?}")).1
}

#[test]
fn hot_keys_are_listed_by_reads_writes_and_bytes() {
    let daemon = larder("--debug-commands").start();
    // Counts decay as time passes.
    daemon.stop_clock();
    let mut client = daemon.connect();
    client.ask("set read 0 0 1\r\nx\r\n", "STORED\r\n");
    client.ask(format!("set big/1 0 0 5000\r\n{}\r\n", "v".repeat(5000)), "STORED\r\n");
    for _ in 0..40 {
        client.ask("get read\r\n", "VALUE read 0 1\r\nx\r\nEND\r\n");
        client.ask("set written 0 0 1\r\nx\r\n", "STORED\r\n");
    }
    client.send("get big/1\r\n");
    client.read_until("END\r\n");
    let report = report_rows(&mut client, "hotkeys");
    assert_eq!(value(&report, "reads:1:key"), "read");
    assert_eq!(value(&report, "writes:1:key"), "written");
    assert_eq!(value(&report, "bytes_out:1:key"), "big%2F1");
    assert_eq!(value(&report, "bytes_out:1:count"), "5000");
    let reads: u64 = value(&report, "reads:1:count").parse().unwrap();
    assert!((35..=41).contains(&reads), "{reads}");
}

#[test]
fn key_families_report_items_reads_and_writes() {
    let daemon = larder("--debug-commands").start();
    // Counts decay as time passes.
    daemon.stop_clock();
    let mut client = daemon.connect();
    for number in 1000..1200 {
        client.ask(format!("set user:{number}:name 0 0 4\r\nabcd\r\n"), "STORED\r\n");
        client.ask(
            format!("get user:{number}:name user:{number}:absent\r\n").as_bytes(),
            format!("VALUE user:{number}:name 0 4\r\nabcd\r\nEND\r\n").as_bytes(),
        );
    }
    let report = report_rows(&mut client, "families");
    let rank =
        report.iter().find(|(_, shape)| shape == "user%3A*%3Aname").unwrap_or_else(|| panic!("{report:?}"));
    let rank = rank.0.strip_suffix(":shape").unwrap();
    let number = |name: &str| value(&report, &format!("{rank}:{name}")).parse::<u64>().unwrap();
    assert_eq!(number("items"), 200);
    assert!((180..=200).contains(&number("reads")) && number("hits") == number("reads"), "{report:?}");
    assert!(number("bytes") > 200 * 16 && number("writes") > 100);
}

#[test]
fn the_parts_of_memory_add_up_to_the_resident_size() {
    let daemon = larder("-m 64").start();
    let mut client = daemon.connect();
    let text = "v".repeat(1000);
    for key in 0..10_000 {
        client.send(format!("set {key} 0 0 1000 noreply\r\n{text}\r\n"));
    }
    client.ask("mn\r\n", "MN\r\n");
    let report = report_rows(&mut client, "memory");
    let [parts @ .., last] = &report[..] else { panic!("{report:?}") };
    let bytes = |row: &(String, String)| row.1.parse::<u64>().unwrap();
    assert_eq!(last.0, "resident");
    assert_eq!(parts.iter().map(bytes).sum::<u64>(), bytes(last));
    let items: u64 = value(&report, "slab_items").parse().unwrap();
    assert!((10_000_000..13_000_000).contains(&items), "{items}");
    assert!(bytes(last) < 40 << 20, "{report:?}");
}

#[test]
fn the_advisor_needs_more_samples_before_it_predicts() {
    let daemon = larder("").start();
    let report = report_rows(&mut daemon.connect(), "advisor");
    assert!(value(&report, "advice").contains("%20"));
    assert!(!report.iter().any(|(name, _)| name.starts_with("100:")), "{report:?}");
}

#[test]
fn latency_is_reported_per_kind_of_command() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for _ in 0..300 {
        client.ask("get k\r\n", "END\r\n");
    }
    let report = report_rows(&mut client, "latency");
    let of = |name: &str| value(&report, name).parse::<f64>().unwrap();
    assert!(of("get:count") >= 1.0);
    assert!(of("get:p50_us") <= of("get:p99_us") && of("get:p999_us") <= of("get:max_us"), "{report:?}");
}

#[test]
fn option_x_hides_keys() {
    let daemon = larder("-X").start();
    let mut client = daemon.connect();
    for topic in ["hotkeys", "families"] {
        client.ask(format!("stats {topic}\r\n"), "CLIENT_ERROR showing keys not allowed\r\n");
    }
    assert!(!report_rows(&mut client, "memory").is_empty());
}

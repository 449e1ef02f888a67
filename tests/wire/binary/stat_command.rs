//! Stat returns the reports of `stats` with a frame per value, and binary commands change the same counters as in
//! memcached.

use super::{ask, conversation, raw_conversation, read_reply};
use crate::support::frames::{Reply, Request, arithmetic, keyed, numbered, request, store, valued};
use crate::support::{Client, larder};

/// The names and values of a report, up to the frame without a key.
#[track_caller]
fn report(client: &mut Client, topic: &str) -> Vec<(String, String)> {
    client.send(keyed(0x10, topic).opaque(7).bytes());
    let mut rows = Vec::new();
    loop {
        let Reply { opcode, status, opaque, cas, extras, key, value } = read_reply(client);
        assert_eq!((opcode, status, opaque, cas, extras.len()), (0x10, 0, 7, 0, 0));
        if key.is_empty() {
            assert_eq!(value, b"");
            return rows;
        }
        rows.push((String::from_utf8(key).unwrap(), String::from_utf8(value).unwrap()));
    }
}

fn names(report: &[(String, String)]) -> Vec<&str> {
    report.iter().map(|(name, _)| name.as_str()).collect()
}

fn statistic(client: &mut Client, name: &str) -> u64 {
    let general = report(client, "");
    general.iter().find(|(known, _)| known == name).expect(name).1.parse().expect(name)
}

#[test]
fn reports_have_the_same_names_as_in_the_text_protocol() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    assert_eq!(ask(&mut client, &store(0x01, "k", 0, 0, "v")).status, 0);
    for topic in ["", "settings", "items", "slabs", "sizes"] {
        let mut text = daemon.connect();
        text.send(format!("stats {topic}\r\n"));
        let text = text.read_until("END\r\n");
        let text: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("STAT ")?.split(' ').next()).collect();
        let binary = report(&mut client, topic);
        assert_eq!(names(&binary), text, "{topic:?}");
        assert!(!text.is_empty() && binary.iter().all(|(_, value)| !value.is_empty()), "{topic:?}");
    }
    assert_eq!(report(&mut client, "settingsx"), report(&mut client, "settings"));
}

#[test]
fn sizes_are_reported_with_track_sizes() {
    let daemon = larder("-o track_sizes").start();
    let mut client = daemon.connect();
    assert_eq!(report(&mut client, "sizes"), []);
    for at in 0..500 {
        let size = if at < 3 { 1000 } else { 1 };
        assert_eq!(ask(&mut client, &store(0x01, format!("key{at}"), 0, 0, "v".repeat(size))).status, 0);
    }
    let mut text = daemon.connect();
    text.send("stats sizes\r\n");
    let report_in_text = text.read_until("END\r\n");
    let expected: Vec<(String, String)> = report_in_text
        .lines()
        .filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '))
        .map(|(size, count)| (size.to_owned(), count.to_owned()))
        .collect();
    assert_eq!(
        expected.iter().map(|(_, count)| count.as_str()).collect::<Vec<_>>(),
        ["497", "3"],
        "{report_in_text}"
    );
    assert_eq!(report(&mut client, "sizes"), expected);
    // Pipelined requests before and after it get their replies in order.
    let lines =
        conversation(&daemon, &[request(0x0a), keyed(0x10, "sizes"), request(0x0b), keyed(0x10, "sizes")]);
    assert_eq!(lines.len(), 1 + 3 + 1 + 3, "{lines:?}");
    assert_eq!((lines[0].as_str(), lines[4].as_str()), ("0a 0", "0b 0 value=1.6.45"));
}

#[test]
fn an_unknown_report_is_not_found() {
    let daemon = larder("").start();
    for topic in ["nosuch", "itemsx", "slabsx", "conns", "cachedump 1 0", "extstore", "res", "setting"] {
        assert_eq!(conversation(&daemon, &[keyed(0x10, topic)]), ["10 1 value=Not found"], "{topic}");
    }
}

#[test]
fn prefixes_are_counted_while_detail_is_on() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    assert_eq!(report(&mut client, "detail on"), []);
    for request in [
        store(0x01, "a:1", 0, 0, "v"),
        valued(0x0e, "a:1", "v"),
        store(0x02, "a:1", 0, 0, vec![b'v'; 20_000]),
        keyed(0x00, "a:1"),
        keyed(0x0c, "a:2"),
        numbered(0x1c, "a:1", 0),
        numbered(0x1d, "b:1", 0),
        keyed(0x04, "a:1"),
        keyed(0x04, "a:1").cas(9),
        keyed(0x00, "none"),
        arithmetic(0x05, "c:1", 1, 1, 0),
    ] {
        ask(&mut client, &request);
    }
    assert_eq!(report(&mut client, "detail off"), []);
    assert_eq!(ask(&mut client, &keyed(0x00, "a:1")).status, 1);
    let counted = "PREFIX a get 3 hit 2 set 3 del 2\r\nPREFIX b get 1 hit 0 set 0 del 0\r\nEND\r\n";
    assert_eq!(report(&mut client, "detail dump"), [("detailed".to_owned(), counted.to_owned())]);
    for topic in ["detail", "detail ", "detail nosuch", "detailon"] {
        assert_eq!(conversation(&daemon, &[keyed(0x10, topic)]), ["10 1 value=Not found"], "{topic}");
    }
    let daemon = larder("-X").start();
    assert_eq!(conversation(&daemon, &[keyed(0x10, "detail on")]), ["10 1 value=Not found"]);
}

#[test]
fn reset_zeroes_the_counters() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for topic in ["reset", "resetx"] {
        assert_eq!(ask(&mut client, &keyed(0x00, "k")).status, 1);
        assert_eq!(statistic(&mut client, "get_misses"), 1);
        assert_eq!(report(&mut client, topic), []);
        assert_eq!(statistic(&mut client, "get_misses"), 0);
    }
}

#[test]
fn settings_report_the_protocol() {
    for (args, name) in [("", "auto-negotiate"), ("-B auto", "auto-negotiate"), ("-B binary", "binary")] {
        let daemon = larder(args).start();
        let settings = report(&mut daemon.connect(), "settings");
        assert!(settings.contains(&("binding_protocol".to_owned(), name.to_owned())), "{args}");
        assert!(settings.contains(&("auth_enabled_sasl".to_owned(), "no".to_owned())), "{args}");
    }
    let daemon = larder("-B ascii").start();
    assert_eq!(daemon.connect().stat("settings", "binding_protocol"), "ascii");
}

#[test]
fn commands_change_the_counters_of_memcached() {
    let daemon = larder("-F").start();
    let mut client = daemon.connect();
    let too_large = store(0x01, "big", 0, 0, vec![b'v'; 1 << 20]);
    let table: Vec<(Request, &str)> = vec![
        (store(0x01, "k", 0, 0, "1"), "cmd_set total_items"),
        (store(0x02, "k", 0, 0, "1"), "cmd_set"),
        (store(0x03, "none", 0, 0, "1"), "cmd_set"),
        (store(0x01, "k", 0, 0, "1").cas(1 << 40), "cmd_set cas_badval"),
        (store(0x01, "none", 0, 0, "1").cas(9), "cmd_set cas_misses"),
        (valued(0x0e, "k", "2"), "cmd_set total_items"),
        (valued(0x0f, "k", "2").cas(1 << 40), "cmd_set"),
        (too_large, ""),
        (keyed(0x00, "k"), "cmd_get get_hits"),
        (keyed(0x0c, "none"), "cmd_get get_misses"),
        (numbered(0x1c, "k", 0), "cmd_touch touch_hits"),
        (numbered(0x1c, "none", 0), "cmd_touch touch_misses"),
        (numbered(0x1d, "k", 0), "cmd_touch touch_hits"),
        (numbered(0x23, "none", 0), "cmd_touch touch_misses"),
        (arithmetic(0x05, "k", 1, 0, 0), "incr_hits"),
        (arithmetic(0x05, "none", 1, 0, u32::MAX), "incr_misses"),
        (arithmetic(0x05, "made", 1, 0, 0), "total_items"),
        (arithmetic(0x06, "k", 1, 0, 0), "decr_hits"),
        (arithmetic(0x06, "none", 1, 0, u32::MAX), "decr_misses"),
        (keyed(0x04, "none"), "delete_misses"),
        (keyed(0x04, "k").cas(1 << 40), ""),
        (keyed(0x04, "k"), "delete_hits"),
        (request(0x08), ""),
    ];
    const COUNTED: &str = "cmd_set cmd_get cmd_touch cmd_flush get_hits get_misses touch_hits touch_misses \
        incr_hits incr_misses decr_hits decr_misses delete_hits delete_misses cas_hits cas_misses cas_badval \
        store_too_large total_items auth_cmds auth_errors";
    for (at, (request, changed)) in table.iter().enumerate() {
        report(&mut client, "reset");
        ask(&mut client, request);
        let general = report(&mut client, "");
        let counted = general.iter().filter(|(name, value)| {
            COUNTED.split_whitespace().any(|counter| counter == name) && value != "0"
        });
        let counted: Vec<&str> = counted.map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            counted,
            changed.split_whitespace().collect::<Vec<_>>(),
            "row {at}, {:02x}",
            request.opcode
        );
    }
}

#[test]
fn a_compare_and_swap_that_stores_counts_as_cas_hit() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let cas = ask(&mut client, &store(0x01, "k", 0, 0, "1")).cas;
    assert_eq!(ask(&mut client, &store(0x03, "k", 0, 0, "2").cas(cas)).status, 0);
    assert_eq!((statistic(&mut client, "cas_hits"), statistic(&mut client, "cmd_set")), (1, 2));
}

#[test]
fn detail_dump_is_returned_as_one_value() {
    let daemon = larder("").start();
    let commands = [
        keyed(0x10, "detail on"),
        store(0x01, "a:1", 0, 0, "v"),
        store(0x01, "a:2", 0, 0, "v".repeat(100_000)),
        keyed(0x00, "a:1"),
        keyed(0x00, "a:3"),
        numbered(0x1c, "a:1", 0),
        keyed(0x04, "a:1"),
        arithmetic(0x05, "a:n", 1, 1, 0),
        keyed(0x10, "detail dump"),
        keyed(0x10, "detail off"),
        store(0x01, "a:1", 0, 0, "v"),
        keyed(0x10, "detail dumpx"),
    ];
    let replies = raw_conversation(&daemon, &commands.iter().flat_map(Request::bytes).collect::<Vec<_>>());
    let dumps: Vec<&Reply> = replies.iter().filter(|reply| reply.key == b"detailed").collect();
    assert_eq!(dumps.len(), 2);
    for dump in dumps {
        assert_eq!(dump.value, b"PREFIX a get 3 hit 2 set 2 del 1\r\nEND\r\n");
    }
    for topic in ["detail", "detail ", "detail x"] {
        assert_eq!(ask(&mut daemon.connect(), &keyed(0x10, topic)).status, 1, "{topic}");
    }
    let refusing = larder("-X").start();
    assert_eq!(ask(&mut refusing.connect(), &keyed(0x10, "detail on")).status, 1);
}

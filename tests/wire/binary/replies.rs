//! Every command of the binary protocol gets memcached's status, text, extras, key and value.

use super::{ask, conversation};
use crate::support::frames::{Request, arithmetic, keyed, numbered, request, store, valued};
use crate::support::larder;

/// The exptime by which incr and decr do not create an item.
const DO_NOT_CREATE: u32 = u32::MAX;

/// Sends requests to a new daemon and compares the summaries of the replies.
#[track_caller]
fn check(args: &str, table: &[(Request, &str)]) {
    let daemon = larder(args).start();
    let requests: Vec<Request> = table.iter().map(|(request, _)| request.clone()).collect();
    let lines = conversation(&daemon, &requests);
    for (at, (request, expected)) in table.iter().enumerate() {
        let line = lines.get(at).map_or("no reply", String::as_str);
        assert_eq!(line, *expected, "reply {at}, to {:02x} {}", request.opcode, request.key.escape_ascii());
    }
    assert_eq!(lines.len(), table.len());
}

#[test]
fn retrieval_commands() {
    check(
        "",
        &[
            (store(0x01, "k", 0x0102_0304, 0, "value"), "01 0 cas"),
            (keyed(0x00, "k"), "00 0 +01020304 value=value cas"),
            (keyed(0x09, "k"), "09 0 +01020304 value=value cas"),
            (keyed(0x0c, "k"), "0c 0 +01020304 key=k value=value cas"),
            (keyed(0x0d, "k"), "0d 0 +01020304 key=k value=value cas"),
            (numbered(0x1d, "k", 0), "1d 0 +01020304 value=value cas"),
            (numbered(0x1e, "k", 0), "1e 0 +01020304 value=value cas"),
            (numbered(0x23, "k", 0), "23 0 +01020304 key=k value=value cas"),
            (numbered(0x24, "k", 0), "24 0 +01020304 key=k value=value cas"),
            (numbered(0x1c, "k", 0), "1c 0 +01020304 cas"),
            (keyed(0x00, "none"), "00 1 value=Not found"),
            (keyed(0x0c, "none"), "0c 1 key=none"),
            (numbered(0x1d, "none", 0), "1d 1 value=Not found"),
            (numbered(0x23, "none", 0), "23 1 key=none"),
            (numbered(0x1c, "none", 0), "1c 1 value=Not found"),
        ],
    );
}

#[test]
fn storage_commands() {
    check(
        "",
        &[
            (store(0x03, "k", 0, 0, "r"), "03 1 value=Not found"),
            (valued(0x0e, "k", "a"), "0e 5 value=Not stored."),
            (valued(0x0f, "k", "p"), "0f 5 value=Not stored."),
            (valued(0x0e, "k", "a").cas(9), "0e 5 value=Not stored."),
            (store(0x02, "k", 7, 0, "1"), "02 0 cas"),
            (store(0x02, "k", 0, 0, "2"), "02 2 value=Data exists for key."),
            (valued(0x0e, "k", "2"), "0e 0 cas"),
            (valued(0x0f, "k", "0"), "0f 0 cas"),
            (valued(0x0e, "k", ""), "0e 0 cas"),
            (keyed(0x00, "k"), "00 0 +00000007 value=012 cas"),
            (store(0x03, "k", 0, 0, ""), "03 0 cas"),
            (keyed(0x00, "k"), "00 0 +00000000 cas"),
            (keyed(0x04, "k"), "04 0"),
            (keyed(0x04, "k"), "04 1 value=Not found"),
        ],
    );
}

#[test]
fn arithmetic_commands() {
    check(
        "",
        &[
            (arithmetic(0x05, "n", 1, 10, DO_NOT_CREATE), "05 1 value=Not found"),
            (arithmetic(0x06, "n", 1, 10, DO_NOT_CREATE), "06 1 value=Not found"),
            (arithmetic(0x05, "n", 1, 10, 0), "05 0 value=\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\n cas"),
            (arithmetic(0x05, "n", 5, 0, 0), "05 0 value=\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x0f cas"),
            (
                arithmetic(0x06, "n", 9, 0, DO_NOT_CREATE),
                "06 0 value=\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x06 cas",
            ),
            // A shorter number is padded with spaces, as in the text protocol.
            (keyed(0x00, "n"), "00 0 +00000000 value=6  cas"),
            (arithmetic(0x06, "n", 7, 0, 0), "06 0 value=\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00 cas"),
            (
                arithmetic(0x06, "m", 1, u64::MAX, 0),
                "06 0 value=\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff cas",
            ),
            (arithmetic(0x05, "m", 2, 0, 0), "05 0 value=\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01 cas"),
            (store(0x01, "x", 0, 0, "x"), "01 0 cas"),
            (arithmetic(0x05, "x", 1, 0, 0), "05 6 value=Non-numeric server-side value for incr or decr"),
            // The CAS unique is ignored if the item is missing.
            (
                arithmetic(0x05, "o", 1, 3, 0).cas(99),
                "05 0 value=\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x03 cas",
            ),
        ],
    );
}

#[test]
fn administration_commands() {
    check(
        "",
        &[
            (store(0x01, "k", 0, 0, "v"), "01 0 cas"),
            (request(0x0a), "0a 0"),
            (request(0x0b), "0b 0 value=1.6.45"),
            (numbered(0x1b, "", 1), "1b 0"),
            (request(0x08), "08 0"),
            (keyed(0x00, "k"), "00 1 value=Not found"),
            (store(0x01, "k", 0, 0, "v"), "01 0 cas"),
            (numbered(0x08, "", 100_000), "08 0"),
            (keyed(0x00, "k"), "00 0 +00000000 value=v cas"),
            (request(0x07), "07 0"),
        ],
    );
}

#[test]
fn option_f_disables_flush() {
    check(
        "-F",
        &[
            (store(0x01, "k", 0, 0, "v"), "01 0 cas"),
            (request(0x08), "08 20 value=Auth failure."),
            (request(0x18), "18 20 value=Auth failure."),
            (keyed(0x00, "k"), "00 0 +00000000 value=v cas"),
        ],
    );
}

#[test]
fn exptimes_are_unsigned() {
    let daemon = larder("").start();
    let stored: Vec<Request> = [0, 100_000, 2_592_000, 2_592_001, 1 << 31, u32::MAX]
        .map(|exptime| store(0x11, exptime.to_string(), 0, exptime, "v"))
        .to_vec();
    assert!(conversation(&daemon, &stored).is_empty());
    let mut client = daemon.connect();
    for (key, status) in
        [("0", 0), ("100000", 0), ("2592000", 0), ("2592001", 1), ("2147483648", 0), ("4294967295", 0)]
    {
        assert_eq!(ask(&mut client, &keyed(0x00, key)).status, status, "{key}");
    }
    assert_eq!(ask(&mut client, &numbered(0x1c, "0", 2_592_001)).status, 0);
    assert_eq!(ask(&mut client, &numbered(0x1d, "100000", 2_592_001)).status, 0);
    assert_eq!(ask(&mut client, &arithmetic(0x05, "n", 1, 1, 2_592_001)).status, 0);
    for key in ["0", "100000", "n"] {
        assert_eq!(ask(&mut client, &keyed(0x00, key)).status, 1, "{key} has expired");
    }
}

#[test]
fn every_command_that_changes_an_item_compares_the_cas_unique() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let mut cas = ask(&mut client, &store(0x01, "k", 0, 0, "1")).cas;
    let changes = [
        store(0x01, "k", 0, 0, "2"),
        store(0x02, "k", 0, 0, "3"),
        store(0x03, "k", 0, 0, "4"),
        valued(0x0e, "k", "5"),
        valued(0x0f, "k", "6"),
        arithmetic(0x05, "k", 1, 0, 0),
        arithmetic(0x06, "k", 1, 0, 0),
    ];
    for change in changes {
        let refused = ask(&mut client, &change.clone().cas(cas + 1000));
        assert_eq!(refused.summary(), format!("{:02x} 2 value=Data exists for key.", change.opcode));
        let done = ask(&mut client, &change.clone().cas(cas));
        assert_eq!((done.status, done.cas > cas), (0, true), "{:02x}", change.opcode);
        cas = done.cas;
    }
    assert_eq!(ask(&mut client, &keyed(0x00, "k")).summary(), "00 0 +00000000 value=645 cas");
    assert_eq!(ask(&mut client, &keyed(0x04, "k").cas(cas + 1)).summary(), "04 2 value=Data exists for key.");
    assert_eq!(ask(&mut client, &keyed(0x04, "k").cas(cas)).summary(), "04 0");
    for opcode in 0x01..=0x03 {
        let line = format!("{opcode:02x} 1 value=Not found");
        assert_eq!(ask(&mut client, &store(opcode, "k", 0, 0, "v").cas(cas)).summary(), line);
    }
}

#[test]
fn without_cas_set_and_append_ignore_uniques_and_other_commands_refuse_them() {
    check(
        "-C",
        &[
            (store(0x01, "k", 0, 0, "1").cas(7), "01 0"),
            (store(0x01, "k", 0, 0, "2").cas(7), "01 0"),
            (store(0x02, "k", 0, 0, "3").cas(7), "02 2 value=Data exists for key."),
            (valued(0x0e, "k", "4").cas(7), "0e 0"),
            (keyed(0x00, "k"), "00 0 +00000000 value=24"),
            (arithmetic(0x05, "k", 1, 0, 0).cas(7), "05 2 value=Data exists for key."),
            (keyed(0x04, "k").cas(7), "04 2 value=Data exists for key."),
            (keyed(0x04, "k"), "04 0"),
        ],
    );
}

#[test]
fn replies_repeat_the_opaque_number() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for request in [request(0x0a), request(0x0b), keyed(0x00, "none"), keyed(0x0c, "none"), request(0x77)] {
        let reply = ask(&mut client, &request.clone().opaque(0xDEAD_BEEF));
        assert_eq!(reply.opaque, 0xDEAD_BEEF, "{:02x}", request.opcode);
    }
}

#[test]
fn keys_may_contain_any_byte_and_both_protocols_share_items() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let key = b"\0 \r\n\xff";
    assert_eq!(ask(&mut client, &store(0x01, key, 0, 0, "v")).status, 0);
    assert_eq!(ask(&mut client, &keyed(0x0c, key)).key, key);
    let longest = "k".repeat(250);
    assert_eq!(ask(&mut client, &store(0x01, &longest, 5, 0, "v")).status, 0);
    daemon.connect().ask(format!("get {longest}\r\n"), format!("VALUE {longest} 5 1\r\nv\r\nEND\r\n"));
    daemon.connect().ask("set t 9 0 4\r\ntext\r\n", "STORED\r\n");
    assert_eq!(ask(&mut client, &keyed(0x00, "t")).summary(), "00 0 +00000009 value=text cas");
}

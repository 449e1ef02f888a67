//! Where a login is asked for, no command of any protocol does anything before it, over any transport; the third wrong
//! password closes; and where TLS is asked for, nothing is heard without it.
//!
//! The commands are those of `memcached_compatibility.rs`, which is held to the words of the source, so that
//! a new one cannot be forgotten here.

use crate::binary::{ask, hear_close, heard_to_close};
use crate::memcached_compatibility::{META_FLAGS, TEXT, binary};
use crate::support::frames::{Reply, Request, keyed, replies, request, valued};
use crate::support::{Client, larder};
use crate::transports::{Everywhere, TRANSPORTS, Transport};
use std::collections::BTreeSet;

const LOGIN: &str = "set auth 0 0 10\r\nann secret\r\n";
const WRONG: &str = "set auth 0 0 9\r\nann wrong\r\n";
const UNAUTHENTICATED: &str = "CLIENT_ERROR unauthenticated\r\n";
const FAILURE: &str = "CLIENT_ERROR authentication failure\r\n";

/// Everything that somebody who has not logged in by text may hear.
const REFUSALS: [&str; 4] = [
    "CLIENT_ERROR unauthenticated",
    "CLIENT_ERROR authentication failure",
    "CLIENT_ERROR bad authentication token format",
    "CLIENT_ERROR bad command line termination",
];

/// Figures that some command would have moved.
const COUNTERS: [&str; 5] = ["cmd_get", "cmd_set", "cmd_touch", "cmd_flush", "cmd_meta"];

/// The words that the parsers compare with.
fn words_of_the_source() -> BTreeSet<String> {
    let sources = [
        include_str!("../../src/protocol/classic.rs"),
        include_str!("../../src/protocol/operator_commands.rs"),
    ];
    let mut words = BTreeSet::new();
    for source in sources {
        let code = source.split("#[cfg(test)]").next().unwrap();
        for literal in code.split("b\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            if !literal.is_empty() {
                words.insert(literal.to_owned());
            }
        }
    }
    words
}

#[test]
fn every_word_of_the_source_is_in_the_table_of_commands() {
    let words = words_of_the_source();
    for known in ["get", "cas", "mn", "watch", "lru_crawler", "debugtime"] {
        assert!(words.contains(known), "{known} is not found in the source");
    }
    let table: BTreeSet<&str> =
        TEXT.iter().flat_map(|(_, request, _)| request.split_ascii_whitespace()).collect();
    let missing: Vec<_> = words.iter().filter(|word| !table.contains(word.as_str())).collect();
    // No commands, but words within one.
    let arguments = ARGUMENTS.split_whitespace().collect::<BTreeSet<_>>();
    assert!(missing.iter().all(|word| arguments.contains(word.as_str())), "not in the table: {missing:?}");
}

/// What follows a command, and what memcached does not have.
const ARGUMENTS: &str = "HTTP/ flat freeratio graceful hash noreply proxyevents proxyreqs proxyuser r ratio rawcmds \
    window advisor families hotkeys latency memory why";

/// Texts to send: every command and flag, every word alone, and with something behind it.
fn lines() -> Vec<String> {
    let tables = TEXT.iter().chain(META_FLAGS).map(|(_, request, _)| (*request).to_owned());
    let words = words_of_the_source();
    tables
        .chain(words.iter().flat_map(|word| [format!("{word}\r\n"), format!("{word} k 0 0 1\r\n1\r\n")]))
        .collect()
}

/// Every opcode without a body, and every command as it should be.
fn frames() -> Vec<Request> {
    (0..=255).map(request).chain(binary().into_iter().map(|(_, request, _)| request)).collect()
}

/// True for what memcached lets anybody ask.
fn is_open_to_all(opcode: u8) -> bool {
    matches!(opcode, 0x0b | 0x20..=0x22)
}

#[track_caller]
fn is_untouched(client: &mut Client, by: Transport) {
    for counter in COUNTERS {
        assert_eq!(client.stat("", counter), "0", "{counter}, {by:?}");
    }
    client.ask("get k\r\n", "END\r\n");
    client.ask("stats reset\r\n", "RESET\r\n");
}

#[test]
fn text_is_refused_line_by_line() {
    let everywhere = Everywhere::start("-A --debug-commands -Y {users}");
    let mut operator = everywhere.connect(Transport::Tcp);
    operator.ask(LOGIN, "STORED\r\n");
    for by in TRANSPORTS {
        for line in lines() {
            let mut client = everywhere.connect(by);
            client.send(&line);
            client.close_sending();
            let heard = client.read_to_close();
            assert!(heard.lines().all(|line| REFUSALS.contains(&line)), "{by:?} {line:?}: {heard:?}");
            let quits = line.starts_with("quit\r\n");
            assert!(quits != heard.ends_with("\r\n"), "{by:?} {line:?}: {heard:?}");
        }
        is_untouched(&mut operator, by);
    }
}

#[test]
fn frames_mean_nothing_where_text_alone_is_let_in() {
    let everywhere = Everywhere::start("-Y {users}");
    let mut operator = everywhere.connect(Transport::Tcp);
    operator.ask(LOGIN, "STORED\r\n");
    for by in TRANSPORTS {
        for frame in frames() {
            let mut client = everywhere.connect(by);
            client.send([&frame.bytes()[..], b"\r\n"].concat());
            client.close_sending();
            let heard = client.read_to_close();
            assert!(heard.lines().all(|line| line == REFUSALS[0]), "{by:?} {:02x}: {heard:?}", frame.opcode);
        }
        is_untouched(&mut operator, by);
    }
}

#[test]
fn frames_are_refused_one_by_one() {
    let everywhere = Everywhere::start("-S");
    for by in TRANSPORTS {
        for frame in frames().into_iter().filter(|frame| !is_open_to_all(frame.opcode)) {
            let mut client = everywhere.connect(by);
            client.send([frame.bytes(), request(0x0b).bytes()].concat());
            let heard = replies(&heard_to_close(&mut client));
            let lines: Vec<_> = heard.iter().map(Reply::summary).collect();
            assert_eq!(lines, [format!("{:02x} 20 value=Auth failure.", frame.opcode)], "{by:?}");
        }
        for line in lines() {
            let mut client = everywhere.connect(by);
            client.send(&line);
            assert_eq!(client.read_to_close(), "", "{by:?} {line:?}");
        }
        let mut known = everywhere.connect(by);
        assert_eq!(ask(&mut known, &request(0x0b)).summary(), "0b 0 value=1.6.45");
        assert_eq!(ask(&mut known, &valued(0x21, "PLAIN", "\0ann\0secret")).status, 0, "{by:?}");
        for key in ["k", "a"] {
            assert_eq!(ask(&mut known, &keyed(0x00, key)).summary(), "00 1 value=Not found", "{by:?}");
        }
    }
}

#[test]
fn the_third_wrong_password_closes() {
    let text = Everywhere::start("-Y {users}");
    let binary = Everywhere::start("-S");
    for by in TRANSPORTS {
        let mut client = text.connect(by);
        client.ask(WRONG, FAILURE);
        client.ask(WRONG, FAILURE);
        client.ask("get k\r\n", UNAUTHENTICATED);
        client.send(format!("{WRONG}{LOGIN}"));
        assert_eq!(client.read_to_close(), FAILURE, "{by:?}");
        text.connect(by).ask(format!("{LOGIN}get k\r\n"), "STORED\r\nEND\r\n");

        let mut client = binary.connect(by);
        let wrong = valued(0x21, "PLAIN", "\0ann\0wrong");
        for _ in 0..3 {
            assert_eq!(ask(&mut client, &wrong).summary(), "21 20 value=Auth failure.", "{by:?}");
        }
        hear_close(&mut client);
        let mut client = binary.connect(by);
        assert_eq!(ask(&mut client, &valued(0x21, "PLAIN", "\0ann\0secret")).status, 0, "{by:?}");
        assert_eq!(ask(&mut client, &request(0x0a)).status, 0, "{by:?}");
    }
}

#[test]
fn udp_does_not_go_with_a_login() {
    let everywhere = Everywhere::start("-Y {users}");
    let users = everywhere.users();
    let (line, status) = larder("-U -1").arg("-Y").arg(&users).refusal();
    assert_eq!(
        (line.as_str(), status),
        ("Cannot use UDP with ascii authentication enabled (-U 0 to disable)", 64)
    );
    let (line, status) = larder("-U -1 -S").env("MEMCACHED_SASL_PWDB", &users).refusal();
    assert_eq!(
        (line.as_str(), status),
        ("ERROR: Cannot enable UDP while using binary SASL authentication.", 64)
    );
}

#[test]
fn without_tls_nothing_is_heard_where_it_is_asked_for() {
    let everywhere = Everywhere::start("-A --debug-commands");
    let mut operator = everywhere.connect(Transport::Tcp);
    for by in [Transport::Tls, Transport::MutualTls] {
        let texts = lines().into_iter().map(String::into_bytes);
        for said in texts.chain(frames().iter().map(Request::bytes)).chain([LOGIN.into(), b"\r\n".to_vec()]) {
            let mut client = everywhere.connect_in_the_clear(by);
            client.send(&said);
            client.close_sending();
            let heard = heard_to_close(&mut client);
            // At most an alert of TLS: type 21, then version, length, and the two bytes that say why.
            let alert = heard.len() == 7 && heard[0] == 21;
            assert!(heard.is_empty() || alert, "{by:?} {}: {heard:?}", said.escape_ascii());
        }
        is_untouched(&mut operator, by);
    }
}

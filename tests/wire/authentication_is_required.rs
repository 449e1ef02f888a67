//! With a login required, no command of any protocol has an effect before it, on any transport, and the third wrong
//! password closes the connection. With TLS required, a connection without it gets no reply.
//!
//! The commands are those of `memcached_compatibility.rs`. That table is checked against the parser's source, so that
//! no new command is left out.

use crate::binary::{ask, expect_close, read_to_close};
use crate::memcached_compatibility::{META_FLAGS, TEXT, binary};
use crate::support::frames::{Reply, Request, keyed, replies, request, valued};
use crate::support::{Client, larder};
use crate::transports::{AllTransports, TRANSPORTS, Transport};
use std::collections::BTreeSet;

const LOGIN: &str = "set auth 0 0 10\r\nann secret\r\n";
const WRONG: &str = "set auth 0 0 9\r\nann wrong\r\n";
const UNAUTHENTICATED: &str = "CLIENT_ERROR unauthenticated\r\n";
const FAILURE: &str = "CLIENT_ERROR authentication failure\r\n";

/// All replies that a client without a login may get in the text protocol.
const REFUSALS: [&str; 4] = [
    "CLIENT_ERROR unauthenticated",
    "CLIENT_ERROR authentication failure",
    "CLIENT_ERROR bad authentication token format",
    "CLIENT_ERROR bad command line termination",
];

/// Counters that some command would have changed.
const COUNTERS: [&str; 5] = ["cmd_get", "cmd_set", "cmd_touch", "cmd_flush", "cmd_meta"];

/// The words in the source of the parsers.
fn source_words() -> BTreeSet<String> {
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
fn every_command_of_the_source_is_in_the_table() {
    let words = source_words();
    for known in ["get", "cas", "mn", "watch", "lru_crawler", "debugtime"] {
        assert!(words.contains(known), "{known} is not found in the source");
    }
    let table: BTreeSet<&str> =
        TEXT.iter().flat_map(|(_, request, _)| request.split_ascii_whitespace()).collect();
    let missing: Vec<_> = words.iter().filter(|word| !table.contains(word.as_str())).collect();
    // Arguments are not in the table.
    let arguments = ARGUMENTS.split_whitespace().collect::<BTreeSet<_>>();
    assert!(missing.iter().all(|word| arguments.contains(word.as_str())), "not in the table: {missing:?}");
}

/// Arguments, and commands that memcached does not have.
const ARGUMENTS: &str = "HTTP/ flat freeratio graceful hash noreply proxyevents proxyreqs proxyuser r ratio rawcmds \
    window advisor families hotkeys latency memory why";

/// Lines to send: every command and flag, every word alone, and every word with arguments.
fn lines() -> Vec<String> {
    let tables = TEXT.iter().chain(META_FLAGS).map(|(_, request, _)| (*request).to_owned());
    let words = source_words();
    tables
        .chain(words.iter().flat_map(|word| [format!("{word}\r\n"), format!("{word} k 0 0 1\r\n1\r\n")]))
        .collect()
}

/// Every opcode without a body, and a valid frame for every command.
fn frames() -> Vec<Request> {
    (0..=255).map(request).chain(binary().into_iter().map(|(_, request, _)| request)).collect()
}

/// True for the commands that need no login.
fn needs_no_login(opcode: u8) -> bool {
    matches!(opcode, 0x0b | 0x20..=0x22)
}

#[track_caller]
fn assert_nothing_executed(client: &mut Client, by: Transport) {
    for counter in COUNTERS {
        assert_eq!(client.stat("", counter), "0", "{counter}, {by:?}");
    }
    client.ask("get k\r\n", "END\r\n");
    client.ask("stats reset\r\n", "RESET\r\n");
}

#[test]
fn every_text_command_is_refused_before_the_login() {
    let server = AllTransports::start("-A --debug-commands -Y {users}");
    let mut operator = server.connect(Transport::Tcp);
    operator.ask(LOGIN, "STORED\r\n");
    for by in TRANSPORTS {
        for line in lines() {
            let mut client = server.connect(by);
            client.send(&line);
            client.close_sending();
            let received = client.read_to_close();
            assert!(received.lines().all(|line| REFUSALS.contains(&line)), "{by:?} {line:?}: {received:?}");
            let quits = line.starts_with("quit\r\n");
            assert!(quits != received.ends_with("\r\n"), "{by:?} {line:?}: {received:?}");
        }
        assert_nothing_executed(&mut operator, by);
    }
}

#[test]
fn frames_are_refused_by_a_text_login() {
    let server = AllTransports::start("-Y {users}");
    let mut operator = server.connect(Transport::Tcp);
    operator.ask(LOGIN, "STORED\r\n");
    for by in TRANSPORTS {
        for frame in frames() {
            let mut client = server.connect(by);
            client.send([&frame.bytes()[..], b"\r\n"].concat());
            client.close_sending();
            let received = client.read_to_close();
            assert!(
                received.lines().all(|line| line == REFUSALS[0]),
                "{by:?} {:02x}: {received:?}",
                frame.opcode
            );
        }
        assert_nothing_executed(&mut operator, by);
    }
}

#[test]
fn every_frame_is_refused_before_the_sasl_login() {
    let server = AllTransports::start("-S");
    for by in TRANSPORTS {
        for frame in frames().into_iter().filter(|frame| !needs_no_login(frame.opcode)) {
            let mut client = server.connect(by);
            client.send([frame.bytes(), request(0x0b).bytes()].concat());
            let received = replies(&read_to_close(&mut client));
            let lines: Vec<_> = received.iter().map(Reply::summary).collect();
            assert_eq!(lines, [format!("{:02x} 20 value=Auth failure.", frame.opcode)], "{by:?}");
        }
        for line in lines() {
            let mut client = server.connect(by);
            client.send(&line);
            assert_eq!(client.read_to_close(), "", "{by:?} {line:?}");
        }
        let mut known = server.connect(by);
        assert_eq!(ask(&mut known, &request(0x0b)).summary(), "0b 0 value=1.6.45");
        assert_eq!(ask(&mut known, &valued(0x21, "PLAIN", "\0ann\0secret")).status, 0, "{by:?}");
        for key in ["k", "a"] {
            assert_eq!(ask(&mut known, &keyed(0x00, key)).summary(), "00 1 value=Not found", "{by:?}");
        }
    }
}

#[test]
fn the_third_wrong_password_closes_the_connection() {
    let text = AllTransports::start("-Y {users}");
    let binary = AllTransports::start("-S");
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
        expect_close(&mut client);
        let mut client = binary.connect(by);
        assert_eq!(ask(&mut client, &valued(0x21, "PLAIN", "\0ann\0secret")).status, 0, "{by:?}");
        assert_eq!(ask(&mut client, &request(0x0a)).status, 0, "{by:?}");
    }
}

#[test]
fn udp_with_a_login_is_refused_at_startup() {
    let server = AllTransports::start("-Y {users}");
    let users = server.users();
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
fn connections_without_tls_get_no_reply_on_tls_addresses() {
    let server = AllTransports::start("-A --debug-commands");
    let mut operator = server.connect(Transport::Tcp);
    for by in [Transport::Tls, Transport::MutualTls] {
        let texts = lines().into_iter().map(String::into_bytes);
        for input in texts.chain(frames().iter().map(Request::bytes)).chain([LOGIN.into(), b"\r\n".to_vec()])
        {
            let mut client = server.connect_without_tls(by);
            client.send(&input);
            client.close_sending();
            let received = read_to_close(&mut client);
            // At most a TLS alert: type 21, version, length, and two bytes for level and reason.
            let alert = received.len() == 7 && received[0] == 21;
            assert!(received.is_empty() || alert, "{by:?} {}: {received:?}", input.escape_ascii());
        }
        assert_nothing_executed(&mut operator, by);
    }
}

//! Sessions called directly, without sockets.

use super::*;
use crate::clock::Clock;
use crate::commands::Settings;
use crate::store::{Settings as StoreSettings, Store};

fn engine() -> Engine {
    let store = Store::new(StoreSettings { hash_seed: Some(1), ..StoreSettings::default() });
    Engine::new(Settings::for_tests(), store, Clock::start())
}

/// The reply of a session to `input` and its progress, with a budget of `requests` requests.
fn advance(engine: &Engine, session: &mut Session, input: &[u8], requests: u32) -> (String, Progress) {
    let context =
        SessionContext { engine, counters: engine.counters().worker(0), fd: 1, entry: None, sender: None };
    let mut output = ReplyBuffer::default();
    let progress = session.advance(&context, input, &mut output, &mut Budget::new(requests));
    let reply: Vec<u8> = output.pieces(0).flatten().copied().collect();
    (String::from_utf8(reply).unwrap(), progress)
}

#[test]
fn a_call_ends_with_the_budget_and_the_next_one_resumes() {
    let engine = engine();
    let mut session = Session::new(&engine, AcceptedProtocol::Auto);
    let input = b"version\r\nversion\r\nversion\r\nver";
    let (reply, progress) = advance(&engine, &mut session, input, 2);
    assert_eq!(reply, "VERSION 1.6.45\r\n".repeat(2));
    assert_eq!(progress, Progress { consumed: 18, next: Next::More });
    let (reply, progress) = advance(&engine, &mut session, &input[18..], 2);
    assert_eq!(reply, "VERSION 1.6.45\r\n");
    assert_eq!(progress, Progress { consumed: 9, next: Next::Input });
}

#[test]
fn a_long_multiget_is_executed_in_bounded_parts() {
    let engine = engine();
    let mut session = Session::new(&engine, AcceptedProtocol::Auto);
    let mut input = format!("get{}\r\n", " k".repeat(900)).into_bytes();
    let mut calls = 0;
    let reply = loop {
        let (reply, progress) = advance(&engine, &mut session, &input, u32::MAX);
        input.drain(..progress.consumed);
        calls += 1;
        match progress.next {
            Next::More => assert_eq!(reply, ""),
            next => {
                assert_eq!(next, Next::Input);
                break reply;
            }
        }
    };
    assert_eq!((reply.as_str(), input.len()), ("END\r\n", 0));
    assert_eq!(calls, 900_u32.div_ceil(crate::protocol::limits::RETRIEVAL_PART_KEYS));
}

#[test]
fn an_invalid_key_replaces_the_whole_reply() {
    let engine = engine();
    let mut session = Session::new(&engine, AcceptedProtocol::Auto);
    advance(&engine, &mut session, b"set k 0 0 1\r\nx\r\n", u32::MAX);
    let input = format!("get{} {}\r\nversion\r\n", " k".repeat(800), "l".repeat(251)).into_bytes();
    let (reply, progress) = advance(&engine, &mut session, &input, u32::MAX);
    assert_eq!(reply, "CLIENT_ERROR bad command line format\r\nVERSION 1.6.45\r\n");
    assert_eq!(progress, Progress { consumed: input.len(), next: Next::Input });
}

#[test]
fn operator_commands_end_the_turn() {
    let engine = engine();
    for command in ["stats", "stats items", "stats slabs", "stats conns", "flush_all", "slabs reassign 1 2"] {
        let mut session = Session::new(&engine, AcceptedProtocol::Auto);
        let input = format!("{command}\r\nversion\r\n").into_bytes();
        let (reply, progress) = advance(&engine, &mut session, &input, u32::MAX);
        assert!(!reply.contains("VERSION"), "{command}");
        assert_eq!(progress, Progress { consumed: command.len() + 2, next: Next::More }, "{command}");
    }
}

#[test]
fn logins_are_delayed_after_failures() {
    let path = std::env::temp_dir().join(format!("larder-session-{}", std::process::id()));
    std::fs::write(&path, "ann:secret\n").unwrap();
    let auth_file = crate::auth::Credentials::read(&path, crate::auth::FileFormat::AuthFile).unwrap();
    std::fs::remove_file(&path).unwrap();
    let engine = engine().with_auth_file(Some(auth_file));
    let (wrong, right) = (b"set a 0 0 9\r\nann wrong\r\n", b"set a 0 0 10\r\nann secret\r\n");
    for _ in 0..3 {
        let mut session = Session::new(&engine, AcceptedProtocol::Auto);
        let (reply, _) = advance(&engine, &mut session, wrong, u32::MAX);
        assert_eq!(reply, "CLIENT_ERROR authentication failure\r\n");
    }
    let mut session = Session::new(&engine, AcceptedProtocol::Auto);
    let (reply, progress) = advance(&engine, &mut session, right, u32::MAX);
    assert_eq!((reply.as_str(), progress), ("", Progress { consumed: 0, next: Next::Delay(100) }));
    let (reply, progress) = advance(&engine, &mut session, right, u32::MAX);
    assert_eq!((reply.as_str(), progress.next), ("STORED\r\n", Next::Input));
}

#[test]
fn input_behind_the_end_is_not_executed() {
    let engine = engine();
    for (input, expected, end) in [
        (&b"quit\r\nset a 0 0 1\r\nx\r\n"[..], "", End::Closed),
        (b"GET / HTTP/1.1\r\nset a 0 0 1\r\nx\r\n", "", End::Refused),
        (&[b'x'; 3000], "CLIENT_ERROR line too long\r\n", End::Refused),
    ] {
        let mut session = Session::new(&engine, AcceptedProtocol::Auto);
        let (reply, progress) = advance(&engine, &mut session, input, u32::MAX);
        assert_eq!(reply, expected);
        assert_eq!(progress, Progress { consumed: input.len(), next: Next::End(end) });
    }
    assert_eq!(engine.counters().totals().cmd_set, 0);
}

#[test]
fn sessions_fit_in_64_bytes() {
    assert!(size_of::<Session>() <= 64, "{} bytes", size_of::<Session>());
}

//! With `-Y`, every request before the login gets an error, on every socket; after it all commands work.

use crate::support::{Client, Daemon, Folder, larder, wait_for};
use nix::sys::signal::Signal;
use std::fs;

const UNAUTHENTICATED: &str = "CLIENT_ERROR unauthenticated\r\n";
const FAILURE: &str = "CLIENT_ERROR authentication failure\r\n";
const LOGIN: &str = "set auth 0 0 10\r\nann secret\r\n";

/// A daemon with a password file, and the folder of that file.
fn guarded(users: &str) -> (Daemon, Folder) {
    let folder = Folder::new();
    let file = folder.file("users");
    fs::write(&file, users).unwrap();
    (larder("").arg("-Y").arg(&file).start(), folder)
}

/// Command lines; before the login their data blocks are not parsed.
const COMMANDS: [&str; 42] = [
    "get a",
    "gets a",
    "gat 0 a",
    "gats 0 a",
    "mg a v",
    "ms a 1",
    "md a",
    "ma a",
    "me a",
    "mn",
    "add a 0 0 1",
    "replace a 0 0 1",
    "append a 0 0 1",
    "prepend a 0 0 1",
    "cas a 0 0 1 1",
    "set a 0 0",
    "set a 0 0 x",
    "delete a",
    "incr a 1",
    "decr a 1",
    "touch a 0",
    "flush_all",
    "flush_all noreply",
    "version",
    "verbosity 1",
    "cache_memlimit 64",
    "stats",
    "stats settings",
    "stats items",
    "stats conns",
    "stats cachedump 1 0",
    "stats reset",
    "shutdown",
    "slabs automove 0",
    "lru tune",
    "lru_crawler metadump all",
    "watch fetchers",
    "refresh_certs",
    "debugtime p",
    "GET / HTTP/1.1",
    "",
    "a",
];

#[test]
fn commands_before_the_login_get_an_error() {
    let (daemon, _folder) = guarded("ann:secret\n");
    for command in COMMANDS {
        let mut client = daemon.connect_from_new_address();
        client.ask(format!("{command}\r\n"), UNAUTHENTICATED);
        client.ask("get a\r\nversion\n", UNAUTHENTICATED.repeat(2));
        client.ask(LOGIN, "STORED\r\n");
        client.ask("get a\r\nget auth\r\n", "END\r\nEND\r\n");
    }
}

#[test]
fn the_binary_protocol_is_disabled() {
    let (daemon, _folder) = guarded("ann:secret\n");
    for opcode in [0x00, 0x0a, 0x0b, 0x10, 0x20, 0x21] {
        let mut client = daemon.connect_from_new_address();
        let mut header = [0; 24];
        (header[0], header[1]) = (0x80, opcode);
        client.send(header);
        client.close_sending();
        let received = client.read_to_close();
        assert!(received.is_empty() || received == UNAUTHENTICATED, "{opcode}: {received:?}");
    }
}

#[test]
fn commands_after_the_login_work() {
    let (daemon, _folder) = guarded("ann:secret\nbob:with space:and colon\n");
    let mut client = daemon.connect_from_new_address();
    let stream = format!("{LOGIN}set auth 0 0 3\r\nnew\r\nget auth\r\nmg auth v\r\n");
    client.ask(stream, "STORED\r\nSTORED\r\nVALUE auth 0 3\r\nnew\r\nEND\r\nVA 3\r\nnew\r\n");
    let mut client = daemon.connect_from_new_address();
    client.ask(
        "set x y z 24 noreply\r\nbob with space:and colon\r\nget auth\r\n",
        "STORED\r\nVALUE auth 0 3\r\nnew\r\nEND\r\n",
    );
}

#[test]
fn a_login_may_be_split_anywhere() {
    let (daemon, _folder) = guarded("ann:secret\n");
    for at in 1..LOGIN.len() {
        let mut client = daemon.connect_from_new_address();
        client.send(&LOGIN[..at]);
        client.ask(&LOGIN[at..], "STORED\r\n");
    }
}

#[test]
fn failed_logins_do_not_reveal_which_part_is_wrong() {
    let (daemon, _folder) = guarded("ann:secret\n:anonymous\n");
    for (token, reply) in [
        ("ann secret", "STORED\r\n"),
        (" anonymous", "STORED\r\n"),
        ("ann secre", FAILURE),
        ("ann secret ", FAILURE),
        ("bob secret", FAILURE),
        ("ann ", FAILURE),
        (" ", FAILURE),
        ("annsecret", "CLIENT_ERROR bad authentication token format\r\n"),
        ("", "CLIENT_ERROR bad authentication token format\r\n"),
    ] {
        let mut client = daemon.connect_from_new_address();
        client.ask(format!("set auth 0 0 {}\r\n{token}\r\n", token.len()), reply);
    }
    let mut client = daemon.connect_from_new_address();
    client.ask("set auth 0 0 10\r\nann secretxx", "CLIENT_ERROR bad command line termination\r\n");
    client.ask(LOGIN, "STORED\r\n");
}

#[test]
fn the_third_failed_login_closes_the_connection() {
    let (daemon, _folder) = guarded("ann:secret\n");
    let wrong = "set auth 0 0 9\r\nann wrong\r\n";
    let mut client = daemon.connect_from_new_address();
    client.ask(wrong.repeat(2), FAILURE.repeat(2));
    client.ask("get a\r\n", UNAUTHENTICATED);
    client.send(format!("{wrong}{LOGIN}version\r\n"));
    assert_eq!(client.read_to_close(), FAILURE);
    let mut client = daemon.connect_from_new_address();
    client.ask(wrong.repeat(2), FAILURE.repeat(2));
    client.ask(LOGIN, "STORED\r\n");
}

#[test]
fn quit_long_lines_and_long_tokens_are_handled_before_the_login() {
    let (daemon, _folder) = guarded("ann:secret\n");
    for (sent, reply) in [
        ("quit\r\nversion\r\n".to_owned(), String::new()),
        ("x".repeat(3000), String::new()),
        ("\r\n".repeat(300), UNAUTHENTICATED.repeat(300)),
        ("\n".repeat(300), UNAUTHENTICATED.repeat(300)),
        (
            "set auth 0 0 16385\r\nversion\r\n".to_owned(),
            format!("CLIENT_ERROR auth token too long\r\n{UNAUTHENTICATED}"),
        ),
        ("set auth 0 0 4294967295\r\n".to_owned(), "CLIENT_ERROR auth token too long\r\n".to_owned()),
        (format!("set auth 0 0 16384\r\n{}\r\n", "x ".repeat(8192)), FAILURE.to_owned()),
        (
            format!("set auth 0 0 16385\r\n{}", "x".repeat(16_385)),
            "CLIENT_ERROR auth token too long\r\n".to_owned(),
        ),
    ] {
        let mut client = daemon.connect_from_new_address();
        client.send(&sent);
        client.close_sending();
        let received = client.read_to_close();
        assert!(received == reply, "{:.40}: {:.80}", sent, received);
    }
    daemon.connect_from_new_address().ask(LOGIN, "STORED\r\n");
}

#[test]
fn unix_sockets_require_the_login() {
    let folder = Folder::new();
    let file = folder.file("users");
    fs::write(&file, "ann:secret").unwrap();
    let socket = folder.file("socket");
    let _daemon = larder("").arg("-Y").arg(&file).arg("-s").arg(&socket).start();
    let mut client = Client::unix(&socket);
    client.ask("get a\r\n", UNAUTHENTICATED);
    client.ask(LOGIN, "STORED\r\n");
    client.ask("get a\r\n", "END\r\n");
}

#[test]
fn logins_are_counted_and_the_password_file_is_reported() {
    let (daemon, folder) = guarded("ann:secret\n");
    let mut client = daemon.connect_from_new_address();
    client.ask("set auth 0 0 9\r\nann wrong\r\n", FAILURE);
    client.ask(
        "get a\r\nset auth 0 0 1\r\nx\r\n",
        format!("{UNAUTHENTICATED}CLIENT_ERROR bad authentication token format\r\n"),
    );
    client.ask(LOGIN, "STORED\r\n");
    assert_eq!((client.stat("", "auth_cmds"), client.stat("", "auth_errors")), ("2".into(), "1".into()));
    let path = folder.file("users").display().to_string();
    assert_eq!(client.stat("settings", "auth_enabled_ascii"), path);
    assert_eq!(client.stat("settings", "auth_enabled_sasl"), "no");
    assert_eq!(client.stat("settings", "binding_protocol"), "ascii");
}

#[test]
fn sighup_reloads_the_password_file_and_an_invalid_file_is_ignored() {
    let (daemon, folder) = guarded("ann:secret\n");
    let file = folder.file("users");
    let mut known = daemon.connect_from_new_address();
    known.ask(LOGIN, "STORED\r\n");
    fs::write(&file, "bob:new\n").unwrap();
    daemon.connect_from_new_address().ask(LOGIN, "STORED\r\n");
    daemon.signal(Signal::SIGHUP);
    let bob = "set auth 0 0 7\r\nbob new\r\n";
    wait_for("the new password file", || {
        let mut client = daemon.connect_from_new_address();
        client.send(bob);
        (client.read_until("\r\n") == "STORED\r\n").then_some(())
    });
    daemon.connect_from_new_address().ask(LOGIN, FAILURE);
    known.ask("get a\r\n", "END\r\n");
    fs::write(&file, "nonsense\n").unwrap();
    daemon.signal(Signal::SIGHUP);
    wait_for("the warning in the log", || daemon.stderr().contains("nothing has changed").then_some(()));
    daemon.connect_from_new_address().ask(bob, "STORED\r\n");
    assert!(!daemon.stderr().contains("secret") && !daemon.stderr().contains("nonsense"));
}

#[test]
fn an_invalid_password_file_or_option_is_refused_at_startup() {
    let folder = Folder::new();
    let file = folder.file("users");
    let shown = file.display().to_string();
    let refusal = |args: &str| larder(args).arg("-Y").arg(&file).refusal();
    let (line, status) = refusal("");
    assert!(line.starts_with(&format!("Could not open authfile [{shown}] for reading, error")), "{line}");
    assert_eq!(status, 1);
    for text in ["", "\n", "invalid\n", "ann:1\n\nbob:2\n"] {
        fs::write(&file, text).unwrap();
        let malformed = format!("Authfile [{shown}] has a malformed entry. Should be 'user:password'");
        assert_eq!(refusal(""), (malformed, 1), "{text:?}");
    }
    fs::write(&file, "ann:secret\n").unwrap();
    let binary = "ERROR: You cannot allow the BINARY protocol while using ascii authentication tokens.";
    for args in ["-B binary", "-B auto"] {
        assert_eq!(refusal(args), (binary.to_owned(), 64), "{args}");
    }
    let (line, status) = larder("-Y").arg("").refusal();
    assert!(line.starts_with("Could not open authfile []"), "{line}");
    assert_eq!(status, 1);
    larder("-B ascii").arg("-Y").arg(&file).start().connect().ask("get a\r\n", UNAUTHENTICATED);
}

//! SASL PLAIN with `-S`: valid and failed logins, the number of attempts, and counters.

use super::{ask, conversation, expect_close, read_reply};
use crate::support::frames::{Request, keyed, request, valued};
use crate::support::{Client, Daemon, Folder, larder};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs;

const USERS: &str = "# users\n\nann:secret\nbob:pass:word\n";

/// A daemon with the users `ann` and `bob`, and the folder of its password file.
pub fn guarded() -> (Daemon, Folder) {
    let folder = Folder::new();
    fs::write(folder.file("users"), USERS).unwrap();
    let daemon = larder("-S").env("MEMCACHED_SASL_PWDB", folder.file("users")).start();
    (daemon, folder)
}

/// A PLAIN login in one message.
pub fn login(user: &str, password: &str) -> Request {
    valued(0x21, "PLAIN", format!("\0{user}\0{password}"))
}

fn is_logged_in(client: &mut Client) -> bool {
    let status = ask(client, &request(0x0a)).status;
    assert!(matches!(status, 0 | 0x20), "{status:x}");
    status == 0
}

#[test]
fn users_of_the_password_file_can_log_in() {
    let (daemon, _folder) = guarded();
    for (user, password) in [("ann", "secret"), ("bob", "pass:word"), ("bob", "pass")] {
        let mut client = daemon.connect_from_new_address();
        assert_eq!(ask(&mut client, &login(user, password)).summary(), "21 0 value=Authenticated", "{user}");
        assert!(is_logged_in(&mut client), "{user}");
    }
    let mut client = daemon.connect_from_new_address();
    let as_herself = valued(0x21, "PLAIN", "ann\0ann\0secret");
    assert_eq!(ask(&mut client, &as_herself).summary(), "21 0 value=Authenticated");
}

#[test]
fn a_password_file_replaced_by_a_pipe_does_not_block_logins() {
    let (daemon, folder) = guarded();
    fs::remove_file(folder.file("users")).unwrap();
    mkfifo(&folder.file("users"), Mode::S_IRWXU).unwrap();
    let mut client = daemon.connect_from_new_address();
    assert_eq!(ask(&mut client, &login("ann", "wrong")).status, 0x20);
    assert_eq!(ask(&mut client, &login("ann", "secret")).status, 0);
}

#[test]
fn plain_is_the_only_mechanism() {
    let (daemon, _folder) = guarded();
    let mut client = daemon.connect_from_new_address();
    assert_eq!(ask(&mut client, &request(0x20)).summary(), "20 0 value=PLAIN");
    assert_eq!(ask(&mut client, &valued(0x21, "CRAM-MD5", "")).summary(), "21 20 value=Auth failure.");
    let long = valued(0x21, "P".repeat(33), "\0ann\0secret");
    assert_eq!(ask(&mut client, &long).summary(), "21 4 value=Invalid arguments");
    let huge = valued(0x21, "PLAIN", vec![b'x'; 600_000]);
    assert_eq!(ask(&mut client, &huge).summary(), "21 82 value=Out of memory");
    assert_eq!(ask(&mut client, &login("ann", "secret")).status, 0);
}

#[test]
fn a_login_may_take_two_steps() {
    let (daemon, _folder) = guarded();
    let mut client = daemon.connect_from_new_address();
    assert_eq!(ask(&mut client, &keyed(0x21, "PLAIN")).summary(), "21 21");
    assert_eq!(
        ask(&mut client, &valued(0x22, "PLAIN", "\0ann\0secret")).summary(),
        "22 0 value=Authenticated"
    );
    assert!(is_logged_in(&mut client));
    let mut client = daemon.connect_from_new_address();
    let without_first_step = valued(0x22, "PLAIN", "\0ann\0secret");
    assert_eq!(ask(&mut client, &without_first_step).summary(), "22 20 value=Auth failure.");
}

#[test]
fn all_failed_logins_get_the_same_reply_and_the_third_closes_the_connection() {
    let (daemon, _folder) = guarded();
    let wrong = [
        login("ann", "wrong"),
        login("ann", ""),
        login("ann", "secret\0"),
        login("unknown", "secret"),
        login("", ""),
        login("bob", "word"),
        valued(0x21, "PLAIN", "bob\0ann\0secret"),
        valued(0x21, "PLAIN", "ann secret"),
        valued(0x21, "plain", "\0ann\0secret"),
    ];
    for three in wrong.chunks(3) {
        let mut client = daemon.connect_from_new_address();
        for wrong in three {
            assert_eq!(ask(&mut client, wrong).summary(), "21 20 value=Auth failure.");
        }
        expect_close(&mut client);
    }
    let mut client = daemon.connect_from_new_address();
    let all: Vec<u8> = wrong.iter().flat_map(Request::bytes).collect();
    client.send(all);
    for _ in 0..3 {
        assert_eq!(read_reply(&mut client).status, 0x20);
    }
    expect_close(&mut client);
    let mut client = daemon.connect_from_new_address();
    for request in [&wrong[0], &wrong[1], &login("ann", "secret"), &wrong[0], &wrong[1]] {
        ask(&mut client, request);
    }
    assert_eq!(
        ask(&mut client, &login("ann", "secret")).status,
        0,
        "a successful login resets the number of failures"
    );
}

#[test]
fn a_new_login_attempt_ends_the_current_login() {
    let (daemon, _folder) = guarded();
    for again in [login("ann", "wrong"), keyed(0x21, "PLAIN"), request(0x20), valued(0x22, "PLAIN", "")] {
        let mut client = daemon.connect_from_new_address();
        assert_eq!(ask(&mut client, &login("ann", "secret")).status, 0);
        assert!(is_logged_in(&mut client));
        ask(&mut client, &again);
        assert!(!is_logged_in(&mut client), "{:02x}", again.opcode);
        expect_close(&mut client);
    }
}

#[test]
fn a_changed_password_is_valid_at_once_and_a_removed_file_is_ignored() {
    let (daemon, folder) = guarded();
    fs::write(folder.file("users"), "ann:changed\n").unwrap();
    assert_eq!(conversation(&daemon, &[login("ann", "secret")]), ["21 20 value=Auth failure."]);
    assert_eq!(conversation(&daemon, &[login("ann", "changed")]), ["21 0 value=Authenticated"]);
    fs::remove_file(folder.file("users")).unwrap();
    assert_eq!(conversation(&daemon, &[login("ann", "changed")]), ["21 0 value=Authenticated"]);
}

#[test]
fn logins_and_failures_are_counted() {
    let (daemon, _folder) = guarded();
    let mut client = daemon.connect_from_new_address();
    for request in
        [login("ann", "wrong"), keyed(0x21, "PLAIN"), login("unknown", "x"), login("ann", "secret")]
    {
        ask(&mut client, &request);
    }
    client.send(request(0x10).bytes());
    let mut counted = Vec::new();
    loop {
        let statistic = read_reply(&mut client);
        match &statistic.key[..] {
            b"" => break,
            b"auth_cmds" | b"auth_errors" => counted.push(statistic.value),
            _ => {}
        }
    }
    assert_eq!(counted, [b"3", b"2"]);
}

#[test]
fn without_the_option_sasl_commands_are_unknown() {
    let daemon = larder("").start();
    let requests = [
        request(0x20),
        login("ann", "secret"),
        valued(0x22, "PLAIN", "x"),
        valued(0x21, "P".repeat(33), "x"),
        request(0x0a),
    ];
    let unknown = |opcode| format!("{opcode:02x} 81 value=Unknown command");
    let expected = [unknown(0x20), unknown(0x21), unknown(0x22), unknown(0x21), "0a 0".to_owned()];
    assert_eq!(conversation(&daemon, &requests), expected);
}

#[test]
fn a_missing_or_invalid_password_file_is_refused_at_startup() {
    let start = "Error initializing sasl. ";
    let unnamed = format!("{start}MEMCACHED_SASL_PWDB must name a file of user:password lines");
    assert_eq!(larder("-S").refusal(), (unnamed.clone(), 1));
    assert_eq!(larder("-S").env("MEMCACHED_SASL_PWDB", "").refusal(), (unnamed, 1));
    let folder = Folder::new();
    let file = folder.file("users");
    let (line, status) = larder("-S").env("MEMCACHED_SASL_PWDB", &file).refusal();
    let unreadable = format!("{start}Could not open authfile [{}] for reading, error ", file.display());
    assert!(line.starts_with(&unreadable), "{line}");
    assert_eq!(status, 1);
    fs::write(&file, "invalid\n").unwrap();
    let malformed =
        format!("{start}Authfile [{}] has a malformed entry. Should be 'user:password'", file.display());
    assert_eq!(larder("-S").env("MEMCACHED_SASL_PWDB", &file).refusal(), (malformed, 1));
}

//! `larder ping`, `delete` and `set-memory`, and `larder get`, which prints a value.

use super::scripted_server::ScriptedServer;
use super::{larder_with_items, printed, refused};
use crate::support::{Daemon, Folder, larder};

fn larder_with_values() -> Daemon {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for (header, value) in
        [("text 16 300 9", "a\x1b[2Jb\r\nc"), ("pickle 1 0 5", "\u{0}\u{4}K\u{7}."), ("other 77 0 2", "xy")]
    {
        client.ask(format!("set {header}\r\n{value}\r\n"), "STORED\r\n");
    }
    daemon
}

#[test]
fn ping_prints_version_and_round_trip() {
    let daemon = larder("").start();
    let server = daemon.address().to_string();
    let line = printed("ping", &server);
    assert!(line.starts_with(&format!("{server} answers: version 1.6.45, round trip ")), "{line}");
    assert_eq!(line.lines().count(), 1);
    assert!(printed("ping --json", &server).contains("\"version\":\"1.6.45\""));
}

#[test]
fn ping_fails_with_the_reason() {
    assert_eq!(refused("ping", "127.0.0.1:1"), "larder: cannot connect to 127.0.0.1:1: Connection refused");
    let server = ScriptedServer::new(&[("version", "HTTP/1.1 400 Bad Request\r\n")]);
    let line = refused("ping", server.address());
    assert!(line.ends_with("sent an invalid reply to \"version\""), "{line}");
    let folder = Folder::new();
    let path = folder.file("users");
    std::fs::write(&path, "name:secret\n").unwrap();
    let daemon = larder("-Y").arg(&path).start();
    let line = refused("ping", &daemon.address().to_string());
    assert!(line.ends_with("CLIENT_ERROR unauthenticated"), "{line}");
}

#[test]
fn get_prints_a_value_with_its_properties() {
    let daemon = larder_with_values();
    let server = daemon.address().to_string();
    let text = printed("get text", &server);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["key        text", "type       text"]);
    assert!(lines[2].starts_with("age        ") && lines[2].ends_with(" s"), "{text}");
    assert!(lines[3].starts_with("time left  "), "{text}");
    assert_eq!(lines[4..], ["size       9 bytes", "value      a\\x1b[2Jb\\r\\nc"]);
    let text = printed("get pickle", &server);
    assert!(text.contains("type       pickle (not loaded)\n"), "{text}");
    assert!(text.contains("time left  never expires\n"), "{text}");
    assert!(text.ends_with("value      \\x00\\x04K\\x07.\n"), "{text}");
    assert!(printed("get other", &server).contains("type       flags 77\n"));
    assert!(printed("get other --json", &server).contains("\"value\":\"xy\""));
    assert_eq!(
        refused("get missing", &server),
        "larder: missing is not stored (larder why missing tells the reason)"
    );
}

#[test]
fn get_works_without_an_age_and_refuses_invalid_replies() {
    let server = ScriptedServer::new(&[
        ("mg k f t v", "VA 2 f0 t-1\r\nxy\r\n"),
        ("mg short f t v", "VA 2 f0 t-1\r\nxyz\r\n"),
        ("mg huge f t v", "VA 99999999999 f0 t-1\r\n"),
    ]);
    let text = printed("get k", server.address());
    assert!(text.contains("type       bytes\nage        unknown\n"), "{text}");
    for key in ["short", "huge"] {
        let line = refused(&format!("get {key}"), server.address());
        assert!(line.contains("sent an invalid reply to"), "{line}");
    }
}

#[test]
fn delete_removes_a_stored_key() {
    let daemon = larder_with_items();
    let server = daemon.address().to_string();
    assert_eq!(printed("delete site:1:news", &server), "site:1:news: deleted\n");
    daemon.connect().ask("get site:1:news\r\n", "END\r\n");
    assert!(refused("delete site:1:news", &server).starts_with("larder: site:1:news is not stored"));
}

#[test]
fn set_memory_changes_the_limit() {
    let daemon = larder("").start();
    let server = daemon.address().to_string();
    let line = printed("set-memory 128MB", &server);
    assert_eq!(line, format!("{server}: the memory limit is 128 MB until the server restarts\n"));
    assert_eq!(daemon.connect().stat("", "limit_maxbytes"), (128 << 20).to_string());
}

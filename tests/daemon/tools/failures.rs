//! A failure of a tool is one line and status 1.

use super::scripted_server::ScriptedServer;
use super::{larder_with_items, refused};
use crate::support::{Process, larder, larder_program, wait_for};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn no_server_listens() {
    // Port 1 is reserved, so no server listens there.
    assert_eq!(refused("stats", "127.0.0.1:1"), "larder: cannot connect to 127.0.0.1:1: Connection refused");
    let line = refused("stats", "/nowhere/sock");
    assert_eq!(line, "larder: cannot connect to /nowhere/sock: No such file or directory");
    let line = refused("stats", "no-such-host.invalid");
    assert!(line.starts_with("larder: cannot connect to no-such-host.invalid:11211: "), "{line}");
}

#[test]
fn the_server_closes_or_sends_garbage() {
    let endless = "STAT a ".to_owned() + &"x".repeat(100_000);
    let server = ScriptedServer::new(&[
        ("stats", ""),
        ("stats slabs", "HTTP/1.1 400 Bad Request\r\n"),
        ("stats items", &endless),
        ("stats advisor", "STAT requests many\r\nEND\r\n"),
        ("why k", "END\r\n"),
    ]);
    let server = server.address();
    assert_eq!(
        refused("stats", server),
        format!("larder: connection to {server} lost: the server closed it")
    );
    let line = refused("stats slabs", server);
    assert_eq!(line, format!("larder: {server} sent an invalid reply to \"stats slabs\""));
    assert_eq!(
        refused("stats items", server),
        format!("larder: connection to {server} lost: it sent a line of more than 8192 bytes")
    );
    assert!(refused("advise", server).contains("sent an invalid reply to"));
    assert!(refused("why k", server).contains("sent an invalid reply to"));
}

#[test]
fn a_server_that_requires_a_login_is_quoted() {
    let folder = crate::support::Folder::new();
    let path = folder.file("users");
    std::fs::write(&path, "name:secret\n").unwrap();
    let daemon = larder("-Y").arg(&path).start();
    let line = refused("stats", &daemon.address().to_string());
    assert!(line.ends_with(" refuses \"stats\": CLIENT_ERROR unauthenticated"), "{line}");
}

#[test]
fn a_wrong_command_line_has_status_2_and_starts_no_daemon() {
    for (line, part) in [
        ("-s 127.0.0.1:33000 stats", "larder stats --server 127.0.0.1:33000"),
        ("stat", "did you mean stats?"),
        ("stats --nonsense", "unexpected argument '--nonsense' found"),
    ] {
        let (message, status) = larder(line).refusal();
        assert!(message.contains(part) && status == 2, "larder {line}: {message} ({status})");
    }
}

#[test]
fn the_server_is_named_in_four_ways() {
    let daemon = larder_with_items();
    let server = daemon.address().to_string();
    for line in [format!("--server {server} stats"), format!("stats {server}"), format!("{server} stats")] {
        let output = larder(&line).output();
        assert!(String::from_utf8_lossy(&output.stdout).contains(&server), "larder {line}: {output:?}");
    }
    let output = larder("stats").env("LARDER_SERVER", &server).output();
    assert!(String::from_utf8_lossy(&output.stdout).contains(&server), "{output:?}");
}

#[test]
fn the_live_view_needs_a_terminal_or_json() {
    let daemon = larder_with_items();
    let server = daemon.address().to_string();
    assert_eq!(refused("top", &server), "larder: standard output is not a terminal; use --json");
    assert!(refused("top --json", "127.0.0.1:1").starts_with("larder: cannot connect to 127.0.0.1:1: "));
    let mut command = Command::new(larder_program());
    command.args(["top", "--json", "--server", &server]).stdout(Stdio::piped());
    let mut child = Process(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("\"items\":4,"), "{line}");
    let status = wait_for("the tool to notice the closed pipe", || child.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

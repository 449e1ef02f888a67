//! `-o idle_timeout`: a TCP connection without a request for so long is closed; a unix socket never is.

use crate::support::{Client, Folder, larder, wait_for};

#[test]
fn an_idle_tcp_connection_is_closed_and_counted() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let daemon = larder("-o idle_timeout=1").arg("-s").arg(&path).start();
    let mut unix = Client::unix(&path);
    unix.ask("version\r\n", "VERSION 1.6.45\r\n");
    let mut silent = daemon.connect();
    let mut sent_one_request = daemon.connect();
    sent_one_request.ask("version\r\n", "VERSION 1.6.45\r\n");
    assert_eq!(silent.read_to_close(), "");
    assert_eq!(sent_one_request.read_to_close(), "");
    // The input is shut down before the connections are counted.
    wait_for("both connections to be counted", || (unix.stat("", "idle_kicks") == "2").then_some(()));
    assert_eq!(unix.stat("settings", "idle_timeout"), "1");
}

#[test]
fn without_the_option_there_is_no_counter() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.send("stats\r\n");
    let report = client.read_until("END\r\n");
    assert!(!report.contains("idle_kicks"), "{report}");
}

//! `-o idle_timeout`: a TCP connection that asks nothing for so long is closed; unix sockets never are.

use crate::support::{Client, Folder, larder};

#[test]
fn a_tcp_connection_that_asks_nothing_is_closed_and_counted() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let daemon = larder("-o idle_timeout=1").arg("-s").arg(&path).start();
    let mut unix = Client::unix(&path);
    unix.ask("version\r\n", "VERSION 1.6.45\r\n");
    let mut silent = daemon.connect();
    let mut asked_once = daemon.connect();
    asked_once.ask("version\r\n", "VERSION 1.6.45\r\n");
    assert_eq!(silent.read_to_close(), "");
    assert_eq!(asked_once.read_to_close(), "");
    assert_eq!(unix.stat("", "idle_kicks"), "2");
    assert_eq!(unix.stat("settings", "idle_timeout"), "1");
}

#[test]
fn without_it_nothing_is_counted() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.send("stats\r\n");
    let report = client.read_until("END\r\n");
    assert!(!report.contains("idle_kicks"), "{report}");
}

//! When the process has no file descriptor left, open connections are served, and new ones wait in the backlog until
//! another one closes.

use crate::support::{Client, larder, wait_for};
use std::process::Command;

const ROOM: usize = 5;

#[test]
fn new_connections_wait_and_open_ones_are_served() {
    let daemon = larder("-t 2 -c 1000").start();
    // After these connections the workers have opened all descriptors that they need.
    for _ in 0..20 {
        daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
    }
    let only_this = daemon.addresses().len().to_string();
    let own = wait_for("these connections to be closed", || {
        (daemon.connect().stat("", "curr_connections") == only_this).then(|| daemon.next_descriptor())
    });
    let own = wait_for("the last connection to be closed", || {
        Some(daemon.next_descriptor()).filter(|now| *now <= own)
    });
    let limit = own + ROOM;
    let limited = Command::new("prlimit")
        .arg(format!("--nofile={limit}:{limit}"))
        .args(["--pid", &daemon.pid().to_string()])
        .status();
    assert!(limited.expect("prlimit is part of util-linux").success());

    let mut clients: Vec<Client> = Vec::new();
    while daemon.next_descriptor() < limit {
        let mut client = daemon.connect();
        client.ask("version\r\n", "VERSION 1.6.45\r\n");
        clients.push(client);
    }
    let mut late = daemon.connect();
    late.send("version\r\n");
    wait_for("accepting to be suspended", || {
        (clients[0].stat("", "listen_disabled_num") != "0").then_some(())
    });
    for client in &mut clients {
        client.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    }
    clients.pop();
    late.expect("VERSION 1.6.45\r\n");
    let messages = daemon.stop();
    assert_eq!(messages.matches("cannot accept").count(), 1, "{messages}");
}

//! `-c`: a connection over the limit is refused, or, with `-o no_maxconns_fast`, waits until another one closes.

use crate::support::{Client, Daemon, larder, wait_for};

const LIMIT: usize = 5;

fn fill_up(daemon: &Daemon) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..LIMIT).map(|_| daemon.connect()).collect();
    for client in &mut clients {
        client.ask("version\r\n", "VERSION 1.6.45\r\n");
    }
    clients
}

#[test]
fn a_connection_over_the_limit_is_refused() {
    let daemon = larder(&format!("-c {LIMIT}")).start();
    let mut clients = fill_up(&daemon);
    assert_eq!(daemon.connect().read_to_close(), "ERROR Too many open connections\r\n");
    assert_eq!(clients[0].stat("", "rejected_connections"), "1");
    // No connection waits in the backlog, because each is answered at once.
    assert_eq!(clients[0].stat("", "accepting_conns"), "1");
    for client in &mut clients {
        client.ask("version\r\n", "VERSION 1.6.45\r\n");
    }
    clients.pop();
    let left = (LIMIT - 1 + daemon.addresses().len() - 1).to_string();
    wait_for("room for one more", || (clients[0].stat("", "curr_connections") == left).then_some(()));
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
}

#[test]
fn with_no_maxconns_fast_a_connection_over_the_limit_waits() {
    let daemon = larder(&format!("-c {LIMIT} -t 1 -o no_maxconns_fast")).start();
    let mut clients = fill_up(&daemon);
    let mut late = daemon.connect();
    late.send("version\r\n");
    wait_for("accepting to stop", || (clients[0].stat("", "listen_disabled_num") != "0").then_some(()));
    assert_eq!(clients[0].stat("", "accepting_conns"), "0");
    assert_eq!(
        clients[0].stat("", "curr_connections").parse::<usize>().unwrap(),
        LIMIT + daemon.addresses().len() - 1
    );
    clients.pop();
    late.expect("VERSION 1.6.45\r\n");
}

#[test]
fn closed_connections_release_their_place_and_descriptor() {
    let daemon = larder(&format!("-c {LIMIT}")).start();
    let before = daemon.descriptors();
    for _ in 0..LIMIT * 20 {
        let mut client = daemon.connect();
        client.send("quit\r\n");
        client.read_to_close();
        wait_for("the place to be free", || (daemon.descriptors() == before).then_some(()));
    }
    assert_eq!(daemon.connect().stat("", "rejected_connections"), "0");
}

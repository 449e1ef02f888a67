//! What signals do: SIGTERM and SIGINT end the daemon when what came in is answered, SIGHUP does nothing.

use crate::support::{Client, Daemon, larder, wait_for};
use nix::sys::signal::Signal;

const VALUE_BYTES: usize = 500_000;
const GETS: usize = 100;

/// A client that asked for far more than sockets hold and has read nothing yet.
fn ask_for_much(daemon: &Daemon) -> Client {
    let mut client = daemon.connect();
    let value = "x".repeat(VALUE_BYTES);
    client.ask(format!("set big 0 0 {VALUE_BYTES}\r\n{value}\r\n"), "STORED\r\n");
    client.send("get big\r\n".repeat(GETS));
    let mut other = daemon.connect();
    wait_for("replies to wait for the client", || {
        other.send("stats conns\r\n");
        other.read_until("END\r\n").contains("conn_mwrite").then_some(())
    });
    client
}

#[test]
fn sigterm_and_sigint_answer_what_came_in_and_end_with_status_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGUSR1] {
        let mut daemon = larder("").start();
        let mut client = ask_for_much(&daemon);
        daemon.signal(signal);
        let answers = client.read_to_close();
        let end = "\r\nEND\r\n";
        assert_eq!(answers.matches(end).count(), GETS, "{signal}");
        assert_eq!(
            answers.len(),
            GETS * (format!("VALUE big 0 {VALUE_BYTES}\r\n").len() + VALUE_BYTES + end.len())
        );
        assert_eq!(daemon.wait().code(), Some(0), "{signal}");
    }
}

#[test]
fn idle_connections_do_not_delay_the_end() {
    let mut daemon = larder("").start();
    let mut idle: Vec<Client> = (0..20).map(|_| daemon.connect()).collect();
    idle[0].ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    // A value that never comes keeps nobody either.
    idle[1].send("set b 0 0 100000\r\nxxx");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
    assert_eq!(idle[0].read_to_close(), "");
}

#[test]
fn sighup_changes_nothing() {
    let mut daemon = larder("").start();
    let mut client = daemon.connect();
    for _ in 0..3 {
        daemon.signal(Signal::SIGHUP);
        client.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    }
    daemon.connect().ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn shutdown_ends_it_like_sigterm() {
    let mut daemon = larder("-A").start();
    let mut client = daemon.connect();
    client.send("set a 0 0 1\r\nx\r\nshutdown\r\n");
    assert_eq!(client.read_to_close(), "STORED\r\n");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn the_end_is_told_with_v() {
    assert!(larder("-v").start().stop().contains("Exiting normally"));
    assert!(!larder("").start().stop().contains("Exiting normally"));
}

#[test]
fn a_graceful_end_is_always_told() {
    let mut daemon = larder("").start();
    daemon.signal(Signal::SIGUSR1);
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(daemon.stderr().contains("Gracefully stopping"));
    let mut daemon = larder("-A").start();
    daemon.connect().send("shutdown graceful\r\n");
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(daemon.stderr().contains("Gracefully stopping"));
}

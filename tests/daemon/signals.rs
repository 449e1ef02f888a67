//! Signals: SIGTERM and SIGINT end the daemon after all received requests were answered; SIGHUP makes it read files
//! again, while it serves.

use crate::support::{Authority, Client, Daemon, Folder, larder, wait_for};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS13;
use std::fs;

const VALUE_BYTES: usize = 500_000;
/// Together 20 MB: more than the socket buffers hold, and read within the 5 seconds that a stopping daemon waits.
const GETS: usize = 40;

/// A client that requested more than the socket buffers hold and has read nothing yet.
fn request_more_than_buffers_hold(daemon: &Daemon) -> Client {
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
fn received_requests_are_answered_before_the_end_with_status_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGUSR1] {
        let mut daemon = larder("").start();
        let mut client = request_more_than_buffers_hold(&daemon);
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
    // An incomplete value does not delay the end either.
    idle[1].send("set b 0 0 100000\r\nxxx");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
    assert_eq!(idle[0].read_to_close(), "");
}

#[test]
fn sighup_closes_no_connection() {
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

/// Waits for the next second of the clock.
fn wait_for_next_second(client: &mut Client) {
    let before = client.stat("", "uptime");
    wait_for("the clock to move", || (client.stat("", "uptime") != before).then_some(()));
}

/// The number of threads that read files again.
fn reloaders(daemon: &Daemon) -> usize {
    let threads = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
    let names = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).unwrap());
    names.filter(|name| name.trim() == "reloader").count()
}

#[test]
fn a_certificate_that_blocks_the_reader_stops_neither_the_clock_nor_the_end() {
    let authority = Authority::new();
    let mut daemon = larder(&authority.options()).start();
    let tls = authority.client(None, &[&TLS13]);
    let mut client = tls.connect(daemon.address());
    // A pair whose certificate is a pipe without a writer.
    let new = authority.sign();
    let pipe = authority.file("server.pem");
    fs::remove_file(&pipe).unwrap();
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    fs::write(authority.file("server.key"), new.key.serialize_pem()).unwrap();
    for _ in 0..3 {
        daemon.signal(Signal::SIGHUP);
        wait_for_next_second(&mut client);
        assert_eq!(reloaders(&daemon), 1);
    }
    // The certificate is read once it is written to the pipe.
    fs::write(&pipe, &new.certificate).unwrap();
    let certificate = CertificateDer::from_pem_slice(new.certificate.as_bytes()).unwrap();
    wait_for("the new certificate", || {
        let mut client = tls.connect(daemon.address());
        (client.is_served() && client.session().2 == certificate).then_some(())
    });
    // One more request waits, which reads the pipe again.
    wait_for_next_second(&mut client);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_password_file_that_is_a_pipe_is_read_once_and_blocks_nothing() {
    let folder = Folder::new();
    let pipe = folder.file("users");
    mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "ann:secret\n").unwrap()
    });
    let mut daemon = larder("").arg("-Y").arg(&pipe).start();
    writer.join().unwrap();
    let mut client = daemon.connect();
    client.ask("set auth 0 0 10\r\nann secret\r\n", "STORED\r\n");
    for _ in 0..2 {
        daemon.signal(Signal::SIGHUP);
        wait_for_next_second(&mut client);
    }
    wait_for("the warning", || {
        daemon.stderr().contains("only a regular file can be reloaded; nothing has changed").then_some(())
    });
    daemon.connect().ask("set auth 0 0 10\r\nann secret\r\n", "STORED\r\n");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn shutdown_ends_the_daemon_like_sigterm() {
    let mut daemon = larder("-A").start();
    let mut client = daemon.connect();
    client.send("set a 0 0 1\r\nx\r\nshutdown\r\n");
    assert_eq!(client.read_to_close(), "STORED\r\n");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn the_end_is_logged_with_v() {
    assert!(larder("-v").start().stop().contains("Exiting normally"));
    assert!(!larder("").start().stop().contains("Exiting normally"));
}

#[test]
fn a_graceful_end_is_always_logged() {
    let mut daemon = larder("").start();
    daemon.signal(Signal::SIGUSR1);
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(daemon.stderr().contains("Gracefully stopping"));
    let mut daemon = larder("-A").start();
    daemon.connect().send("shutdown graceful\r\n");
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(daemon.stderr().contains("Gracefully stopping"));
}

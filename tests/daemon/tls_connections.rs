//! `-Z`: commands work over TLS, plain text to a TLS port is never executed, and incomplete handshakes harm no other
//! client.

use crate::support::{Authority, Client, Folder, larder, wait_for};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, ProtocolVersion};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// The first bytes of a handshake.
const INCOMPLETE_HANDSHAKE: &[u8] = &[22, 3, 1, 2, 0, 1];

#[test]
fn commands_work_in_both_versions() {
    let authority = Authority::new();
    let daemon = larder(&authority.options()).start();
    for (version, word) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut client = authority.client(None, &[version]).connect(daemon.address());
        client.ask("set a 0 0 1\r\nx\r\nget a\r\nget b\r\n", "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\nEND\r\n");
        assert_eq!(client.session().0, word);
        client.send("quit\r\n");
        // The server sends close_notify; without it, the client reports a truncation attack.
        assert_eq!(client.read_to_close(), "");
    }
}

#[test]
fn large_values_and_long_pipelines_go_both_ways() {
    let authority = Authority::new();
    let daemon = larder(&format!("-I 8m {}", authority.options())).start();
    let mut client = authority.client(None, BOTH).connect(daemon.address());
    let value = "0123456789abcdef".repeat(200_000);
    client.ask(format!("set large 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    client.send("get large\r\n".repeat(4));
    for _ in 0..4 {
        client.expect(format!("VALUE large 0 {}\r\n", value.len()));
        let mut got = vec![0; value.len() + 7];
        client.read_exact(&mut got).unwrap();
        assert!(got == format!("{value}\r\nEND\r\n").as_bytes(), "another value came back");
    }
    client.send("incr none 1\r\n".repeat(5000));
    client.expect("NOT_FOUND\r\n".repeat(5000));
}

#[test]
fn replies_arrive_completely_after_the_socket_was_full() {
    let authority = Authority::new();
    let daemon = larder(&format!("-t 1 {}", authority.options())).start();
    let tls = authority.client(None, BOTH);
    let value = "v".repeat(60_000);
    let mut other = tls.connect(daemon.address());
    other.ask(format!("set v 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    // At some of these sizes the socket is full before the last TLS record.
    for count in 30..=90 {
        let mut client = tls.connect(daemon.address());
        assert!(client.is_served());
        client.send(format!("get{}\r\n", " v".repeat(count)));
        // With one thread, the first connection had its turn before the second is answered.
        assert!(other.is_served());
        let mut got = vec![0; count * (value.len() + 19) + 5];
        client.read_exact(&mut got).unwrap_or_else(|error| panic!("{count}: {error}"));
        assert!(got.ends_with(b"v\r\nEND\r\n"));
    }
}

#[test]
fn plain_text_to_a_tls_port_is_neither_executed_nor_answered() {
    let authority = Authority::new();
    let daemon = larder(&authority.options()).start();
    for request in
        ["set a 0 0 1\r\nx\r\nget a\r\n", "version\r\n", "stats\r\n", "\r\n", "GET / HTTP/1.1\r\n\r\n"]
    {
        let mut plain = TcpStream::connect(daemon.address()).unwrap();
        plain.set_read_timeout(Some(crate::support::WAIT_MAX)).unwrap();
        plain.write_all(request.as_bytes()).unwrap();
        let _ = plain.shutdown(std::net::Shutdown::Write);
        let mut reply = Vec::new();
        let _ = plain.read_to_end(&mut reply);
        // At most a TLS alert: type 21, version, length, and two bytes of reason.
        assert!(reply.is_empty() || (reply[0] == 21 && reply.len() == 7), "{request:?} got {reply:?}");
    }
    let mut client = authority.client(None, BOTH).connect(daemon.address());
    client.ask("get a\r\n", "END\r\n");
    assert_eq!(client.stat("", "ssl_handshake_errors"), "5");
    assert_eq!(client.stat("", "cmd_set"), "0");
}

#[test]
fn a_connection_over_the_limit_is_closed_without_plain_text() {
    let authority = Authority::new();
    let daemon = larder(&format!("-c 2 {}", authority.options())).start();
    let tls = authority.client(None, BOTH);
    let mut clients = [tls.connect(daemon.address()), tls.connect(daemon.address())];
    for client in &mut clients {
        client.ask("version\r\n", "VERSION 1.6.45\r\n");
    }
    assert_eq!(daemon.connect().read_to_close(), "");
    assert_eq!(clients[0].stat("", "rejected_connections"), "1");
}

#[test]
fn incomplete_handshakes_are_limited_and_closed() {
    let authority = Authority::new();
    let daemon = larder(&format!("-t 1 -c 8 {}", authority.options())).start();
    let tls = authority.client(None, BOTH);
    let mut client = tls.connect(daemon.address());
    assert!(client.is_served());
    let mut incomplete: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = daemon.connect();
            client.send(INCOMPLETE_HANDSHAKE);
            client
        })
        .collect();
    // At most half of all connections; the oldest are closed for the newest.
    let full = (4 + 1 + daemon.addresses().len() - 1).to_string();
    wait_for("all slots for handshakes to be taken", || {
        (client.stat("", "curr_connections") == full).then_some(())
    });
    client.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    assert_eq!(incomplete[0].read_to_close(), "", "the oldest is closed for a new one");
    assert!(tls.is_served(daemon.address()), "a complete handshake does not wait for incomplete ones");
    drop(incomplete);
    client.ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
}

#[test]
fn a_silent_handshake_times_out() {
    let authority = Authority::new();
    let daemon = larder(&authority.options()).start();
    let mut silent = daemon.connect();
    let mut incomplete = daemon.connect();
    incomplete.send(INCOMPLETE_HANDSHAKE);
    assert_eq!(silent.read_to_close(), "");
    assert_eq!(incomplete.read_to_close(), "");
    let mut client = authority.client(None, BOTH).connect(daemon.address());
    assert_eq!(client.stat("", "ssl_handshake_errors"), "2");
}

#[test]
fn garbage_after_the_handshake_closes_only_its_connection() {
    let authority = Authority::new();
    let daemon = larder(&authority.options()).start();
    let tls = authority.client(None, BOTH);
    let mut client = tls.connect(daemon.address());
    assert!(client.is_served());
    client.send_below_tls(b"version\r\n version\r\n");
    assert!(!client.is_served());
    // The alert is sent before the error is counted.
    let mut other = tls.connect(daemon.address());
    wait_for("the error to be counted", || (other.stat("", "ssl_proto_errors") == "1").then_some(()));
}

#[test]
fn every_address_may_have_its_own_mode() {
    let authority = Authority::new();
    let listen = "-l 127.0.0.1,notls:127.0.0.2,btls:127.0.0.3,mtls:127.0.0.4 -o ssl_verify_mode=0";
    let daemon = larder(&format!("{listen} {} {}", authority.options(), authority.ca_option())).start();
    let at =
        |last: u8| SocketAddr::from(([127, 0, 0, last], daemon.addresses()[usize::from(last) - 1].port()));
    let pair = authority.sign();
    let (without, with) = (authority.client(None, BOTH), authority.client(Some(&pair), BOTH));
    let tls: Vec<_> = (1..=4).map(|last| (without.is_served(at(last)), with.is_served(at(last)))).collect();
    assert_eq!(tls, [(true, true), (false, false), (true, true), (false, true)]);
    let plain: Vec<_> = (1..=4).map(|last| Client::tcp(at(last)).is_served()).collect();
    assert_eq!(plain, [false, true, false, false]);
}

#[test]
fn a_login_is_required_inside_tls() {
    let authority = Authority::new();
    std::fs::write(authority.file("users"), "user:secret\n").unwrap();
    let users = authority.file("users").display().to_string();
    let daemon = larder(&format!("-Y {users} {}", authority.options())).start();
    let mut client = authority.client(None, BOTH).connect(daemon.address());
    client.ask("get something\r\n", "CLIENT_ERROR unauthenticated\r\n");
    client.ask("set auth 0 0 11\r\nuser secret\r\n", "STORED\r\n");
    client.ask("get something\r\n", "END\r\n");
    // A plain text client does not get the refusal.
    let mut plain = daemon.connect();
    plain.send("get something\r\n");
    plain.close_sending();
    assert!(!plain.read_to_close().contains("CLIENT_ERROR"));
}

#[test]
fn a_unix_socket_stays_plain() {
    let authority = Authority::new();
    let folder = Folder::new();
    let path = folder.file("socket");
    let daemon = larder(&authority.options()).arg("-s").arg(&path).start();
    Client::unix(&path).ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    let mut client = authority.client(None, BOTH).connect(daemon.address());
    client.ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
}

#[test]
fn only_allowed_versions_and_cipher_suites_are_negotiated() {
    let authority = Authority::new();
    let only_13 = larder(&format!("-o ssl_min_version=3 {}", authority.options())).start();
    assert!(!authority.client(None, &[&TLS12]).is_served(only_13.address()));
    assert!(authority.client(None, BOTH).is_served(only_13.address()));
    let suite = "ECDHE-ECDSA-CHACHA20-POLY1305";
    let one_suite = larder(&format!("-o ssl_ciphers={suite} {}", authority.options())).start();
    let mut client = authority.client(None, &[&TLS12]).connect(one_suite.address());
    assert_eq!(client.stat("settings", "ssl_ciphers"), suite);
    assert_eq!(client.session().1, CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256);
}

#[test]
fn sessions_are_kept_only_with_the_session_cache() {
    let authority = Authority::new();
    for (option, new) in [("", None), ("-o ssl_session_cache", Some("1"))] {
        let daemon = larder(&format!("{option} {}", authority.options())).start();
        let tls = authority.client(None, &[&TLS12]);
        assert!(tls.is_served(daemon.address()));
        let mut again = tls.connect(daemon.address());
        again.send("stats\r\n");
        let report = again.read_until("END\r\n");
        let counted = report.lines().find_map(|line| line.strip_prefix("STAT ssl_new_sessions "));
        assert_eq!(counted, new, "{option}");
    }
}

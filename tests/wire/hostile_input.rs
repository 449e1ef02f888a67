//! Input that crashed, blocked or leaked in similar servers, on every transport, before and after the login. The daemon
//! replies or closes the connection, serves other clients, and its memory does not grow.
//!
//! Recent fixes of memcached are included: empty lines and long tokens before a login in the text protocol, invalid
//! meta flags, opaque tokens over the limit, headers that declare more bytes than follow.

use crate::support::frames::{arithmetic, keyed, request, store, valued};
use crate::support::{Client, Daemon, larder, wait_for};
use crate::transports::{AllTransports, TRANSPORTS, Transport};
use std::io::{ErrorKind, Read, Write};
use std::net::UdpSocket;
use std::time::Duration;

/// How long a reply by UDP is awaited before the request is sent again.
const RESEND_AFTER: Duration = Duration::from_millis(200);

/// Growth of memory that is accepted, in bytes.
const GROWTH_MAX: u64 = 24 << 20;

/// The options of a daemon and the login before the hostile input.
const LOGINS: [(&str, &str); 5] = [
    ("", ""),
    ("-Y {users}", ""),
    ("-Y {users}", "set auth 0 0 10\r\nann secret\r\n"),
    ("-S", ""),
    ("-S", "sasl"),
];

/// Short lines of the text protocol: incomplete, malformed, or with invalid lengths and flags.
const SHORT_LINES: [&str; 71] = [
    "\r\n",
    "\n",
    "\r",
    "\r\r\n",
    " \r\n",
    "\0",
    "\0\r\n",
    "\0\0\0\0\0\0\r\n",
    "\n\n\n",
    "\r\n\r\nget k\r\n",
    "set",
    "set ",
    "set \r\n",
    "set auth\r\n",
    "set auth 0 0\r\n",
    "set auth 0 0 \r\n",
    "set auth 0 0 -1\r\n",
    "set auth 0 0 0\r\n\r\n",
    "set auth 0 0 1\r\n\r\n\r\n",
    "set auth 0 0 4294967295\r\n",
    "set auth 0 0 18446744073709551616\r\n",
    "set auth 0 0 16384\r\nx",
    "set auth 0 0 16385\r\n",
    "mg\r\n",
    "mg \r\n",
    "mg k \x01\r\n",
    "mg k !\r\n",
    "mg k \u{ff}\r\n",
    "mg k v v v\r\n",
    "mg k S\r\n",
    "mg k O\r\n",
    "mg k T\r\n",
    "mg k N-1 R99999999999999999999\r\n",
    "mg k M\r\n",
    "mg ==== b\r\n",
    "mg a b\r\n",
    "ms\r\n",
    "ms k\r\n",
    "ms k x\r\n",
    "ms k 3 \x01\r\nabc\r\n",
    "ms k 3 \u{ff}\r\nabc\r\n",
    "ms k 3 F\r\nabc\r\n",
    "ms k 3 M\r\nabc\r\n",
    "ms k 3 MX\r\nabc\r\n",
    "ms k -1\r\nabc\r\n",
    "ms k 4294967295 T0\r\n",
    "ms k 3 b\r\nabc\r\n",
    "md k \x7f\r\n",
    "ma k \u{80}\r\n",
    "ma k D\r\n",
    "ma k DD\r\n",
    "me\r\n",
    "me \x01\r\n",
    "mn mn\r\n",
    "get\r\n",
    "gat\r\n",
    "gat 0\r\n",
    "incr k\r\n",
    "cas k 0 0 1\r\n",
    "touch k\r\n",
    "watch \x01\r\n",
    "lru_crawler metadump \r\n",
    "lru_crawler tocrawl\r\n",
    "slabs reassign\r\n",
    "lru tune\r\n",
    "stats cachedump\r\n",
    "stats detail\r\n",
    "verbosity\r\n",
    "cache_memlimit\r\n",
    "shutdown\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
];

/// Input in the text protocol.
fn text_inputs() -> Vec<Vec<u8>> {
    let long = "x".repeat(100_000);
    let ones = "1".repeat(5000);
    let mut all: Vec<Vec<u8>> = SHORT_LINES.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.extend([
        "\r\n".repeat(5000).into(),
        "\n".repeat(5000).into(),
        " ".repeat(2047).into(),
        " ".repeat(100_000).into(),
        long.clone().into(),
        format!("get {long}\r\n").into(),
        format!("get{}\r\n", " k".repeat(50_000)).into(),
        format!("set {long} 0 0 1\r\nx\r\n").into(),
        format!("set auth 0 0 {}\r\n{long}\r\n", long.len()).into(),
        format!("set auth 0 0 10 {}\r\nann secret\r\n", "x ".repeat(800)).into(),
        format!("mg k O{ones}\r\n").into(),
        format!("mg k O{}\r\n", "1".repeat(33)).into(),
        format!("ms k 1 O{}\r\nx\r\n", "1".repeat(1000)).into(),
        format!("ma k O{}\r\n", "1".repeat(1000)).into(),
        format!("md k{}\r\n", " q".repeat(900)).into(),
        format!("mg {} v\r\n", "k".repeat(251)).into(),
        format!("mg {} b v\r\n", "A".repeat(400)).into(),
        format!("incr k {ones}\r\n").into(),
        vec![0xff; 5000],
        vec![0; 5000],
    ]);
    all
}

/// Input in the binary protocol, valid and invalid.
fn frame_inputs() -> Vec<Vec<u8>> {
    let set = store(0x01, "k", 0, 0, "v");
    let mut all = Vec::new();
    for body_len in
        [0, 1, 8, 9, 10, 11, 1 << 20, (1 << 20) + 1, 1 << 30, (1 << 30) + 1, u32::MAX - 24, u32::MAX]
    {
        for mut request in [
            set.clone(),
            keyed(0x00, "k"),
            arithmetic(0x05, "k", 1, 1, 0),
            valued(0x21, "PLAIN", "\0ann\0x"),
            request(0x10),
            request(0x99),
        ] {
            all.push(request.header(body_len));
            all.push([request.header(body_len), request.bytes()[24..].to_vec()].concat());
            request.key = vec![b'k'; 0xffff];
            all.push(request.header(body_len));
            request.extras = vec![0; 255];
            all.push(request.header(body_len));
        }
    }
    let whole = set.bytes();
    all.extend((1..whole.len()).map(|len| whole[..len].to_vec()));
    all.push(request(0x0a).bytes().repeat(2000));
    all.push(request(0x20).bytes().repeat(2000));
    all.push([&[0x80][..], &[0xff; 5000]].concat());
    all.push([0x80; 5000].to_vec());
    all
}

#[track_caller]
fn log_in(server: &AllTransports, by: Transport, login: &str) -> Client {
    let mut client = server.connect(by);
    match login {
        "" => {}
        "sasl" => {
            client.send(valued(0x21, "PLAIN", "\0ann\0secret").bytes());
            let mut reply = [0; 24 + 13];
            client.read_exact(&mut reply).unwrap();
            assert!(reply.ends_with(b"Authenticated"));
        }
        text => client.ask(text, "STORED\r\n"),
    }
    client
}

/// Sends the input, closes the sending side, and reads until the daemon closes. The replies do not matter.
#[track_caller]
fn send_and_wait_for_close(mut client: Client, input: &[u8]) {
    // The daemon may close before it has read everything.
    if client.write_all(input).and_then(|()| client.flush()).is_ok() {
        client.close_sending();
    }
    let mut buffer = [0; 4096];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("not closed after {}", input[..input.len().min(80)].escape_ascii())
            }
            Err(_) => break,
        }
    }
}

/// Waits until the daemon has closed all connections that were opened since.
#[track_caller]
fn wait_for_closed_connections(daemon: &Daemon, descriptors: usize) {
    wait_for("the close of all connections", || (daemon.descriptors() <= descriptors).then_some(()));
}

#[test]
fn every_transport_survives_hostile_input_before_and_after_the_login() {
    for (options, login) in LOGINS {
        let server = AllTransports::start(options);
        let is_binary = options == "-S";
        let mut other = if is_binary {
            log_in(&server, Transport::Tcp, "sasl")
        } else if options.is_empty() {
            server.connect(Transport::Tcp)
        } else {
            log_in(&server, Transport::Tcp, LOGINS[2].1)
        };
        let mut check_other_client = || {
            if is_binary {
                let reply = [&[0x81, 0x0a][..], &[0; 22]].concat();
                other.send(request(0x0a).bytes());
                let mut received = [0; 24];
                other.read_exact(&mut received).unwrap();
                assert_eq!(received.to_vec(), reply);
            } else {
                other.ask("mn\r\n", "MN\r\n");
            }
        };
        check_other_client();
        let (memory, descriptors) = (server.daemon.resident_bytes(), server.daemon.descriptors());
        for by in TRANSPORTS {
            for input in text_inputs().iter().chain(&frame_inputs()) {
                send_and_wait_for_close(log_in(&server, by, login), input);
            }
            check_other_client();
        }
        wait_for_closed_connections(&server.daemon, descriptors);
        let now = server.daemon.resident_bytes();
        assert!(now < memory + GROWTH_MAX, "{options}: {memory} bytes before, {now} bytes now");
        let log = server.daemon.stop();
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[test]
fn udp_survives_hostile_input_in_fragments_of_any_order() {
    let daemon = larder("-U -1").start();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.connect(daemon.udp_addresses()[0]).unwrap();
    peer.set_read_timeout(Some(RESEND_AFTER)).unwrap();
    let memory = daemon.resident_bytes();
    let mut buffer = vec![0; 65536];
    let inputs: Vec<Vec<u8>> =
        text_inputs().into_iter().chain(frame_inputs()).filter(|input| input.len() < 60_000).collect();
    for (at, input) in inputs.iter().enumerate() {
        // In one datagram with various headers, and in fragments of reverse order.
        let (front, back) = input.split_at(input.len() / 2);
        for (header, payload) in [
            ([1, 0, 1, 0], &input[..]),
            ([1, 7, 1, 7], input),
            ([1, 0, 0, 0], input),
            ([1, 0, 65535, 0], input),
            ([2, 1, 2, 0], back),
            ([2, 0, 2, 0], front),
            ([3, 65535, 65535, 65535], front),
        ] {
            let header: Vec<u8> = header.into_iter().flat_map(u16::to_be_bytes).collect();
            peer.send(&[&header[..], payload].concat()).unwrap();
        }
        peer.send(&input[..input.len().min(9)]).unwrap();
        let request = [&(0x8000 | at as u16).to_be_bytes()[..], b"\0\0\0\x01\0\0mn\r\n"].concat();
        let reply = [&request[..8], b"MN\r\n"].concat();
        // A full socket buffer drops datagrams, so the request is repeated.
        wait_for("a reply to the next request", || {
            peer.send(&request).unwrap();
            loop {
                let len = peer.recv(&mut buffer).ok()?;
                if buffer[..len] == reply {
                    return Some(());
                }
            }
        });
    }
    let now = daemon.resident_bytes();
    assert!(now < memory + GROWTH_MAX, "{memory} bytes before, {now} bytes now");
    assert!(!daemon.stop().contains("panicked"));
}

#[test]
fn incomplete_and_corrupted_tls_handshakes_are_closed() {
    let server = AllTransports::start("");
    let hello = server.client_hello();
    let mut other = server.connect(Transport::Tls);
    other.ask("mn\r\n", "MN\r\n");
    let (memory, descriptors) = (server.daemon.resident_bytes(), server.daemon.descriptors());
    for by in [Transport::Tls, Transport::MutualTls] {
        for len in (0..=hello.len()).step_by(7) {
            let mut corrupted = hello[..len].to_vec();
            send_and_wait_for_close(server.connect_without_tls(by), &corrupted);
            if let Some(byte) = corrupted.last_mut() {
                *byte ^= 0xff;
            }
            send_and_wait_for_close(
                server.connect_without_tls(by),
                &[&corrupted[..], &hello[len..]].concat(),
            );
        }
        // Many incomplete handshakes at once do not keep other clients out.
        let halves: Vec<Client> = (0..200)
            .map(|at| {
                let mut half = server.connect_without_tls(by);
                half.send(&hello[..1 + at % (hello.len() - 1)]);
                half
            })
            .collect();
        other.ask("mn\r\n", "MN\r\n");
        server.connect(by).ask("mn\r\n", "MN\r\n");
        drop(halves);
        other.ask("mn\r\n", "MN\r\n");
    }
    wait_for_closed_connections(&server.daemon, descriptors);
    let now = server.daemon.resident_bytes();
    assert!(now < memory + GROWTH_MAX, "{memory} bytes before, {now} bytes now");
}

#[test]
fn slow_watchers_use_little_memory_on_any_transport() {
    let server = AllTransports::start("-Y {users}");
    let login = LOGINS[2].1;
    let mut other = log_in(&server, Transport::Tcp, login);
    other.ask("mn\r\n", "MN\r\n");
    let memory = server.daemon.resident_bytes();
    let _watchers: Vec<Client> = TRANSPORTS
        .iter()
        .flat_map(|by| [*by; 3])
        .map(|by| {
            let mut watcher = log_in(&server, by, login);
            watcher.ask("watch fetchers mutations\r\n", "OK\r\n");
            watcher
        })
        .collect();
    let key = "k".repeat(200);
    let round = format!("get {key}\r\n").repeat(1000);
    for _ in 0..60 {
        other.ask(&round, "END\r\n".repeat(1000));
    }
    let now = server.daemon.resident_bytes();
    assert!(now < memory + GROWTH_MAX, "{memory} bytes before, {now} bytes now");
    wait_for("skipped lines", || (other.stat("", "log_watcher_skipped") != "0").then_some(()));
}

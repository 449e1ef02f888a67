//! What crashed, hung or leaked in caches like this one, over every transport, before and after the login: the daemon
//! answers or closes, serves the others, and keeps its memory.
//!
//! memcached's own last repairs are among it: empty lines and huge tokens before a login by text, meta flags that are
//! none, opaque tokens beyond their bound, headers that announce more than comes.

use crate::support::frames::{arithmetic, keyed, request, store, valued};
use crate::support::{Client, Daemon, larder, wait_for};
use crate::transports::{Everywhere, TRANSPORTS, Transport};
use std::io::{ErrorKind, Read, Write};
use std::net::UdpSocket;
use std::time::Duration;

/// How long an answer by UDP is waited for before the question is sent again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// Memory that all of it may cost, in bytes.
const ALLOWANCE: u64 = 24 << 20;

/// Who logs in how before the hostile part.
const LOGINS: [(&str, &str); 5] = [
    ("", ""),
    ("-Y {users}", ""),
    ("-Y {users}", "set auth 0 0 10\r\nann secret\r\n"),
    ("-S", ""),
    ("-S", "sasl"),
];

/// Bytes that speak text.
fn texts() -> Vec<Vec<u8>> {
    let long = "x".repeat(100_000);
    let ones = "1".repeat(5000);
    let mut all: Vec<Vec<u8>> = [
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
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
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

/// Bytes that speak binary, or begin so.
fn frames() -> Vec<Vec<u8>> {
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
fn log_in(everywhere: &Everywhere, by: Transport, login: &str) -> Client {
    let mut client = everywhere.connect(by);
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

/// Says everything, then that nothing more comes; what is answered does not matter as long as it ends.
#[track_caller]
fn say_and_leave(mut client: Client, said: &[u8]) {
    // The daemon may have closed on the way.
    if client.write_all(said).and_then(|()| client.flush()).is_ok() {
        client.close_sending();
    }
    let mut heard = [0; 4096];
    loop {
        match client.read(&mut heard) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("no end: {}", said[..said.len().min(80)].escape_ascii())
            }
            Err(_) => break,
        }
    }
}

/// Waits until nobody is there but those who were.
#[track_caller]
fn all_have_left(daemon: &Daemon, descriptors: usize) {
    wait_for("everything to be closed", || (daemon.descriptors() <= descriptors).then_some(()));
}

#[test]
fn every_transport_survives_before_and_after_the_login() {
    for (options, login) in LOGINS {
        let everywhere = Everywhere::start(options);
        let is_binary = options == "-S";
        let mut other = if is_binary {
            log_in(&everywhere, Transport::Tcp, "sasl")
        } else if options.is_empty() {
            everywhere.connect(Transport::Tcp)
        } else {
            log_in(&everywhere, Transport::Tcp, LOGINS[2].1)
        };
        let mut is_served = || {
            if is_binary {
                let reply = [&[0x81, 0x0a][..], &[0; 22]].concat();
                other.send(request(0x0a).bytes());
                let mut heard = [0; 24];
                other.read_exact(&mut heard).unwrap();
                assert_eq!(heard.to_vec(), reply);
            } else {
                other.ask("mn\r\n", "MN\r\n");
            }
        };
        is_served();
        let (memory, descriptors) = (everywhere.daemon.resident_bytes(), everywhere.daemon.descriptors());
        for by in TRANSPORTS {
            for said in texts().iter().chain(&frames()) {
                say_and_leave(log_in(&everywhere, by, login), said);
            }
            is_served();
        }
        all_have_left(&everywhere.daemon, descriptors);
        let now = everywhere.daemon.resident_bytes();
        assert!(now < memory + ALLOWANCE, "{options}: {memory} bytes at first, {now} now");
        let said = everywhere.daemon.stop();
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn udp_survives_it_in_any_order_and_cut() {
    let daemon = larder("-U -1").start();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.connect(daemon.udp_addresses()[0]).unwrap();
    peer.set_read_timeout(Some(ASK_AGAIN)).unwrap();
    let memory = daemon.resident_bytes();
    let mut heard = vec![0; 65536];
    let bytes: Vec<Vec<u8>> =
        texts().into_iter().chain(frames()).filter(|said| said.len() < 60_000).collect();
    for (at, said) in bytes.iter().enumerate() {
        // Whole, of several, of none, and as parts that come last first.
        let (front, back) = said.split_at(said.len() / 2);
        for (header, payload) in [
            ([1, 0, 1, 0], &said[..]),
            ([1, 7, 1, 7], said),
            ([1, 0, 0, 0], said),
            ([1, 0, 65535, 0], said),
            ([2, 1, 2, 0], back),
            ([2, 0, 2, 0], front),
            ([3, 65535, 65535, 65535], front),
        ] {
            let header: Vec<u8> = header.into_iter().flat_map(u16::to_be_bytes).collect();
            peer.send(&[&header[..], payload].concat()).unwrap();
        }
        peer.send(&said[..said.len().min(9)]).unwrap();
        let asked = [&(0x8000 | at as u16).to_be_bytes()[..], b"\0\0\0\x01\0\0mn\r\n"].concat();
        let answer = [&asked[..8], b"MN\r\n"].concat();
        // A full buffer of either socket drops datagrams, the question or its answer among them: then it is asked again.
        wait_for("the next question to be answered", || {
            peer.send(&asked).unwrap();
            loop {
                let len = peer.recv(&mut heard).ok()?;
                if heard[..len] == answer {
                    return Some(());
                }
            }
        });
    }
    let now = daemon.resident_bytes();
    assert!(now < memory + ALLOWANCE, "{memory} bytes at first, {now} now");
    assert!(!daemon.stop().contains("panicked"));
}

#[test]
fn handshakes_that_stop_anywhere_end_with_their_connection() {
    let everywhere = Everywhere::start("");
    let hello = everywhere.client_hello();
    let mut other = everywhere.connect(Transport::Tls);
    other.ask("mn\r\n", "MN\r\n");
    let (memory, descriptors) = (everywhere.daemon.resident_bytes(), everywhere.daemon.descriptors());
    for by in [Transport::Tls, Transport::MutualTls] {
        for len in (0..=hello.len()).step_by(7) {
            let mut damaged = hello[..len].to_vec();
            say_and_leave(everywhere.connect_in_the_clear(by), &damaged);
            if let Some(byte) = damaged.last_mut() {
                *byte ^= 0xff;
            }
            say_and_leave(everywhere.connect_in_the_clear(by), &[&damaged[..], &hello[len..]].concat());
        }
        // Many at once, which stay: the others come in and are served.
        let halves: Vec<Client> = (0..200)
            .map(|at| {
                let mut half = everywhere.connect_in_the_clear(by);
                half.send(&hello[..1 + at % (hello.len() - 1)]);
                half
            })
            .collect();
        other.ask("mn\r\n", "MN\r\n");
        everywhere.connect(by).ask("mn\r\n", "MN\r\n");
        drop(halves);
        other.ask("mn\r\n", "MN\r\n");
    }
    all_have_left(&everywhere.daemon, descriptors);
    let now = everywhere.daemon.resident_bytes();
    assert!(now < memory + ALLOWANCE, "{memory} bytes at first, {now} now");
}

#[test]
fn watchers_that_never_read_cost_little_over_any_transport() {
    let everywhere = Everywhere::start("-Y {users}");
    let login = LOGINS[2].1;
    let mut other = log_in(&everywhere, Transport::Tcp, login);
    other.ask("mn\r\n", "MN\r\n");
    let memory = everywhere.daemon.resident_bytes();
    let _watchers: Vec<Client> = TRANSPORTS
        .iter()
        .flat_map(|by| [*by; 3])
        .map(|by| {
            let mut watcher = log_in(&everywhere, by, login);
            watcher.ask("watch fetchers mutations\r\n", "OK\r\n");
            watcher
        })
        .collect();
    let key = "k".repeat(200);
    let round = format!("get {key}\r\n").repeat(1000);
    for _ in 0..60 {
        other.ask(&round, "END\r\n".repeat(1000));
    }
    let now = everywhere.daemon.resident_bytes();
    assert!(now < memory + ALLOWANCE, "{memory} bytes at first, {now} now");
    wait_for("lines to be dropped", || (other.stat("", "log_watcher_skipped") != "0").then_some(()));
}

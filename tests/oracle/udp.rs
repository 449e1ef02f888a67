//! Both servers get the same datagrams and must reply with the same datagrams: headers, fragmentation and order.

use crate::frames::{Request, arithmetic, keyed, numbered, request, store, valued};
use crate::servers::Server;
use crate::transcript::WAIT_MAX;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// How long a reply is awaited before the request is sent again: a full socket buffer drops datagrams.
const RESEND_AFTER: Duration = Duration::from_secs(2);

/// Headers of a datagram: usual, with other numbers, of no parts, of two parts.
const HEADERS: [&str; 4] =
    ["\0\x07\0\0\0\x01\0\0", "\x12\x34\0\x05\0\x01\0\x09", "\0\x07\0\0\0\0\0\0", "\0\x07\0\0\0\x02\0\0"];

/// All replies to one datagram. A request with a known reply follows it as an end mark. memcached may process that
/// request before it has finished with the datagram, so it is repeated until no reply comes before the end mark.
fn replies(socket: &UdpSocket, datagram: &[u8]) -> Vec<Vec<u8>> {
    socket.send(datagram).unwrap();
    let mut replies = Vec::new();
    loop {
        let count = replies.len();
        read_to_end_mark(socket, &mut replies);
        if replies.len() == count {
            return replies;
        }
    }
}

/// Sends a request with a number of its own and adds all datagrams that come before its reply.
fn read_to_end_mark(socket: &UdpSocket, replies: &mut Vec<Vec<u8>>) {
    static NUMBER: AtomicU16 = AtomicU16::new(0);
    let [high, low] = (0x8000 | NUMBER.fetch_add(1, Ordering::Relaxed)).to_be_bytes();
    let mut buffer = [0; 65536];
    for _ in 0..WAIT_MAX.as_secs() / RESEND_AFTER.as_secs() {
        socket.send(&[&[high, low][..], b"\0\0\0\x01\0\0mn\r\n"].concat()).unwrap();
        while let Ok(len) = socket.recv(&mut buffer) {
            let reply = &buffer[..len];
            let is_end_mark = reply[0] >= 0x80 && reply.ends_with(b"\0\0\0\x01\0\0MN\r\n");
            match is_end_mark {
                true if reply[..2] == [high, low] => return,
                // The reply to an end mark that was sent twice.
                true => {}
                false => replies.push(reply.to_vec()),
            }
        }
    }
    panic!("no reply within {WAIT_MAX:?}");
}

/// A socket for each server.
fn sockets(servers: &[Server; 2]) -> [UdpSocket; 2] {
    servers.each_ref().map(|server| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.1", server.udp_port)).unwrap();
        socket.set_read_timeout(Some(WAIT_MAX)).unwrap();
        socket
    })
}

/// Replaces each CAS unique by 1: its value depends on the server.
fn without_uniques(datagrams: &mut [Vec<u8>]) {
    for datagram in datagrams {
        // The first datagram of a binary reply.
        if datagram.get(2..4) == Some(&[0, 0]) && datagram.get(8) == Some(&0x81) {
            let some = datagram[24..32] != [0; 8];
            datagram[24..32].fill(u8::from(some));
        }
    }
}

/// Requests of the binary protocol; each list is sent in one datagram.
fn binary_requests() -> Vec<Vec<Request>> {
    let value = "v".repeat(5000);
    let (set, noop) = (store(0x01, "a", 3, 0, "x"), request(0x0a));
    vec![
        vec![set.clone()],
        vec![noop.clone()],
        vec![keyed(0x00, "a"), keyed(0x0c, "a"), noop.clone()],
        vec![
            keyed(0x00, "none"),
            keyed(0x0c, "none"),
            keyed(0x09, "none"),
            keyed(0x0d, "none"),
            noop.clone(),
        ],
        vec![keyed(0x09, "none")],
        vec![noop.clone(), keyed(0x09, "none"), keyed(0x09, "none"), noop.clone(), keyed(0x09, "none")],
        vec![keyed(0x0c, "a"), request(0x17), noop.clone()],
        vec![store(0x11, "q", 0, 0, "y"), keyed(0x00, "q")],
        // memcached may lose the rest of a datagram after an error.
        vec![store(0x12, "a", 0, 0, "y")],
        vec![store(0x13, "none", 0, 0, "y")],
        vec![set.clone().cas(u64::MAX)],
        vec![store(0x01, "big", 0, 0, &value), keyed(0x0d, "big"), keyed(0x00, "big"), noop.clone()],
        vec![valued(0x0e, "a", "y"), valued(0x0f, "a", "z"), keyed(0x00, "a"), valued(0x19, "none", "z")],
        vec![arithmetic(0x05, "n", 1, 7, 0), arithmetic(0x15, "n", 5, 7, 0), arithmetic(0x06, "n", 2, 7, 0)],
        vec![
            numbered(0x1c, "a", 0),
            numbered(0x1d, "a", 0),
            numbered(0x24, "a", 0),
            numbered(0x24, "none", 0),
        ],
        vec![keyed(0x04, "a")],
        vec![keyed(0x09, "none"), keyed(0x09, "none"), noop.clone()],
        vec![keyed(0x14, "q")],
        vec![keyed(0x10, "nosuch")],
        vec![request(0x20)],
        vec![valued(0x21, "PLAIN", "x")],
        vec![request(0x55)],
        vec![request(0x07), noop.clone()],
        vec![request(0x17), noop.clone()],
        vec![keyed(0x00, ""), noop.clone()],
        vec![keyed(0x00, "k".repeat(251)), noop.clone()],
        vec![numbered(0x08, "", 0), numbered(0x18, "", 0), request(0x08)],
    ]
}

/// The payloads of [`binary_requests`], and payloads that are incomplete or of both protocols.
fn binary_payloads() -> Vec<Vec<u8>> {
    let noop = request(0x0a);
    let mut payloads: Vec<Vec<u8>> =
        binary_requests().iter().map(|requests| requests.iter().flat_map(Request::bytes).collect()).collect();
    payloads.push(noop.bytes()[..12].to_vec());
    payloads.push([&noop.bytes()[..], &noop.bytes()[..12]].concat());
    payloads.push([&noop.bytes()[..], b"version\r\n"].concat());
    payloads.push(keyed(0x00, "abc").bytes()[..26].to_vec());
    payloads.push([&keyed(0x00, "abc").header(1)[..], b"abc"].concat());
    payloads
}

#[test]
fn binary_requests_get_the_same_datagrams() {
    let servers = [Server::larder_with_udp(), Server::oracle_with_udp()];
    let sockets = sockets(&servers);
    for payload in binary_payloads() {
        for header in HEADERS {
            let datagram = [header.as_bytes(), &payload].concat();
            let [mut ours, mut theirs] = sockets.each_ref().map(|socket| replies(socket, &datagram));
            without_uniques(&mut ours);
            without_uniques(&mut theirs);
            assert!(
                ours == theirs,
                "{header:?} {}:\nlarder    {ours:x?}\nmemcached {theirs:x?}",
                payload[..60.min(payload.len())].escape_ascii()
            );
        }
    }
}

#[test]
fn text_requests_get_the_same_datagrams() {
    let servers = [Server::larder_with_udp(), Server::oracle_with_udp()];
    let sockets = sockets(&servers);
    let value = "v".repeat(5000);
    let exact = "v".repeat(1392 - "VALUE e 0 1370\r\n\r\nEND\r\n".len());
    let requests = [
        "set a 0 0 1\r\nx\r\n".to_owned(),
        "set b 7 0 1\r\ny\r\nset n 0 0 2\r\n10\r\n".to_owned(),
        "get a\r\n".to_owned(),
        "get a b\r\n".to_owned(),
        "get none a\r\n".to_owned(),
        "get a none\r\n".to_owned(),
        "get none a none b none\r\n".to_owned(),
        "get none none\r\n".to_owned(),
        "gat 0 a b\r\n".to_owned(),
        format!("set big 0 0 5000\r\n{value}\r\n"),
        "get big a big\r\n".to_owned(),
        format!("set e 0 0 {}\r\n{exact}\r\n", exact.len()),
        "get e\r\n".to_owned(),
        format!("set e 0 0 {}\r\n{exact}v\r\n", exact.len() + 1),
        "get e\r\n".to_owned(),
        "set c 0 0 1 noreply\r\nx\r\n".to_owned(),
        "incr n 1\r\ndecr n 5\r\ndelete c\r\ntouch a 0\r\n".to_owned(),
        "bogus\r\n".to_owned(),
        "quit\r\nget a\r\n".to_owned(),
        "get a".to_owned(),
        "get a\r\nget".to_owned(),
        "GET / HTTP/1.1\r\n".to_owned(),
        format!("get {}\r\n", "k".repeat(251)),
        format!("get a {}\r\n", "k".repeat(251)),
    ];
    for request in &requests {
        for header in HEADERS {
            let datagram = [header.as_bytes(), request.as_bytes()].concat();
            let [ours, theirs] = sockets.each_ref().map(|socket| replies(socket, &datagram));
            assert!(
                ours == theirs,
                "{header:?} {request:.40?}: {} datagrams of larder, {} of memcached",
                ours.len(),
                theirs.len()
            );
        }
    }
    for short in [&b""[..], b"x", b"\0\x07\0\0\0\x01\0\0"] {
        let [ours, theirs] = sockets.each_ref().map(|socket| replies(socket, short));
        assert_eq!((ours.len(), theirs.len()), (0, 0));
    }
}

//! `-U`: every complete command of a datagram is answered by datagrams that memcached's clients can put together;
//! anything else is dropped without an answer, and harms nobody.

use crate::support::frames::{Reply, Request, arithmetic, keyed, numbered, replies, request, store};
use crate::support::{Daemon, WAIT_MAX, has_ipv6, larder, memcached, skip};
use nix::sys::signal::Signal;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};

/// A socket of its own for one test.
struct Peer(UdpSocket);

impl Peer {
    fn of(daemon: &Daemon) -> Peer {
        Peer::at(daemon.udp_addresses()[0])
    }

    fn at(address: SocketAddr) -> Peer {
        let socket = UdpSocket::bind(if address.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" }).unwrap();
        socket.connect(address).unwrap();
        socket.set_read_timeout(Some(WAIT_MAX)).unwrap();
        Peer(socket)
    }

    fn send(&self, header: [u16; 4], payload: impl AsRef<[u8]>) {
        let mut datagram: Vec<u8> = header.into_iter().flat_map(u16::to_be_bytes).collect();
        datagram.extend_from_slice(payload.as_ref());
        self.0.send(&datagram).unwrap();
    }

    /// One datagram: its header and its payload.
    #[track_caller]
    fn receive(&self) -> ([u16; 4], Vec<u8>) {
        let mut buffer = [0; 65536];
        let len = self.0.recv(&mut buffer).expect("an answer");
        let number = |at: usize| u16::from_be_bytes([buffer[at], buffer[at + 1]]);
        ([number(0), number(2), number(4), number(6)], buffer[8..len].to_vec())
    }

    /// Sends commands and hears exactly these messages of one datagram each.
    #[track_caller]
    fn ask(&self, commands: &str, answers: &[&str]) {
        self.send([7, 0, 1, 0], commands);
        for answer in answers {
            let (header, payload) = self.receive();
            assert_eq!(header, [7, 0, u16::from(!answer.is_empty()), 0], "{commands:?}");
            assert_eq!(String::from_utf8_lossy(&payload), *answer, "{commands:?}");
        }
        self.hears_nothing_more();
    }

    /// Sends frames in one datagram and hears a message for each line: the reply that it shows, none for an empty one.
    #[track_caller]
    fn ask_binary(&self, requests: &[Request], lines: &[&str]) {
        self.send([8, 0, 1, 0], requests.iter().flat_map(Request::bytes).collect::<Vec<_>>());
        let mut heard = Vec::new();
        for line in lines {
            let (header, payload) = self.receive();
            assert_eq!(header, [8, 0, u16::from(!line.is_empty()), 0]);
            heard.push(replies(&payload).iter().map(Reply::summary).collect::<Vec<_>>().join(", "));
        }
        assert_eq!(heard, lines);
        self.hears_nothing_more();
    }

    /// The socket is served in order, so what comes before the answer to a last question is all there was.
    #[track_caller]
    fn hears_nothing_more(&self) {
        self.send([65535, 0, 1, 0], "version\r\n");
        let (header, payload) = self.receive();
        assert_eq!(header[0], 65535, "an answer too many: {:?}", String::from_utf8_lossy(&payload));
        assert_eq!(payload, b"VERSION 1.6.45\r\n");
    }
}

#[test]
fn commands_are_answered_one_message_each() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    peer.ask("set a 0 0 1\r\nx\r\nset b 0 0 1\r\ny\r\n", &["STORED\r\n", "STORED\r\n"]);
    peer.ask("get a\r\nincr none 1\r\n", &["VALUE a 0 1\r\nx\r\nEND\r\n", "NOT_FOUND\r\n"]);
    daemon.connect().ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
}

#[test]
fn every_key_found_is_a_message_of_its_own() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    peer.ask("set a 0 0 1\r\nx\r\nset b 0 0 1\r\ny\r\n", &["STORED\r\n", "STORED\r\n"]);
    let (a, b, b_end) = ("VALUE a 0 1\r\nx\r\n", "VALUE b 0 1\r\ny\r\n", "VALUE b 0 1\r\ny\r\nEND\r\n");
    peer.ask("get a b\r\n", &[a, b_end]);
    peer.ask("get none a none b\r\n", &["", a, b_end]);
    peer.ask("get a b none\r\n", &[a, b, "END\r\n"]);
    peer.ask("get none\r\n", &["END\r\n"]);
    peer.ask("gat 0 a b\r\n", &[a, b_end]);
    peer.ask(&format!("get{}\r\n", " none".repeat(10_000)), &["", "END\r\n"]);
    let long = "k".repeat(251);
    peer.ask(&format!("get a {long} b\r\n"), &["CLIENT_ERROR bad command line format\r\n"]);
    let list = " none".repeat(1000);
    peer.ask(
        &format!("get {long}{list}\r\nget a\r\n"),
        &["CLIENT_ERROR bad command line format\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n"],
    );
}

#[test]
fn long_replies_are_cut_into_numbered_datagrams() {
    let daemon = larder("-U -1 -o udp_reply_max=100000").start();
    let peer = Peer::of(&daemon);
    for len in [1392, 1393, 2 * 1392, 100_000] {
        // The value line, the line end, END.
        let value_len = len - format!("VALUE v 0 {len}\r\n\r\nEND\r\n").len();
        let value: String = "0123456789abcdef".chars().cycle().take(value_len).collect();
        daemon.connect().ask(format!("set v 0 0 {value_len}\r\n{value}\r\n"), "STORED\r\n");
        let reply = format!("VALUE v 0 {value_len}\r\n{value}\r\nEND\r\n");
        let total = reply.len().div_ceil(1392);
        peer.send([9, 3, 1, 5], "get v\r\n");
        let mut got = Vec::new();
        for sequence in 0..total {
            let (header, payload) = peer.receive();
            assert_eq!(header, [9, sequence as u16, total as u16, 0]);
            assert!(payload.len() == 1392 || sequence + 1 == total);
            got.extend(payload);
        }
        assert!(got == reply.as_bytes(), "another reply than of {len} bytes");
        peer.hears_nothing_more();
    }
}

const REFUSED: &str = "SERVER_ERROR response too large for UDP\r\n";

#[test]
fn a_reply_over_the_limit_is_refused() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    for (len, fits) in [(65_536, true), (65_537, false), (1_000_000, false)] {
        let value_len = len - format!("VALUE v 0 {len}\r\n\r\nEND\r\n").len();
        daemon.connect().ask(format!("set v 0 0 {value_len}\r\n{}\r\n", "v".repeat(value_len)), "STORED\r\n");
        if fits {
            peer.send([9, 0, 1, 0], "get v\r\n");
            let total = len.div_ceil(1392);
            let bytes: usize = (0..total).map(|_| peer.receive().1.len()).sum();
            assert_eq!(bytes, len);
        } else {
            peer.ask("get v\r\n", &[REFUSED]);
        }
    }
    peer.send([9, 0, 1, 0], keyed(0x00, "v").bytes());
    let (_, reply) = peer.receive();
    assert_eq!(replies(&reply)[0].status, 3, "too large");
}

#[test]
fn the_replies_to_one_datagram_share_the_limit() {
    let daemon = larder("-U -1 -o udp_reply_max=50").start();
    let peer = Peer::of(&daemon);
    daemon.connect().ask("set v 0 0 1\r\nx\r\n", "STORED\r\n");
    let found = "VALUE v 0 1\r\nx\r\nEND\r\n";
    peer.ask(&"get v\r\n".repeat(100), &[found, found, REFUSED]);
    let value = "VALUE v 0 1\r\nx\r\n";
    peer.ask("get v v v v\r\n", &[value, value, value, REFUSED]);
}

#[test]
fn a_flood_of_large_requests_neither_stops_tcp_nor_the_end() {
    let mut daemon = larder("-U -1 -o udp_reply_max=90000000 -t 1").start();
    let mut client = daemon.connect();
    let value = "v".repeat(1_000_000);
    client.ask(format!("set v 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    let floods = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let peer = Peer::of(&daemon);
            while floods.load(Ordering::Relaxed) {
                let _ = peer.0.send(b"\0\x07\0\0\0\x01\0\0get v\r\n");
            }
        });
        for _ in 0..100 {
            client.ask("get none\r\n", "END\r\n");
        }
        daemon.signal(Signal::SIGTERM);
        assert_eq!(client.read_to_close(), "");
        floods.store(false, Ordering::Relaxed);
    });
    assert!(daemon.wait().success());
}

#[test]
fn noreply_is_silent_and_quit_is_a_message_of_nothing() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    peer.ask("set a 0 0 1 noreply\r\nx\r\ndelete b noreply\r\n", &[]);
    peer.ask("get a\r\n", &["VALUE a 0 1\r\nx\r\nEND\r\n"]);
    peer.ask("quit\r\nversion\r\n", &[""]);
}

#[test]
fn what_is_no_whole_request_gets_no_answer() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    for datagram in [&b""[..], b"x", b"1234567", b"12345678"] {
        peer.0.send(datagram).unwrap();
        peer.hears_nothing_more();
    }
    for header in [[1, 0, 0, 0], [1, 0, 2, 0], [1, 1, 2, 0], [1, 0, 65535, 0]] {
        peer.send(header, "version\r\n");
        peer.hears_nothing_more();
    }
    let endless = "get ".to_owned() + &"k ".repeat(30_000);
    for payload in [
        "version",
        "get a",
        "GET / HTTP/1.1\r\n",
        "set a 0 0 9\r\nx\r\n",
        "set a 0 0 9\r\n123456789",
        "set a 0 0 60000\r\nx\r\n",
        &endless,
        "x".repeat(60_000).as_str(),
    ] {
        peer.send([1, 0, 1, 0], payload);
        peer.hears_nothing_more();
    }
    assert_eq!(daemon.connect().stat("", "curr_items"), "0");
}

#[test]
fn the_rest_of_a_datagram_is_forgotten_with_it() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    peer.ask("version\r\nset a 0 0 10\r\nhalf", &["VERSION 1.6.45\r\n"]);
    peer.ask("other half\r\n", &["ERROR\r\n"]);
    // Two halves of one request, the second first.
    peer.send([5, 1, 2, 0], " 0 0 1\r\nx\r\n");
    peer.send([5, 0, 2, 0], "set a");
    peer.hears_nothing_more();
    peer.ask("get a\r\n", &["END\r\n"]);
}

#[test]
fn large_values_fit_up_to_a_datagram() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    let value = "v".repeat(60_000);
    peer.ask(
        &format!("set v 0 0 {}\r\n{value}\r\nversion\r\n", value.len()),
        &["STORED\r\n", "VERSION 1.6.45\r\n"],
    );
    peer.ask(&format!("set w 0 0 {}\r\n{value}\r", value.len()), &[]);
    daemon.connect().ask("get w\r\n", "END\r\n");
    daemon.connect().ask("get v\r\n", format!("VALUE v 0 60000\r\n{value}\r\nEND\r\n"));
}

#[test]
fn what_has_no_end_is_for_connections() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    for request in ["watch\r\n", "lru_crawler metadump all\r\n", "lru_crawler mgdump all\r\n"] {
        peer.ask(request, &["CLIENT_ERROR not by UDP\r\n"]);
    }
}

#[test]
fn meta_commands_are_served_too() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    let value = "v".repeat(20_000);
    peer.ask(
        &format!("ms v {}\r\n{value}\r\nmg v s\r\nmn\r\n", value.len()),
        &["HD\r\n", "HD s20000\r\n", "MN\r\n"],
    );
}

#[test]
fn a_socket_that_speaks_one_protocol_does_not_answer_the_other() {
    let daemon = larder("-U -1 -l proto[binary]:127.0.0.1,proto[ascii]:127.0.0.2").start();
    let at = |host: &str, index: usize| {
        let port = daemon.udp_addresses()[index].port();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.connect((host, port)).unwrap();
        peer.set_read_timeout(Some(WAIT_MAX)).unwrap();
        Peer(peer)
    };
    let (binary, text) = (at("127.0.0.1", 0), at("127.0.0.2", 1));
    binary.send([1, 0, 1, 0], "set a 0 0 1\r\nx\r\n");
    binary.send([2, 0, 1, 0], request(0x0b).bytes());
    let (header, payload) = binary.receive();
    assert_eq!((header, replies(&payload)[0].summary()), ([2, 0, 1, 0], "0b 0 value=1.6.45".to_owned()));
    text.send([1, 0, 1, 0], store(0x01, "a", 0, 0, "x").bytes());
    text.ask("get a\r\n", &["END\r\n"]);
}

#[test]
fn binary_requests_are_answered_one_message_each() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    peer.ask_binary(
        &[store(0x01, "a", 5, 0, "x"), keyed(0x00, "a")],
        &["01 0 cas", "00 0 +00000005 value=x cas"],
    );
    peer.ask_binary(&[keyed(0x0c, "none"), request(0x55)], &["0c 1 key=none", "55 81 value=Unknown command"]);
    peer.ask_binary(
        &[arithmetic(0x05, "n", 1, 7, 0), request(0x20)],
        &["05 0 value=\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x07 cas", "20 81 value=Unknown command"],
    );
    // The choice is made anew for every datagram.
    peer.ask("get a\r\n", &["VALUE a 5 1\r\nx\r\nEND\r\n"]);
    peer.ask_binary(&[request(0x0a)], &["0a 0"]);
}

#[test]
fn a_quiet_request_with_nothing_to_say_is_a_message_of_nothing() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    let quiet =
        [store(0x11, "a", 0, 0, "x"), keyed(0x09, "none"), keyed(0x0d, "a"), store(0x12, "a", 0, 0, "y")];
    // One where replies begin to gather; the next one behind an error.
    peer.ask_binary(&quiet, &["", "0d 0 +00000000 key=a value=x cas", "12 2 value=Data exists for key."]);
    peer.ask_binary(&[numbered(0x18, "", 0), request(0x0a)], &["", "0a 0"]);
    let errors =
        [keyed(0x00, "none"), keyed(0x09, "none"), keyed(0x09, "none"), request(0x0a), keyed(0x09, "none")];
    peer.ask_binary(&errors, &["00 1 value=Not found", "", "0a 0", ""]);
    peer.ask_binary(&[request(0x17), request(0x0a)], &[""]);
    peer.ask_binary(&[request(0x0b), request(0x17), request(0x0a)], &["0b 0 value=1.6.45"]);
    peer.ask_binary(&[request(0x07), request(0x0a)], &["07 0"]);
}

#[test]
fn long_binary_replies_are_cut_and_large_values_taken() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    let value = "0123456789abcdef".repeat(3500);
    peer.ask_binary(&[store(0x01, "v", 0, 0, &value), request(0x0a)], &["01 0 cas", "0a 0"]);
    let over = store(0x01, "w", 0, 0, "v").header(60_000);
    peer.send([1, 0, 1, 0], [&over[..], &vec![b'v'; 59_000]].concat());
    peer.hears_nothing_more();
    peer.send([9, 3, 1, 5], keyed(0x00, "v").bytes());
    let len = 24 + 4 + value.len();
    let mut got = Vec::new();
    for sequence in 0..len.div_ceil(1392) {
        let (header, payload) = peer.receive();
        assert_eq!(header, [9, sequence as u16, len.div_ceil(1392) as u16, 0]);
        got.extend(payload);
    }
    assert!(replies(&got)[0].value == value.as_bytes());
    peer.hears_nothing_more();
    peer.ask_binary(&[keyed(0x00, "w")], &["00 1 value=Not found"]);
}

#[test]
fn a_frame_that_is_not_whole_or_lies_gets_what_its_header_deserves() {
    let daemon = larder("-U -1").start();
    let peer = Peer::of(&daemon);
    let set = store(0x01, "a", 0, 0, "x");
    let lie = |body_len: u32| [&set.header(body_len)[..], &set.bytes()[24..]].concat();
    for torn in [
        &request(0x0a).bytes()[..1],
        &request(0x0a).bytes()[..23],
        &set.bytes()[..24],
        &set.bytes()[..33],
        &lie(set.bytes().len() as u32),
        &lie(1 << 20),
        &lie(1 << 30),
        &request(0x55).header(1 << 29),
    ] {
        peer.send([1, 0, 1, 0], torn);
        peer.hears_nothing_more();
    }
    for (bytes, line) in [
        (lie((1 << 30) + 1), "01 4 value=Invalid arguments"),
        (lie(u32::MAX), "01 4 value=Invalid arguments"),
        (lie(8), "01 81 value=Unknown command"),
        (keyed(0x00, "k".repeat(251)).bytes(), "00 4 value=Invalid arguments"),
        (keyed(0x00, "").bytes(), "00 4 value=Invalid arguments"),
    ] {
        // Nothing behind such a frame is looked at.
        peer.send([3, 0, 1, 0], [&bytes[..], &set.bytes()].concat());
        let (header, payload) = peer.receive();
        assert_eq!((header[0], replies(&payload)[0].summary().as_str()), (3, line));
        peer.hears_nothing_more();
    }
    // What is behind a whole frame is dropped with the datagram, be it text, half a frame, or the first half of two.
    for rest in [&b"version\r\n"[..], &request(0x0a).bytes()[..12], &set.bytes()[..30]] {
        peer.send([4, 0, 1, 0], [&request(0x0a).bytes()[..], rest].concat());
        assert_eq!(replies(&peer.receive().1)[0].summary(), "0a 0");
        peer.hears_nothing_more();
    }
    peer.send([5, 1, 2, 0], &set.bytes()[24..]);
    peer.send([5, 0, 2, 0], &set.bytes()[..24]);
    peer.hears_nothing_more();
    peer.ask_binary(&[keyed(0x00, "a")], &["00 1 value=Not found"]);
}

#[test]
fn what_no_command_begins_with_gets_no_answer() {
    let daemon = larder("-U -1 -o track_sizes").start();
    let peer = Peer::of(&daemon);
    peer.ask("set a 0 0 1\r\nx\r\n", &["STORED\r\n"]);
    // Replies of servers: were they answered, two servers could be made to talk to each other for ever.
    let mut reply = request(0x0b).bytes();
    reply[0] = 0x81;
    let replies = [
        "ERROR\r\n",
        "CLIENT_ERROR bad command line format\r\n",
        "END\r\n",
        "5\r\n",
        "STORED\r\n",
        "VALUE k 0 7\r\nget a\r\n\r\nEND\r\n",
        "MN\r\n",
    ];
    let empty = ["\r\n", "\n", " \r\n", "\0\r\n", "\r\n\r\nget a\r\n"];
    for payload in replies.iter().chain(&empty).map(|text| text.as_bytes()).chain([&reply[..], b"\x81\r\n"]) {
        peer.send([1, 0, 1, 0], payload);
        peer.hears_nothing_more();
    }
    peer.ask("bogus\r\n", &["ERROR\r\n"]);
    peer.ask_binary(&[keyed(0x10, "sizes"), keyed(0x10, "nosuch")], &["10 1 value=Not found"; 2]);
}

#[test]
fn peers_get_their_own_answers() {
    let daemon = larder("-U -1").start();
    let peers: Vec<Peer> = (0..10).map(|_| Peer::of(&daemon)).collect();
    for (peer, id) in peers.iter().zip(0..) {
        peer.send([id, 0, 1, 0], format!("set k{id} 0 0 1\r\n{id}\r\nget k{id}\r\n"));
    }
    for (peer, id) in peers.iter().zip(0..) {
        assert_eq!(peer.receive(), ([id, 0, 1, 0], b"STORED\r\n".to_vec()));
        assert_eq!(peer.receive().1, format!("VALUE k{id} 0 1\r\n{id}\r\nEND\r\n").as_bytes());
    }
}

#[test]
fn udp_is_off_unless_asked_for() {
    assert!(larder("").start().udp_addresses().is_empty());
    assert!(memcached("-U 0 -l 127.0.0.1").start().udp_addresses().is_empty());
}

#[test]
fn every_address_has_its_udp_socket_and_is_reported() {
    let daemon = larder("-U -1 -l 127.0.0.1,127.0.0.2").start();
    assert_eq!(daemon.udp_addresses().len(), 2);
    let mut client = daemon.connect();
    assert_eq!(client.stat("settings", "udpport"), "-1");
    client.send("stats conns\r\n");
    let report = client.read_until("END\r\n");
    assert_eq!(report.matches(":UDP UDP\r\n").count(), 2, "{report}");
    assert!(report.contains(&format!("addr udp:{}\r\n", daemon.udp_addresses()[0])), "{report}");
    // Two TCP and two UDP sockets and this client, counted as memcached counts.
    assert_eq!(client.stat("", "curr_connections"), "4");
}

#[test]
fn udp_works_alone_and_by_ipv6() {
    let alone = larder("-p 0 -U -1").start_on_given_ports();
    assert!(alone.addresses().is_empty());
    Peer::of(&alone).ask("get a\r\n", &["END\r\n"]);
    if !has_ipv6() {
        return skip("UDP by IPv6 (needs ::1)");
    }
    Peer::at(alone.udp_addresses()[1]).ask("get a\r\n", &["END\r\n"]);
}

#[test]
fn a_udp_port_in_use_is_one_line() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let refusal = larder(&format!("-p -1 -U {port}")).refusal();
    assert_eq!(refusal, (format!("failed to listen on UDP port {port}: Address already in use"), 71));
}

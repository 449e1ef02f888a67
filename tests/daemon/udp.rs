//! `-U`: every complete command of a datagram is answered by datagrams as memcached sends them. Other datagrams are
//! dropped without a reply.

use crate::support::frames::{Reply, Request, arithmetic, keyed, numbered, replies, request, store};
use crate::support::{Daemon, WAIT_MAX, has_ipv6, larder, memcached, skip};
use nix::sys::signal::Signal;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};

/// A client with a UDP socket.
struct UdpClient(UdpSocket);

impl UdpClient {
    fn of(daemon: &Daemon) -> UdpClient {
        UdpClient::at(daemon.udp_addresses()[0])
    }

    fn at(address: SocketAddr) -> UdpClient {
        let socket = UdpSocket::bind(if address.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" }).unwrap();
        socket.connect(address).unwrap();
        socket.set_read_timeout(Some(WAIT_MAX)).unwrap();
        UdpClient(socket)
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

    /// Sends commands, and expects exactly these messages of one datagram each.
    #[track_caller]
    fn ask(&self, commands: &str, answers: &[&str]) {
        self.send([7, 0, 1, 0], commands);
        for answer in answers {
            let (header, payload) = self.receive();
            assert_eq!(header, [7, 0, u16::from(!answer.is_empty()), 0], "{commands:?}");
            assert_eq!(String::from_utf8_lossy(&payload), *answer, "{commands:?}");
        }
        self.expect_no_more();
    }

    /// Sends frames in one datagram, and expects a message for each line: the reply that the line shows, or an empty
    /// message for an empty line.
    #[track_caller]
    fn ask_binary(&self, requests: &[Request], lines: &[&str]) {
        self.send([8, 0, 1, 0], requests.iter().flat_map(Request::bytes).collect::<Vec<_>>());
        let mut received = Vec::new();
        for line in lines {
            let (header, payload) = self.receive();
            assert_eq!(header, [8, 0, u16::from(!line.is_empty()), 0]);
            received.push(replies(&payload).iter().map(Reply::summary).collect::<Vec<_>>().join(", "));
        }
        assert_eq!(received, lines);
        self.expect_no_more();
    }

    /// Expects no further message. The socket is served in order, so the reply to a last request comes after all
    /// others.
    #[track_caller]
    fn expect_no_more(&self) {
        self.send([65535, 0, 1, 0], "version\r\n");
        let (header, payload) = self.receive();
        assert_eq!(header[0], 65535, "an unexpected message: {:?}", String::from_utf8_lossy(&payload));
        assert_eq!(payload, b"VERSION 1.6.45\r\n");
    }
}

#[test]
fn each_command_is_answered_by_a_message() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    client.ask("set a 0 0 1\r\nx\r\nset b 0 0 1\r\ny\r\n", &["STORED\r\n", "STORED\r\n"]);
    client.ask("get a\r\nincr none 1\r\n", &["VALUE a 0 1\r\nx\r\nEND\r\n", "NOT_FOUND\r\n"]);
    daemon.connect().ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
}

#[test]
fn each_found_key_is_a_message() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    client.ask("set a 0 0 1\r\nx\r\nset b 0 0 1\r\ny\r\n", &["STORED\r\n", "STORED\r\n"]);
    let (a, b, b_end) = ("VALUE a 0 1\r\nx\r\n", "VALUE b 0 1\r\ny\r\n", "VALUE b 0 1\r\ny\r\nEND\r\n");
    client.ask("get a b\r\n", &[a, b_end]);
    client.ask("get none a none b\r\n", &["", a, b_end]);
    client.ask("get a b none\r\n", &[a, b, "END\r\n"]);
    client.ask("get none\r\n", &["END\r\n"]);
    client.ask("gat 0 a b\r\n", &[a, b_end]);
    client.ask(&format!("get{}\r\n", " none".repeat(10_000)), &["", "END\r\n"]);
    let long = "k".repeat(251);
    client.ask(&format!("get a {long} b\r\n"), &["CLIENT_ERROR bad command line format\r\n"]);
    let list = " none".repeat(1000);
    client.ask(
        &format!("get {long}{list}\r\nget a\r\n"),
        &["CLIENT_ERROR bad command line format\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n"],
    );
}

#[test]
fn long_replies_are_divided_into_numbered_datagrams() {
    let daemon = larder("-U -1 -o udp_reply_max=100000").start();
    let client = UdpClient::of(&daemon);
    for len in [1392, 1393, 2 * 1392, 100_000] {
        // The value line, the line end, END.
        let value_len = len - format!("VALUE v 0 {len}\r\n\r\nEND\r\n").len();
        let value: String = "0123456789abcdef".chars().cycle().take(value_len).collect();
        daemon.connect().ask(format!("set v 0 0 {value_len}\r\n{value}\r\n"), "STORED\r\n");
        let reply = format!("VALUE v 0 {value_len}\r\n{value}\r\nEND\r\n");
        let total = reply.len().div_ceil(1392);
        client.send([9, 3, 1, 5], "get v\r\n");
        let mut got = Vec::new();
        for sequence in 0..total {
            let (header, payload) = client.receive();
            assert_eq!(header, [9, sequence as u16, total as u16, 0]);
            assert!(payload.len() == 1392 || sequence + 1 == total);
            got.extend(payload);
        }
        assert!(got == reply.as_bytes(), "another reply than of {len} bytes");
        client.expect_no_more();
    }
}

const REFUSED: &str = "SERVER_ERROR response too large for UDP\r\n";

#[test]
fn a_reply_over_the_limit_is_refused() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    for (len, fits) in [(65_536, true), (65_537, false), (1_000_000, false)] {
        let value_len = len - format!("VALUE v 0 {len}\r\n\r\nEND\r\n").len();
        daemon.connect().ask(format!("set v 0 0 {value_len}\r\n{}\r\n", "v".repeat(value_len)), "STORED\r\n");
        if fits {
            client.send([9, 0, 1, 0], "get v\r\n");
            let total = len.div_ceil(1392);
            let bytes: usize = (0..total).map(|_| client.receive().1.len()).sum();
            assert_eq!(bytes, len);
        } else {
            client.ask("get v\r\n", &[REFUSED]);
        }
    }
    client.send([9, 0, 1, 0], keyed(0x00, "v").bytes());
    let (_, reply) = client.receive();
    assert_eq!(replies(&reply)[0].status, 3, "too large");
}

#[test]
fn the_replies_to_one_datagram_share_the_limit() {
    let daemon = larder("-U -1 -o udp_reply_max=50").start();
    let client = UdpClient::of(&daemon);
    daemon.connect().ask("set v 0 0 1\r\nx\r\n", "STORED\r\n");
    let found = "VALUE v 0 1\r\nx\r\nEND\r\n";
    client.ask(&"get v\r\n".repeat(100), &[found, found, REFUSED]);
    let value = "VALUE v 0 1\r\nx\r\n";
    client.ask("get v v v v\r\n", &[value, value, value, REFUSED]);
}

#[test]
fn a_flood_of_large_requests_stops_neither_tcp_nor_the_end() {
    let mut daemon = larder("-U -1 -o udp_reply_max=90000000 -t 1").start();
    let mut client = daemon.connect();
    let value = "v".repeat(1_000_000);
    client.ask(format!("set v 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    let floods = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let client = UdpClient::of(&daemon);
            while floods.load(Ordering::Relaxed) {
                let _ = client.0.send(b"\0\x07\0\0\0\x01\0\0get v\r\n");
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
fn noreply_has_no_message_and_quit_has_an_empty_one() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    client.ask("set a 0 0 1 noreply\r\nx\r\ndelete b noreply\r\n", &[]);
    client.ask("get a\r\n", &["VALUE a 0 1\r\nx\r\nEND\r\n"]);
    client.ask("quit\r\nversion\r\n", &[""]);
}

#[test]
fn incomplete_requests_get_no_reply() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    for datagram in [&b""[..], b"x", b"1234567", b"12345678"] {
        client.0.send(datagram).unwrap();
        client.expect_no_more();
    }
    for header in [[1, 0, 0, 0], [1, 0, 2, 0], [1, 1, 2, 0], [1, 0, 65535, 0]] {
        client.send(header, "version\r\n");
        client.expect_no_more();
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
        client.send([1, 0, 1, 0], payload);
        client.expect_no_more();
    }
    assert_eq!(daemon.connect().stat("", "curr_items"), "0");
}

#[test]
fn an_incomplete_request_does_not_continue_in_the_next_datagram() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    client.ask("version\r\nset a 0 0 10\r\nhalf", &["VERSION 1.6.45\r\n"]);
    client.ask("other half\r\n", &["ERROR\r\n"]);
    // Two halves of one request, the second first.
    client.send([5, 1, 2, 0], " 0 0 1\r\nx\r\n");
    client.send([5, 0, 2, 0], "set a");
    client.expect_no_more();
    client.ask("get a\r\n", &["END\r\n"]);
}

#[test]
fn values_up_to_the_size_of_a_datagram_are_stored() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    let value = "v".repeat(60_000);
    client.ask(
        &format!("set v 0 0 {}\r\n{value}\r\nversion\r\n", value.len()),
        &["STORED\r\n", "VERSION 1.6.45\r\n"],
    );
    client.ask(&format!("set w 0 0 {}\r\n{value}\r", value.len()), &[]);
    daemon.connect().ask("get w\r\n", "END\r\n");
    daemon.connect().ask("get v\r\n", format!("VALUE v 0 60000\r\n{value}\r\nEND\r\n"));
}

#[test]
fn commands_with_endless_replies_are_refused() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    for request in ["watch\r\n", "lru_crawler metadump all\r\n", "lru_crawler mgdump all\r\n"] {
        client.ask(request, &["CLIENT_ERROR not by UDP\r\n"]);
    }
}

#[test]
fn meta_commands_are_served() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    let value = "v".repeat(20_000);
    client.ask(
        &format!("ms v {}\r\n{value}\r\nmg v s\r\nmn\r\n", value.len()),
        &["HD\r\n", "HD s20000\r\n", "MN\r\n"],
    );
}

#[test]
fn a_socket_of_one_protocol_does_not_answer_the_other() {
    let daemon = larder("-U -1 -l proto[binary]:127.0.0.1,proto[ascii]:127.0.0.2").start();
    let at = |host: &str, index: usize| {
        let port = daemon.udp_addresses()[index].port();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect((host, port)).unwrap();
        client.set_read_timeout(Some(WAIT_MAX)).unwrap();
        UdpClient(client)
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
fn each_binary_request_is_answered_by_a_message() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    client.ask_binary(
        &[store(0x01, "a", 5, 0, "x"), keyed(0x00, "a")],
        &["01 0 cas", "00 0 +00000005 value=x cas"],
    );
    client
        .ask_binary(&[keyed(0x0c, "none"), request(0x55)], &["0c 1 key=none", "55 81 value=Unknown command"]);
    client.ask_binary(
        &[arithmetic(0x05, "n", 1, 7, 0), request(0x20)],
        &["05 0 value=\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x07 cas", "20 81 value=Unknown command"],
    );
    // The protocol is detected for each datagram.
    client.ask("get a\r\n", &["VALUE a 5 1\r\nx\r\nEND\r\n"]);
    client.ask_binary(&[request(0x0a)], &["0a 0"]);
}

#[test]
fn a_quiet_request_without_a_reply_is_an_empty_message() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    let quiet =
        [store(0x11, "a", 0, 0, "x"), keyed(0x09, "none"), keyed(0x0d, "a"), store(0x12, "a", 0, 0, "y")];
    // The first silent request opens an empty message; after an error, the next one does.
    client.ask_binary(&quiet, &["", "0d 0 +00000000 key=a value=x cas", "12 2 value=Data exists for key."]);
    client.ask_binary(&[numbered(0x18, "", 0), request(0x0a)], &["", "0a 0"]);
    let errors =
        [keyed(0x00, "none"), keyed(0x09, "none"), keyed(0x09, "none"), request(0x0a), keyed(0x09, "none")];
    client.ask_binary(&errors, &["00 1 value=Not found", "", "0a 0", ""]);
    client.ask_binary(&[request(0x17), request(0x0a)], &[""]);
    client.ask_binary(&[request(0x0b), request(0x17), request(0x0a)], &["0b 0 value=1.6.45"]);
    client.ask_binary(&[request(0x07), request(0x0a)], &["07 0"]);
}

#[test]
fn long_binary_replies_are_divided_and_large_values_stored() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
    let value = "0123456789abcdef".repeat(3500);
    client.ask_binary(&[store(0x01, "v", 0, 0, &value), request(0x0a)], &["01 0 cas", "0a 0"]);
    let over = store(0x01, "w", 0, 0, "v").header(60_000);
    client.send([1, 0, 1, 0], [&over[..], &vec![b'v'; 59_000]].concat());
    client.expect_no_more();
    client.send([9, 3, 1, 5], keyed(0x00, "v").bytes());
    let len = 24 + 4 + value.len();
    let mut got = Vec::new();
    for sequence in 0..len.div_ceil(1392) {
        let (header, payload) = client.receive();
        assert_eq!(header, [9, sequence as u16, len.div_ceil(1392) as u16, 0]);
        got.extend(payload);
    }
    assert!(replies(&got)[0].value == value.as_bytes());
    client.expect_no_more();
    client.ask_binary(&[keyed(0x00, "w")], &["00 1 value=Not found"]);
}

#[test]
fn an_incomplete_frame_gets_no_reply_and_an_invalid_one_an_error() {
    let daemon = larder("-U -1").start();
    let client = UdpClient::of(&daemon);
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
        client.send([1, 0, 1, 0], torn);
        client.expect_no_more();
    }
    for (bytes, line) in [
        (lie((1 << 30) + 1), "01 4 value=Invalid arguments"),
        (lie(u32::MAX), "01 4 value=Invalid arguments"),
        (lie(8), "01 81 value=Unknown command"),
        (keyed(0x00, "k".repeat(251)).bytes(), "00 4 value=Invalid arguments"),
        (keyed(0x00, "").bytes(), "00 4 value=Invalid arguments"),
    ] {
        // The rest of the datagram is ignored after such a frame.
        client.send([3, 0, 1, 0], [&bytes[..], &set.bytes()].concat());
        let (header, payload) = client.receive();
        assert_eq!((header[0], replies(&payload)[0].summary().as_str()), (3, line));
        client.expect_no_more();
    }
    // After a complete frame, text and incomplete frames are dropped with the datagram.
    for rest in [&b"version\r\n"[..], &request(0x0a).bytes()[..12], &set.bytes()[..30]] {
        client.send([4, 0, 1, 0], [&request(0x0a).bytes()[..], rest].concat());
        assert_eq!(replies(&client.receive().1)[0].summary(), "0a 0");
        client.expect_no_more();
    }
    client.send([5, 1, 2, 0], &set.bytes()[24..]);
    client.send([5, 0, 2, 0], &set.bytes()[..24]);
    client.expect_no_more();
    client.ask_binary(&[keyed(0x00, "a")], &["00 1 value=Not found"]);
}

#[test]
fn datagrams_that_do_not_begin_like_a_command_get_no_reply() {
    let daemon = larder("-U -1 -o track_sizes").start();
    let client = UdpClient::of(&daemon);
    client.ask("set a 0 0 1\r\nx\r\n", &["STORED\r\n"]);
    // Replies of servers. If they were answered, a forged datagram could start an endless exchange between two servers.
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
        client.send([1, 0, 1, 0], payload);
        client.expect_no_more();
    }
    client.ask("bogus\r\n", &["ERROR\r\n"]);
    client.ask_binary(&[keyed(0x10, "sizes"), keyed(0x10, "nosuch")], &["10 1 value=Not found"; 2]);
}

#[test]
fn each_client_gets_its_own_replies() {
    let daemon = larder("-U -1").start();
    let clients: Vec<UdpClient> = (0..10).map(|_| UdpClient::of(&daemon)).collect();
    for (client, id) in clients.iter().zip(0..) {
        client.send([id, 0, 1, 0], format!("set k{id} 0 0 1\r\n{id}\r\nget k{id}\r\n"));
    }
    for (client, id) in clients.iter().zip(0..) {
        assert_eq!(client.receive(), ([id, 0, 1, 0], b"STORED\r\n".to_vec()));
        assert_eq!(client.receive().1, format!("VALUE k{id} 0 1\r\n{id}\r\nEND\r\n").as_bytes());
    }
}

#[test]
fn udp_is_off_by_default() {
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
    // Two TCP and two UDP sockets and this client, in memcached's way of counting.
    assert_eq!(client.stat("", "curr_connections"), "4");
}

#[test]
fn udp_works_alone_and_by_ipv6() {
    let alone = larder("-p 0 -U -1").start_on_given_ports();
    assert!(alone.addresses().is_empty());
    UdpClient::of(&alone).ask("get a\r\n", &["END\r\n"]);
    if !has_ipv6() {
        return skip("UDP by IPv6 (needs ::1)");
    }
    UdpClient::at(alone.udp_addresses()[1]).ask("get a\r\n", &["END\r\n"]);
}

#[test]
fn a_udp_port_in_use_fails_with_one_line() {
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let refusal = larder(&format!("-p -1 -U {port}")).refusal();
    assert_eq!(refusal, (format!("failed to listen on UDP port {port}: Address already in use"), 71));
}

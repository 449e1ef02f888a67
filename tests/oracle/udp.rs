//! The same datagrams to both servers, the same datagrams back: headers, cuts and order.

use crate::servers::Server;
use std::net::UdpSocket;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that is answered to one datagram. The end is seen by a question whose answer is known; memcached has
/// several threads on its socket, so it is asked again until nothing came between.
fn answers(socket: &UdpSocket, datagram: &[u8]) -> Vec<Vec<u8>> {
    socket.send(datagram).unwrap();
    socket.send(b"\xff\xff\0\0\0\x01\0\0get the end\r\n").unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let len = socket.recv(&mut buffer).expect("an answer");
        if &buffer[..len] == b"\xff\xff\0\0\0\x01\0\0END\r\n" {
            return heard;
        }
        if buffer[..2] != [0xff, 0xff] {
            heard.push(buffer[..len].to_vec());
        }
    }
}

#[test]
fn single_requests_are_answered_alike() {
    let servers = [Server::larder_with_udp(), Server::oracle_with_udp()];
    let sockets = servers.each_ref().map(|server| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.1", server.udp_port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    });
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
        for header in [
            "\0\x07\0\0\0\x01\0\0",
            "\x12\x34\0\x05\0\x01\0\x09",
            "\0\x07\0\0\0\0\0\0",
            "\0\x07\0\0\0\x02\0\0",
        ] {
            let datagram = [header.as_bytes(), request.as_bytes()].concat();
            let [ours, theirs] = sockets.each_ref().map(|socket| answers(socket, &datagram));
            assert!(
                ours == theirs,
                "{header:?} {request:.40?}: {} and {} datagrams",
                ours.len(),
                theirs.len()
            );
        }
    }
    for short in [&b""[..], b"x", b"\0\x07\0\0\0\x01\0\0"] {
        let [ours, theirs] = sockets.each_ref().map(|socket| answers(socket, short));
        assert_eq!((ours.len(), theirs.len()), (0, 0));
    }
}

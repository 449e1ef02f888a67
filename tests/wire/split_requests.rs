//! A request has the same effect however its bytes are split into packets.

use crate::support::{Client, Daemon, larder, wait_for};

/// Observes the number of bytes that the daemon has received, on a connection of its own.
struct Arrivals {
    client: Client,
    /// All bytes sent to the daemon so far.
    sent: u64,
}

const STATS: &str = "stats\r\n";

impl Arrivals {
    fn new(daemon: &Daemon) -> Arrivals {
        Arrivals { client: daemon.connect(), sent: 0 }
    }

    /// Waits until the daemon has received `more` bytes on other connections.
    fn wait_for(&mut self, more: usize) {
        self.sent += more as u64;
        wait_for("the arrival of all bytes", || {
            self.sent += STATS.len() as u64;
            let received: u64 = self.client.stat("", "bytes_read").parse().unwrap();
            (received == self.sent).then_some(())
        });
    }
}

/// Streams and their replies. The store is empty before each.
fn streams() -> Vec<(String, String)> {
    let long = "v".repeat(40);
    [
        ("set k 5 0 3\r\nabc\r\nget k\r\n", "STORED\r\nVALUE k 5 3\r\nabc\r\nEND\r\n"),
        ("set k 0 0 2\nab\r\ngets none\nversion\n", "STORED\r\nEND\r\nVERSION 1.6.45\r\n"),
        ("set k 0 0 1 noreply\r\n7\r\nincr k 3\r\ndecr k 20\r\n", "10\r\n0\r\n"),
        ("set k 0 0 2\r\nabcdef\r\nversion\r\n", "CLIENT_ERROR bad data chunk\r\nVERSION 1.6.45\r\n"),
        ("set k x 0 4\r\nget \r\nversion\r\n", "CLIENT_ERROR bad command line format\r\nVERSION 1.6.45\r\n"),
        ("cas k 0 0 1 9\r\n1\r\ntouch k 0\r\ndelete k\r\n", "NOT_FOUND\r\nNOT_FOUND\r\nNOT_FOUND\r\n"),
        (
            "ab\r\nget\r\nnosuch noreply\r\nverbosity 0\r\n",
            "ERROR\r\nCLIENT_ERROR bad command line format\r\nOK\r\n",
        ),
    ]
    .into_iter()
    .map(|(stream, replies)| (stream.to_owned(), replies.to_owned()))
    .chain([(
        format!("set k 0 0 40\r\n{long}\r\ngat 0 k k\r\n"),
        format!("STORED\r\nVALUE k 0 40\r\n{long}\r\nVALUE k 0 40\r\n{long}\r\nEND\r\n"),
    )])
    .collect()
}

#[test]
fn a_stream_split_at_any_byte_gets_the_same_replies() {
    let daemon = larder("").start();
    let mut arrivals = Arrivals::new(&daemon);
    for (stream, replies) in streams() {
        for at in 1..stream.len() {
            let mut client = daemon.connect();
            client.ask("flush_all\r\n", "OK\r\n");
            let (head, tail) = stream.split_at(at);
            client.send(head);
            arrivals.wait_for("flush_all\r\n".len() + head.len());
            client.send(tail);
            client.close_sending();
            let received = client.read_to_close();
            assert_eq!(received, replies, "{stream:?} split at {at}");
            arrivals.sent += tail.len() as u64;
        }
    }
}

#[test]
fn a_stream_that_arrives_byte_by_byte_gets_the_same_replies() {
    let daemon = larder("").start();
    let mut arrivals = Arrivals::new(&daemon);
    for (stream, replies) in streams() {
        let mut client = daemon.connect();
        client.ask("flush_all\r\n", "OK\r\n");
        arrivals.sent += "flush_all\r\n".len() as u64;
        for byte in stream.as_bytes().chunks(1) {
            client.send(byte);
            arrivals.wait_for(1);
        }
        client.close_sending();
        assert_eq!(client.read_to_close(), replies, "{stream:?}");
    }
}

#[test]
fn a_long_value_and_a_long_key_list_may_be_split_anywhere() {
    let daemon = larder("").start();
    let mut arrivals = Arrivals::new(&daemon);
    let value = "v".repeat(17_000);
    let keys = " key".repeat(1000);
    let set = format!("set key 0 0 17000\r\n{value}\r\n");
    let get = format!("get{keys}\r\n");
    let hit = format!("VALUE key 0 17000\r\n{value}\r\n");
    for at in [1, 18, 19, 20, 16_384, 17_018, 17_019, 17_020] {
        let mut client = daemon.connect();
        client.send(&set[..at]);
        arrivals.wait_for(at);
        client.ask(&set[at..], "STORED\r\n");
        arrivals.sent += (set.len() - at) as u64;
    }
    for at in [1, 3, 4, 5, 7, 8, 2047, 2048, 2049, 2050, 4002, 4003, 4004] {
        let mut client = daemon.connect();
        client.send(&get[..at]);
        arrivals.wait_for(at);
        client.ask(&get[at..], format!("{}END\r\n", hit.repeat(1000)));
        arrivals.sent += (get.len() - at) as u64;
    }
}

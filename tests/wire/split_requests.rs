//! A request means the same however its bytes arrive: torn at every byte, over a real socket.

use crate::support::{Client, Daemon, larder, wait_for};

/// Watches, over a connection of its own, how many bytes the daemon has received.
struct Watch {
    client: Client,
    /// Bytes that the daemon will have received when everything sent so far has arrived.
    sent: u64,
}

const ASK: &str = "stats\r\n";

impl Watch {
    fn new(daemon: &Daemon) -> Watch {
        Watch { client: daemon.connect(), sent: 0 }
    }

    /// Waits until the daemon has received `more` bytes on other connections.
    fn wait_for_arrival(&mut self, more: usize) {
        self.sent += more as u64;
        wait_for("bytes to arrive", || {
            self.sent += ASK.len() as u64;
            let received: u64 = self.client.stat("", "bytes_read").parse().unwrap();
            (received == self.sent).then_some(())
        });
    }
}

/// Streams and their answers; the store holds nothing before each.
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
    .map(|(stream, answers)| (stream.to_owned(), answers.to_owned()))
    .chain([(
        format!("set k 0 0 40\r\n{long}\r\ngat 0 k k\r\n"),
        format!("STORED\r\nVALUE k 0 40\r\n{long}\r\nVALUE k 0 40\r\n{long}\r\nEND\r\n"),
    )])
    .collect()
}

#[test]
fn a_stream_torn_at_any_byte_is_answered_alike() {
    let daemon = larder("").start();
    let mut watch = Watch::new(&daemon);
    for (stream, answers) in streams() {
        for at in 1..stream.len() {
            let mut client = daemon.connect();
            client.ask("flush_all\r\n", "OK\r\n");
            let (head, tail) = stream.split_at(at);
            client.send(head);
            watch.wait_for_arrival("flush_all\r\n".len() + head.len());
            client.send(tail);
            client.close_sending();
            let heard = client.read_to_close();
            assert_eq!(heard, answers, "{stream:?} torn at {at}");
            watch.sent += tail.len() as u64;
        }
    }
}

#[test]
fn a_stream_that_comes_byte_by_byte_is_answered_alike() {
    let daemon = larder("").start();
    let mut watch = Watch::new(&daemon);
    for (stream, answers) in streams() {
        let mut client = daemon.connect();
        client.ask("flush_all\r\n", "OK\r\n");
        watch.sent += "flush_all\r\n".len() as u64;
        for byte in stream.as_bytes().chunks(1) {
            client.send(byte);
            watch.wait_for_arrival(1);
        }
        client.close_sending();
        assert_eq!(client.read_to_close(), answers, "{stream:?}");
    }
}

#[test]
fn a_long_value_and_a_long_key_list_may_be_torn_anywhere() {
    let daemon = larder("").start();
    let mut watch = Watch::new(&daemon);
    let value = "v".repeat(17_000);
    let keys = " key".repeat(1000);
    let set = format!("set key 0 0 17000\r\n{value}\r\n");
    let get = format!("get{keys}\r\n");
    let hit = format!("VALUE key 0 17000\r\n{value}\r\n");
    for at in [1, 18, 19, 20, 16_384, 17_018, 17_019, 17_020] {
        let mut client = daemon.connect();
        client.send(&set[..at]);
        watch.wait_for_arrival(at);
        client.ask(&set[at..], "STORED\r\n");
        watch.sent += (set.len() - at) as u64;
    }
    for at in [1, 3, 4, 5, 7, 8, 2047, 2048, 2049, 2050, 4002, 4003, 4004] {
        let mut client = daemon.connect();
        client.send(&get[..at]);
        watch.wait_for_arrival(at);
        client.ask(&get[at..], format!("{}END\r\n", hit.repeat(1000)));
        watch.sent += (get.len() - at) as u64;
    }
}

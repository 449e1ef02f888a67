//! Frames have the same effect however their bytes are split into packets.

use super::{expect_close, read_reply};
use crate::support::frames::{Request, arithmetic, keyed, numbered, request, store, valued};
use crate::support::larder;

#[test]
fn a_stream_split_at_any_byte_gets_the_same_replies() {
    let daemon = larder("").start();
    let stream: Vec<u8> = [
        request(0x08),
        store(0x01, "k", 1, 0, "80"),
        valued(0x0e, "k", ""),
        arithmetic(0x06, "k", 1, 0, 0),
        keyed(0x0c, "k"),
        numbered(0x1d, "none", 0),
        Request { extras: b"extras".to_vec(), ..valued(0x30, "key", "value") },
        request(0x07),
    ]
    .iter()
    .flat_map(Request::bytes)
    .collect();
    let expected = [
        "08 0",
        "01 0 cas",
        "0e 0 cas",
        "06 0 value=\\x00\\x00\\x00\\x00\\x00\\x00\\x00O cas",
        "0c 0 +00000001 key=k value=79 cas",
        "1d 1 value=Not found",
        "30 81 value=Unknown command",
        "07 0",
    ];
    for at in 1..stream.len() {
        let mut client = daemon.connect();
        client.send(&stream[..at]);
        // A reply on another connection gives the daemon time to read the first part.
        daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
        client.send(&stream[at..]);
        for line in expected {
            assert_eq!(read_reply(&mut client).summary(), line, "split at {at}");
        }
        expect_close(&mut client);
    }
}

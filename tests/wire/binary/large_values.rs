//! Large values are received directly into pages and sent from there. A frame has no end mark, so many lengths are
//! tested.

use super::{ask, raw_conversation, read_reply};
use crate::support::frames::{Request, keyed, request, store, valued};
use crate::support::larder;

/// Around the length up to which frames are received in the connection's buffer, and around multiples of a page.
const LENGTHS: [usize; 14] = [
    16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 98_304, 131_072, 655_360,
    983_040, 1_000_000,
];

fn value(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn values_of_any_length_are_stored_unchanged() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    for len in LENGTHS {
        // One request at a time: no byte follows the value.
        assert_eq!(ask(&mut client, &store(0x01, "k", 7, 0, value(len))).summary(), "01 0 cas", "{len}");
        let got = ask(&mut client, &keyed(0x0c, "k"));
        assert_eq!((got.extras, got.key.as_slice()), (vec![0, 0, 0, 7], &b"k"[..]));
        assert!(got.value == value(len), "{len}: the value differs");
    }
}

#[test]
fn the_frame_after_a_large_value_is_parsed_correctly() {
    let daemon = larder("").start();
    for len in LENGTHS {
        let requests =
            [store(0x11, "k", 0, 0, value(len)), request(0x0a), keyed(0x00, "k"), keyed(0x09, "k")];
        let stream: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
        let received = raw_conversation(&daemon, &stream);
        assert_eq!(
            received.iter().map(|reply| reply.opcode).collect::<Vec<_>>(),
            [0x0a, 0x00, 0x09],
            "{len}"
        );
        assert!(received[1..].iter().all(|reply| reply.value == value(len)), "{len}: the value differs");
    }
}

#[test]
fn a_large_value_may_be_split_anywhere_and_appended_to() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let len = 70_000;
    let bytes = store(0x01, "k", 0, 0, value(len)).bytes();
    for at in [1, 23, 24, 25, 32, 33, 34, 16_384, 65_535, 65_536, bytes.len() - 1] {
        client.send(&bytes[..at]);
        // A reply on another connection gives the daemon time to read the first part.
        daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
        client.send(&bytes[at..]);
        assert_eq!(read_reply(&mut client).summary(), "01 0 cas", "split at {at}");
        assert!(ask(&mut client, &keyed(0x00, "k")).value == value(len), "split at {at}");
    }
    assert_eq!(ask(&mut client, &valued(0x0e, "k", value(20_000))).summary(), "0e 0 cas");
    assert_eq!(ask(&mut client, &keyed(0x00, "k")).value.len(), len + 20_000);
}

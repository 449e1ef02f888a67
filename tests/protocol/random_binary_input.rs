//! Random binary input in random splits: each call of the decoder makes progress or needs more input, at most a frame
//! that fits the buffer. Requests satisfy the preconditions of the store and of the login.

use crate::frames::{Request, arithmetic, keyed, numbered, request, store, valued};
use crate::fuzz_bodies::binary::Receiver;
use crate::random_splits::random_splits;
use crate::seed::{number, seeded};
use fastrand::Rng;
use larder::protocol::binary::Admission;
use larder::protocol::limits::{KEY_MAX_BYTES, VALUE_INLINE_MAX_BYTES};

const SEED: &str = "LARDER_PROTOCOL_SEED";
const STREAMS: &str = "LARDER_PROTOCOL_STREAMS";
const STREAMS_DEFAULT: u64 = 3000;

/// A well-formed frame, in most cases of an existing command.
fn frame(rng: &mut Rng) -> Request {
    let longest = if rng.u32(..20) == 0 { KEY_MAX_BYTES } else { 8 };
    let key = vec![rng.u8(..); rng.usize(1..=longest)];
    let longest = if rng.u32(..20) == 0 { 2 * VALUE_INLINE_MAX_BYTES } else { 60 };
    let value = vec![rng.u8(..); rng.usize(..longest)];
    match rng.u32(..8) {
        0 => store(pick(rng, &[0x01, 0x02, 0x03, 0x11, 0x12, 0x13]), key, rng.u32(..), rng.u32(..), value),
        1 => valued(pick(rng, &[0x0e, 0x0f, 0x19, 0x1a, 0x21, 0x22]), key, value),
        2 => keyed(pick(rng, &[0x00, 0x04, 0x09, 0x0c, 0x0d, 0x10, 0x14]), key),
        3 => numbered(pick(rng, &[0x1c, 0x1d, 0x1e, 0x23, 0x24]), key, rng.u32(..)),
        4 => arithmetic(pick(rng, &[0x05, 0x06, 0x15, 0x16]), key, rng.u64(..), rng.u64(..), rng.u32(..)),
        5 => request(pick(rng, &[0x07, 0x08, 0x0a, 0x0b, 0x10, 0x17, 0x18, 0x20])),
        6 => numbered(pick(rng, &[0x08, 0x1b]), "", rng.u32(..)),
        _ => valued(pick(rng, &[0x1f, 0x30, 0x40, 0xff]), key, value),
    }
}

fn pick(rng: &mut Rng, opcodes: &[u8]) -> u8 {
    opcodes[rng.usize(..opcodes.len())]
}

/// Frames, some with corrupted headers, and random bytes.
fn stream(rng: &mut Rng) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..rng.usize(1..30) {
        let mut bytes = frame(rng).opaque(rng.u32(..)).bytes();
        match rng.u32(..20) {
            0 => bytes = (0..rng.usize(..300)).map(|_| rng.u8(..)).collect(),
            1..=3 => {
                let at = pick(rng, &[0, 1, 2, 3, 4, 8, 9, 10, 11]);
                bytes[usize::from(at)] = rng.u8(..);
            }
            _ => {}
        }
        stream.extend(bytes);
    }
    stream
}

#[test]
fn random_input_makes_progress_and_requests_are_valid() {
    let mut rng = seeded(SEED);
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) {
        let stream = stream(&mut rng);
        for gate in [Admission::All, Admission::LoginOnly] {
            let mut receiver = Receiver::new(gate, Some(rng.fork()));
            random_splits(&mut rng, &stream, 2000).into_iter().for_each(|piece| receiver.receive(piece));
        }
    }
}

#[test]
fn frames_do_not_depend_on_the_split() {
    let mut rng = seeded(SEED);
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) / 4 {
        let stream: Vec<u8> = (0..20).flat_map(|_| frame(&mut rng).bytes()).collect();
        let mut whole = Receiver::new(Admission::All, None);
        whole.receive(&stream);
        assert!(whole.pending_len() == 0 && !whole.closed && whole.events.len() == 20);
        let mut split = Receiver::new(Admission::All, None);
        random_splits(&mut rng, &stream, 2000).into_iter().for_each(|piece| split.receive(piece));
        assert_eq!(split.events, whole.events);
    }
}

//! Whatever bytes come in on a connection that speaks binary, torn wherever: each look makes progress or asks for more,
//! takes no more than there is, waits for no more than a frame that fits the buffer, and lets nothing through that the
//! store or the login could not rely on.

use crate::frames::{Request, count, join, keyed, numbered, request, store};
use crate::seed::{number, seeded};
use crate::tear::tear;
use fastrand::Rng;
use larder::protocol::binary::{Command, Frame, Gate, HEADER_BYTES, Intake, Pull, Status, StoreItem};
use larder::protocol::limits::{BODY_MAX_BYTES, KEY_MAX_BYTES, VALUE_INLINE_MAX_BYTES};

const SEED: &str = "LARDER_PROTOCOL_SEED";
const STREAMS: &str = "LARDER_PROTOCOL_STREAMS";
const STREAMS_DEFAULT: u64 = 3000;

/// More than this is never kept while more is asked for: a whole frame with the longest value that is framed.
const KEPT_MAX: usize = HEADER_BYTES + 20 + KEY_MAX_BYTES + VALUE_INLINE_MAX_BYTES;

/// A connection's part in the protocol.
struct Receiver {
    intake: Intake,
    gate: Gate,
    /// Received and not consumed.
    pending: Vec<u8>,
    /// Bytes of a long value that are still to be taken.
    to_receive: usize,
    /// What was understood, in words.
    heard: Vec<String>,
    closed: bool,
    /// Sometimes drop a value instead of taking it.
    moody: Option<Rng>,
}

impl Receiver {
    fn new(gate: Gate, moody: Option<Rng>) -> Receiver {
        Receiver {
            intake: Intake::default(),
            gate,
            pending: Vec::new(),
            to_receive: 0,
            heard: Vec::new(),
            closed: false,
            moody,
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        while !self.closed {
            let taken = self.to_receive.min(self.pending.len());
            self.pending.drain(..taken);
            self.to_receive -= taken;
            if self.to_receive > 0 || !self.look() {
                break;
            }
        }
    }

    /// One look; false if there is nothing to do before more comes.
    fn look(&mut self) -> bool {
        let pending = std::mem::take(&mut self.pending);
        let consumed = match self.intake.pull(&pending, self.gate) {
            Pull::NeedMore => {
                assert!(pending.len() <= KEPT_MAX, "{} bytes kept", pending.len());
                self.pending = pending;
                return false;
            }
            Pull::Close { answer } => {
                self.heard.push(format!("close {answer:?}"));
                self.closed = true;
                return false;
            }
            Pull::Request { frame, consumed } => {
                self.hear(&frame);
                consumed
            }
            Pull::Refused { envelope, status, consumed } => {
                self.heard.push(format!("{envelope:?} {status:?}"));
                consumed
            }
            Pull::Dropped { consumed } => consumed,
            Pull::Receive { envelope, item, value_len, consumed, .. } => {
                assert!(self.gate == Gate::Open);
                assert!((VALUE_INLINE_MAX_BYTES + 1..=BODY_MAX_BYTES).contains(&value_len));
                check_item(&item);
                if self.moody.as_mut().is_some_and(|rng| rng.bool()) {
                    self.intake.swallow(value_len, envelope, Status::TooLarge);
                } else {
                    self.to_receive = value_len;
                }
                self.heard.push(format!("{item:?} {value_len}"));
                consumed
            }
        };
        assert!((1..=pending.len()).contains(&consumed), "{consumed} of {} bytes", pending.len());
        self.pending = pending[consumed..].to_vec();
        true
    }

    fn hear(&mut self, frame: &Frame<'_>) {
        match frame.command {
            Command::Version | Command::SaslList | Command::SaslStart { .. } | Command::SaslStep { .. } => {}
            _ => assert!(self.gate == Gate::Open, "{:?} before login", frame.command),
        }
        match frame.command {
            Command::Retrieve { key, .. }
            | Command::Touch { key, .. }
            | Command::Delete { key }
            | Command::Count { key, .. } => check_key(key),
            Command::Store { ref item, value } => {
                check_item(item);
                assert!(value.len() <= VALUE_INLINE_MAX_BYTES);
            }
            Command::SaslStart { mechanism, message } => {
                check_key(mechanism);
                assert!(message.len() <= VALUE_INLINE_MAX_BYTES);
            }
            _ => {}
        }
        self.heard.push(format!("{frame:?}"));
    }
}

fn check_item(item: &StoreItem<'_>) {
    check_key(item.key);
}

fn check_key(key: &[u8]) {
    assert!((1..=KEY_MAX_BYTES).contains(&key.len()), "a key of {} bytes", key.len());
}

/// A frame of the right shape, most of the time for a command that exists.
fn frame(rng: &mut Rng) -> Request {
    let longest = if rng.u32(..20) == 0 { KEY_MAX_BYTES } else { 8 };
    let key = vec![rng.u8(..); rng.usize(1..=longest)];
    let longest = if rng.u32(..20) == 0 { 2 * VALUE_INLINE_MAX_BYTES } else { 60 };
    let value = vec![rng.u8(..); rng.usize(..longest)];
    match rng.u32(..8) {
        0 => store(pick(rng, &[0x01, 0x02, 0x03, 0x11, 0x12, 0x13]), key, rng.u32(..), rng.u32(..), value),
        1 => join(pick(rng, &[0x0e, 0x0f, 0x19, 0x1a, 0x21, 0x22]), key, value),
        2 => keyed(pick(rng, &[0x00, 0x04, 0x09, 0x0c, 0x0d, 0x10, 0x14]), key),
        3 => numbered(pick(rng, &[0x1c, 0x1d, 0x1e, 0x23, 0x24]), key, rng.u32(..)),
        4 => count(pick(rng, &[0x05, 0x06, 0x15, 0x16]), key, rng.u64(..), rng.u64(..), rng.u32(..)),
        5 => request(pick(rng, &[0x07, 0x08, 0x0a, 0x0b, 0x10, 0x17, 0x18, 0x20])),
        6 => numbered(pick(rng, &[0x08, 0x1b]), "", rng.u32(..)),
        _ => join(pick(rng, &[0x1f, 0x30, 0x40, 0xff]), key, value),
    }
}

fn pick(rng: &mut Rng, opcodes: &[u8]) -> u8 {
    opcodes[rng.usize(..opcodes.len())]
}

/// Frames, most of them whole, some with damaged headers, some bytes of chance.
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
fn any_bytes_make_progress_and_what_passes_keeps_its_promises() {
    let mut rng = seeded(SEED);
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) {
        let stream = stream(&mut rng);
        for gate in [Gate::Open, Gate::LoginOnly] {
            let mut receiver = Receiver::new(gate, Some(rng.fork()));
            tear(&mut rng, &stream, 2000).into_iter().for_each(|piece| receiver.receive(piece));
        }
    }
}

#[test]
fn frames_mean_the_same_however_they_are_torn() {
    let mut rng = seeded(SEED);
    for _ in 0..number(STREAMS, STREAMS_DEFAULT) / 4 {
        let stream: Vec<u8> = (0..20).flat_map(|_| frame(&mut rng).bytes()).collect();
        let mut whole = Receiver::new(Gate::Open, None);
        whole.receive(&stream);
        assert!(whole.pending.is_empty() && !whole.closed && whole.heard.len() == 20);
        let mut torn = Receiver::new(Gate::Open, None);
        tear(&mut rng, &stream, 2000).into_iter().for_each(|piece| torn.receive(piece));
        assert_eq!(torn.heard, whole.heard);
    }
}

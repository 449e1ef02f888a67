//! The receiving side of the binary protocol, as the checks play it; the twin of `text.rs`. It also asserts that nothing
//! but a login passes before somebody has logged in.

use super::check_key;
use super::pending::Pending;
use fastrand::Rng;
use larder::protocol::binary::{
    Admission, BinaryDecoder, BinaryStorageHeader, Command, Decoded, Frame, HEADER_BYTES, Status,
};
use larder::protocol::limits::{BODY_MAX_BYTES, KEY_MAX_BYTES, VALUE_INLINE_MAX_BYTES};

/// More than this is never kept while more is asked for: a whole frame with the longest value that is framed.
const KEPT_MAX: usize = HEADER_BYTES + 20 + KEY_MAX_BYTES + VALUE_INLINE_MAX_BYTES;

/// A connection's part in the protocol.
pub struct Receiver {
    decoder: BinaryDecoder,
    gate: Admission,
    pending: Pending,
    /// What was understood, in words.
    pub heard: Vec<String>,
    pub closed: bool,
    /// Sometimes drop a value instead of taking it.
    moody: Option<Rng>,
}

impl Receiver {
    pub fn new(gate: Admission, moody: Option<Rng>) -> Receiver {
        Receiver {
            decoder: BinaryDecoder::default(),
            gate,
            pending: Pending::default(),
            heard: Vec::new(),
            closed: false,
            moody,
        }
    }

    /// Bytes that were received and not consumed.
    pub fn pending_len(&self) -> usize {
        self.pending.bytes().len()
    }

    pub fn receive(&mut self, bytes: &[u8]) {
        self.pending.add(bytes);
        while !self.closed && self.pending.take_value() && self.look() {}
    }

    /// One look; false if there is nothing to do before more comes.
    fn look(&mut self) -> bool {
        let mut pending = std::mem::take(&mut self.pending);
        let bytes = pending.bytes();
        let mut to_take = 0;
        let consumed = match self.decoder.decode(bytes, self.gate) {
            Decoded::NeedMore => {
                assert!(bytes.len() <= KEPT_MAX, "{} bytes kept", bytes.len());
                self.pending = pending;
                return false;
            }
            Decoded::Close { reply } => {
                self.heard.push(format!("close {reply:?}"));
                self.closed = true;
                self.pending = pending;
                return false;
            }
            Decoded::Request { frame, consumed } => {
                self.hear(&frame);
                consumed
            }
            Decoded::Refused { envelope, status, consumed } => {
                self.heard.push(format!("{envelope:?} {status:?}"));
                consumed
            }
            Decoded::Discarded { consumed } => consumed,
            Decoded::ReceiveValue { envelope, header, value_len, consumed, .. } => {
                assert!(self.gate == Admission::All);
                assert!((VALUE_INLINE_MAX_BYTES + 1..=BODY_MAX_BYTES).contains(&value_len));
                check_header(&header);
                if self.moody.as_mut().is_some_and(|rng| rng.bool()) {
                    self.decoder.discard_value(value_len, envelope, Status::TooLarge);
                } else {
                    to_take = value_len;
                }
                self.heard.push(format!("{header:?} {value_len}"));
                consumed
            }
        };
        pending.consume(consumed);
        pending.expect_value(to_take);
        self.pending = pending;
        true
    }

    fn hear(&mut self, frame: &Frame<'_>) {
        match frame.command {
            Command::Version | Command::SaslList | Command::SaslStart { .. } | Command::SaslStep { .. } => {}
            _ => assert!(self.gate == Admission::All, "{:?} before login", frame.command),
        }
        match frame.command {
            Command::Retrieve { key, .. }
            | Command::Touch { key, .. }
            | Command::Delete { key }
            | Command::Arithmetic { key, .. } => check_key(key),
            Command::Store { ref header, value } => {
                check_header(header);
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

fn check_header(header: &BinaryStorageHeader<'_>) {
    check_key(header.key);
}

//! A receiver of the binary protocol that checks each decoded frame; the counterpart of `text.rs`. It also asserts that
//! only logins pass before a login.

use super::check_key;
use super::pending::Pending;
use fastrand::Rng;
use larder::protocol::binary::{
    Admission, BinaryDecoder, BinaryStorageHeader, Command, Decoded, Frame, HEADER_BYTES, Status,
};
use larder::protocol::limits::{BODY_MAX_BYTES, KEY_MAX_BYTES, VALUE_INLINE_MAX_BYTES};

/// Most bytes for which the decoder may need more input: a complete frame with the longest inline value.
const UNDECODED_MAX_BYTES: usize = HEADER_BYTES + 20 + KEY_MAX_BYTES + VALUE_INLINE_MAX_BYTES;

/// The caller of a decoder.
pub struct Receiver {
    decoder: BinaryDecoder,
    gate: Admission,
    pending: Pending,
    /// The decoded frames and replies as text.
    pub events: Vec<String>,
    pub closed: bool,
    /// Discards some values, chosen at random, instead of receiving them.
    random_choices: Option<Rng>,
}

impl Receiver {
    pub fn new(gate: Admission, random_choices: Option<Rng>) -> Receiver {
        Receiver {
            decoder: BinaryDecoder::default(),
            gate,
            pending: Pending::default(),
            events: Vec::new(),
            closed: false,
            random_choices,
        }
    }

    /// Bytes that are not consumed yet.
    pub fn pending_len(&self) -> usize {
        self.pending.bytes().len()
    }

    pub fn receive(&mut self, bytes: &[u8]) {
        self.pending.add(bytes);
        while !self.closed && self.pending.take_value() && self.decode_next() {}
    }

    /// Decodes once; false if more input is needed.
    fn decode_next(&mut self) -> bool {
        let mut pending = std::mem::take(&mut self.pending);
        let bytes = pending.bytes();
        let mut value_bytes_due = 0;
        let consumed = match self.decoder.decode(bytes, self.gate) {
            Decoded::NeedMore => {
                assert!(bytes.len() <= UNDECODED_MAX_BYTES, "{} bytes kept", bytes.len());
                self.pending = pending;
                return false;
            }
            Decoded::Close { reply } => {
                self.events.push(format!("close {reply:?}"));
                self.closed = true;
                self.pending = pending;
                return false;
            }
            Decoded::Request { frame, consumed } => {
                self.check_request(&frame);
                consumed
            }
            Decoded::Refused { envelope, status, consumed } => {
                self.events.push(format!("{envelope:?} {status:?}"));
                consumed
            }
            Decoded::Discarded { consumed } => consumed,
            Decoded::ReceiveValue { envelope, header, value_len, consumed, .. } => {
                assert!(self.gate == Admission::All);
                assert!((VALUE_INLINE_MAX_BYTES + 1..=BODY_MAX_BYTES).contains(&value_len));
                check_header(&header);
                if self.random_choices.as_mut().is_some_and(|rng| rng.bool()) {
                    self.decoder.discard_value(value_len, envelope, Status::TooLarge);
                } else {
                    value_bytes_due = value_len;
                }
                self.events.push(format!("{header:?} {value_len}"));
                consumed
            }
        };
        pending.consume(consumed);
        pending.expect_value(value_bytes_due);
        self.pending = pending;
        true
    }

    fn check_request(&mut self, frame: &Frame<'_>) {
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
        self.events.push(format!("{frame:?}"));
    }
}

fn check_header(header: &BinaryStorageHeader<'_>) {
    check_key(header.key);
}

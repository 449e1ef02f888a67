//! Replies of the binary protocol: the statuses with their texts, and the writer.
//!
//! Invariant: the body length of a header is what is appended behind it, so that one wrong reply cannot put a client
//! out of step with all that follow.

use super::{Envelope, HEADER_BYTES, MAGIC_REPLY};
use crate::protocol::reply::{ReplyBuffer, SharedParts};

/// Why a request is not answered with what it asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// No such key, no such report.
    NotFound,
    /// The key is there for Add, or its CAS unique is another one.
    Exists,
    /// The value cannot fit an item.
    TooLarge,
    /// Lengths that are not those of the command; with most, the connection is closed.
    Invalid,
    /// Append or Prepend without an item, or beyond the item limit.
    NotStored,
    /// Increment or Decrement of something that is not a number.
    NotNumeric,
    /// Wrong credentials, nobody logged in, or a Flush under `-F`.
    AuthFailure,
    /// No such command, or SASL without `-S`.
    Unknown,
    /// No memory for an item, and nothing may be evicted.
    NoMemoryForItem,
    /// No memory for a number that needed a larger item.
    NoMemoryForNumber,
    /// No memory for a number that was to be made.
    NoMemoryForNewNumber,
    /// A SASL message of absurd length.
    MessageTooLong,
}

impl Status {
    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Status::NotFound => 0x01,
            Status::Exists => 0x02,
            Status::TooLarge => 0x03,
            Status::Invalid => 0x04,
            Status::NotStored => 0x05,
            Status::NotNumeric => 0x06,
            Status::AuthFailure => 0x20,
            Status::Unknown => 0x81,
            Status::NoMemoryForItem
            | Status::NoMemoryForNumber
            | Status::NoMemoryForNewNumber
            | Status::MessageTooLong => 0x82,
        }
    }

    /// The body that goes with it.
    pub const fn text(self) -> &'static str {
        match self {
            Status::NotFound => "Not found",
            Status::Exists => "Data exists for key.",
            Status::TooLarge => "Too large.",
            Status::Invalid => "Invalid arguments",
            Status::NotStored => "Not stored.",
            Status::NotNumeric => "Non-numeric server-side value for incr or decr",
            Status::AuthFailure => "Auth failure.",
            Status::Unknown => "Unknown command",
            Status::NoMemoryForItem => "Out of memory allocating item",
            Status::NoMemoryForNumber => "Out of memory incrementing value",
            Status::NoMemoryForNewNumber => "Out of memory allocating new item",
            Status::MessageTooLong => "Out of memory",
        }
    }
}

/// Status of a SASL exchange that wants another message.
const CONTINUE: u16 = 0x21;

/// What a successful reply holds; the default is nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct Fields<'a> {
    /// The item's flags, as 4 bytes of extras.
    pub flags: Option<u32>,
    /// The key; empty for none.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
    /// The item's CAS unique.
    pub cas: u64,
}

impl ReplyBuffer {
    /// Appends a successful reply.
    pub fn push_frame(&mut self, to: &Envelope, fields: &Fields<'_>) {
        self.push_head(to, 0, fields, fields.value.len());
        self.push(fields.value);
    }

    /// Appends a successful reply with a large value, by reference, in place of the one in `fields`.
    pub fn push_large_frame(&mut self, to: &Envelope, fields: &Fields<'_>, parts: SharedParts, len: usize) {
        self.push_head(to, 0, fields, len);
        self.push_large(parts, len);
    }

    /// Appends an error with its text.
    pub fn push_status(&mut self, to: &Envelope, status: Status) {
        let text = status.text().as_bytes();
        self.push_head(to, status.code(), &Fields::default(), text.len());
        self.push(text);
    }

    /// Appends a miss that repeats the key instead of saying so in words.
    pub fn push_missing_key(&mut self, to: &Envelope, key: &[u8]) {
        self.push_head(to, Status::NotFound.code(), &Fields { key, ..Fields::default() }, 0);
    }

    /// Appends the wish for another message of a SASL exchange.
    pub fn push_continue(&mut self, to: &Envelope) {
        self.push_head(to, CONTINUE, &Fields::default(), 0);
    }

    /// Appends all but the value, of which `value_len` bytes are to follow.
    fn push_head(&mut self, to: &Envelope, status: u16, fields: &Fields<'_>, value_len: usize) {
        let extras_len = if fields.flags.is_some() { 4 } else { 0 };
        // Keys are at most 250 bytes, names of figures shorter, values at most 1 GiB.
        let key_len = fields.key.len() as u16;
        let body_len = (extras_len + fields.key.len() + value_len) as u32;
        let mut head = [0; HEADER_BYTES];
        (head[0], head[1]) = (MAGIC_REPLY, to.opcode);
        head[2..4].copy_from_slice(&key_len.to_be_bytes());
        head[4] = extras_len as u8;
        head[6..8].copy_from_slice(&status.to_be_bytes());
        head[8..12].copy_from_slice(&body_len.to_be_bytes());
        head[12..16].copy_from_slice(&to.opaque.to_be_bytes());
        head[16..24].copy_from_slice(&fields.cas.to_be_bytes());
        self.push(&head);
        if let Some(flags) = fields.flags {
            self.push(&flags.to_be_bytes());
        }
        self.push(fields.key);
    }
}

//! The replies of the binary protocol: the statuses with their texts, and the writer.
//!
//! Invariant: the body length in a header equals the bytes appended after it. A wrong length would put the client out
//! of sync with all later replies.

use super::frame::{Envelope, HEADER_BYTES, MAGIC_REPLY};
use crate::protocol::reply::{ReplyBuffer, SharedValueParts};

/// The status of an unsuccessful reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The key or the report does not exist.
    NotFound,
    /// The key exists (Add), or the CAS unique differs.
    Exists,
    /// The value exceeds the item limit.
    TooLarge,
    /// The lengths do not fit the command; the connection is closed in most cases.
    Invalid,
    /// Append or Prepend to an absent item, or over the item limit.
    NotStored,
    /// Increment or Decrement of a value that is not a number.
    NotNumeric,
    /// Wrong credentials, a missing login, or Flush under `-F`.
    AuthFailure,
    /// An unknown command, or SASL without `-S`.
    Unknown,
    /// No memory for an item, and no item may be evicted.
    NoMemoryForItem,
    /// No memory for a number that needs a larger item.
    NoMemoryForNumber,
    /// No memory for a number to be created.
    NoMemoryForNewNumber,
    /// A SASL message over the length limit.
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

    /// The text in the body.
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

/// Status of a SASL exchange that expects another message.
const CONTINUE: u16 = 0x21;

/// The fields of a successful reply; all empty by default.
#[derive(Clone, Copy, Default, Debug)]
pub struct ReplyFields<'a> {
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
    pub fn push_frame(&mut self, envelope: &Envelope, fields: &ReplyFields<'_>) {
        self.push_head(envelope, 0, fields, fields.value.len());
        self.push(fields.value);
    }

    /// Appends a successful reply with a large value by reference; the value in `fields` is ignored.
    pub fn push_large_frame(
        &mut self,
        envelope: &Envelope,
        fields: &ReplyFields<'_>,
        parts: SharedValueParts,
        len: usize,
    ) {
        self.push_head(envelope, 0, fields, len);
        self.push_large(parts, len);
    }

    /// Appends an error reply with the text of its status.
    pub fn push_status(&mut self, envelope: &Envelope, status: Status) {
        let text = status.text().as_bytes();
        self.push_head(envelope, status.code(), &ReplyFields::default(), text.len());
        self.push(text);
    }

    /// Appends the reply to a miss that repeats the key instead of the text.
    pub fn push_key_not_found(&mut self, envelope: &Envelope, key: &[u8]) {
        self.push_head(envelope, Status::NotFound.code(), &ReplyFields { key, ..ReplyFields::default() }, 0);
    }

    /// Appends the request for another message of a SASL exchange.
    pub fn push_sasl_continue(&mut self, envelope: &Envelope) {
        self.push_head(envelope, CONTINUE, &ReplyFields::default(), 0);
    }

    /// Appends a reply without its value of `value_len` bytes.
    fn push_head(&mut self, envelope: &Envelope, status: u16, fields: &ReplyFields<'_>, value_len: usize) {
        let extras_len = if fields.flags.is_some() { 4 } else { 0 };
        // Keys have at most 250 bytes, names of stats fewer, values at most 1 GiB.
        let key_len = fields.key.len() as u16;
        let body_len = (extras_len + fields.key.len() + value_len) as u32;
        let mut head = [0; HEADER_BYTES];
        (head[0], head[1]) = (MAGIC_REPLY, envelope.opcode);
        head[2..4].copy_from_slice(&key_len.to_be_bytes());
        head[4] = extras_len as u8;
        head[6..8].copy_from_slice(&status.to_be_bytes());
        head[8..12].copy_from_slice(&body_len.to_be_bytes());
        head[12..16].copy_from_slice(&envelope.opaque.to_be_bytes());
        head[16..24].copy_from_slice(&fields.cas.to_be_bytes());
        self.push(&head);
        if let Some(flags) = fields.flags {
            self.push(&flags.to_be_bytes());
        }
        self.push(fields.key);
    }
}

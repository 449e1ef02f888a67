//! The binary protocol: one complete frame in, its meaning out; replies as frames.
//!
//! [`BinaryDecoder`] finds a complete [`Frame`] in the received bytes; `commands/binary.rs` executes it. Logins are not
//! checked here; `commands/binary/sasl.rs` does that.

mod decoder;
mod frame;
mod reply;
mod sasl;

pub use decoder::{Admission, BinaryDecoder, Decoded};
pub use frame::{
    BinaryStorageHeader, Command, EXPTIME_NO_CREATE, Envelope, Frame, HEADER_BYTES, Header, MAGIC_REPLY,
    MAGIC_REQUEST, NOOP, SASL_START, SASL_STEP, parse_header,
};
pub use reply::{ReplyFields, Status};
pub use sasl::{PlainMessage, parse_plain};

#[cfg(test)]
mod tests;

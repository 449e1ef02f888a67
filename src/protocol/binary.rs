//! The grammar of the binary protocol: one complete frame in, its meaning out.
//!
//! A frame is a header of [`HEADER_BYTES`], then extras, key and value; all numbers are big-endian.
//!
//! ```text
//!  0 magic 0x80 | 1 opcode | 2-3 key length | 4 extras length | 5-7 not used | 8-11 body length
//! 12-15 opaque, copied into the reply | 16-23 cas | extras | key | value
//! ```
//!
//! The numbers and the shape each command must have are memcached's (`protocol_binary.txt`). Where a frame ends is for
//! `binary/intake.rs`; replies are written by `binary/reply.rs`. Nothing here knows who has logged in.

mod intake;
mod reply;

pub use intake::{Gate, Intake, Pull};
pub use reply::{Fields, Status};

use super::request::StoreVerb;
use nom::bytes::complete::{tag, take, take_till};
use nom::combinator::{all_consuming, rest};
use nom::number::complete::{be_u8, be_u16, be_u32, be_u64};
use nom::{IResult, Parser};

/// Length of a header.
pub const HEADER_BYTES: usize = 24;

/// First byte of a request.
pub const MAGIC_REQUEST: u8 = 0x80;

/// First byte of a reply.
pub const MAGIC_REPLY: u8 = 0x81;

/// Opcode of Noop.
pub const NOOP: u8 = 0x0a;

/// Opcode of SASL Authenticate.
pub const SASL_START: u8 = 0x21;

/// Opcode of SASL Step.
pub const SASL_STEP: u8 = 0x22;

/// The exptime of incr and decr that says: do not make the item.
pub const EXPTIME_NOT_MADE: u32 = u32::MAX;

type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// What a header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Which command, for whom.
    pub envelope: Envelope,
    /// Length of the key in bytes.
    pub key_len: usize,
    /// Length of the extras in bytes.
    pub extras_len: usize,
    /// Length of extras, key and value in bytes.
    pub body_len: usize,
}

/// What a reply needs to know of its request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// The command, as sent.
    pub opcode: u8,
    /// Copied into the reply.
    pub opaque: u32,
    /// The CAS unique that the item must have, 0 for any.
    pub cas: u64,
}

/// A whole request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// For the reply.
    pub envelope: Envelope,
    /// True if what is expected is not answered: a miss of a retrieval, the success of anything else.
    pub quiet: bool,
    /// What to do.
    pub command: Command<'a>,
}

/// What a request asks for. Exptimes are as on the wire: unsigned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    /// The get and gat families.
    Retrieve {
        /// The key.
        key: &'a [u8],
        /// Answer with the key, in a miss too.
        with_key: bool,
        /// The exptime to give (gat).
        exptime: Option<u32>,
    },
    /// Touch.
    Touch {
        /// The key.
        key: &'a [u8],
        /// The exptime to give.
        exptime: u32,
    },
    /// Set, Add, Replace, Append, Prepend.
    Store {
        /// All but the value.
        item: StoreItem<'a>,
        /// The value.
        value: &'a [u8],
    },
    /// Delete.
    Delete {
        /// The key.
        key: &'a [u8],
    },
    /// Increment and Decrement.
    Count {
        /// The key.
        key: &'a [u8],
        /// True for Increment.
        up: bool,
        /// How much.
        delta: u64,
        /// The number that a missing item starts with.
        initial: u64,
        /// Its exptime, or [`EXPTIME_NOT_MADE`].
        exptime: u32,
    },
    /// Flush.
    Flush {
        /// When; 0 for now.
        exptime: u32,
    },
    /// Stat.
    Stat {
        /// Which report; empty for the general one.
        topic: &'a [u8],
    },
    /// Verbosity.
    Verbosity {
        /// The new level.
        level: u32,
    },
    /// Noop.
    Noop,
    /// Version.
    Version,
    /// Quit.
    Quit,
    /// SASL List Mechanisms.
    SaslList,
    /// SASL Authenticate.
    SaslStart {
        /// The mechanism that the client chose.
        mechanism: &'a [u8],
        /// Its first message.
        message: &'a [u8],
    },
    /// SASL Step.
    SaslStep {
        /// The next message.
        message: &'a [u8],
    },
}

/// A storage command without its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoreItem<'a> {
    /// Set, Add, Replace, Append or Prepend.
    pub verb: StoreVerb,
    /// The key.
    pub key: &'a [u8],
    /// The client's 32 bits.
    pub flags: u32,
    /// As on the wire.
    pub exptime: u32,
}

/// The commands, quiet twins put together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Get { with_key: bool },
    GetAndTouch { with_key: bool },
    Touch,
    Store(StoreVerb),
    Join(StoreVerb),
    Delete,
    Count { up: bool },
    Flush,
    Stat,
    Verbosity,
    Noop,
    Version,
    Quit,
    SaslList,
    SaslStart,
    SaslStep,
}

/// The command of an opcode and whether it is the quiet twin; `None` if there is no such command.
fn kind_of(opcode: u8) -> Option<(Kind, bool)> {
    Some(match opcode {
        0x00 | 0x09 => (Kind::Get { with_key: false }, opcode == 0x09),
        0x0c | 0x0d => (Kind::Get { with_key: true }, opcode == 0x0d),
        0x01 | 0x11 => (Kind::Store(StoreVerb::Set), opcode == 0x11),
        0x02 | 0x12 => (Kind::Store(StoreVerb::Add), opcode == 0x12),
        0x03 | 0x13 => (Kind::Store(StoreVerb::Replace), opcode == 0x13),
        0x04 | 0x14 => (Kind::Delete, opcode == 0x14),
        0x05 | 0x15 => (Kind::Count { up: true }, opcode == 0x15),
        0x06 | 0x16 => (Kind::Count { up: false }, opcode == 0x16),
        0x07 | 0x17 => (Kind::Quit, opcode == 0x17),
        0x08 | 0x18 => (Kind::Flush, opcode == 0x18),
        0x0e | 0x19 => (Kind::Join(StoreVerb::Append), opcode == 0x19),
        0x0f | 0x1a => (Kind::Join(StoreVerb::Prepend), opcode == 0x1a),
        0x1d | 0x1e => (Kind::GetAndTouch { with_key: false }, opcode == 0x1e),
        0x23 | 0x24 => (Kind::GetAndTouch { with_key: true }, opcode == 0x24),
        NOOP => (Kind::Noop, false),
        0x0b => (Kind::Version, false),
        0x10 => (Kind::Stat, false),
        0x1b => (Kind::Verbosity, false),
        0x1c => (Kind::Touch, false),
        0x20 => (Kind::SaslList, false),
        SASL_START => (Kind::SaslStart, false),
        SASL_STEP => (Kind::SaslStep, false),
        _ => return None,
    })
}

impl Kind {
    /// True if the lengths are those of this command.
    fn fits(self, header: &Header) -> bool {
        let keyed = header.key_len > 0;
        let valued = header.value_len() > 0;
        let shape = (header.extras_len, keyed, valued);
        match self {
            Kind::Get { .. } | Kind::Delete => shape == (0, true, false),
            Kind::GetAndTouch { .. } | Kind::Touch => shape == (4, true, false),
            Kind::Store(_) => (header.extras_len, keyed) == (8, true),
            Kind::Join(_) | Kind::SaslStart | Kind::SaslStep => (header.extras_len, keyed) == (0, true),
            Kind::Count { .. } => shape == (20, true, false),
            Kind::Flush => matches!(shape, (0 | 4, false, false)),
            Kind::Stat => (header.extras_len, valued) == (0, false),
            Kind::Verbosity => shape == (4, false, false),
            Kind::Noop | Kind::Version | Kind::Quit | Kind::SaslList => shape == (0, false, false),
        }
    }

    /// True if a value follows the key.
    fn is_storage(self) -> bool {
        matches!(self, Kind::Store(_) | Kind::Join(_))
    }

    /// True if somebody who has not logged in may ask for it.
    fn is_open_to_all(self) -> bool {
        matches!(self, Kind::Version | Kind::SaslList | Kind::SaslStart | Kind::SaslStep)
    }

    /// Reads the body. `None` cannot be for a header that [`Kind::fits`].
    fn read<'a>(self, header: &Header, body: &'a [u8]) -> Option<Command<'a>> {
        let (body, extras) = take::<_, _, ()>(header.extras_len).parse(body).ok()?;
        let (value, key) = take::<_, _, ()>(header.key_len).parse(body).ok()?;
        Some(match self {
            Kind::Get { with_key } => Command::Retrieve { key, with_key, exptime: None },
            Kind::GetAndTouch { with_key } => {
                Command::Retrieve { key, with_key, exptime: Some(one(extras)?) }
            }
            Kind::Touch => Command::Touch { key, exptime: one(extras)? },
            Kind::Store(_) | Kind::Join(_) => Command::Store { item: self.item(extras, key)?, value },
            Kind::Delete => Command::Delete { key },
            Kind::Count { up } => {
                let (delta, initial, exptime) = whole(extras, (be_u64, be_u64, be_u32))?;
                Command::Count { key, up, delta, initial, exptime }
            }
            Kind::Flush if extras.is_empty() => Command::Flush { exptime: 0 },
            Kind::Flush => Command::Flush { exptime: one(extras)? },
            Kind::Stat => Command::Stat { topic: key },
            Kind::Verbosity => Command::Verbosity { level: one(extras)? },
            Kind::Noop => Command::Noop,
            Kind::Version => Command::Version,
            Kind::Quit => Command::Quit,
            Kind::SaslList => Command::SaslList,
            Kind::SaslStart => Command::SaslStart { mechanism: key, message: value },
            Kind::SaslStep => Command::SaslStep { message: value },
        })
    }

    fn item<'a>(self, extras: &[u8], key: &'a [u8]) -> Option<StoreItem<'a>> {
        match self {
            Kind::Store(verb) => {
                let (flags, exptime) = whole(extras, (be_u32, be_u32))?;
                Some(StoreItem { verb, key, flags, exptime })
            }
            Kind::Join(verb) => Some(StoreItem { verb, key, flags: 0, exptime: 0 }),
            _ => None,
        }
    }
}

impl Header {
    /// Length of the value in bytes; the lengths are known to be consistent.
    fn value_len(&self) -> usize {
        self.body_len - self.extras_len - self.key_len
    }

    /// Length of all but the value in bytes, header included.
    fn head_len(&self) -> usize {
        HEADER_BYTES + self.extras_len + self.key_len
    }
}

/// Reads the header of a request. Fails on another magic byte, or if it is incomplete.
pub fn header(bytes: &[u8]) -> Parsed<'_, Header> {
    let lengths = (be_u16, be_u8, take(3usize), be_u32);
    let (bytes, (_, opcode, (key_len, extras_len, _, body_len), opaque, cas)) =
        (tag(&[MAGIC_REQUEST][..]), be_u8, lengths, be_u32, be_u64).parse(bytes)?;
    let header = Header {
        envelope: Envelope { opcode, opaque, cas },
        key_len: key_len.into(),
        extras_len: extras_len.into(),
        body_len: body_len as usize,
    };
    Ok((bytes, header))
}

fn whole<'a, T>(extras: &'a [u8], parser: impl Parser<&'a [u8], Output = T, Error = ()>) -> Option<T> {
    all_consuming(parser).parse(extras).ok().map(|(_, value)| value)
}

fn one(extras: &[u8]) -> Option<u32> {
    whole(extras, be_u32)
}

/// The parts of a PLAIN message (RFC 4616).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plain<'a> {
    /// Whom to act as; empty for the user.
    pub authorization: &'a [u8],
    /// Who it is.
    pub user: &'a [u8],
    /// The proof.
    pub password: &'a [u8],
}

/// Reads a PLAIN message: three parts with a NUL between two, none of them holding another.
pub fn plain(message: &[u8]) -> Option<Plain<'_>> {
    let nul = |byte| byte == 0;
    let parts = (take_till(nul), tag(&[0][..]), take_till(nul), tag(&[0][..]), rest);
    let (authorization, _, user, _, password) = whole(message, parts)?;
    (!password.contains(&0)).then_some(Plain { authorization, user, password })
}

#[cfg(test)]
mod tests;

//! The frames of the binary protocol: header, commands, and the layout that each command must have.
//!
//! A frame is a header of [`HEADER_BYTES`], then extras, key and value; all numbers are big-endian.
//!
//! ```text
//!  0 magic 0x80 | 1 opcode | 2-3 key length | 4 extras length | 5-7 not used | 8-11 body length
//! 12-15 opaque, copied into the reply | 16-23 CAS unique | extras | key | value
//! ```
//!
//! Opcodes and layouts are those of memcached's `protocol_binary.txt`.

use crate::protocol::request::StoreVerb;
use nom::bytes::complete::{tag, take};
use nom::combinator::all_consuming;
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

/// The exptime of Increment and Decrement that forbids to create the item.
pub const EXPTIME_NO_CREATE: u32 = u32::MAX;

type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// The header of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The fields that a reply repeats or depends on.
    pub envelope: Envelope,
    /// Length of the key in bytes.
    pub key_len: usize,
    /// Length of the extras in bytes.
    pub extras_len: usize,
    /// Length of extras, key and value in bytes.
    pub body_len: usize,
}

/// The fields of a request's header that its reply depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// The command; copied into the reply.
    pub opcode: u8,
    /// Copied into the reply.
    pub opaque: u32,
    /// The expected CAS unique of the item, 0 for any.
    pub cas: u64,
}

/// A complete request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// The fields that the reply depends on.
    pub envelope: Envelope,
    /// True to suppress the reply to a miss of a retrieval, or to the success of any other command.
    pub quiet: bool,
    /// The command.
    pub command: Command<'a>,
}

/// The commands. Exptimes are unsigned, as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    /// The get and gat families.
    Retrieve {
        /// The key.
        key: &'a [u8],
        /// Repeat the key in the reply, also on a miss.
        with_key: bool,
        /// The exptime to set (gat).
        exptime: Option<u32>,
    },
    /// Touch.
    Touch {
        /// The key.
        key: &'a [u8],
        /// The exptime to set.
        exptime: u32,
    },
    /// Set, Add, Replace, Append, Prepend.
    Store {
        /// All but the value.
        header: BinaryStorageHeader<'a>,
        /// The value.
        value: &'a [u8],
    },
    /// Delete.
    Delete {
        /// The key.
        key: &'a [u8],
    },
    /// Increment and Decrement.
    Arithmetic {
        /// The key.
        key: &'a [u8],
        /// True for Increment.
        up: bool,
        /// The amount to add or subtract.
        delta: u64,
        /// The number of a created item.
        initial: u64,
        /// The exptime of a created item, or [`EXPTIME_NO_CREATE`].
        exptime: u32,
    },
    /// Flush.
    Flush {
        /// The time of the flush; 0 for now.
        exptime: u32,
    },
    /// Stat.
    Stat {
        /// The report; empty for the general one.
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
        /// The first message of the exchange.
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
pub struct BinaryStorageHeader<'a> {
    /// Set, Add, Replace, Append or Prepend.
    pub verb: StoreVerb,
    /// The key.
    pub key: &'a [u8],
    /// The client flags.
    pub flags: u32,
    /// As on the wire.
    pub exptime: u32,
}

/// The commands; a quiet command has the same kind as its normal form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CommandKind {
    Get { with_key: bool },
    GetAndTouch { with_key: bool },
    Touch,
    Store(StoreVerb),
    Concat(StoreVerb),
    Delete,
    Arithmetic { up: bool },
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

/// The command of an opcode, and true if it is the quiet form; `None` for an unknown opcode.
pub(super) fn kind_of(opcode: u8) -> Option<(CommandKind, bool)> {
    Some(match opcode {
        0x00 | 0x09 => (CommandKind::Get { with_key: false }, opcode == 0x09),
        0x0c | 0x0d => (CommandKind::Get { with_key: true }, opcode == 0x0d),
        0x01 | 0x11 => (CommandKind::Store(StoreVerb::Set), opcode == 0x11),
        0x02 | 0x12 => (CommandKind::Store(StoreVerb::Add), opcode == 0x12),
        0x03 | 0x13 => (CommandKind::Store(StoreVerb::Replace), opcode == 0x13),
        0x04 | 0x14 => (CommandKind::Delete, opcode == 0x14),
        0x05 | 0x15 => (CommandKind::Arithmetic { up: true }, opcode == 0x15),
        0x06 | 0x16 => (CommandKind::Arithmetic { up: false }, opcode == 0x16),
        0x07 | 0x17 => (CommandKind::Quit, opcode == 0x17),
        0x08 | 0x18 => (CommandKind::Flush, opcode == 0x18),
        0x0e | 0x19 => (CommandKind::Concat(StoreVerb::Append), opcode == 0x19),
        0x0f | 0x1a => (CommandKind::Concat(StoreVerb::Prepend), opcode == 0x1a),
        0x1d | 0x1e => (CommandKind::GetAndTouch { with_key: false }, opcode == 0x1e),
        0x23 | 0x24 => (CommandKind::GetAndTouch { with_key: true }, opcode == 0x24),
        NOOP => (CommandKind::Noop, false),
        0x0b => (CommandKind::Version, false),
        0x10 => (CommandKind::Stat, false),
        0x1b => (CommandKind::Verbosity, false),
        0x1c => (CommandKind::Touch, false),
        0x20 => (CommandKind::SaslList, false),
        SASL_START => (CommandKind::SaslStart, false),
        SASL_STEP => (CommandKind::SaslStep, false),
        _ => return None,
    })
}

impl CommandKind {
    /// True if the lengths in the header are valid for this command.
    pub(super) fn fits(self, header: &Header) -> bool {
        let has_key = header.key_len > 0;
        let has_value = header.value_len() > 0;
        let shape = (header.extras_len, has_key, has_value);
        match self {
            CommandKind::Get { .. } | CommandKind::Delete => shape == (0, true, false),
            CommandKind::GetAndTouch { .. } | CommandKind::Touch => shape == (4, true, false),
            CommandKind::Store(_) => (header.extras_len, has_key) == (8, true),
            CommandKind::Concat(_) | CommandKind::SaslStart | CommandKind::SaslStep => {
                (header.extras_len, has_key) == (0, true)
            }
            CommandKind::Arithmetic { .. } => shape == (20, true, false),
            CommandKind::Flush => matches!(shape, (0 | 4, false, false)),
            CommandKind::Stat => (header.extras_len, has_value) == (0, false),
            CommandKind::Verbosity => shape == (4, false, false),
            CommandKind::Noop | CommandKind::Version | CommandKind::Quit | CommandKind::SaslList => {
                shape == (0, false, false)
            }
        }
    }

    /// True if a value follows the key.
    pub(super) fn is_storage(self) -> bool {
        matches!(self, CommandKind::Store(_) | CommandKind::Concat(_))
    }

    /// True if a client may send the command before it has logged in.
    pub(super) fn is_allowed_before_login(self) -> bool {
        matches!(
            self,
            CommandKind::Version | CommandKind::SaslList | CommandKind::SaslStart | CommandKind::SaslStep
        )
    }

    /// Parses the body. Never `None` for a header that [`CommandKind::fits`].
    pub(super) fn read<'a>(self, header: &Header, body: &'a [u8]) -> Option<Command<'a>> {
        let (body, extras) = take::<_, _, ()>(header.extras_len).parse(body).ok()?;
        let (value, key) = take::<_, _, ()>(header.key_len).parse(body).ok()?;
        Some(match self {
            CommandKind::Get { with_key } => Command::Retrieve { key, with_key, exptime: None },
            CommandKind::GetAndTouch { with_key } => {
                Command::Retrieve { key, with_key, exptime: Some(parse_u32(extras)?) }
            }
            CommandKind::Touch => Command::Touch { key, exptime: parse_u32(extras)? },
            CommandKind::Store(_) | CommandKind::Concat(_) => {
                Command::Store { header: self.storage_header(extras, key)?, value }
            }
            CommandKind::Delete => Command::Delete { key },
            CommandKind::Arithmetic { up } => {
                let (delta, initial, exptime) = parse_all(extras, (be_u64, be_u64, be_u32))?;
                Command::Arithmetic { key, up, delta, initial, exptime }
            }
            CommandKind::Flush if extras.is_empty() => Command::Flush { exptime: 0 },
            CommandKind::Flush => Command::Flush { exptime: parse_u32(extras)? },
            CommandKind::Stat => Command::Stat { topic: key },
            CommandKind::Verbosity => Command::Verbosity { level: parse_u32(extras)? },
            CommandKind::Noop => Command::Noop,
            CommandKind::Version => Command::Version,
            CommandKind::Quit => Command::Quit,
            CommandKind::SaslList => Command::SaslList,
            CommandKind::SaslStart => Command::SaslStart { mechanism: key, message: value },
            CommandKind::SaslStep => Command::SaslStep { message: value },
        })
    }

    /// The header of a storage command; `None` for other commands.
    pub(super) fn storage_header<'a>(self, extras: &[u8], key: &'a [u8]) -> Option<BinaryStorageHeader<'a>> {
        match self {
            CommandKind::Store(verb) => {
                let (flags, exptime) = parse_all(extras, (be_u32, be_u32))?;
                Some(BinaryStorageHeader { verb, key, flags, exptime })
            }
            CommandKind::Concat(verb) => Some(BinaryStorageHeader { verb, key, flags: 0, exptime: 0 }),
            _ => None,
        }
    }
}

impl Header {
    /// Length of the value in bytes. The lengths must be consistent.
    pub(super) fn value_len(&self) -> usize {
        self.body_len - self.extras_len - self.key_len
    }

    /// Length of all but the value in bytes, header included.
    pub(super) fn head_len(&self) -> usize {
        HEADER_BYTES + self.extras_len + self.key_len
    }
}

/// Parses the header of a request. Fails on another magic byte and on incomplete input.
pub fn parse_header(bytes: &[u8]) -> Parsed<'_, Header> {
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

fn parse_all<'a, T>(extras: &'a [u8], parser: impl Parser<&'a [u8], Output = T, Error = ()>) -> Option<T> {
    all_consuming(parser).parse(extras).ok().map(|(_, value)| value)
}

fn parse_u32(extras: &[u8]) -> Option<u32> {
    parse_all(extras, be_u32)
}

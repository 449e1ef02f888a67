//! The grammar of the meta commands: one complete line in, its meaning out (protocol.txt, "Meta Commands").
//!
//! A flag is one token: its first byte names it, the rest is its argument. All flags are checked whatever the command,
//! and each may stand once; which of them mean something to a command is known in `commands`. The words stay as they
//! stand on the line, because replies return them in that order and some act in that order.
//!
//! A refused `ms` line whose length can be read has its data block dropped. memcached leaves the block of a line with a
//! malformed flag to be read as commands, and reads the data behind a length that cannot be read likewise; larder
//! stays in step, as behind `set`.

use super::classic::{Follows, Line};
use super::encoded_key::{self, DECODED_ROOM_BYTES};
use super::limits::{KEY_MAX_BYTES, META_OPAQUE_MAX_BYTES, META_TOKENS_MAX, VALUE_LENGTH_MAX};
use super::refusal::Refusal;
use super::request::Request;
use super::tokens::{Parsed, Tokens, checked_key, strict_i32, strict_u32, strict_u64, token};
use nom::Parser;

/// A meta command's key and flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meta<'a> {
    /// The key as it stands on the line.
    key: &'a [u8],
    /// The flags as they stand on the line, separated by spaces.
    words: &'a [u8],
    flags: Flags,
}

/// Which flags there are, and their numbers; a number whose flag is absent means nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// A bit per letter.
    seen: u64,
    exptime: i32,
    create_exptime: i32,
    recache_secs: i32,
    client_flags: u32,
    compare: u64,
    cas: u64,
    initial: u64,
    delta: u64,
    mode: u8,
}

/// The line of an `ms`; its data block follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MetaHeader<'a> {
    /// Key and flags.
    pub meta: Meta<'a>,
    /// How to store.
    pub mode: MetaMode,
    /// Length of the value in bytes, at most [`VALUE_LENGTH_MAX`].
    pub value_len: usize,
}

/// The modes of `ms`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetaMode {
    /// `S`, or none
    Set,
    /// `E`
    Add,
    /// `R`
    Replace,
    /// `A`
    Append,
    /// `P`
    Prepend,
}

/// Every flag that some command knows.
const KNOWN: u64 = bits(b"bcCDEfFhIJklLMNOPqRstTuvx");

/// The flags that a reply returns.
const RETURNED: u64 = bits(b"cfhklOst");

/// The bit of a flag; none for what is no letter.
const fn bit(letter: u8) -> u64 {
    match letter {
        b'A'..=b'z' => 1 << (letter - b'A'),
        _ => 0,
    }
}

const fn bits(letters: &[u8]) -> u64 {
    let (mut all, mut at) = (0, 0);
    while at < letters.len() {
        all |= bit(letters[at]);
        at += 1;
    }
    all
}

impl<'a> Meta<'a> {
    /// True if the flag is there.
    pub fn has(&self, letter: u8) -> bool {
        self.flags.has(letter)
    }

    /// True if the reply is left out where its command allows it (`q`).
    pub fn quiet(&self) -> bool {
        self.has(b'q')
    }

    /// The key, decoded into `room` if it came as base64.
    pub fn key<'k>(&self, room: &'k mut [u8; DECODED_ROOM_BYTES]) -> &'k [u8]
    where
        'a: 'k,
    {
        match self.has(b'b') {
            false => self.key,
            // The grammar let through what decodes.
            true => encoded_key::decode(self.key, room).unwrap_or_default(),
        }
    }

    /// Client flags to store (`F`), or 0.
    pub fn client_flags(&self) -> u32 {
        self.flags.client_flags
    }

    /// `T`, as on the wire.
    pub fn exptime(&self) -> Option<i32> {
        self.has(b'T').then_some(self.flags.exptime)
    }

    /// `N`, as on the wire.
    pub fn create_exptime(&self) -> Option<i32> {
        self.has(b'N').then_some(self.flags.create_exptime)
    }

    /// `R`, if it is a time at all: 0 and less never win.
    pub fn recache_secs(&self) -> Option<u32> {
        self.has(b'R').then_some(self.flags.recache_secs).filter(|secs| *secs > 0).map(i32::unsigned_abs)
    }

    /// `C`: the CAS unique to compare with.
    pub fn compare(&self) -> Option<u64> {
        self.has(b'C').then_some(self.flags.compare)
    }

    /// `E`: the CAS unique that the item is to get.
    pub fn cas(&self) -> Option<u64> {
        self.has(b'E').then_some(self.flags.cas)
    }

    /// `J`, or 0.
    pub fn initial(&self) -> u64 {
        self.flags.initial
    }

    /// `D`, or 1.
    pub fn delta(&self) -> u64 {
        if self.has(b'D') { self.flags.delta } else { 1 }
    }

    /// True if both flags are there and the first one comes first.
    pub fn precedes(&self, first: u8, second: u8) -> bool {
        self.has(first)
            && self.has(second)
            && Tokens(self.words).find(|word| [first, second].contains(&word[0])).map(|word| word[0])
                == Some(first)
    }

    /// The flags in their order, if the reply returns any of them; the first byte of each is its letter.
    pub fn returned(&self) -> impl Iterator<Item = &'a [u8]> {
        Tokens(if self.flags.seen & RETURNED == 0 { b"" } else { self.words })
    }

    /// The parts as they stand on the line, to be kept longer than it.
    pub fn parts(&self) -> (&'a [u8], &'a [u8], Flags) {
        (self.key, self.words, self.flags)
    }

    /// The reverse of [`Meta::parts`].
    pub fn from_parts(key: &'a [u8], words: &'a [u8], flags: Flags) -> Meta<'a> {
        Meta { key, words, flags }
    }
}

/// What is wrong with a key and its flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// No flags at all.
    Malformed,
    /// One of them, or the key.
    Flag(Refusal),
}

impl Fault {
    fn refusal(self) -> Refusal {
        match self {
            Fault::Malformed => Refusal::BadLine,
            Fault::Flag(refusal) => refusal,
        }
    }
}

impl Flags {
    fn has(&self, letter: u8) -> bool {
        self.seen & bit(letter) != 0
    }

    /// Reads the flags of a line with so many tokens before them. A malformed flag anywhere comes before all other
    /// faults; an unknown or repeated one ends the reading; of several bad arguments the last one counts.
    fn read(key: &[u8], words: &[u8], tokens_before: usize) -> Result<Flags, Fault> {
        let mut flags = Flags::default();
        let (mut stopped, mut fault) = (None, None);
        let mut tokens = tokens_before;
        for word in Tokens(words) {
            if !is_flag(word) {
                return Err(Fault::Malformed);
            }
            tokens += 1;
            if stopped.is_none() {
                stopped = flags.note(word[0]).err();
                fault = flags.read_argument(key, word).err().or(fault);
            }
        }
        let too_many = (tokens > META_TOKENS_MAX).then_some(Refusal::TooManyFlags);
        match checked_key(key).err().or(too_many).or(stopped).or(fault) {
            Some(refusal) => Err(Fault::Flag(refusal)),
            None => Ok(flags),
        }
    }

    fn note(&mut self, letter: u8) -> Result<(), Refusal> {
        if self.has(letter) {
            return Err(Refusal::DuplicateFlag);
        }
        self.seen |= bit(letter);
        if KNOWN & bit(letter) == 0 { Err(Refusal::UnknownFlag) } else { Ok(()) }
    }

    fn read_argument(&mut self, key: &[u8], word: &[u8]) -> Result<(), Refusal> {
        let argument = &word[1..];
        match word[0] {
            b'T' => self.exptime = strict_i32(argument).ok_or(Refusal::BadToken)?,
            b'N' => self.create_exptime = strict_i32(argument).ok_or(Refusal::BadToken)?,
            b'R' => self.recache_secs = strict_i32(argument).ok_or(Refusal::BadToken)?,
            b'C' => self.compare = strict_u64(argument).ok_or(Refusal::BadToken)?,
            b'E' => self.cas = strict_u64(argument).ok_or(Refusal::BadToken)?,
            b'F' => self.client_flags = strict_u32(argument).ok_or(Refusal::BadLine)?,
            b'J' => self.initial = strict_u64(argument).ok_or(Refusal::BadInitial)?,
            b'D' => self.delta = strict_u64(argument).ok_or(Refusal::BadFlagDelta)?,
            b'M' => self.mode = argument.first().copied().unwrap_or(b' '),
            b'b' => {
                let decoded = encoded_key::decode(key, &mut [0; DECODED_ROOM_BYTES]).is_some();
                return if decoded { Ok(()) } else { Err(Refusal::BadEncodedKey) };
            }
            _ => {}
        }
        Ok(())
    }

    /// Checked last: memcached does so when it writes the reply.
    fn check_opaque(&self, words: &[u8]) -> Result<(), Fault> {
        let long = |word: &[u8]| word[0] == b'O' && word.len() > META_OPAQUE_MAX_BYTES;
        if self.has(b'O') && Tokens(words).any(long) {
            return Err(Fault::Flag(Refusal::OpaqueTooLong));
        }
        Ok(())
    }
}

/// True if the token may be a flag, known or not.
fn is_flag(word: &[u8]) -> bool {
    matches!(word, [b'A'..=b'z' | b'0'..=b'9', ..])
}

fn refused<'a>(refusal: Refusal) -> Line<'a> {
    Line::Refused { answer: Some(refusal), follows: Follows::Command }
}

/// `<key> <flags>*`
fn read(arguments: &[u8]) -> Result<Meta<'_>, Fault> {
    let Ok((words, key)) = token(arguments) else { return Err(Fault::Malformed) };
    let flags = Flags::read(key, words, 2)?;
    Ok(Meta { key, words, flags })
}

fn keyed<'a>(arguments: &'a [u8], request: impl FnOnce(Meta<'a>) -> Request<'a>) -> Line<'a> {
    let meta = read(arguments).and_then(|meta| meta.flags.check_opaque(meta.words).map(|()| meta));
    match meta {
        Ok(meta) => Line::Request(request(meta)),
        Err(fault) => refused(fault.refusal()),
    }
}

/// `mg`
pub(super) fn get(arguments: &[u8]) -> Line<'_> {
    keyed(arguments, |meta| Request::MetaGet { meta })
}

/// `md`
pub(super) fn delete(arguments: &[u8]) -> Line<'_> {
    keyed(arguments, |meta| Request::MetaDelete { meta })
}

/// `ma`: one line for all faults of key and flags but those checked last.
pub(super) fn arithmetic(arguments: &[u8]) -> Line<'_> {
    let meta = match read(arguments) {
        Ok(meta) => meta,
        Err(Fault::Malformed) => return refused(Refusal::BadLine),
        Err(Fault::Flag(_)) => return refused(Refusal::UnknownOrDuplicateFlag),
    };
    let up = match meta.flags.mode {
        _ if !meta.has(b'M') => true,
        b'I' | b'+' => true,
        b'D' | b'-' => false,
        _ => return refused(Refusal::BadCountMode),
    };
    match meta.flags.check_opaque(meta.words) {
        Ok(()) => Line::Request(Request::MetaArithmetic { meta, up }),
        Err(fault) => refused(fault.refusal()),
    }
}

/// `ms <key> <datalen> <flags>*`
pub(super) fn store(arguments: &[u8]) -> Line<'_> {
    let tokens: Parsed<'_, _> = (token, token).parse(arguments);
    let Ok((words, (key, len))) = tokens else { return refused(Refusal::BadLine) };
    let Some(value_len) = strict_i32(len).filter(|len| (0..=VALUE_LENGTH_MAX).contains(len)) else {
        return Line::Refused { answer: Some(Refusal::BadLine), follows: Follows::BlockOfUnknownLength };
    };
    let value_len = value_len as usize;
    let header = Flags::read(key, words, 3).and_then(|flags| {
        let mode = store_mode(&flags).ok_or(Fault::Flag(Refusal::BadStoreMode))?;
        flags.check_opaque(words)?;
        Ok(MetaHeader { meta: Meta { key, words, flags }, mode, value_len })
    });
    match header {
        Ok(header) => Line::MetaBlock(header),
        Err(fault) => Line::Refused { answer: Some(fault.refusal()), follows: Follows::Block(value_len) },
    }
}

fn store_mode(flags: &Flags) -> Option<MetaMode> {
    Some(match flags.mode {
        _ if !flags.has(b'M') => MetaMode::Set,
        b'S' => MetaMode::Set,
        b'E' => MetaMode::Add,
        b'R' => MetaMode::Replace,
        b'A' => MetaMode::Append,
        b'P' => MetaMode::Prepend,
        _ => return None,
    })
}

/// `me <key> [b]`; all other flags are overlooked.
pub(super) fn describe(arguments: &[u8]) -> Line<'_> {
    let Ok((words, key)) = token(arguments) else { return refused(Refusal::BadLine) };
    let mut flags = Flags::default();
    for word in Tokens(words) {
        if !is_flag(word) {
            return refused(Refusal::BadLine);
        }
        flags.seen |= bit(word[0]) & bit(b'b');
    }
    let undecodable = flags.has(b'b') && encoded_key::decode(key, &mut [0; DECODED_ROOM_BYTES]).is_none();
    if key.len() > KEY_MAX_BYTES || undecodable {
        return refused(Refusal::BadLine);
    }
    Line::Request(Request::MetaDescribe { meta: Meta { key, words: b"", flags } })
}

#[cfg(test)]
mod tests;

//! The arguments of a meta command: key and flags (protocol.txt, "Meta Commands").
//!
//! A flag is one token: its first byte is its letter, the rest is its argument. Every flag is checked, whatever the
//! command, and may occur once. The tokens are kept in their order, because replies repeat it and some flags act in it.

use super::base64_key::KeyBuffer;
use super::limits::{META_OPAQUE_MAX_BYTES, META_TOKENS_MAX};
use super::refusal::Refusal;
use super::tokens::{Tokens, checked_key, strict_exptime, strict_i32, strict_u32, strict_u64};

/// The key and the flags of a meta command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MetaArguments<'a> {
    /// The key as sent.
    pub(super) key: &'a [u8],
    /// The flags as sent, separated by spaces.
    pub(super) words: &'a [u8],
    pub(super) flags: MetaFlags,
}

/// The flags of a meta command with their numbers. The number of an absent flag has no meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MetaFlags {
    /// A bit per letter.
    pub(super) letters: u64,
    exptime: i64,
    create_exptime: i64,
    recache_secs: i32,
    client_flags: u32,
    compare: u64,
    cas: u64,
    initial: u64,
    delta: u64,
    pub(super) mode: u8,
}

/// The line of an `ms`, without its data block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MetaStorageHeader<'a> {
    /// Key and flags.
    pub meta: MetaArguments<'a>,
    /// How to store.
    pub mode: MetaMode,
    /// Length of the value in bytes, at most [`VALUE_LENGTH_MAX`](super::limits::VALUE_LENGTH_MAX).
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

/// The flags that at least one command uses.
const KNOWN: u64 = bits(b"bcCDEfFhIJklLMNOPqRstTuvx");

/// The flags that a reply returns.
const RETURNED: u64 = bits(b"cfhklOst");

/// The bit of a flag; 0 for a byte that is not a letter.
pub(super) const fn bit(letter: u8) -> u64 {
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

impl<'a> MetaArguments<'a> {
    /// True if the flag is present.
    pub fn has(&self, letter: u8) -> bool {
        self.flags.has(letter)
    }

    /// True if the command suppresses its usual reply (`q`).
    pub fn quiet(&self) -> bool {
        self.has(b'q')
    }

    /// The key, decoded into `buffer` if it was sent as base64.
    pub fn key<'k>(&self, buffer: &'k mut KeyBuffer) -> &'k [u8]
    where
        'a: 'k,
    {
        match self.has(b'b') {
            false => self.key,
            // The grammar accepts only keys that decode.
            true => buffer.decode(self.key).unwrap_or_default(),
        }
    }

    /// Client flags to store (`F`), or 0.
    pub fn client_flags(&self) -> u32 {
        self.flags.client_flags
    }

    /// `T`, as on the wire.
    pub fn exptime(&self) -> Option<i64> {
        self.has(b'T').then_some(self.flags.exptime)
    }

    /// `N`, as on the wire.
    pub fn create_exptime(&self) -> Option<i64> {
        self.has(b'N').then_some(self.flags.create_exptime)
    }

    /// `R`, if positive: with 0 and less no client wins.
    pub fn recache_secs(&self) -> Option<u32> {
        self.has(b'R').then_some(self.flags.recache_secs).filter(|secs| *secs > 0).map(i32::unsigned_abs)
    }

    /// `C`: the CAS unique to compare with.
    pub fn compare(&self) -> Option<u64> {
        self.has(b'C').then_some(self.flags.compare)
    }

    /// `E`: the CAS unique to give to the item.
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

    /// True if both flags are present in this order.
    pub fn precedes(&self, first: u8, second: u8) -> bool {
        self.has(first)
            && self.has(second)
            && Tokens(self.words).find(|word| [first, second].contains(&word[0])).map(|word| word[0])
                == Some(first)
    }

    /// All flags in their order, if the reply returns at least one of them; the first byte of each is its letter.
    pub fn returned(&self) -> impl Iterator<Item = &'a [u8]> {
        Tokens(if self.flags.letters & RETURNED == 0 { b"" } else { self.words })
    }

    /// Key, flags as sent, and flags as read, to be kept longer than the line.
    pub fn parts(&self) -> (&'a [u8], &'a [u8], MetaFlags) {
        (self.key, self.words, self.flags)
    }

    /// The reverse of [`MetaArguments::parts`].
    pub fn from_parts(key: &'a [u8], words: &'a [u8], flags: MetaFlags) -> MetaArguments<'a> {
        MetaArguments { key, words, flags }
    }
}

/// Why key and flags are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FlagError {
    /// The key is missing, or a token cannot be a flag.
    Malformed,
    /// A flag or the key is invalid.
    Invalid(Refusal),
}

impl FlagError {
    pub(super) fn refusal(self) -> Refusal {
        match self {
            FlagError::Malformed => Refusal::BadLine,
            FlagError::Invalid(refusal) => refusal,
        }
    }
}

impl MetaFlags {
    pub(super) fn has(&self, letter: u8) -> bool {
        self.letters & bit(letter) != 0
    }

    /// Reads the flags of a line with `tokens_before` tokens before them. A malformed flag anywhere wins over all other
    /// errors; an unknown or repeated flag ends the reading; of several bad arguments the last one is reported.
    pub(super) fn read(key: &[u8], words: &[u8], tokens_before: usize) -> Result<MetaFlags, FlagError> {
        let mut flags = MetaFlags::default();
        let (mut stopped, mut error) = (None, None);
        let mut tokens = tokens_before;
        for word in Tokens(words) {
            if !is_flag(word) {
                return Err(FlagError::Malformed);
            }
            tokens += 1;
            if stopped.is_none() {
                stopped = flags.add(word[0]).err();
                error = match flags.read_argument(key, word) {
                    // memcached reports a bad F only if no earlier argument is bad.
                    Err(Refusal::BadLine) => error.or(Some(Refusal::BadLine)),
                    Err(later) => Some(later),
                    Ok(()) => error,
                };
            }
        }
        let too_many = (tokens > META_TOKENS_MAX).then_some(Refusal::TooManyFlags);
        match checked_key(key).err().or(too_many).or(stopped).or(error) {
            Some(refusal) => Err(FlagError::Invalid(refusal)),
            None => Ok(flags),
        }
    }

    fn add(&mut self, letter: u8) -> Result<(), Refusal> {
        if self.has(letter) {
            return Err(Refusal::DuplicateFlag);
        }
        self.letters |= bit(letter);
        if KNOWN & bit(letter) == 0 { Err(Refusal::UnknownFlag) } else { Ok(()) }
    }

    fn read_argument(&mut self, key: &[u8], word: &[u8]) -> Result<(), Refusal> {
        let argument = &word[1..];
        match word[0] {
            b'T' => self.exptime = strict_exptime(argument).ok_or(Refusal::BadToken)?,
            b'N' => self.create_exptime = strict_exptime(argument).ok_or(Refusal::BadToken)?,
            b'R' => self.recache_secs = strict_i32(argument).ok_or(Refusal::BadToken)?,
            b'C' => self.compare = strict_u64(argument).ok_or(Refusal::BadToken)?,
            b'E' => self.cas = strict_u64(argument).ok_or(Refusal::BadToken)?,
            b'F' => self.client_flags = strict_u32(argument).ok_or(Refusal::BadLine)?,
            b'J' => self.initial = strict_u64(argument).ok_or(Refusal::BadInitial)?,
            b'D' => self.delta = strict_u64(argument).ok_or(Refusal::BadFlagDelta)?,
            b'M' => self.mode = argument.first().copied().unwrap_or(b' '),
            b'b' => {
                let decoded = KeyBuffer::default().decode(key).is_some();
                return if decoded { Ok(()) } else { Err(Refusal::BadEncodedKey) };
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks the opaque token, last: memcached checks its length when it writes the reply.
    pub(super) fn check_opaque(&self, words: &[u8]) -> Result<(), FlagError> {
        let long = |word: &[u8]| word[0] == b'O' && word.len() > META_OPAQUE_MAX_BYTES;
        if self.has(b'O') && Tokens(words).any(long) {
            return Err(FlagError::Invalid(Refusal::OpaqueTooLong));
        }
        Ok(())
    }
}

/// True if the token has the form of a flag, known or not.
pub(super) fn is_flag(word: &[u8]) -> bool {
    matches!(word, [b'A'..=b'z' | b'0'..=b'9', ..])
}

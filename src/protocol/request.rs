//! A request as the grammar understood it, borrowed from the buffer it was read from.

use super::refusal::Refusal;
use super::tokens;

/// One request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request<'a> {
    /// get, gets, gat, gats, or the continuation of one with a long key list.
    Retrieval(Retrieval<'a>),
    /// A storage command with its whole value.
    Store {
        /// The line.
        header: StorageHeader<'a>,
        /// The value, without its line end.
        value: &'a [u8],
    },
    /// `delete`.
    Delete {
        /// The key.
        key: &'a [u8],
        /// Answer nothing.
        noreply: bool,
    },
    /// `incr` and `decr`.
    Arithmetic {
        /// The key.
        key: &'a [u8],
        /// True for incr.
        up: bool,
        /// How much.
        delta: u64,
        /// Answer nothing.
        noreply: bool,
    },
    /// `touch`.
    Touch {
        /// The key.
        key: &'a [u8],
        /// As on the wire.
        exptime: i32,
        /// Answer nothing.
        noreply: bool,
    },
    /// `flush_all`; no delay is 0.
    FlushAll {
        /// As on the wire.
        delay: i32,
        /// Answer nothing.
        noreply: bool,
    },
    /// `version`.
    Version,
    /// `verbosity`.
    Verbosity {
        /// As on the wire.
        level: u32,
        /// Answer nothing.
        noreply: bool,
    },
    /// `cache_memlimit`.
    CacheMemlimit {
        /// The new limit.
        mib: u32,
        /// Answer nothing.
        noreply: bool,
    },
    /// `stats`.
    Stats(StatsTopic),
    /// `refresh_certs`.
    RefreshCertificates,
    /// `quit`.
    Quit,
    /// `shutdown`; `None` is a mode that does not exist.
    Shutdown {
        /// How.
        mode: Option<ShutdownMode>,
        /// Answer nothing.
        noreply: bool,
    },
}

/// The keys of a retrieval and what is asked of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retrieval<'a> {
    /// Print the CAS unique (gets, gats).
    pub with_cas: bool,
    /// The exptime to set (gat, gats), as on the wire.
    pub exptime: Option<i32>,
    /// The keys, separated by spaces.
    pub keys: &'a [u8],
    /// True if the line ends behind these keys.
    pub last: bool,
    /// Bytes of the frame behind the keys: its line end, if it has come.
    pub tail: usize,
}

/// Walks a key list.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    rest: &'a [u8],
}

impl<'a> Keys<'a> {
    /// Over the keys in `list`.
    pub fn new(list: &'a [u8]) -> Keys<'a> {
        Keys { rest: list }
    }

    /// Bytes of the list not walked yet.
    pub fn left_bytes(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Keys<'a> {
    type Item = Result<&'a [u8], Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        let (rest, key) = tokens::token(self.rest).ok()?;
        self.rest = rest;
        Some(tokens::checked_key(key))
    }
}

/// Which storage command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreVerb {
    /// `set`
    Set,
    /// `add`
    Add,
    /// `replace`
    Replace,
    /// `append`
    Append,
    /// `prepend`
    Prepend,
    /// `cas` with the unique it asks for.
    Cas(u64),
}

/// The line of a storage command, all numbers checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StorageHeader<'a> {
    /// Which one.
    pub verb: StoreVerb,
    /// The key.
    pub key: &'a [u8],
    /// The client's 32 bits.
    pub flags: u32,
    /// As on the wire.
    pub exptime: i32,
    /// Length of the value in bytes, at most [`super::limits::VALUE_LENGTH_MAX`].
    pub value_len: usize,
    /// Answer nothing.
    pub noreply: bool,
}

/// What `stats` is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatsTopic {
    /// No word: the general figures.
    General,
    /// `settings`
    Settings,
    /// `items`
    Items,
    /// `slabs`
    Slabs,
    /// `sizes`
    Sizes,
    /// `conns`
    Conns,
    /// `cachedump <class> <limit>`
    CacheDump,
    /// `reset`
    Reset,
}

/// The two ways to shut down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShutdownMode {
    /// `shutdown`
    Plain,
    /// `shutdown graceful`
    Graceful,
}

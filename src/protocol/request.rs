//! A request of the text protocols, borrowed from the buffer it was read from.
//!
//! `text_decoder.rs` produces requests; `commands/mod.rs` executes them.

use super::meta_request::{MetaArguments, MetaStorageHeader};
use super::operator_request::{
    Classes, ClockChange, CrawlerAction, DumpFormat, LruAction, ShutdownMode, SlabsAction, StatsTopic,
    WatchClasses,
};
use super::refusal::Refusal;
use super::tokens;

/// One request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request<'a> {
    /// `get`, `gets`, `gat`, `gats`, or a later part of one with a long key list.
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
        /// The amount to add or subtract.
        delta: u64,
        /// Answer nothing.
        noreply: bool,
    },
    /// `touch`.
    Touch {
        /// The key.
        key: &'a [u8],
        /// As on the wire.
        exptime: i64,
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
    /// `mg`
    MetaGet {
        /// Key and flags.
        meta: MetaArguments<'a>,
    },
    /// `ms` with its whole value.
    MetaStore {
        /// The line.
        header: MetaStorageHeader<'a>,
        /// The value, without its line end.
        value: &'a [u8],
    },
    /// `md`
    MetaDelete {
        /// Key and flags.
        meta: MetaArguments<'a>,
    },
    /// `ma`
    MetaArithmetic {
        /// Key and flags.
        meta: MetaArguments<'a>,
        /// True to add, false to subtract.
        up: bool,
    },
    /// `me`
    MetaDescribe {
        /// The key; of the flags only `b`.
        meta: MetaArguments<'a>,
    },
    /// `mn`
    MetaNoop,
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
    /// `why`.
    Why {
        /// The key to report on.
        key: &'a [u8],
    },
    /// `refresh_certs`.
    RefreshCertificates,
    /// `lru_crawler metadump` and `lru_crawler mgdump`.
    Dump {
        /// `metadump` or `mgdump`.
        format: DumpFormat,
        /// The classes of the items to list.
        classes: Classes,
    },
    /// `lru_crawler`, dumps excepted.
    Crawler {
        /// Its argument.
        action: CrawlerAction,
        /// Answer nothing.
        noreply: bool,
    },
    /// `watch`
    Watch(WatchClasses),
    /// `slabs`
    Slabs {
        /// Its argument.
        action: SlabsAction,
        /// Answer nothing.
        noreply: bool,
    },
    /// `lru`
    Lru {
        /// Its argument.
        action: LruAction,
        /// Answer nothing.
        noreply: bool,
    },
    /// `debugtime`, which only tests may use.
    DebugTime {
        /// The change to the clock; `None` for an unknown argument.
        change: Option<ClockChange>,
        /// Answer nothing.
        noreply: bool,
    },
    /// `quit`.
    Quit,
    /// `shutdown`
    Shutdown {
        /// The mode; `None` for an unknown one.
        mode: Option<ShutdownMode>,
        /// Answer nothing.
        noreply: bool,
    },
}

/// The keys of a retrieval and its options. `commands/retrieval.rs` executes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retrieval<'a> {
    /// Print the CAS unique (gets, gats).
    pub with_cas: bool,
    /// The exptime to set (gat, gats), as on the wire.
    pub exptime: Option<i64>,
    /// The keys, separated by spaces.
    pub keys: &'a [u8],
    /// True for the first part of a line's keys.
    pub first: bool,
    /// True for the last part of a line's keys.
    pub last: bool,
    /// Length of the line end after the keys in bytes; 0 if the line continues.
    pub line_end_len: usize,
}

/// Iterates over a key list; a key over the length limit is an error.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    rest: &'a [u8],
}

impl<'a> Keys<'a> {
    /// The keys in `list`.
    pub fn new(list: &'a [u8]) -> Keys<'a> {
        Keys { rest: list }
    }

    /// Bytes of the list that are not read yet.
    pub fn remaining_bytes(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Keys<'a> {
    type Item = Result<&'a [u8], Refusal>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = tokens::split_token(self.rest)?;
        self.rest = rest;
        Some(tokens::checked_key(key))
    }
}

/// The storage commands of the classic text protocol.
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
    /// `cas` with the expected CAS unique.
    Cas(u64),
}

/// The line of a storage command; all numbers are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StorageHeader<'a> {
    /// The command.
    pub verb: StoreVerb,
    /// The key.
    pub key: &'a [u8],
    /// The client flags.
    pub flags: u32,
    /// As on the wire.
    pub exptime: i64,
    /// Length of the value in bytes, at most [`super::limits::VALUE_LENGTH_MAX`].
    pub value_len: usize,
    /// Answer nothing.
    pub noreply: bool,
}

//! A request as the grammar understood it, borrowed from the buffer it was read from.

use super::limits::SLAB_CLASSES_MAX;
use super::meta::{Meta, MetaHeader};
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
    /// `mg`
    MetaGet {
        /// Key and flags.
        meta: Meta<'a>,
    },
    /// `ms` with its whole value.
    MetaStore {
        /// The line.
        header: MetaHeader<'a>,
        /// The value, without its line end.
        value: &'a [u8],
    },
    /// `md`
    MetaDelete {
        /// Key and flags.
        meta: Meta<'a>,
    },
    /// `ma`
    MetaArithmetic {
        /// Key and flags.
        meta: Meta<'a>,
        /// True to add, false to subtract.
        up: bool,
    },
    /// `me`
    MetaDescribe {
        /// The key; of the flags only `b`.
        meta: Meta<'a>,
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
        /// The key that is asked about.
        key: &'a [u8],
    },
    /// `refresh_certs`.
    RefreshCertificates,
    /// `lru_crawler metadump` and `lru_crawler mgdump`.
    Dump {
        /// Which of the two.
        form: DumpForm,
        /// Whose items.
        classes: Classes,
    },
    /// `lru_crawler` and what it is told to do.
    Crawler {
        /// What.
        action: CrawlerAction,
        /// Answer nothing.
        noreply: bool,
    },
    /// `watch`
    Watch(WatchClasses),
    /// `slabs` and what it is told.
    Slabs {
        /// What.
        action: SlabsAction,
        /// Answer nothing.
        noreply: bool,
    },
    /// `lru` and what it is told.
    Lru {
        /// What.
        action: LruAction,
        /// Answer nothing.
        noreply: bool,
    },
    /// `debugtime`, which only tests may use.
    DebugTime {
        /// What to do to the clock; `None` is nothing that can be done to it.
        change: Option<ClockChange>,
        /// Answer nothing.
        noreply: bool,
    },
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
    /// True if nothing of the line was executed before these keys.
    pub first: bool,
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

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = tokens::split_token(self.rest)?;
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
    CacheDump {
        /// The slab class.
        class: u32,
        /// How many items at most; 0 for all.
        limit: u32,
    },
    /// `detail on|off|dump`; `None` is none of them.
    Detail(Option<Detail>),
    /// `advisor`
    Advisor,
    /// `hotkeys`
    HotKeys,
    /// `families`
    Families,
    /// `memory`
    Memory,
    /// `latency`
    Latency,
    /// `reset`
    Reset,
}

/// What `stats detail` is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detail {
    /// `on`
    On,
    /// `off`
    Off,
    /// `dump`
    Dump,
}

/// The two ways to shut down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShutdownMode {
    /// `shutdown`
    Plain,
    /// `shutdown graceful`
    Graceful,
}

/// What `debugtime` does to the clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockChange {
    /// `p`
    Pause,
    /// `r`
    Resume,
    /// Seconds.
    Shift(i64),
}

/// What `slabs` is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlabsAction {
    /// `reassign <from> <to>`
    Reassign {
        /// The class that gives a page: 0 for the free pages, -1 for any class.
        from: i32,
        /// The class that gets it; 0 for the free pages.
        to: i32,
    },
    /// `automove 0|1|2`
    Automove(u32),
    /// `automove ratio <f>`
    AutomoveRatio(Thousandths),
    /// `automove freeratio <f>`
    AutomoveFreeRatio,
    /// `automove window <n>`
    AutomoveWindow(u32),
}

/// What `lru` is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LruAction {
    /// `tune <hot percent> <warm percent> <hot factor> <warm factor>`
    Tune {
        /// Of the memory.
        hot_percent: u32,
        /// Of the memory.
        warm_percent: u32,
        /// Of the age of the cold tail.
        hot_factor: Thousandths,
        /// Of the age of the cold tail.
        warm_factor: Thousandths,
    },
    /// `mode flat|segmented`
    Mode {
        /// True for the latter.
        segmented: bool,
    },
    /// `temp_ttl <seconds>`; negative for none.
    TempTtl(i32),
}

/// A decimal fraction, rounded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Thousandths(pub u32);

/// What `watch` asks to see. Classes of memcached's proxy, and `rawcmds`, are known and have nothing to show.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct WatchClasses {
    /// `fetchers`
    pub fetchers: bool,
    /// `mutations`
    pub mutations: bool,
    /// `evictions`
    pub evictions: bool,
    /// `deletions`
    pub deletions: bool,
    /// `connevents`
    pub connections: bool,
    /// `sysevents`
    pub system: bool,
}

/// The line form of a dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DumpForm {
    /// `metadump`: everything about an item, ended by `END`.
    Meta,
    /// `mgdump`: requests for the meta protocol, ended by `EN`.
    MetaGet,
}

/// What `lru_crawler` is told to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CrawlerAction {
    /// `crawl <classes>`
    Crawl(Classes),
    /// `enable`
    Enable,
    /// `disable`
    Disable,
    /// `sleep <microseconds>`
    Sleep(u32),
    /// `tocrawl <items>`
    ToCrawl(u32),
}

/// Slab classes, as the crawler is told them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Classes {
    /// `all`
    All,
    /// `hash`: all, in the order of the index.
    Hash,
    /// These.
    Listed(ClassSet),
}

/// A set of slab classes that have been named.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ClassSet([u64; SLAB_CLASSES_MAX as usize / 64]);

impl ClassSet {
    /// The same and this class.
    pub fn with(mut self, class: u32) -> ClassSet {
        if let Some(bits) = self.0.get_mut(class as usize / 64) {
            *bits |= 1 << (class % 64);
        }
        self
    }

    /// True if the class is one of them.
    pub fn contains(&self, class: u32) -> bool {
        self.0.get(class as usize / 64).is_some_and(|bits| bits & 1 << (class % 64) != 0)
    }
}

impl Classes {
    /// True if the class, counted from 1, is one of them.
    pub fn contains(self, class: u32) -> bool {
        match self {
            Classes::All | Classes::Hash => true,
            Classes::Listed(set) => set.contains(class),
        }
    }
}

//! Requests of operators and tests, as the grammar in `operator_commands.rs` and `classic.rs` understood them.

use super::limits::SLAB_CLASSES_MAX;
use super::thousandths::Thousandths;

/// The report that a `stats` command asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatsTopic {
    /// No argument: the general report.
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
        /// Most items to list; 0 for all.
        limit: u32,
    },
    /// `detail on|off|dump`; `None` for any other argument.
    Detail(Option<DetailAction>),
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

/// The argument of `stats detail`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DetailAction {
    /// `on`
    On,
    /// `off`
    Off,
    /// `dump`
    Dump,
}

/// How to shut down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShutdownMode {
    /// `shutdown`
    Plain,
    /// `shutdown graceful`
    Graceful,
}

/// The argument of `debugtime`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockChange {
    /// `p`
    Pause,
    /// `r`
    Resume,
    /// Moves the clock by this many seconds.
    Shift(i64),
}

/// The argument of `slabs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlabsAction {
    /// `reassign <from> <to>`
    Reassign {
        /// The class that gives up a page; 0 for the free pages, -1 for any class.
        from: i32,
        /// The class that receives the page; 0 for the free pages.
        to: i32,
    },
    /// `automove 0|1|2`
    Automove(u32),
    /// `automove ratio <f>`
    AutomoveRatio(Thousandths),
    /// `automove freeratio <f>`; the number has no use in larder.
    AutomoveFreeRatio,
    /// `automove window <n>`
    AutomoveWindow(u32),
}

/// The argument of `lru`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LruAction {
    /// `tune <hot percent> <warm percent> <hot factor> <warm factor>`
    Tune {
        /// Share of memory for hot items.
        hot_percent: u32,
        /// Share of memory for warm items.
        warm_percent: u32,
        /// Age limit of hot items, as a factor of the age of the oldest cold item.
        hot_factor: Thousandths,
        /// Age limit of warm items, as a factor of the same age.
        warm_factor: Thousandths,
    },
    /// `mode flat|segmented`
    Mode {
        /// True for `segmented`.
        segmented: bool,
    },
    /// `temp_ttl <seconds>`; a negative number turns it off.
    TempTtl(i32),
}

/// The log classes that `watch` asks for. The classes of memcached's proxy and `rawcmds` are accepted and stay empty.
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

/// The line format of a dump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DumpFormat {
    /// `metadump`: all metadata of an item per line, ended by `END`.
    Meta,
    /// `mgdump`: an `mg` request per line, ended by `EN`.
    MetaGet,
}

/// The argument of `lru_crawler`, dumps excepted.
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

/// The slab classes that a crawl or a dump covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Classes {
    /// `all`
    All,
    /// `hash`: all classes, in the order of the index.
    Hash,
    /// The listed classes.
    Listed(ClassSet),
}

/// A set of slab class ids.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ClassSet([u64; SLAB_CLASSES_MAX as usize / 64]);

impl ClassSet {
    /// The set with `class` added.
    pub fn with(mut self, class: u32) -> ClassSet {
        if let Some(bits) = self.0.get_mut(class as usize / 64) {
            *bits |= 1 << (class % 64);
        }
        self
    }

    /// True if the set contains the class.
    pub fn contains(&self, class: u32) -> bool {
        self.0.get(class as usize / 64).is_some_and(|bits| bits & 1 << (class % 64) != 0)
    }
}

impl Classes {
    /// True if the class, numbered from 1, is included.
    pub fn contains(self, class: u32) -> bool {
        match self {
            Classes::All | Classes::Hash => true,
            Classes::Listed(set) => set.contains(class),
        }
    }
}

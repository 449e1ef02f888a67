//! Errors in requests, and the reply line of each, byte for byte as in memcached.

/// The reason to refuse a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Unknown command or sub-command.
    Unknown,
    /// Too few tokens, a line shorter than any command, a bad number of a storage command, a key over the limit.
    BadLine,
    /// The data block has another length than declared.
    BadDataChunk,
    /// The value exceeds the item limit.
    TooLarge,
    /// No memory, and no item may be evicted.
    OutOfMemory,
    /// As [`Refusal::OutOfMemory`], for a number that needs a larger item, or an item that a meta command creates.
    OutOfMemoryForNumber,
    /// An invalid delta of incr or decr.
    BadDelta,
    /// incr or decr of a value that is not a number.
    NotNumeric,
    /// An invalid exptime of touch, gat, gats or flush_all.
    BadExptime,
    /// `stats cachedump` without its two numbers.
    BadDump,
    /// `stats cachedump` of a slab class that cannot exist.
    BadSlabClass,
    /// `flush_all` under `-F`.
    FlushNotAllowed,
    /// `shutdown` without `-A`.
    ShutdownDisabled,
    /// An unknown mode of `shutdown`.
    BadShutdownMode,
    /// `cache_memlimit` below the smallest limit.
    MemlimitTooSmall,
    /// `cache_memlimit` with a number that is too large for megabytes.
    MemlimitInBytes,
    /// `stats cachedump` under `-X`.
    CacheDumpNotAllowed,
    /// `stats detail` without a known argument.
    DetailUsage,
    /// `stats detail` under `-X`.
    DetailNotAllowed,
    /// `why`, `stats hotkeys` and `stats families` under `-X`.
    KeysNotAllowed,
    /// `lru_crawler metadump` under `-X`.
    MetaDumpNotAllowed,
    /// `lru_crawler mgdump` under `-X`.
    KeyDumpNotAllowed,
    /// `lru_crawler metadump` after a command with an unsent reply.
    PipelinedMetaDump,
    /// `lru_crawler mgdump` after a command with an unsent reply.
    PipelinedKeyDump,
    /// `watch` under `-W`.
    WatchNotAllowed,
    /// `watch` after a command with an unsent reply.
    PipelinedWatch,
    /// `watch` at the limit of watchers.
    TooManyWatchers,
    /// An invalid slab class in `lru_crawler`.
    BadClass,
    /// An invalid slab class in `slabs reassign`.
    BadSourceOrTarget,
    /// `slabs reassign` from a class to itself.
    SameClass,
    /// `slabs reassign` from a class without a spare page.
    NoSparePages,
    /// `slabs reassign` under `-o no_slab_reassign`.
    ReassignDisabled,
    /// `slabs automove window` out of range.
    BadAutomoveWindow,
    /// `lru tune` with shares over the limit.
    LruPercentTooHigh,
    /// `lru tune` with a factor of 0 or less.
    LruFactorTooLow,
    /// `lru_crawler crawl hash`.
    CannotCrawlThat,
    /// `lru_crawler crawl` while the crawler is disabled.
    CrawlerDisabled,
    /// `lru_crawler crawl` during a crawl.
    CrawlerBusy,
    /// `lru_crawler enable` while the crawler is enabled.
    CrawlerEnabled,
    /// `lru_crawler sleep` for more than a second.
    SleepTooLong,
    /// An unknown meta flag.
    UnknownFlag,
    /// A repeated meta flag.
    DuplicateFlag,
    /// An invalid key or flag of `ma`.
    UnknownOrDuplicateFlag,
    /// More tokens than a meta line may have.
    TooManyFlags,
    /// An invalid number after one of the meta flags T, N, R, C, E.
    BadToken,
    /// An invalid number after the meta flag J.
    BadInitial,
    /// An invalid number after the meta flag D.
    BadFlagDelta,
    /// A key that is not valid base64.
    BadEncodedKey,
    /// An opaque token over the limit.
    OpaqueTooLong,
    /// An unknown mode of `ms`.
    BadStoreMode,
    /// An unknown mode of `ma`.
    BadArithmeticMode,
    /// A request before the login.
    Unauthenticated,
    /// A wrong user or password.
    LoginFailed,
    /// A login value without user, space and password.
    BadLoginToken,
    /// A login value of another length than declared.
    BadLoginEnd,
    /// A login over the length limit.
    LoginTokenTooLong,
    /// A command line over the limit; the connection is closed after this reply.
    LineTooLong,
    /// A UDP request with a reply of unbounded length.
    NotByUdp,
    /// A UDP request with a reply over the limit.
    TooLargeForUdp,
}

impl Refusal {
    /// The reply with its line end.
    pub const fn line(self) -> &'static [u8] {
        match self {
            Refusal::Unknown => b"ERROR\r\n",
            Refusal::BadLine => b"CLIENT_ERROR bad command line format\r\n",
            Refusal::BadDataChunk => b"CLIENT_ERROR bad data chunk\r\n",
            Refusal::TooLarge => b"SERVER_ERROR object too large for cache\r\n",
            Refusal::OutOfMemory => b"SERVER_ERROR out of memory storing object\r\n",
            Refusal::OutOfMemoryForNumber => b"SERVER_ERROR out of memory\r\n",
            Refusal::BadDelta => b"CLIENT_ERROR invalid numeric delta argument\r\n",
            Refusal::NotNumeric => b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n",
            Refusal::BadExptime => b"CLIENT_ERROR invalid exptime argument\r\n",
            Refusal::BadDump => b"CLIENT_ERROR bad command line\r\n",
            Refusal::BadSlabClass => b"CLIENT_ERROR Illegal slab id\r\n",
            Refusal::FlushNotAllowed => b"CLIENT_ERROR flush_all not allowed\r\n",
            Refusal::ShutdownDisabled => b"SERVER_ERROR: shutdown not enabled\r\n",
            Refusal::BadShutdownMode => b"CLIENT_ERROR invalid shutdown mode\r\n",
            Refusal::MemlimitTooSmall => b"MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n",
            Refusal::MemlimitInBytes => b"MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n",
            Refusal::KeysNotAllowed => b"CLIENT_ERROR showing keys not allowed\r\n",
            Refusal::CacheDumpNotAllowed => b"CLIENT_ERROR stats cachedump not allowed\r\n",
            Refusal::DetailUsage => b"CLIENT_ERROR usage: stats detail on|off|dump\r\n",
            Refusal::DetailNotAllowed => b"CLIENT_ERROR stats detail not allowed\r\n",
            Refusal::MetaDumpNotAllowed => b"ERROR metadump not allowed\r\n",
            Refusal::KeyDumpNotAllowed => b"ERROR key dump not allowed\r\n",
            Refusal::PipelinedMetaDump => b"ERROR cannot pipeline other commands before metadump\r\n",
            Refusal::PipelinedKeyDump => b"ERROR cannot pipeline other commands before mgdump\r\n",
            Refusal::WatchNotAllowed => b"CLIENT_ERROR watch commands not allowed\r\n",
            Refusal::PipelinedWatch => b"ERROR cannot pipeline other commands before watch\r\n",
            Refusal::TooManyWatchers => b"WATCHER_TOO_MANY log watcher limit reached\r\n",
            Refusal::BadClass => b"BADCLASS invalid class id\r\n",
            Refusal::BadSourceOrTarget => b"BADCLASS invalid src or dst class id\r\n",
            Refusal::SameClass => b"SAME src and dst class are identical\r\n",
            Refusal::NoSparePages => b"NOSPARE source class has no spare pages\r\n",
            Refusal::ReassignDisabled => b"CLIENT_ERROR slab reassignment disabled\r\n",
            Refusal::BadAutomoveWindow => b"CLIENT_ERROR automove window too low or too high\r\n",
            Refusal::LruPercentTooHigh => b"ERROR hot and warm pcts must not exceed 80\r\n",
            Refusal::LruFactorTooLow => b"ERROR hot/warm age factors must be greater than 0\r\n",
            Refusal::CannotCrawlThat => b"ERROR an unknown error happened\r\n",
            Refusal::CrawlerDisabled => b"CLIENT_ERROR lru crawler disabled\r\n",
            Refusal::CrawlerBusy => b"BUSY currently processing crawler request\r\n",
            Refusal::CrawlerEnabled => b"ERROR failed to start lru crawler thread\r\n",
            Refusal::SleepTooLong => b"CLIENT_ERROR sleep must be one second or less\r\n",
            Refusal::UnknownFlag => b"CLIENT_ERROR invalid flag\r\n",
            Refusal::DuplicateFlag => b"CLIENT_ERROR duplicate flag\r\n",
            Refusal::UnknownOrDuplicateFlag => b"CLIENT_ERROR invalid or duplicate flag\r\n",
            Refusal::TooManyFlags => b"CLIENT_ERROR options flags are too long\r\n",
            Refusal::BadToken => b"CLIENT_ERROR bad token in command line format\r\n",
            Refusal::BadInitial => b"CLIENT_ERROR invalid numeric initial value\r\n",
            Refusal::BadFlagDelta => b"CLIENT_ERROR invalid numeric delta value\r\n",
            Refusal::BadEncodedKey => b"CLIENT_ERROR error decoding key\r\n",
            Refusal::OpaqueTooLong => b"CLIENT_ERROR opaque token too long\r\n",
            Refusal::BadStoreMode => b"CLIENT_ERROR invalid mode for ms M token\r\n",
            Refusal::BadArithmeticMode => b"CLIENT_ERROR invalid mode for ma M token\r\n",
            Refusal::Unauthenticated => b"CLIENT_ERROR unauthenticated\r\n",
            Refusal::LoginFailed => b"CLIENT_ERROR authentication failure\r\n",
            Refusal::BadLoginToken => b"CLIENT_ERROR bad authentication token format\r\n",
            Refusal::BadLoginEnd => b"CLIENT_ERROR bad command line termination\r\n",
            Refusal::LoginTokenTooLong => b"CLIENT_ERROR auth token too long\r\n",
            Refusal::LineTooLong => b"CLIENT_ERROR line too long\r\n",
            Refusal::NotByUdp => b"CLIENT_ERROR not by UDP\r\n",
            Refusal::TooLargeForUdp => b"SERVER_ERROR response too large for UDP\r\n",
        }
    }
}

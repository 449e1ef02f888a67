//! The answers, as plain data: what `stats`, the metrics, the status page and the tools show.

/// One sampled operation. It stands for [`OperationSample::weight`] operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OperationSample<'a> {
    /// What was done.
    pub kind: OperationKind,
    /// To which key.
    pub key: &'a [u8],
    /// Length of the value that was read, stored or lost, in bytes; 0 for a miss.
    pub value_bytes: u64,
    /// Operations it stands for, at least 1.
    pub weight: u32,
}

/// What a sampled operation did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OperationKind {
    /// A read that found its item.
    Hit,
    /// A read that found none.
    Miss,
    /// A value was stored, by whatever command.
    Store,
    /// A client removed the item.
    Delete,
    /// A live item was thrown out for memory.
    Eviction,
    /// The time of an item was over.
    Expiry,
}

/// One of the keys most used in some way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HotKey {
    /// The key.
    pub key: Box<[u8]>,
    /// Estimated operations, or bytes.
    pub count: u64,
    /// By how much `count` may be too high.
    pub error: u64,
}

/// The keys most used, each list from the most used on.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct HotKeys {
    /// By reads.
    pub reads: Vec<HotKey>,
    /// By stores.
    pub writes: Vec<HotKey>,
    /// By bytes of values read.
    pub bytes_out: Vec<HotKey>,
    /// All reads, stores, and bytes read that the counts are a part of, older ones weighing less.
    pub total_reads: u64,
    /// See [`HotKeys::total_reads`].
    pub total_writes: u64,
    /// See [`HotKeys::total_reads`].
    pub total_bytes_out: u64,
    /// One operation in so many is looked at, at present.
    pub sampled_one_in: u32,
}

/// Keys of one shape.
#[derive(Clone, PartialEq, Debug)]
pub struct Family {
    /// The shape: digits, hex, uuids and random tokens are `*`. Letters, digits and visible ASCII only.
    pub shape: Box<str>,
    /// What it is known as, in one word, where it is known (`django_session`), else empty.
    pub name: &'static str,
    /// Items now, estimated.
    pub items: u64,
    /// Bytes of their headers, keys and values, estimated.
    pub bytes: u64,
    /// Mean seconds since they were stored; `None` where that is not known.
    pub age_mean_secs: Option<u64>,
    /// Reads, older ones weighing less.
    pub reads: u64,
    /// Of these, hits.
    pub hits: u64,
    /// Stores, older ones weighing less.
    pub writes: u64,
    /// Evictions, older ones weighing less.
    pub evictions: u64,
}

/// Requests of one command family by the time from complete to handed to the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Latency {
    /// `get`, `set`, ...
    pub commands: &'static str,
    /// Requests measured.
    pub count: u64,
    /// Nanoseconds that half of them did not exceed.
    pub p50_nanos: u64,
    /// 99 in 100.
    pub p99_nanos: u64,
    /// 999 in 1000.
    pub p999_nanos: u64,
    /// The longest.
    pub max_nanos: u64,
}

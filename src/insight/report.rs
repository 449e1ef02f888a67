//! The reports, as plain data: what `stats`, the metrics, the status page and the tools show.

/// A key of a list of the most used ones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HotKey {
    /// The key.
    pub key: Box<[u8]>,
    /// Estimated operations, or bytes.
    pub count: u64,
    /// Upper bound of the error of `count`.
    pub error: u64,
}

/// The most used keys, each list in descending order.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct HotKeys {
    /// By reads.
    pub reads: Vec<HotKey>,
    /// By stores.
    pub writes: Vec<HotKey>,
    /// By bytes of values read.
    pub bytes_out: Vec<HotKey>,
    /// All reads that the counts are part of; older ones weigh less. Likewise for stores and for bytes read.
    pub total_reads: u64,
    /// See [`HotKeys::total_reads`].
    pub total_writes: u64,
    /// See [`HotKeys::total_reads`].
    pub total_bytes_out: u64,
    /// The present sampling interval: one operation in this many is sampled.
    pub sampled_one_in: u32,
}

/// Keys of one shape.
#[derive(Clone, PartialEq, Debug)]
pub struct Family {
    /// The shape: digits, hex, UUIDs and random tokens are `*`. Letters, digits and visible ASCII only.
    pub shape: Box<str>,
    /// The name of the family in one word, if it has one (`django_session`), else empty.
    pub name: &'static str,
    /// Stored items, estimated.
    pub items: u64,
    /// Bytes of their headers, keys and values, estimated.
    pub bytes: u64,
    /// Mean seconds since they were stored; `None` if unknown.
    pub age_mean_secs: Option<u64>,
    /// Reads; older ones weigh less.
    pub reads: u64,
    /// Hits among the reads.
    pub hits: u64,
    /// Stores; older ones weigh less.
    pub writes: u64,
    /// Evictions; older ones weigh less.
    pub evictions: u64,
}

/// Latency of one command family: from the last byte of a request to the reply being passed to the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Latency {
    /// `get`, `set` and so on.
    pub commands: &'static str,
    /// Requests measured.
    pub count: u64,
    /// The sum of their latencies in nanoseconds, with an error of 1/32 at most.
    pub sum_nanos: u64,
    /// Nanoseconds that half of the requests did not exceed.
    pub p50_nanos: u64,
    /// Nanoseconds that 99 in 100 requests did not exceed.
    pub p99_nanos: u64,
    /// Nanoseconds that 999 in 1000 requests did not exceed.
    pub p999_nanos: u64,
    /// The longest latency in nanoseconds.
    pub max_nanos: u64,
}

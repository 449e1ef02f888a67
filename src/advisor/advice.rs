//! Inputs and outputs of the advisor, as plain data.

use crate::clock::{Deadline, Now};

/// An operation on a sampled key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// Kind of the operation.
    pub kind: AccessKind,
    /// The hash of the key. The key is sampled if the hash is below the threshold.
    pub hash: u64,
    /// Bytes of header, key and value of the item; 0 for a miss or a delete.
    pub bytes: u64,
    /// When the item expires.
    pub deadline: Deadline,
    /// Time of the operation.
    pub now: Now,
}

/// Kind of an operation on a sampled key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessKind {
    /// A read that found its item.
    Hit,
    /// A read that found no item.
    Miss,
    /// A value was stored, or the deadline of an item was changed.
    Store,
    /// A client removed the item.
    Delete,
}

/// The present state of the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CacheState {
    /// The memory limit (`-m`).
    pub limit_bytes: u64,
    /// Bytes charged against the limit.
    pub charged_bytes: u64,
    /// Bytes of headers, keys and values of all items.
    pub item_bytes: u64,
    /// Reads of all keys that found their item, since the start.
    pub hits: u64,
    /// Reads of all keys that found no item, since the start.
    pub misses: u64,
    /// False with `-M`: a full cache refuses new items.
    pub evicts: bool,
}

impl CacheState {
    /// A cache counts as full if at most this part of the limit is free: one part in 32.
    const SLACK_ONE_IN: u64 = 32;

    /// True if new items cause evictions.
    pub fn is_full(&self) -> bool {
        self.charged_bytes + self.limit_bytes / CacheState::SLACK_ONE_IN >= self.limit_bytes
    }
}

/// The predicted hit ratio at one size.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Prediction {
    /// The size in per cent of the present limit: 25, 50, 100, 200, 400.
    pub percent: u32,
    /// The size in bytes.
    pub limit_bytes: u64,
    /// Hits per read, from 0 to 1.
    pub hit_ratio: f64,
}

/// The advisor's report.
#[derive(Clone, PartialEq, Debug)]
pub struct Advice {
    /// From the smallest size to the largest; empty until the advisor has seen enough reads.
    pub predictions: Vec<Prediction>,
    /// The measured hit ratio over the same time, from 0 to 1.
    pub measured_hit_ratio: f64,
    /// Reads of sampled keys that the predictions are based on; older ones weigh less.
    pub reads: u64,
    /// Sampled keys that are tracked.
    pub keys: u64,
    /// The share of keys that is sampled, from 0 to 1.
    pub share: f64,
    /// Memory of the advisor, in bytes.
    pub memory_bytes: u64,
    /// The recommendation to the operator, in one sentence.
    pub recommendation: String,
}

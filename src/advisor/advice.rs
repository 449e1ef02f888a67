//! What goes in and what comes out, as plain data.

use crate::clock::{Deadline, Now};

/// An operation on a sampled key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// What was done.
    pub kind: AccessKind,
    /// The hash of the key, which is sampled if [`Access::hash`] is below the threshold.
    pub hash: u64,
    /// Bytes of header, key and value of the item; 0 where there is none (a miss, a delete).
    pub bytes: u64,
    /// When the item dies.
    pub deadline: Deadline,
    /// When it was done.
    pub now: Now,
}

/// What was done to a sampled key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessKind {
    /// A read that found its item.
    Hit,
    /// A read that found none.
    Miss,
    /// A value was stored, or an item got another deadline.
    Store,
    /// A client removed the item.
    Delete,
}

/// How the cache itself stands, as of the moment it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CacheState {
    /// The limit (`-m`).
    pub limit_bytes: u64,
    /// Bytes charged against it.
    pub charged_bytes: u64,
    /// Bytes of headers, keys and values of the items held.
    pub item_bytes: u64,
    /// Reads of all keys, sampled or not, that found their item, ever.
    pub hits: u64,
    /// Reads of all keys that found none, ever.
    pub misses: u64,
    /// False with `-M`: newcomers are refused where there is no room.
    pub evicts: bool,
}

impl CacheState {
    /// One part in so many of the limit may be left in a cache that counts as full.
    const SLACK_ONE_IN: u64 = 32;

    /// True if items have to leave for others to come.
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
    /// Hits per read, 0 to 1.
    pub hit_ratio: f64,
}

/// What the advisor has to say.
#[derive(Clone, PartialEq, Debug)]
pub struct Advice {
    /// From the smallest size to the largest; empty while it has not seen enough.
    pub predictions: Vec<Prediction>,
    /// The measured hit ratio over the same time, 0 to 1.
    pub measured_hit_ratio: f64,
    /// Reads of sampled keys that this rests on, older ones weighing less.
    pub reads: u64,
    /// Sampled keys being followed.
    pub keys: u64,
    /// The share of keys that is sampled, 0 to 1.
    pub share: f64,
    /// Bytes that the advisor itself takes.
    pub memory_bytes: u64,
    /// One sentence for the operator.
    pub recommendation: String,
}

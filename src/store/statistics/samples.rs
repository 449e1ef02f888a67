//! Samples of operations: all operations on some keys, and some operations on all keys.
//!
//! A shard writes the operations that a [`SampleRule`] selects into a bounded buffer. `Store::drain_samples` takes the
//! buffers of all shards and sets the next rule. An operation that is not sampled costs a decrement and two
//! comparisons.

use crate::clock::{Deadline, Now};
use std::ops::Range;

/// Operations that a shard keeps until they are drained, at most.
pub(in crate::store) const KEPT_MAX: usize = 1024;

/// From this many on, a shard keeps only operations that were sampled by key.
pub(in crate::store) const KEPT_BY_COUNT_MAX: usize = KEPT_MAX / 2;

/// Which operations are sampled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SampleRule {
    /// Every operation on a key whose hash is below this.
    pub hash_below: u64,
    /// One operation in this many, for any key; 0 for none.
    pub one_in: u32,
}

impl SampleRule {
    /// No operation.
    pub const NONE: SampleRule = SampleRule { hash_below: 0, one_in: 0 };
}

/// The kind of a sampled operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SampleKind {
    /// A read found its item.
    Hit,
    /// A read found none.
    Miss,
    /// A value was stored, by any command.
    Store,
    /// An item got another deadline.
    Touch,
    /// A client deleted the item.
    Delete,
    /// The item was evicted.
    Evict,
    /// The item expired.
    Expire,
}

/// A sampled operation.
#[derive(Clone, Copy, Debug)]
pub struct Sampled<'a> {
    /// The kind of a sampled operation.
    pub kind: SampleKind,
    /// The key.
    pub key: &'a [u8],
    /// The keyed hash of the key.
    pub hash: u64,
    /// Selected by its key.
    pub by_key: bool,
    /// Number of operations that it represents; 0 if it was selected by key only.
    pub weight: u32,
    /// Bytes of header, key and value; 0 where there is no item.
    pub item_bytes: u64,
    /// Bytes of the value; 0 where there is no item.
    pub value_bytes: u64,
    /// When the item expires.
    pub deadline: Deadline,
    /// When it was executed.
    pub now: Now,
}

/// Counts of one call of `Store::drain_samples`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Drained {
    /// Operations of all kinds since the last call.
    pub operations: u64,
    /// Of these, operations selected by key, kept or not.
    pub by_key: u64,
}

/// A sampled operation in the buffer, with a range for its key.
#[derive(Debug)]
struct Kept {
    kind: SampleKind,
    key: Range<u32>,
    hash: u64,
    by_key: bool,
    weight: u32,
    item_bytes: u64,
    value_bytes: u64,
    deadline: Deadline,
    now: Now,
}

/// The buffer of sampled operations, in order of execution.
#[derive(Default, Debug)]
pub(in crate::store) struct Samples {
    kept: Vec<Kept>,
    keys: Vec<u8>,
    by_key: u64,
}

impl Samples {
    /// Adds an operation unless the buffer is full.
    pub(in crate::store) fn push(&mut self, sampled: &Sampled<'_>) {
        self.by_key += u64::from(sampled.by_key);
        let room = if sampled.by_key { KEPT_MAX } else { KEPT_BY_COUNT_MAX };
        if self.kept.len() >= room {
            return;
        }
        let Sampled { kind, key, hash, by_key, weight, item_bytes, value_bytes, deadline, now } = *sampled;
        let from = self.keys.len() as u32;
        self.keys.extend_from_slice(key);
        let key = from..self.keys.len() as u32;
        self.kept.push(Kept { kind, key, hash, by_key, weight, item_bytes, value_bytes, deadline, now });
    }

    /// The kept operations, in order.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = Sampled<'_>> {
        self.kept.iter().map(|kept| {
            let Kept { kind, ref key, hash, by_key, weight, item_bytes, value_bytes, deadline, now } = *kept;
            let key = &self.keys[key.start as usize..key.end as usize];
            Sampled { kind, key, hash, by_key, weight, item_bytes, value_bytes, deadline, now }
        })
    }

    /// Number of operations selected by key, kept or not.
    pub(in crate::store) fn by_key(&self) -> u64 {
        self.by_key
    }

    /// Empties the buffer and keeps its memory.
    pub(in crate::store) fn clear(&mut self) {
        self.kept.clear();
        self.keys.clear();
        self.by_key = 0;
    }

    /// Memory of the buffer, in bytes.
    pub(in crate::store) fn memory_bytes(&self) -> u64 {
        (self.kept.capacity() * size_of::<Kept>() + self.keys.capacity()) as u64
    }
}

//! A sample of the operations, for whoever explains the cache: all of those on some keys, and some of those on all.
//!
//! A shard writes what it is told to by its [`SampleRule`] into a bounded buffer; [`super::Store::drain_samples`] takes
//! the buffers out, in turn, and gives the rule for what comes next. An operation that is not sampled costs a
//! decrement and two comparisons.

use crate::clock::{Deadline, Now};
use std::ops::Range;

/// Operations that a shard keeps until somebody takes them, at most.
pub(in crate::store) const KEPT_MAX: usize = 1024;

/// When it has kept so many, it keeps no more of those that were not sampled for their key.
pub(in crate::store) const KEPT_BY_COUNT_MAX: usize = KEPT_MAX / 2;

/// What is sampled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SampleRule {
    /// Every operation on a key whose hash is below this.
    pub hash_below: u64,
    /// One operation in so many, whatever its key; 0 for none.
    pub one_in: u32,
}

impl SampleRule {
    /// Nothing.
    pub const NONE: SampleRule = SampleRule { hash_below: 0, one_in: 0 };
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SampleKind {
    /// A read found its item.
    Hit,
    /// A read found none.
    Miss,
    /// A value was stored, by whatever command.
    Store,
    /// An item got another deadline.
    Touch,
    /// A client removed the item.
    Delete,
    /// The item was thrown out for memory.
    Evict,
    /// The time of the item was over.
    Expire,
}

/// A sampled operation.
#[derive(Clone, Copy, Debug)]
pub struct Sampled<'a> {
    /// What was done.
    pub kind: SampleKind,
    /// The key.
    pub key: &'a [u8],
    /// Its keyed hash.
    pub hash: u64,
    /// Sampled for its key.
    pub by_key: bool,
    /// Operations it stands for among all; 0 if it was sampled for its key alone.
    pub weight: u32,
    /// Bytes of header, key and value; 0 where there is no item.
    pub item_bytes: u64,
    /// Bytes of the value; 0 where there is no item.
    pub value_bytes: u64,
    /// When the item dies.
    pub deadline: Deadline,
    /// When it was done.
    pub now: Now,
}

/// What a call of [`super::Store::drain_samples`] found.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Drained {
    /// Operations of all kinds since the call before.
    pub operations: u64,
    /// Of these, operations that were sampled for their key, kept or not.
    pub by_key: u64,
}

/// A sampled operation as it is kept: its key lies with the others.
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

/// Sampled operations, in order.
#[derive(Default, Debug)]
pub(in crate::store) struct Samples {
    kept: Vec<Kept>,
    keys: Vec<u8>,
    by_key: u64,
}

impl Samples {
    /// Adds one, if there is room.
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

    /// What is kept, in order.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = Sampled<'_>> {
        self.kept.iter().map(|kept| {
            let Kept { kind, ref key, hash, by_key, weight, item_bytes, value_bytes, deadline, now } = *kept;
            let key = &self.keys[key.start as usize..key.end as usize];
            Sampled { kind, key, hash, by_key, weight, item_bytes, value_bytes, deadline, now }
        })
    }

    /// How many were sampled for their key, kept or not.
    pub(in crate::store) fn by_key(&self) -> u64 {
        self.by_key
    }

    /// Empties it; its memory stays.
    pub(in crate::store) fn clear(&mut self) {
        self.kept.clear();
        self.keys.clear();
        self.by_key = 0;
    }

    /// Bytes of memory it takes.
    pub(in crate::store) fn memory_bytes(&self) -> u64 {
        (self.kept.capacity() * size_of::<Kept>() + self.keys.capacity()) as u64
    }
}

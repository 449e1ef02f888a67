//! A sample of the operations, for whoever explains the cache: all of those on some keys, and some of those on all.
//!
//! A shard writes what it is told to by its [`SampleRule`] into a bounded buffer; [`super::Store::drain_samples`] takes
//! the buffers out, in turn, and gives the rule for what comes next. An operation that is not sampled costs a
//! decrement and two comparisons.

use crate::clock::{Deadline, Now};
use std::ops::Range;

/// Operations that a shard keeps until somebody takes them, at most.
const KEPT_MAX: usize = 1024;

/// When it has kept so many, it keeps no more of those that were not sampled for their key.
const KEPT_BY_TURN_MAX: usize = KEPT_MAX / 2;

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
pub(super) struct Samples {
    kept: Vec<Kept>,
    keys: Vec<u8>,
    by_key: u64,
}

impl Samples {
    /// Adds one, if there is room.
    pub(super) fn push(&mut self, sampled: &Sampled<'_>) {
        self.by_key += u64::from(sampled.by_key);
        let room = if sampled.by_key { KEPT_MAX } else { KEPT_BY_TURN_MAX };
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
    pub(super) fn iter(&self) -> impl Iterator<Item = Sampled<'_>> {
        self.kept.iter().map(|kept| {
            let Kept { kind, ref key, hash, by_key, weight, item_bytes, value_bytes, deadline, now } = *kept;
            let key = &self.keys[key.start as usize..key.end as usize];
            Sampled { kind, key, hash, by_key, weight, item_bytes, value_bytes, deadline, now }
        })
    }

    /// How many were sampled for their key, kept or not.
    pub(super) fn by_key(&self) -> u64 {
        self.by_key
    }

    /// Empties it; its memory stays.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.keys.clear();
        self.by_key = 0;
    }

    /// Bytes of memory it takes.
    pub(super) fn own_bytes(&self) -> u64 {
        (self.kept.capacity() * size_of::<Kept>() + self.keys.capacity()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Incoming, Settings, Store, StoreMode};

    const NOW: Now = Now::from_secs(100);

    fn set(store: &Store, key: &str) {
        let stored =
            store.store(StoreMode::Set, key.as_bytes(), 0, Deadline::NEVER, Incoming::Bytes(b"value"), NOW);
        assert!(stored.is_ok());
    }

    /// What is drained, as kind and key, and how much there was.
    fn drain(store: &Store, rule: SampleRule) -> (Vec<(SampleKind, String, u32)>, Drained) {
        let mut seen = Vec::new();
        let drained = store.drain_samples(rule, |sampled| {
            seen.push((sampled.kind, String::from_utf8_lossy(sampled.key).into_owned(), sampled.weight));
        });
        (seen, drained)
    }

    #[test]
    fn nothing_is_sampled_without_a_rule() {
        let store = Store::new(Settings::default());
        set(&store, "k");
        let (seen, drained) = drain(&store, SampleRule::NONE);
        assert!(seen.is_empty());
        assert_eq!(drained, Drained { operations: 1, by_key: 0 });
    }

    #[test]
    fn every_operation_on_a_sampled_key_is_seen_in_order() {
        let store = Store::new(Settings { shards: Some(1), ..Settings::default() });
        drain(&store, SampleRule { hash_below: u64::MAX, one_in: 0 });
        set(&store, "k");
        assert!(store.get(b"k", NOW, |_| ()).is_ok());
        assert!(store.get(b"absent", NOW, |_| ()).is_err());
        assert!(store.touch(b"k", Deadline::from_secs(110), NOW).is_ok());
        assert!(store.get(b"k", Now::from_secs(110), |_| ()).is_err());
        set(&store, "k");
        store.delete(b"k", NOW);
        let (seen, drained) = drain(&store, SampleRule::NONE);
        let kinds: Vec<_> = seen.iter().map(|(kind, key, weight)| (*kind, &key[..], *weight)).collect();
        let expected = [
            (SampleKind::Store, "k", 0),
            (SampleKind::Hit, "k", 0),
            (SampleKind::Miss, "absent", 0),
            (SampleKind::Touch, "k", 0),
            (SampleKind::Expire, "k", 0),
            (SampleKind::Miss, "k", 0),
            (SampleKind::Store, "k", 0),
            (SampleKind::Delete, "k", 0),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(drained.by_key, expected.len() as u64);
    }

    #[test]
    fn one_operation_in_so_many_stands_for_the_others() {
        let store = Store::new(Settings { hash_seed: Some(1), ..Settings::default() });
        set(&store, "k");
        drain(&store, SampleRule { hash_below: 0, one_in: 50 });
        (0..20_000).for_each(|_| assert!(store.get(b"k", NOW, |_| ()).is_ok()));
        let (seen, drained) = drain(&store, SampleRule::NONE);
        let weight: u32 = seen.iter().map(|(_, _, weight)| weight).sum();
        assert_eq!(drained.operations, 20_000);
        assert!((18_000..22_000).contains(&weight), "{weight}");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let store = Store::new(Settings { shards: Some(1), ..Settings::default() });
        drain(&store, SampleRule { hash_below: 0, one_in: 1 });
        (0..5000).for_each(|_| assert!(store.get(b"absent", NOW, |_| ()).is_err()));
        assert_eq!(drain(&store, SampleRule { hash_below: u64::MAX, one_in: 1 }).0.len(), KEPT_BY_TURN_MAX);
        (0..5000).for_each(|_| assert!(store.get(b"absent", NOW, |_| ()).is_err()));
        let (seen, drained) = drain(&store, SampleRule::NONE);
        assert_eq!((seen.len(), drained.by_key), (KEPT_MAX, 5000));
    }

    #[test]
    fn a_survey_of_a_small_store_sees_every_item_once() {
        let store = Store::new(Settings { shards: Some(4), ..Settings::default() });
        (0..1000).for_each(|number| set(&store, &format!("key{number}")));
        let (steps, mut keys, mut looked_at, mut of) = (64, Vec::new(), 0, 0);
        for step in 0..steps {
            let surveyed = store.survey(step, steps, 16, NOW, &mut |key, _| keys.push(key.to_vec()));
            looked_at += surveyed.looked_at;
            of += surveyed.of;
        }
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 1000);
        assert_eq!(looked_at, of);
    }
}

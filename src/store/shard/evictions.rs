//! The record of evicted items, kept only while somebody wants to know.
//!
//! Bounded: between two looks at it, it takes [`RECORD_MAX`] items; more are counted.

use super::Shard;
use crate::clock::Now;
use crate::store::handle::Handle;
use crate::store::hash::KeyHash;
use crate::store::item::Item;
use crate::store::outcome::{Cause, Evicted, Hit};
use crate::store::sample::SampleKind;
use crate::store::slab::ClassId;
use std::sync::atomic::{AtomicBool, Ordering};

/// Items kept at most: with the longest keys they take about 1.3 MB.
const RECORD_MAX: usize = 4096;

/// Whether a record is kept, for all shards of a store.
#[derive(Default, Debug)]
pub(in crate::store) struct Recording {
    pub(in crate::store) on: AtomicBool,
    /// Some shard has something in its record.
    pub(in crate::store) some: AtomicBool,
}

/// The record.
#[derive(Default, Debug)]
pub(in crate::store) struct EvictionRecord {
    pub(in crate::store) items: Vec<Evicted>,
    /// Evictions that were not kept.
    pub(in crate::store) dropped: u64,
}

impl EvictionRecord {
    fn push(&mut self, item: impl FnOnce() -> Evicted) {
        if self.items.len() < RECORD_MAX {
            self.items.push(item());
        } else {
            self.dropped += 1;
        }
    }
}

impl Shard {
    /// True if the item at hand is to be recorded.
    fn is_recording(&self) -> bool {
        let on = self.rules.recording.on.load(Ordering::Relaxed);
        if on {
            self.rules.recording.some.store(true, Ordering::Relaxed);
        }
        on
    }

    /// Records an item that is about to be evicted.
    pub(super) fn record_eviction(&mut self, hash: KeyHash, handle: Handle, now: Now) {
        self.note_removal(Cause::Evicted, hash, handle, now);
        self.sample_item(SampleKind::Evict, hash, handle, now);
        if !self.is_recording() {
            return;
        }
        let Hit { fetched, deadline, last_access, class, value, .. } = self.shown(handle);
        let (key, value_len) = (self.key_of(handle).into(), value.len());
        self.evicted.push(|| Evicted { key, fetched, deadline, last_access, class, value_len });
    }

    /// Records an item whose page has left its class already.
    pub(super) fn record_left_behind(&mut self, class: ClassId, hash: KeyHash, item: Item<'_>, now: Now) {
        self.note_left_behind(Cause::Evicted, hash, item, now);
        self.sample_left_behind(SampleKind::Evict, hash, item, now);
        if !self.is_recording() {
            return;
        }
        self.evicted.push(|| Evicted {
            key: item.key().into(),
            fetched: item.fetched(),
            deadline: item.deadline(),
            last_access: item.last_access(),
            class: u32::from(class) + 1,
            value_len: item.value().len(),
        });
    }
}

//! The record of evicted items for watchers, kept only while it is switched on.
//!
//! Bounded: it holds at most [`ITEMS_MAX`] items until they are drained, and counts the rest.

use super::removal::Removal;
use crate::store::outcome::{Cause, Evicted};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Items kept at most: with the longest keys they take about 1.3 MB.
const ITEMS_MAX: usize = 4096;

/// The switch of the record, shared by all shards of a store.
#[derive(Default, Debug)]
pub(in crate::store) struct Recording {
    pub(in crate::store) on: AtomicBool,
    /// The record of some shard is not empty.
    pub(in crate::store) some: AtomicBool,
}

/// The record of one shard.
#[derive(Default, Debug)]
pub(in crate::store) struct EvictionRecord {
    recording: Arc<Recording>,
    pub(in crate::store) items: Vec<Evicted>,
    /// Evictions that exceeded the bound.
    pub(in crate::store) dropped: u64,
}

impl EvictionRecord {
    /// An empty record.
    pub(super) fn new(recording: Arc<Recording>) -> EvictionRecord {
        EvictionRecord { recording, ..EvictionRecord::default() }
    }

    /// Records a removal if it is an eviction and the record is on.
    pub(super) fn note(&mut self, removal: &Removal<'_>) {
        if removal.cause != Cause::Evicted || !self.recording.on.load(Ordering::Relaxed) {
            return;
        }
        self.recording.some.store(true, Ordering::Relaxed);
        if self.items.len() == ITEMS_MAX {
            self.dropped += 1;
            return;
        }
        let Removal { key, fetched, deadline, last_access, class, value_len, .. } = *removal;
        self.items.push(Evicted { key: key.into(), fetched, deadline, last_access, class, value_len });
    }
}

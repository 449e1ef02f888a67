//! Access to the fields of an item, small or large, by its handle.

use super::Shard;
use crate::clock::{Deadline, Now};
use crate::store::item::{ChunkAt, Fields, Handle, ItemMarks, KeyHash, Place};
use crate::store::memory::large::LargeValues;
use crate::store::memory::slab::Slab;
use crate::store::statistics::ClassStats;
use std::borrow::Cow;

impl Shard {
    /// The fields of a new item. If eviction is off, the header has space for a deadline from the start, so that
    /// `touch` never needs memory.
    pub(super) fn fields(&self, flags: u32, cas: u64, deadline: Deadline, now: Now) -> Fields {
        Fields::unused(flags, cas, deadline, !self.rules.evict, now)
    }

    pub(super) fn fields_of(&self, handle: Handle) -> Fields {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).fields(),
            Place::Large(id) => {
                let item = self.large.item(id);
                Fields {
                    fetched: item.fetched,
                    marks: item.marks,
                    stamp: item.stamp,
                    ..self.fields(item.flags, item.cas, item.deadline, item.last_access)
                }
            }
        }
    }

    pub(in crate::store) fn key_of(&self, handle: Handle) -> &[u8] {
        key_of(&self.slab, &self.large, handle)
    }

    pub(super) fn value_of(&self, handle: Handle) -> Cow<'_, [u8]> {
        match handle.place() {
            Place::Chunk(at) => Cow::Borrowed(self.slab.item(at).value()),
            Place::Large(id) => Cow::Owned(self.large.value(self.large.item(id)).concat()),
        }
    }

    /// Bytes of header, key and value.
    pub(super) fn bytes_of(&self, handle: Handle) -> u64 {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).bytes() as u64,
            Place::Large(id) => self.large.item(id).bytes(),
        }
    }

    pub(super) fn cas_of(&self, handle: Handle) -> u64 {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).cas(),
            Place::Large(id) => self.large.item(id).cas,
        }
    }

    pub(super) fn deadline_of(&self, handle: Handle) -> Deadline {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).deadline(),
            Place::Large(id) => self.large.item(id).deadline,
        }
    }

    pub(super) fn marks_of(&self, handle: Handle) -> ItemMarks {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).marks(),
            Place::Large(id) => self.large.item(id).marks,
        }
    }

    pub(super) fn set_marks(&mut self, handle: Handle, marks: ItemMarks) {
        match handle.place() {
            Place::Chunk(at) => self.slab.set_marks(at, marks),
            Place::Large(id) => self.large.use_item(id).marks = marks,
        }
    }

    pub(super) fn is_fetched(&self, handle: Handle) -> bool {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).fetched(),
            Place::Large(id) => self.large.item(id).fetched,
        }
    }

    pub(in crate::store) fn hash_at(&self, at: ChunkAt) -> KeyHash {
        self.rules.hasher.hash(self.slab.item(at).key())
    }

    pub(in crate::store) fn class_stats_mut(&mut self, handle: Handle) -> &mut ClassStats {
        match handle.place() {
            Place::Chunk(at) => {
                let class = self.slab.class_at(at);
                &mut self.slab.class_mut(class).stats
            }
            Place::Large(_) => &mut self.large.stats,
        }
    }
}

/// The key of an item, while the index is borrowed mutably.
pub(in crate::store) fn key_of<'a>(slab: &'a Slab, large: &'a LargeValues, handle: Handle) -> &'a [u8] {
    match handle.place() {
        Place::Chunk(at) => slab.item(at).key(),
        Place::Large(id) => &large.item(id).key,
    }
}

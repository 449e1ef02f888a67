//! Placement of items: finding them, putting them into chunks, and removing them.
//!
//! These methods change items and index entries together (S1). `eviction.rs` does the same for the items of a detached
//! page.

use super::{Key, MemoryNeeded, Shard, key_of};
use crate::clock::Now;
use crate::store::item::{Fields, Handle, KeyHash, Place};
use crate::store::memory::slab::Freed;
use crate::store::outcome::{Cause, Miss};

impl Shard {
    pub(super) fn find(&self, key: Key<'_>) -> Option<Handle> {
        self.index.candidates(key.hash).find(|handle| match handle.place() {
            Place::Chunk(at) => self.slab.item(at).key() == key.bytes,
            Place::Large(id) => *self.large.item(id).key == *key.bytes,
        })
    }

    /// The live item of a key. Removes an expired item.
    pub(in crate::store) fn find_live(&mut self, key: Key<'_>, now: Now) -> Result<Handle, Miss> {
        self.seq += 1;
        self.flush_if_due(now);
        let handle = self.find(key).ok_or(Miss::Absent)?;
        if self.deadline_of(handle).is_over(now) {
            self.remove_expired(key.hash, handle, now);
            return Err(Miss::Expired);
        }
        Ok(handle)
    }

    /// Stores a value: in the chunk of the old value if the class is the same, else in a new chunk or as a large value.
    pub(super) fn put(
        &mut self,
        key: Key<'_>,
        old: Option<Handle>,
        mut fields: Fields,
        value: &[u8],
        now: Now,
    ) -> Result<Handle, MemoryNeeded> {
        let class = self.slab.class_of(fields.item_bytes(key.bytes.len(), value.len()));
        let Some(class) = class else {
            return self.put_large(key, &fields, value, now);
        };
        if let Some(Place::Chunk(at)) = old.map(Handle::place)
            && self.slab.class_at(at) == class
        {
            let item = self.slab.item(at);
            (fields.uses, fields.probation, fields.stamp) = (item.uses(), item.probation(), item.stamp());
            self.slab.overwrite(at, &fields, key.bytes, value);
            return Ok(at.into());
        }
        self.reserve_index_entry(now)?;
        let vacant = self.vacant_chunk(class, now)?;
        // Eviction may have moved or removed the old item.
        let old = self.find(key);
        let mut was_evicted = false;
        match old.map(Handle::place) {
            Some(Place::Chunk(at)) => {
                let item = self.slab.item(at);
                (fields.uses, fields.probation) = (item.uses(), item.probation());
                fields.stamp = self.recency.carry_over(item.stamp());
            }
            Some(Place::Large(id)) => fields.stamp = self.recency.carry_over(self.large.item(id).stamp),
            None if self.index.take_ghost(key.hash) => {
                // With more memory the item would still be stored.
                was_evicted = true;
                fields.probation = false;
                self.slab.count_near_miss(class);
            }
            None => {}
        }
        let at = self.slab.fill(vacant, &fields, key.bytes, value);
        self.link(key, old, at.into());
        if was_evicted {
            self.stamp_chunk(at, now);
        }
        Ok(at.into())
    }

    /// Points the index entry of the key to its new item and discards the old one.
    pub(super) fn link(&mut self, key: Key<'_>, old: Option<Handle>, new: Handle) {
        match old {
            Some(old) => {
                self.index.redirect(key.hash, old, new);
                self.discard(old);
            }
            None => {
                let (slab, large, hasher) = (&self.slab, &self.large, &self.rules.hasher);
                self.index.insert(key.hash, new, |handle| hasher.hash(key_of(slab, large, handle)));
            }
        }
    }

    /// Removes an item and its index entry.
    pub(in crate::store) fn unlink(&mut self, hash: KeyHash, handle: Handle) {
        self.index.remove(hash, handle);
        self.discard(handle);
    }

    /// Removes an item whose index entry is already removed.
    fn discard(&mut self, handle: Handle) {
        match handle.place() {
            Place::Chunk(at) => {
                let Freed { chunk_bytes, stamp, last_access } = self.slab.free(at);
                self.recency.uncount(stamp, last_access, chunk_bytes);
            }
            Place::Large(id) => {
                if let Some(item) = self.large.remove(id) {
                    self.recency.uncount(item.stamp, item.last_access, item.taken_bytes);
                    self.spare_pages.extend(item.into_pages());
                }
            }
        }
    }

    /// Removes an expired item.
    pub(in crate::store) fn remove_expired(&mut self, hash: KeyHash, handle: Handle, now: Now) {
        self.note_removal(Cause::Expired, hash, handle, now);
        let fetched = self.is_fetched(handle);
        let stats = self.class_stats_mut(handle);
        stats.reclaimed += 1;
        stats.expired_unfetched += u64::from(!fetched);
        self.unlink(hash, handle);
    }
}

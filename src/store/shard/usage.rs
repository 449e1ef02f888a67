//! Noting the use of an item, which delays its eviction.

use super::Shard;
use crate::clock::Now;
use crate::store::item::{ChunkAt, Handle, Item, Place, header};
use crate::store::memory::slab::ClassId;
use crate::store::statistics::ClassStats;

impl Shard {
    /// Notes that an item was read. Returns the statistics of its class.
    pub(super) fn note_hit(&mut self, handle: Handle, now: Now) -> &mut ClassStats {
        match handle.place() {
            Place::Chunk(at) => {
                let class = self.note_chunk_use(at, true, now);
                &mut self.slab.class_mut(class).stats
            }
            Place::Large(id) => {
                self.large.use_item(id).fetched = true;
                self.note_access(handle, now);
                &mut self.large.stats
            }
        }
    }

    /// Notes that an item was used without a read.
    pub(super) fn note_use(&mut self, handle: Handle, now: Now) {
        match handle.place() {
            Place::Chunk(at) => {
                self.note_chunk_use(at, false, now);
            }
            Place::Large(_) => self.note_access(handle, now),
        }
    }

    /// Notes an access that does not raise the use count.
    pub(super) fn note_access(&mut self, handle: Handle, now: Now) {
        match handle.place() {
            Place::Chunk(at) => {
                self.stamp_chunk(at, now);
                self.slab.note_access(at, now);
            }
            Place::Large(id) => {
                let (seq, stamp) = (self.seq, self.recency.stamp());
                let item = self.large.use_item(id);
                (item.last_access, item.used) = (now, seq);
                self.recency.count_use(std::mem::replace(&mut item.stamp, stamp), item.taken_bytes);
                self.end_generation_if_due(now);
            }
        }
    }

    fn note_chunk_use(&mut self, at: ChunkAt, read: bool, now: Now) -> ClassId {
        let (chunk, id, class) = self.slab.open(at);
        class.stats.hits_probation += u64::from(Item(chunk).probation());
        let old = self.recency.stamp_chunk(chunk, class.chunk_bytes);
        let first = if read { header::note_hit(chunk, now) } else { header::note_use(chunk, now) };
        if first || old {
            self.slab.count_first_hit(id);
        }
        if self.recency.may_be_due() {
            self.end_generation_if_due(now);
        }
        id
    }

    /// Stamps a small item as used. True if it was not young.
    pub(super) fn stamp_chunk(&mut self, at: ChunkAt, now: Now) -> bool {
        let (chunk, _, class) = self.slab.open(at);
        let old = self.recency.stamp_chunk(chunk, class.chunk_bytes);
        if self.recency.may_be_due() {
            self.end_generation_if_due(now);
        }
        old
    }

    /// Starts the next generation if enough was used in this one.
    pub(super) fn end_generation_if_due(&mut self, now: Now) {
        let memory_bytes = self.item_memory_bytes();
        self.recency.end_if_due(memory_bytes, now);
    }

    /// Bytes of memory of small items and large values.
    fn item_memory_bytes(&self) -> u64 {
        (self.slab.pages_held() * self.rules.page_bytes) as u64 + self.large.taken_bytes()
    }

    /// True if [S8](super) protects an item from eviction.
    pub(super) fn is_young(&self, item: Item<'_>) -> bool {
        self.recency.is_young(item.stamp(), item.last_access())
    }
}

//! Recording operations and removals: every removal becomes one [`Removal`], which each recorder reads.

use super::eviction_record::EvictionRecord;
use super::removal::Removal;
use super::removal_log::RemovalLog;
use super::sampler::{SampledItem, Sampler};
use super::{Key, Shard};
use crate::clock::Now;
use crate::store::item::{Handle, Item, KeyHash, Place};
use crate::store::memory::pool::PoolPage;
use crate::store::memory::slab::ClassId;
use crate::store::outcome::{Cause, Removed};
use crate::store::statistics::{SampleKind, SampleRule, Samples};

/// The recorders of a shard.
#[derive(Default, Debug)]
pub(in crate::store) struct Recorders {
    /// Recent removals of all kinds.
    pub(in crate::store) removal_log: RemovalLog,
    /// Evicted items, while a watcher wants them.
    pub(in crate::store) evictions: EvictionRecord,
    /// A sample of the operations.
    pub(in crate::store) sampler: Sampler,
}

impl Recorders {
    /// Passes a removal to each recorder.
    fn note_removal(&mut self, removal: &Removal<'_>) {
        self.removal_log.note(removal);
        self.sampler.note_removal(removal);
        self.evictions.note(removal);
    }
}

impl Shard {
    /// Records that an item is about to be removed.
    pub(super) fn note_removal(&mut self, cause: Cause, hash: KeyHash, handle: Handle, now: Now) {
        let removal = match handle.place() {
            Place::Chunk(at) => {
                let page = self.slab.page(at.page);
                let class = u32::from(page.class()) + 1;
                Removal::of_chunk(cause, hash, Item(page.chunk(at.chunk)), class, now)
            }
            Place::Large(id) => {
                let class = self.slab.classes().len() as u32 + 1;
                Removal::of_large(cause, hash, self.large.item(id), class, now)
            }
        };
        self.recorders.note_removal(&removal);
    }

    /// Records that an item of a detached page is about to be removed.
    pub(super) fn note_detached_removal(
        &mut self,
        cause: Cause,
        hash: KeyHash,
        item: Item<'_>,
        class: ClassId,
        now: Now,
    ) {
        let class = u32::from(class) + 1;
        self.recorders.note_removal(&Removal::of_chunk(cause, hash, item, class, now));
    }

    /// Records why a store of a value of so many bytes leaves the key without an item: the value was refused or expired
    /// at once.
    pub(in crate::store) fn note_failed_store(&mut self, cause: Cause, hash: KeyHash, bytes: u64, now: Now) {
        let removed = Removed { cause, at: now, last_access: now, bytes, cas: 0 };
        self.recorders.removal_log.push(hash, removed);
    }

    /// Samples an operation on a key if the rule selects it, with the key's item if there is one.
    #[inline(always)]
    pub(super) fn sample(&mut self, kind: SampleKind, key: Key<'_>, handle: Option<Handle>, now: Now) {
        if self.recorders.sampler.selects(key.hash) {
            let item = handle.map_or(SampledItem::NONE, |handle| self.sampled_item(handle));
            self.recorders.sampler.keep(kind, key.bytes, key.hash, item, now);
        }
    }

    #[cold]
    #[inline(never)]
    fn sampled_item(&self, handle: Handle) -> SampledItem {
        let hit = self.hit_of(handle);
        SampledItem {
            item_bytes: self.bytes_of(handle),
            value_bytes: hit.value.len() as u64,
            deadline: hit.deadline,
        }
    }

    /// Swaps the samples for an empty buffer and samples by `rule` from now on. Returns the number of operations since
    /// the last call.
    pub(in crate::store) fn swap_samples(&mut self, rule: SampleRule, empty: &mut Samples) -> u64 {
        self.recorders.sampler.swap(rule, empty, self.seq)
    }

    /// Allocates the memory of the removal log, if there is enough: a shard that replaces a broken one may find all
    /// memory in use.
    pub(super) fn allocate_removal_log(&mut self) {
        let limit_bytes = self.pool.limit_bytes();
        let count = RemovalLog::pages_due(limit_bytes, self.rules.shards, self.rules.page_bytes);
        let pages: Option<Vec<PoolPage>> = (0..count).map(|_| self.pool.take()).collect();
        if let Some(pages) = pages {
            self.recorders.removal_log = RemovalLog::new(pages, self.rules.page_bytes);
        }
    }
}

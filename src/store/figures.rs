//! Figures the store reports about itself. Plain data, filled under the shard locks, one shard after the other.

use super::item::Fields;
use crate::clock::Now;

/// Figures over the whole store.
#[derive(Clone, Default, Debug)]
pub struct Totals {
    /// Items held.
    pub items: u64,
    /// Bytes of their headers, keys and values.
    pub item_bytes: u64,
    /// Items ever linked.
    pub items_ever: u64,
    /// Live items thrown out for memory.
    pub evictions: u64,
    /// Of these, never fetched.
    pub evicted_unfetched: u64,
    /// Expired items whose room was taken back.
    pub reclaimed: u64,
    /// Of these, never fetched.
    pub expired_unfetched: u64,
    /// Bytes of memory charged against the limit.
    pub charged_bytes: u64,
    /// The limit.
    pub limit_bytes: u64,
    /// Bytes of slab pages.
    pub slab_bytes: u64,
    /// Of these, bytes of chunks with an item.
    pub slab_used_bytes: u64,
    /// Bytes of the index tables.
    pub index_bytes: u64,
    /// Of these, bytes of ghosts.
    pub ghosts_bytes: u64,
    /// Bytes of large values, as they are held.
    pub large_bytes: u64,
    /// Bytes of the rings of removals.
    pub removals_bytes: u64,
    /// Bytes of the samples of operations.
    pub samples_bytes: u64,
    /// Pages moved from one class to another.
    pub pages_moved: u64,
    /// Items moved to another chunk when their page was taken.
    pub rescued: u64,
    /// Pages in use by shards.
    pub pages: u64,
    /// Pages in no use.
    pub free_pages: u64,
    /// Bytes of pages that a flush left and that were not taken apart yet.
    pub flushed_bytes: u64,
    /// Bytes of pages that unsent replies hold of values that are no longer stored.
    pub detached_bytes: u64,
    /// Items looked at by the expiry sweep.
    pub swept: u64,
    /// Taken back by the sweep.
    pub swept_reclaimed: u64,
    /// Evicted while on the main part (had been used).
    pub evicted_active: u64,
    /// Promotions from probation.
    pub promoted: u64,
}

/// Figures of one slab class, summed over shards. The last entry, with `large` set, stands for large values.
#[derive(Clone, Default, Debug)]
pub struct ClassFigures {
    /// Class id, from 1.
    pub id: u32,
    /// True for the class of large values, which have no pages.
    pub large: bool,
    /// Chunk size in bytes (for large values: mean charged bytes of one).
    pub chunk_bytes: u64,
    /// Chunks a page is cut into.
    pub chunks_per_page: u64,
    /// Pages owned.
    pub pages: u64,
    /// Chunks with an item.
    pub used_chunks: u64,
    /// Free chunks.
    pub free_chunks: u64,
    /// Items on probation.
    pub probation: u64,
    /// Bytes of headers, keys and values.
    pub item_bytes: u64,
    /// Seconds since the last access of the next item the hand will see.
    pub age_secs: u32,
    /// Idle seconds of the last evicted item.
    pub evicted_idle_secs: u32,
    /// Live items evicted; those of them with a deadline; those never fetched.
    pub evicted: u64,
    /// Evicted although they had a deadline.
    pub evicted_nonzero: u64,
    /// Evicted before any fetch.
    pub evicted_unfetched: u64,
    /// Evicted while on the main part (had been used).
    pub evicted_active: u64,
    /// Expired items taken back; those never fetched.
    pub reclaimed: u64,
    /// Expired before any fetch.
    pub expired_unfetched: u64,
    /// Taken back by the sweep.
    pub swept_reclaimed: u64,
    /// Looked at by the sweep.
    pub swept: u64,
    /// Stores refused for want of memory.
    pub out_of_memory: u64,
    /// Hits of get, touch, delete, incr, decr, cas, and failed cas; stores.
    pub get_hits: u64,
    /// Touches that found their item.
    pub touch_hits: u64,
    /// Deletes that found their item.
    pub delete_hits: u64,
    /// Increments that found their item.
    pub incr_hits: u64,
    /// Decrements that found their item.
    pub decr_hits: u64,
    /// Cas that matched.
    pub cas_hits: u64,
    /// Cas that did not match.
    pub cas_badval: u64,
    /// Items stored.
    pub stores: u64,
    /// Hits on items on probation.
    pub hits_probation: u64,
    /// Promotions from probation.
    pub promoted: u64,
}

impl ClassFigures {
    /// Counts a live item that leaves for want of memory.
    pub(super) fn count_eviction(&mut self, item: &Fields, now: Now) {
        self.evicted += 1;
        self.evicted_nonzero += u64::from(!item.deadline.is_never());
        self.evicted_unfetched += u64::from(!item.fetched);
        self.evicted_active += u64::from(!item.probation);
        self.evicted_idle_secs = now.secs_since(item.last_access);
    }

    /// Adds what another shard has counted for this class.
    pub(super) fn add_counters(&mut self, other: &ClassFigures) {
        self.item_bytes += other.item_bytes;
        self.evicted_idle_secs = self.evicted_idle_secs.max(other.evicted_idle_secs);
        self.evicted += other.evicted;
        self.evicted_nonzero += other.evicted_nonzero;
        self.evicted_unfetched += other.evicted_unfetched;
        self.evicted_active += other.evicted_active;
        self.reclaimed += other.reclaimed;
        self.expired_unfetched += other.expired_unfetched;
        self.swept_reclaimed += other.swept_reclaimed;
        self.swept += other.swept;
        self.out_of_memory += other.out_of_memory;
        self.get_hits += other.get_hits;
        self.touch_hits += other.touch_hits;
        self.delete_hits += other.delete_hits;
        self.incr_hits += other.incr_hits;
        self.decr_hits += other.decr_hits;
        self.cas_hits += other.cas_hits;
        self.cas_badval += other.cas_badval;
        self.stores += other.stores;
        self.hits_probation += other.hits_probation;
        self.promoted += other.promoted;
    }

    /// The same with every counter at 0; what is held stays.
    pub(super) fn without_counters(&self) -> ClassFigures {
        ClassFigures { item_bytes: self.item_bytes, ..ClassFigures::default() }
    }
}

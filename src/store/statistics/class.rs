//! Statistics of one slab class, counted under the lock of each shard and summed over shards.

use crate::clock::Now;
use crate::store::item::Fields;

/// Statistics of one slab class, summed over shards. The last entry, with `large` set, is for large values.
#[derive(Clone, Default, Debug)]
pub struct ClassStats {
    /// Class id, from 1.
    pub id: u32,
    /// True for the class of large values, which have no pages.
    pub large: bool,
    /// Chunk size in bytes (for large values: mean charged bytes of one).
    pub chunk_bytes: u64,
    /// Chunks a page is cut into.
    pub chunks_per_page: u64,
    /// Number of pages.
    pub pages: u64,
    /// Chunks with an item.
    pub used_chunks: u64,
    /// Free chunks.
    pub free_chunks: u64,
    /// Items on probation.
    pub probation: u64,
    /// Bytes of headers, keys and values.
    pub item_bytes: u64,
    /// Seconds since the last access of the next item of the clock hand.
    pub age_secs: u32,
    /// Idle seconds of the last evicted item.
    pub evicted_idle_secs: u32,
    /// Live items evicted.
    pub evicted: u64,
    /// Of these, with a deadline.
    pub evicted_nonzero: u64,
    /// Of these, never fetched.
    pub evicted_unfetched: u64,
    /// Of these, from the main part, after a use.
    pub evicted_active: u64,
    /// Expired items removed.
    pub reclaimed: u64,
    /// Of these, never fetched.
    pub expired_unfetched: u64,
    /// Of these, removed by the sweep.
    pub swept_reclaimed: u64,
    /// Items visited by the sweep.
    pub swept: u64,
    /// Stores that failed for lack of memory.
    pub out_of_memory: u64,
    /// Gets that found their item.
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

impl ClassStats {
    /// Counts the eviction of a live item.
    pub(in crate::store) fn count_eviction(&mut self, item: &Fields, now: Now) {
        self.evicted += 1;
        self.evicted_nonzero += u64::from(!item.deadline.is_never());
        self.evicted_unfetched += u64::from(!item.fetched);
        self.evicted_active += u64::from(!item.probation);
        self.evicted_idle_secs = now.secs_since(item.last_access);
    }

    /// Adds the counters of another shard for this class.
    pub(in crate::store) fn add_counters(&mut self, other: &ClassStats) {
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

    /// The same with every counter at 0; gauges stay.
    pub(in crate::store) fn without_counters(&self) -> ClassStats {
        ClassStats { item_bytes: self.item_bytes, ..ClassStats::default() }
    }
}

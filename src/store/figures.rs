//! Figures the store reports about itself. Plain data, filled under the shard locks, one shard after the other.

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
    /// Bytes of the index tables.
    pub index_bytes: u64,
    /// Pages moved from one class to another.
    pub pages_moved: u64,
    /// Items moved to another chunk when their page was taken.
    pub rescued: u64,
    /// Free pages in hand.
    pub spare_pages: u64,
    /// Items looked at by the expiry sweep.
    pub swept: u64,
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

//! Statistics of the whole store.

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
    /// Bytes of the rings of removal_log.
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

//! Statistics of the whole store.

/// Statistics of the whole store.
#[derive(Clone, Default, Debug)]
pub struct Totals {
    /// Number of items.
    pub items: u64,
    /// Bytes of their headers, keys and values.
    pub item_bytes: u64,
    /// Items ever stored.
    pub items_ever: u64,
    /// Live items that were evicted.
    pub evictions: u64,
    /// Of these, never fetched.
    pub evicted_unfetched: u64,
    /// Expired items that were removed.
    pub reclaimed: u64,
    /// Of these, never fetched.
    pub expired_unfetched: u64,
    /// Bytes of memory charged against the limit.
    pub charged_bytes: u64,
    /// The memory limit.
    pub limit_bytes: u64,
    /// Bytes of slab pages.
    pub slab_bytes: u64,
    /// Of these, bytes of chunks with an item.
    pub slab_used_bytes: u64,
    /// Bytes of the index tables.
    pub index_bytes: u64,
    /// Of these, bytes of ghosts.
    pub ghosts_bytes: u64,
    /// Bytes of memory of large values.
    pub large_bytes: u64,
    /// Bytes of the removal logs.
    pub removals_bytes: u64,
    /// Bytes of the samples of operations.
    pub samples_bytes: u64,
    /// Pages moved from one class to another.
    pub pages_moved: u64,
    /// Items moved to another chunk when their page was released.
    pub rescued: u64,
    /// Pages in use by shards.
    pub pages: u64,
    /// Free pages.
    pub free_pages: u64,
    /// Bytes of flushed pages that were not dismantled yet.
    pub flushed_bytes: u64,
    /// Bytes of pages that unsent replies pin although their values are no longer stored.
    pub detached_bytes: u64,
    /// Items visited by the expiry sweep.
    pub swept: u64,
    /// Expired items removed by the sweep.
    pub swept_reclaimed: u64,
    /// Evicted from the main part, after a use.
    pub evicted_active: u64,
    /// Promotions from probation.
    pub promoted: u64,
}

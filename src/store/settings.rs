//! The settings of a store.

/// The settings of a store, validated by `options`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bound on all memory that grows with items, in bytes (`-m`).
    pub memory_limit_bytes: u64,
    /// Number of worker threads (`-t`), which determines the number of shards.
    pub threads: usize,
    /// Ratio of the chunk sizes of neighbouring slab classes (`-f`), above 1.
    pub growth_factor: f64,
    /// Smallest chunk, header included, in bytes (`-n`).
    pub chunk_min_bytes: u32,
    /// False with `-M`: refuse instead of evicting.
    pub evict: bool,
    /// False with `-C`: keep no CAS unique.
    pub cas: bool,
    /// Largest item, in bytes, by memcached's way of counting (`-I`).
    pub item_max_bytes: u64,
    /// Seed of the hash; `None` draws one from the OS.
    pub hash_seed: Option<u64>,
    /// Number of shards, a power of two; `None` chooses by memory and threads.
    pub shards: Option<usize>,
}

impl Default for Settings {
    /// The defaults of larder, for one thread.
    fn default() -> Settings {
        Settings {
            memory_limit_bytes: 64 << 20,
            threads: 1,
            growth_factor: 1.1,
            chunk_min_bytes: 48,
            evict: true,
            cas: true,
            item_max_bytes: 1 << 20,
            hash_seed: None,
            shards: None,
        }
    }
}

//! [`Store`]: the operations of the store, each under the lock of one shard.

mod maintenance;
mod page_moves;
mod records;
mod removal;
mod retrieval;
mod shard_balance;
mod statistics;
mod storage;
mod walk;

pub use walk::{Surveyed, WalkPosition};

use crate::store::item::{CasSequence, KeyHasher};
use crate::store::memory::pool::{Charge, Pages, Pool};
use crate::store::memory::slab::ClassSizes;
use crate::store::settings::Settings;
use crate::store::shard::{Key, Rules, Shard};
use crate::store::statistics::{CasTimestamps, Samples};
use parking_lot::{Mutex, MutexGuard};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};

/// Below this memory limit, in bytes, pages are small, so that there are enough of them.
const SMALL_PAGES_BELOW_BYTES: u64 = 256 << 20;

/// Page sizes, in bytes.
const PAGE_SMALL_BYTES: usize = 32 << 10;
const PAGE_BYTES: usize = 64 << 10;

/// An item larger than one in this many bytes of a page is a large value.
const LARGE_ABOVE_PAGE_ONE_IN: usize = 4;

/// Shards at most.
const SHARDS_MAX: usize = 16;

/// Shards per worker thread, at most.
const SHARDS_PER_THREAD: usize = 4;

/// Pages per shard, at least: with fewer pages, one page for each class costs hits.
const PAGES_PER_SHARD_MIN: u64 = 1000;

/// The same for one thread, which contends with no other.
const PAGES_PER_LONE_SHARD_MIN: u64 = 2000;

/// The process itself is charged with at most one in this many bytes of the limit.
const PROCESS_ONE_IN: u64 = 16;

/// The store, shared by all workers.
pub struct Store {
    rules: Rules,
    pool: Arc<Pool>,
    /// Charge for memory of the process that is neither items nor within its allowance.
    process: Option<Charge>,
    shards: Box<[Mutex<Shard>]>,
    /// The shard at which the search for a victim starts next.
    next_victim_shard: AtomicUsize,
    /// [`Store::maintain`] sweeps for expired items.
    sweeping: AtomicBool,
    /// The times at which CAS uniques were drawn.
    cas_timestamps: CasTimestamps,
    /// The second of the latest flush, past or pending; 0 for none.
    flushed_secs: AtomicU32,
    /// The empty buffer that is swapped for the samples of a shard.
    samples: Mutex<Samples>,
    /// After a flush, until its pages are returned to the operating system.
    returns_pages: AtomicBool,
}

/// A locked shard. The shard is marked as mid-update until the guard drops. If the operation panics, the mark stays and
/// the next lock empties the shard.
struct ShardGuard<'a> {
    shard: MutexGuard<'a, Shard>,
    /// Unused pages. Declared after `shard`, so that they return to the pool after unlock.
    deferred_drops: Option<Pages>,
}

impl Deref for ShardGuard<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.shard
    }
}

impl DerefMut for ShardGuard<'_> {
    fn deref_mut(&mut self) -> &mut Shard {
        &mut self.shard
    }
}

impl Drop for ShardGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.shard.mid_update = false;
        if !self.shard.spare_pages.is_empty() {
            self.deferred_drops = Some(std::mem::take(&mut self.shard.spare_pages));
        }
    }
}

/// The number of shards, a power of two.
fn shard_count(limit_bytes: u64, page_bytes: usize, threads: usize) -> usize {
    let pages = limit_bytes / page_bytes as u64;
    let pages_min = if threads > 1 { PAGES_PER_SHARD_MIN } else { PAGES_PER_LONE_SHARD_MIN };
    let by_memory = (pages / pages_min).min(SHARDS_MAX as u64) as usize;
    let most = by_memory.min(threads.saturating_mul(SHARDS_PER_THREAD)).max(1);
    1 << most.ilog2()
}

impl Store {
    /// An empty store.
    pub fn new(settings: Settings) -> Store {
        let limit_bytes = settings.memory_limit_bytes;
        let page_bytes = if limit_bytes < SMALL_PAGES_BELOW_BYTES { PAGE_SMALL_BYTES } else { PAGE_BYTES };
        let shards =
            settings.shards.unwrap_or_else(|| shard_count(limit_bytes, page_bytes, settings.threads));
        let rules = Rules {
            evict: settings.evict,
            cas: Arc::new(CasSequence::new(settings.cas)),
            hasher: KeyHasher::new(settings.hash_seed),
            page_bytes,
            sizes: ClassSizes::new(
                page_bytes,
                settings.chunk_min_bytes as usize,
                settings.growth_factor,
                page_bytes / LARGE_ABOVE_PAGE_ONE_IN,
            ),
            shards,
            item_max_bytes: settings.item_max_bytes,
            recording: Arc::default(),
        };
        let pool = Arc::new(Pool::new(limit_bytes, page_bytes));
        let shard = |_| Mutex::new(Shard::new(rules.clone(), pool.clone()));
        Store {
            shards: (0..shards).map(shard).collect(),
            next_victim_shard: AtomicUsize::new(0),
            sweeping: AtomicBool::new(true),
            returns_pages: AtomicBool::new(false),
            cas_timestamps: CasTimestamps::default(),
            flushed_secs: AtomicU32::new(0),
            samples: Mutex::default(),
            rules,
            process: None,
            pool,
        }
    }

    /// Charges memory of the process that is neither items nor within its allowance: at most a sixteenth of the limit.
    pub fn with_process_charged(self, bytes: u64) -> Store {
        let process = self.pool.try_charge(bytes.min(self.memory_limit() / PROCESS_ONE_IN));
        Store { process, ..self }
    }

    fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: self.rules.hasher.hash(bytes) }
    }

    #[inline(always)]
    fn shard_of(&self, key: Key<'_>) -> ShardGuard<'_> {
        Self::lock(&self.shards[key.hash.shard(self.shards.len())])
    }

    #[inline(always)]
    fn lock(shard: &Mutex<Shard>) -> ShardGuard<'_> {
        let mut shard = shard.lock();
        if shard.mid_update {
            Self::empty_broken(&mut shard);
        }
        shard.mid_update = true;
        ShardGuard { shard, deferred_drops: None }
    }

    /// Empties a shard that a panic left in the middle of an update: its content cannot be trusted.
    #[cold]
    fn empty_broken(shard: &mut Shard) {
        *shard = Shard::new(shard.rules.clone(), shard.pool.clone());
    }
}

#[cfg(test)]
mod tests;

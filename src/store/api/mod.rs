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

/// Limits below this get small pages, so that there are enough of them, in bytes.
const SMALL_PAGES_BELOW_BYTES: u64 = 256 << 20;

/// Page sizes, in bytes.
const PAGE_SMALL_BYTES: usize = 32 << 10;
const PAGE_BYTES: usize = 64 << 10;

/// An item larger than this part of a page is a large value.
const LARGE_ABOVE_PAGE_PART: usize = 4;

/// Shards at most; a hash tells no more apart.
const SHARDS_MAX: usize = 16;

/// Shards per worker thread, at most.
const SHARDS_PER_THREAD: usize = 4;

/// Pages that every shard must be able to have: below that, a page cut for each class begins to cost hits.
const PAGES_PER_SHARD_MIN: u64 = 1000;

/// The same for one thread, which has no other to wait for.
const PAGES_PER_LONE_SHARD_MIN: u64 = 2000;

/// At most one in this many bytes of the limit is charged for the process itself.
const PROCESS_ONE_IN: u64 = 16;

/// The store. Shared by all workers.
pub struct Store {
    rules: Rules,
    pool: Arc<Pool>,
    /// What the process takes beside the items and beyond what it is allowed.
    process: Option<Charge>,
    shards: Box<[Mutex<Shard>]>,
    /// The shard that is asked first to give way.
    next_victim_shard: AtomicUsize,
    /// [`Store::maintain`] looks for items whose time is over.
    sweeping: AtomicBool,
    /// When CAS uniques were drawn.
    cas_timestamps: CasTimestamps,
    /// When everything was flushed the last time, or will be, in seconds; 0 for never.
    flushed_secs: AtomicU32,
    /// The buffer that is exchanged for a shard's.
    samples: Mutex<Samples>,
    /// Everything was flushed, and not all of its pages have been returned yet.
    returning: AtomicBool,
}

/// A locked shard in the middle of an operation. Says so until it is dropped in order; should the operation panic,
/// the shard stays marked and is emptied when it is locked next.
struct ShardGuard<'a> {
    shard: MutexGuard<'a, Shard>,
    /// Pages that the operation did not use. Behind `shard`, so that they go to the pool after the lock.
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

/// The number of shards for this much memory and so many threads: a power of two.
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
                page_bytes / LARGE_ABOVE_PAGE_PART,
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
            returning: AtomicBool::new(false),
            cas_timestamps: CasTimestamps::default(),
            flushed_secs: AtomicU32::new(0),
            samples: Mutex::default(),
            rules,
            process: None,
            pool,
        }
    }

    /// Charges what the process takes beside the items and beyond what it is allowed, in bytes, but a sixteenth of the
    /// limit at most.
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

    /// A panic left this shard in the middle of something: nothing in it is to be trusted any more.
    #[cold]
    fn empty_broken(shard: &mut Shard) {
        *shard = Shard::new(shard.rules.clone(), shard.pool.clone());
    }
}

#[cfg(test)]
mod tests;

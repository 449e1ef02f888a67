//! Maintenance in the background: enforcing a lowered limit, sweeping for expired items, returning pages.
//!
//! The work per call and per lock is bounded, so that no request waits long for it.

use super::Store;
use crate::clock::Now;
use std::sync::atomic::Ordering;

/// Work of one call of [`Store::maintain`] per shard, at most: empty pages freed and index buckets merged.
const FREED_PER_CALL: u32 = 128;
const SHRINK_STEPS_PER_CALL: usize = 256;

/// Pages returned to the operating system by one call of [`Store::maintain`], at most.
const RETURNED_PER_CALL: usize = 128;

/// Pages or large values evicted under one lock for a lowered limit, and rounds over the shards in one call of
/// [`Store::maintain`].
const RECLAIMED_PER_LOCK: u32 = 2;
const RECLAIM_ROUNDS: u32 = 32;

impl Store {
    /// Changes the memory limit. [`Store::maintain`] frees the memory over a lowered limit step by step.
    pub fn set_memory_limit(&self, bytes: u64) {
        self.pool.set_limit_bytes(bytes);
    }

    /// One round of maintenance, called about ten times a second. Returns true while more work is due soon.
    pub fn maintain(&self, now: Now) -> bool {
        self.record_cas_time(now);
        let mut more = false;
        for shard in &self.shards {
            let mut shard = Self::lock(shard);
            shard.flush_if_due(now);
            if self.is_sweeping() {
                shard.sweep_idle(now);
                more |= shard.sweep.is_crawling();
            }
            shard.shrink_index(SHRINK_STEPS_PER_CALL);
            let mut freed = 0;
            while freed < FREED_PER_CALL && shard.free_idle_memory() {
                freed += 1;
            }
            more |= freed == FREED_PER_CALL || shard.index.is_far_too_large();
        }
        more |= self.reclaim_excess(now);
        let returning = self.returns_pages.load(Ordering::Relaxed);
        let returns_more = self.pool.trim(RETURNED_PER_CALL, returning);
        if returning && !more && !returns_more {
            self.returns_pages.store(false, Ordering::Relaxed);
        }
        more || returns_more
    }

    /// Evicts what is charged over a lowered limit. True if more can be evicted.
    fn reclaim_excess(&self, now: Now) -> bool {
        for _ in 0..RECLAIM_ROUNDS {
            let mut evicted = false;
            for shard in &self.shards {
                if self.pool.excess_bytes() == 0 {
                    return false;
                }
                let mut shard = Self::lock(shard);
                (0..RECLAIMED_PER_LOCK)
                    .for_each(|_| evicted |= shard.free_idle_memory() || shard.reclaim_young_too(now));
            }
            if !evicted {
                return false;
            }
        }
        true
    }

    /// Lets [`Store::maintain`] sweep for expired items or not. Storage commands sweep in either case.
    pub fn set_sweeping(&self, on: bool) {
        self.sweeping.store(on, Ordering::Relaxed);
    }

    /// True if [`Store::maintain`] sweeps for expired items.
    pub fn is_sweeping(&self) -> bool {
        self.sweeping.load(Ordering::Relaxed)
    }

    /// Starts a crawl, which visits every item. [`Store::maintain`] finishes it unless it is short.
    pub fn start_crawl(&self, now: Now) {
        self.shards.iter().for_each(|shard| Self::lock(shard).start_crawl(now));
    }

    /// True until a crawl has visited every item.
    pub fn is_crawling(&self) -> bool {
        self.shards.iter().any(|shard| Self::lock(shard).sweep.is_crawling())
    }
}

//! What the store does without being asked by a client: follows its limit, sweeps, and returns pages.
//!
//! Bounded work per call and per lock, so that no request waits long for it.

use super::Store;
use crate::clock::Now;
use std::sync::atomic::Ordering;

/// What one call of [`Store::maintain`] does per shard, at most: pages without use given up, buckets of the index merged.
const FREED_PER_CALL: u32 = 128;
const SHRINK_STEPS_PER_CALL: usize = 256;

/// Pages returned to the operating system in one call of [`Store::maintain`], at most.
const RETURNED_PER_CALL: usize = 128;

/// Pages whose items leave, or large values, in one hold of a shard's lock, and how often each shard has its turn in one
/// call of [`Store::maintain`].
const RECLAIMED_PER_LOCK: u32 = 2;
const RECLAIM_ROUNDS: u32 = 32;

impl Store {
    /// Changes the memory limit; memory over a lowered limit is given back step by step by [`Store::maintain`].
    pub fn set_memory_limit(&self, bytes: u64) {
        self.pool.set_limit_bytes(bytes);
    }

    /// Background work, called about ten times a second: expiry sweep, giving memory back. Bounded work per call
    /// and per lock. Returns true while there is more to do soon.
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
        let returning = self.returning.load(Ordering::Relaxed);
        let returns_more = self.pool.trim(RETURNED_PER_CALL, returning);
        if returning && !more && !returns_more {
            self.returning.store(false, Ordering::Relaxed);
        }
        more || returns_more
    }

    /// Works off what is charged over a limit that was lowered; true if some is left that can go.
    fn reclaim_excess(&self, now: Now) -> bool {
        for _ in 0..RECLAIM_ROUNDS {
            let mut reclaim_young_too = false;
            for shard in &self.shards {
                if self.pool.excess_bytes() == 0 {
                    return false;
                }
                let mut shard = Self::lock(shard);
                (0..RECLAIMED_PER_LOCK).for_each(|_| {
                    reclaim_young_too |= shard.free_idle_memory() || shard.reclaim_young_too(now)
                });
            }
            if !reclaim_young_too {
                return false;
            }
        }
        true
    }

    /// Lets [`Store::maintain`] look for items whose time is over, or not. What storing pays for is swept all the same.
    pub fn set_sweeping(&self, on: bool) {
        self.sweeping.store(on, Ordering::Relaxed);
    }

    /// True if [`Store::maintain`] looks for items whose time is over.
    pub fn is_sweeping(&self) -> bool {
        self.sweeping.load(Ordering::Relaxed)
    }

    /// Begins to look at every item now. What is more than a little is left to [`Store::maintain`].
    pub fn start_crawl(&self, now: Now) {
        self.shards.iter().for_each(|shard| Self::lock(shard).start_crawl(now));
    }

    /// True from the start of a crawl until every item was looked at.
    pub fn is_crawling(&self) -> bool {
        self.shards.iter().any(|shard| Self::lock(shard).sweep.is_crawling())
    }
}

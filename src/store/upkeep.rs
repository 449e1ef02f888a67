//! What the store does without being asked by a client: follows its limit, sweeps, moves together what lies scattered,
//! and has freed memory given back.
//!
//! Bounded work per call and per lock, so that no request waits long for it.

use super::{RECEIVING_SHARE, Store};
use crate::clock::Now;
use std::sync::atomic::Ordering;

/// Bytes that one call of [`Store::compact`] moves, about.
const COMPACTED_BYTES: usize = 256 << 10;

/// What one call of [`Store::maintain`] does per shard, at most: empty pages given back, buckets of the index merged.
const FREED_PER_CALL: u32 = 64;
const SHRINK_STEPS_PER_CALL: usize = 256;

/// Pages whose items leave, or large values, in one hold of a shard's lock, and how often each shard has its turn in one
/// call of [`Store::maintain`].
const SHED_PER_TURN: u32 = 2;
const SHED_TURNS: u32 = 32;

fn allocate(bytes: usize) {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(bytes)));
}

impl Store {
    /// Changes the memory limit; memory over a lowered limit is given back step by step by [`Store::maintain`].
    pub fn set_memory_limit(&self, bytes: u64) {
        let lowered = bytes < self.budget.limit_bytes();
        self.budget.set_limit_bytes(bytes);
        if lowered {
            self.shrinks.store(true, Ordering::Release);
        }
        self.receiving.set_limit_bytes(bytes / RECEIVING_SHARE);
    }

    /// Withholds a part of the limit, for the time being; memory over what is left is given back step by step by
    /// [`Store::maintain`]. Where nothing may be evicted, no more than is free.
    pub fn withhold(&self, bytes: u64) {
        let withheld = self.budget.withheld_bytes();
        let most = if self.rules.evict { u64::MAX } else { withheld + self.budget.left_bytes() };
        self.budget.withhold(bytes.min(most));
    }

    /// The part of the limit that is withheld.
    pub fn withheld_bytes(&self) -> u64 {
        self.budget.withheld_bytes()
    }

    /// Background work, called about ten times a second: expiry sweep, giving memory back. Bounded work per call
    /// and per lock. Returns true while there is more to do soon.
    pub fn maintain(&self, now: Now) -> bool {
        self.mark_time(now);
        let mut more = false;
        if self.budget.excess_bytes() == 0 && self.shrinks.swap(false, Ordering::Acquire) {
            self.start_compaction();
        }
        for shard in &self.shards {
            let mut shard = Self::lock(shard);
            shard.flush_if_due(now);
            if self.is_sweeping() {
                shard.sweep_idle(now);
                more |= shard.crawl_left > 0;
            }
            shard.shrink_index(SHRINK_STEPS_PER_CALL);
            let mut freed = 0;
            while freed < FREED_PER_CALL && shard.free_idle_memory() {
                freed += 1;
            }
            more |= freed == FREED_PER_CALL || shard.index.is_far_too_large();
        }
        self.shed_excess(now) || more
    }

    /// Works off what is charged over a limit that was lowered; true if some is left that can go.
    fn shed_excess(&self, now: Now) -> bool {
        for _ in 0..SHED_TURNS {
            let mut shed = false;
            for shard in &self.shards {
                if self.budget.excess_bytes() == 0 {
                    return false;
                }
                let mut shard = Self::lock(shard);
                (0..SHED_PER_TURN).for_each(|_| shed |= shard.shed(now));
            }
            if !shed {
                return false;
            }
        }
        true
    }

    /// Begins to move together what lies scattered, so that the memory between goes back to the system;
    /// [`Store::compact`] does it.
    pub fn start_compaction(&self) {
        self.compaction.lock().start();
    }

    /// As [`Store::start_compaction`], but so that about so many bytes go back, and not if something is being moved
    /// already: what lay in a region stays until all has moved, so that while the store is in use it should be little.
    pub fn compact_a_little(&self, bytes: u64) {
        let mut compaction = self.compaction.lock();
        if !compaction.is_under_way() {
            compaction.start_for(bytes);
        }
    }

    /// Goes on with a compaction. Bounded work per call and per lock. Returns true while there is more to do.
    pub fn compact(&self) -> bool {
        let mut compaction = self.compaction.lock();
        let compaction = &mut *compaction;
        if !compaction.wants_blocks() {
            compaction.let_go();
            return compaction.is_under_way();
        }
        let Some(shard) = self.shards.get(compaction.shard) else {
            compaction.end_of_blocks();
            return true;
        };
        compaction.begin_call();
        let mut seen = std::mem::take(&mut compaction.seen);
        let mut shard = Self::lock(shard);
        let mut more = true;
        while more && !compaction.has_done(COMPACTED_BYTES) {
            more = shard.show_blocks(&mut seen, compaction);
        }
        drop(shard);
        if more {
            compaction.seen = seen;
        } else {
            compaction.shard += 1;
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
        self.shards.iter().any(|shard| Self::lock(shard).crawl_left > 0)
    }

    /// Lets the allocator give freed memory back to the system; to be called by a thread that serves nobody, because
    /// what a flush leaves takes milliseconds.
    ///
    /// The allocator keeps freed memory for a second in case it is wanted again, and looks at it next when something
    /// that has pages of its own is freed, which in an idle process is never. It must be smaller than 4 MiB: that much
    /// it does not give back, nor what was free below.
    pub fn return_freed_memory(&self) {
        const OWN_PAGES_BYTES: usize = 768 << 10;
        allocate(OWN_PAGES_BYTES);
    }

    /// True if much was freed since the last call, which has left in `charged_before` what was charged then.
    pub fn has_freed_much(&self, charged_before: &mut u64) -> bool {
        const MUCH_BYTES: u64 = 1 << 20;
        let charged = self.budget.charged_bytes();
        let much = charged.saturating_add(MUCH_BYTES) <= *charged_before;
        *charged_before = if much { charged } else { charged.max(*charged_before) };
        much
    }

    /// Lets the allocator take in what other threads have freed of the memory of this one, which it does by itself once
    /// in ten thousand allocations.
    pub fn take_in_freed_memory(&self) {
        const ALLOCATIONS: u32 = 10_000;
        // More bytes than what the allocator calls small, which it does not count.
        (0..ALLOCATIONS).for_each(|_| allocate(2048));
    }
}

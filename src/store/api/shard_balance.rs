//! Memory for an operation: other shards donate pages, one lock at a time.

use super::Store;
use crate::clock::Now;
use crate::store::memory::pool::Pages;
use crate::store::outcome::Refused;
use crate::store::shard::{Key, MemoryNeeded, Shard};
use std::sync::atomic::Ordering;

/// Retries of an operation after other shards donated pages, before it is refused.
const TRIES_MAX: u32 = 8;

impl Store {
    /// Runs an operation on the shard of a key. If it needs memory, retries it after other shards donated pages.
    pub(super) fn with_memory<T>(
        &self,
        key: Key<'_>,
        now: Now,
        operation: impl FnMut(&mut Shard) -> Result<T, MemoryNeeded>,
    ) -> Result<T, Refused> {
        self.with_memory_from(Self::richest_shard, key, now, operation)
    }

    /// Like [`Store::with_memory`]; `first` selects the shard that donates before the others.
    pub(super) fn with_memory_from<T>(
        &self,
        first: fn(&Store) -> usize,
        key: Key<'_>,
        now: Now,
        mut operation: impl FnMut(&mut Shard) -> Result<T, MemoryNeeded>,
    ) -> Result<T, Refused> {
        let mut given: Option<Pages> = None;
        for _ in 0..=TRIES_MAX {
            let MemoryNeeded(need) = {
                let mut shard = self.shard_of(key);
                if let Some(given) = &mut given {
                    shard.spare_pages.append(given);
                }
                match operation(&mut shard) {
                    Ok(outcome) => return Ok(outcome),
                    Err(need) => {
                        // Keep the pages that the operation could not use yet for the retry.
                        given = Some(std::mem::take(&mut shard.spare_pages));
                        need
                    }
                }
            };
            if !self.collect_pages(need, given.get_or_insert_default(), now, first) {
                break;
            }
        }
        Err(Refused::OutOfMemory)
    }

    /// Adds so many pages to `given`, from the pool or donated by shards, one lock at a time. False if there are fewer.
    #[cold]
    fn collect_pages(&self, count: usize, given: &mut Pages, now: Now, first: fn(&Store) -> usize) -> bool {
        let count = given.len() + count;
        if count as u64 * self.pool.page_charge() > self.pool.limit_bytes() {
            return false;
        }
        while given.len() < count {
            if let Some(page) = self.pool.take() {
                given.push(page);
                continue;
            }
            let first = first(self);
            let turns = (0..self.shards.len()).map(|step| (first + step) % self.shards.len());
            // A shard below its share donates only after the others, and young items are evicted last.
            let mut any_donates = |donate: fn(&mut Shard, Now, &mut Pages) -> bool| {
                turns.clone().any(|at| donate(&mut Self::lock(&self.shards[at]), now, given))
            };
            if !any_donates(Shard::donate_surplus_pages)
                && !any_donates(Shard::donate_pages)
                && !any_donates(Shard::donate_young_pages)
            {
                return false;
            }
        }
        true
    }

    /// The shard with the most memory.
    fn richest_shard(&self) -> usize {
        let charged = |at: &usize| Self::lock(&self.shards[*at]).charged_bytes();
        (0..self.shards.len()).max_by_key(charged).unwrap_or(0)
    }

    /// The shard with the large value that was not used for the longest time; round robin if there are none.
    pub(super) fn coldest_shard(&self) -> usize {
        let turn = self.next_victim_shard.fetch_add(1, Ordering::Relaxed) % self.shards.len();
        if self.shards.len() == 1 {
            return turn;
        }
        let idle_since = |at: &usize| {
            Self::lock(&self.shards[*at])
                .large
                .coldest()
                .map_or(u32::MAX, |(_, item)| item.last_access.secs())
        };
        let turns = (0..self.shards.len()).map(|step| (turn + step) % self.shards.len());
        turns.min_by_key(idle_since).unwrap_or(turn)
    }
}

//! Room for what is stored: shards give way to each other, one lock at a time.

use super::Store;
use crate::clock::Now;
use crate::store::memory::pool::Pages;
use crate::store::outcome::Refused;
use crate::store::shard::{Key, MemoryNeeded, Shard};
use std::sync::atomic::Ordering;

/// How often a store is tried again after other shards gave way, before it is refused.
const TRIES_MAX: u32 = 8;

impl Store {
    /// Runs an operation on the shard of a key, again after other shards gave way if it lacks room.
    pub(super) fn with_memory<T>(
        &self,
        key: Key<'_>,
        now: Now,
        operation: impl FnMut(&mut Shard) -> Result<T, MemoryNeeded>,
    ) -> Result<T, Refused> {
        self.with_memory_from(Self::richest_shard, key, now, operation)
    }

    /// As [`Store::with_memory`], where `first` says which shard gives way before the others.
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
                        // What it could not use yet is not given away meanwhile.
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

    /// Adds so many pages, of the pool or given up by shards, one lock at a time; false if these cannot give as many.
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
            // Whoever has little keeps it as long as others have more, and young items stay as long as others are old.
            let mut ask = |ask: fn(&mut Shard, Now, &mut Pages) -> bool| {
                turns.clone().any(|at| ask(&mut Self::lock(&self.shards[at]), now, given))
            };
            if !ask(Shard::donate_surplus_pages)
                && !ask(Shard::donate_pages)
                && !ask(Shard::donate_young_pages)
            {
                return false;
            }
        }
        true
    }

    /// The shard that holds the most memory.
    fn richest_shard(&self) -> usize {
        let charged = |at: &usize| Self::lock(&self.shards[*at]).charged_bytes();
        (0..self.shards.len()).max_by_key(charged).unwrap_or(0)
    }

    /// The shard whose large values have been idle for longest; by turns if none has any.
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

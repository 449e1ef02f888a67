//! Room for what is stored: shards give way to each other, one lock at a time.

use super::Store;
use super::budget::GIVEN_BACK_TIMES;
use super::outcome::Refused;
use super::shard::{Key, NeedRoom, Shard};
use crate::clock::Now;
use std::sync::atomic::Ordering;

/// How often a store is tried again after other shards gave way, before it is refused.
const TRIES_MAX: u32 = 8;

impl Store {
    /// Runs an operation on the shard of a key, again after other shards gave way if it lacks room.
    pub(super) fn with_room<T>(
        &self,
        key: Key<'_>,
        now: Now,
        operation: impl FnMut(&mut Shard) -> Result<T, NeedRoom>,
    ) -> Result<T, Refused> {
        self.with_room_asking(Self::richest_shard, key, now, operation)
    }

    /// As [`Store::with_room`], where `first` says which shard gives way before the others.
    pub(super) fn with_room_asking<T>(
        &self,
        first: fn(&Store) -> usize,
        key: Key<'_>,
        now: Now,
        mut operation: impl FnMut(&mut Shard) -> Result<T, NeedRoom>,
    ) -> Result<T, Refused> {
        for _ in 0..TRIES_MAX {
            let NeedRoom(bytes) = match operation(&mut self.shard_of(key)) {
                Ok(outcome) => return Ok(outcome),
                Err(need) => need,
            };
            match self.make_room(bytes, now, first) {
                Some(freed) => self.shard_of(key).account.credit(freed),
                None => break,
            }
        }
        Err(Refused::NoRoom)
    }

    /// Lets shards give way until so many bytes can be charged, or, over a limit that was lowered, until what they gave
    /// back is enough to be credited for it. Returns what they gave back; nothing if they cannot. Locks one shard at a
    /// time.
    fn make_room(&self, bytes: u64, now: Now, first: fn(&Store) -> usize) -> Option<u64> {
        if bytes > self.budget.chargeable_bytes() {
            return None;
        }
        let mut freed = 0;
        let is_paid =
            |freed| self.budget.excess_bytes() > 0 && freed >= bytes.saturating_mul(GIVEN_BACK_TIMES);
        while self.budget.left_bytes() < bytes && !is_paid(freed) {
            let first = first(self);
            let mut turns = (0..self.shards.len()).map(|step| (first + step) % self.shards.len());
            // Whoever has little keeps it as long as others have more, and young items stay as long as others are old.
            freed += turns
                .clone()
                .find_map(|at| Self::lock(&self.shards[at]).bytes_given_of_its_share(now))
                .or_else(|| turns.clone().find_map(|at| Self::lock(&self.shards[at]).bytes_given_way(now)))
                .or_else(|| turns.find_map(|at| Self::lock(&self.shards[at]).bytes_forced(now)))?;
        }
        Some(freed)
    }

    /// The shard that holds the most memory.
    fn richest_shard(&self) -> usize {
        let charged = |at: &usize| Self::lock(&self.shards[*at]).account.charged_bytes();
        (0..self.shards.len()).max_by_key(charged).unwrap_or(0)
    }

    /// The shard whose large values have been idle for longest; by turns if none has any.
    pub(super) fn coldest_shard(&self) -> usize {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.shards.len();
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

//! Reading items and giving them new deadlines.

use super::Store;
use crate::clock::{Deadline, Now};
use crate::store::operation::Access;
use crate::store::outcome::{Hit, Miss, Refused};

impl Store {
    /// Looks a key up. `hit` runs under the lock of the shard and must only copy. Counts as an access.
    pub fn get<R>(&self, key: &[u8], now: Now, hit: impl FnOnce(Hit<'_>) -> R) -> Result<R, Miss> {
        let key = self.key(key);
        self.shard_of(key).get(key, now, hit)
    }

    /// Like [`Store::get`], and applies `access` to the item. The CAS unique stays. `Ok(Err(_))` is a miss.
    /// [`Refused::OutOfMemory`] is possible only if `access` creates items.
    pub fn fetch<R>(
        &self,
        key: &[u8],
        access: &Access,
        now: Now,
        mut hit: impl FnMut(Hit<'_>) -> R,
    ) -> Result<Result<R, Miss>, Refused> {
        let key = self.key(key);
        let fetched = self.with_memory(key, now, |shard| shard.fetch(key, access, now, &mut hit));
        if fetched.is_err() && access.deadline.is_some() {
            self.shard_of(key).evict_key(key, now);
        }
        if access.create.is_none() { Ok(fetched.unwrap_or(Err(Miss::Absent))) } else { fetched }
    }

    /// Looks a key up without side effects: counts nothing, moves nothing, does not remove an expired item.
    pub fn peek<R>(&self, key: &[u8], now: Now, hit: impl FnOnce(Hit<'_>) -> R) -> Result<R, Miss> {
        let key = self.key(key);
        self.shard_of(key).peek(key, now, hit)
    }

    /// Gives an item a new deadline. The CAS unique stays.
    pub fn touch(&self, key: &[u8], deadline: Deadline, now: Now) -> Result<(), Miss> {
        let key = self.key(key);
        let touched = self.with_memory(key, now, |shard| shard.touch(key, deadline, now));
        touched.unwrap_or_else(|_| {
            self.shard_of(key).evict_key(key, now);
            Err(Miss::Absent)
        })
    }
}

//! Removing one item or all of them.

use super::Store;
use crate::clock::Now;
use crate::store::operation::{DeleteOptions, FlushAt};
use crate::store::outcome::{Cause, Deleted, Refused};
use std::sync::atomic::Ordering;

impl Store {
    /// Removes an item.
    pub fn delete(&self, key: &[u8], now: Now) -> Deleted {
        // A removal needs no memory.
        self.delete_with(key, &DeleteOptions::default(), now).unwrap_or(Deleted::NotFound)
    }

    /// Removes or changes an item as `options` say. [`Refused::OutOfMemory`] is possible only if the item is kept.
    pub fn delete_with(&self, key: &[u8], options: &DeleteOptions, now: Now) -> Result<Deleted, Refused> {
        let key = self.key(key);
        self.with_memory(key, now, |shard| shard.delete(key, options, now))
    }

    /// Removes an item because a new value of so many bytes was refused. Records the refusal even if there was no item.
    pub fn fail_store(&self, key: &[u8], refused: Refused, bytes: u64, now: Now) {
        let cause = match refused {
            Refused::TooLarge => Cause::TooLarge,
            Refused::OutOfMemory => Cause::OutOfMemory,
        };
        let key = self.key(key);
        let mut shard = self.shard_of(key);
        // A removal needs no memory.
        let _ = shard.delete(key, &DeleteOptions::default(), now);
        shard.note_failed_store(cause, key.hash, bytes, now);
    }

    /// Records that an item with a value of so many bytes was stored with an absolute time that had already passed.
    pub fn note_passed_time(&self, key: &[u8], exptime: u32, bytes: u64, now: Now) {
        let key = self.key(key);
        self.shard_of(key).note_failed_store(Cause::PassedTime { exptime }, key.hash, bytes, now);
    }

    /// Removes every item, now or later.
    pub fn flush_all(&self, at: FlushAt, now: Now) {
        let due = if let FlushAt::At(at) = at { at } else { now };
        self.returns_pages.store(true, Ordering::Relaxed);
        self.flushed_secs.store(due.secs(), Ordering::Relaxed);
        for shard in &self.shards {
            let mut shard = Self::lock(shard);
            match at {
                FlushAt::Immediately => shard.flush(),
                FlushAt::At(at) => shard.flush_later(at, now),
            }
        }
    }
}

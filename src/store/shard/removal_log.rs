//! The log of recent removals and their causes: a ring of fingerprints that answers why a key is gone.
//!
//! Its memory comes from the pool when the shard is created, and stays. A new entry overwrites the oldest. An entry is
//! found by 32 bits of its key's hash: with 10,000 entries, one lookup in 400,000 finds the entry of another key.

use super::removal::Removal;
use crate::clock::Now;
use crate::store::item::KeyHash;
use crate::store::memory::pool::PoolPage;
use crate::store::outcome::{Cause, Removed};
use bytemuck::{Pod, Zeroable};

/// The ring takes one in this many bytes of the memory limit.
const LIMIT_SHARE: u64 = 256;

/// The ring of one shard has at most this many pages.
const PAGES_MAX: u64 = 16;

/// A shard with fewer pages than this has no ring.
const SHARD_PAGES_MIN: u64 = 64;

/// Bits of an item size. Larger sizes are stored as the largest.
const BYTES_BITS: u32 = 29;

/// One entry.
#[derive(Clone, Copy, Pod, Zeroable, Debug)]
#[repr(C)]
struct Entry {
    fingerprint: u32,
    secs: u32,
    /// The exptime if the cause is [`Cause::PassedTime`].
    last_access_secs: u32,
    /// [`Cause`] in the highest bits, item size in bytes below.
    cause_and_bytes: u32,
    cas: u64,
}

const _: () = assert!(size_of::<Entry>() == 24);

impl Entry {
    fn removed(&self) -> Removed {
        let cause = match self.cause_and_bytes >> BYTES_BITS {
            0 => Cause::Evicted,
            1 => Cause::Expired,
            2 => Cause::Deleted,
            3 => Cause::OutOfMemory,
            4 => Cause::TooLarge,
            _ => Cause::PassedTime { exptime: self.last_access_secs },
        };
        let last_access_secs =
            if let Cause::PassedTime { .. } = cause { self.secs } else { self.last_access_secs };
        Removed {
            cause,
            at: Now::from_secs(self.secs),
            last_access: Now::from_secs(last_access_secs),
            bytes: u64::from(self.cause_and_bytes & ((1 << BYTES_BITS) - 1)),
            cas: self.cas,
        }
    }
}

/// The ring of one shard.
#[derive(Default, Debug)]
pub(in crate::store) struct RemovalLog {
    pages: Vec<PoolPage>,
    per_page: usize,
    /// Entries ever written. The next one goes to this number modulo the capacity.
    written: u64,
}

impl RemovalLog {
    /// Number of pages that the ring of one shard gets.
    pub(in crate::store) fn pages_due(limit_bytes: u64, shards: usize, page_bytes: usize) -> u64 {
        let share = limit_bytes / shards as u64;
        if share < SHARD_PAGES_MIN * page_bytes as u64 {
            return 0;
        }
        (share / LIMIT_SHARE / page_bytes as u64).clamp(1, PAGES_MAX)
    }

    /// An empty ring in these pages.
    pub(super) fn new(pages: Vec<PoolPage>, page_bytes: usize) -> RemovalLog {
        RemovalLog { pages, per_page: page_bytes / size_of::<Entry>(), written: 0 }
    }

    /// Number of pages.
    pub(in crate::store) fn pages_held(&self) -> usize {
        self.pages.len()
    }

    fn entries(&self, page: usize) -> &[Entry] {
        bytemuck::cast_slice(&self.pages[page][..self.per_page * size_of::<Entry>()])
    }

    fn entries_mut(&mut self, page: usize) -> &mut [Entry] {
        bytemuck::cast_slice_mut(&mut self.pages[page][..self.per_page * size_of::<Entry>()])
    }

    fn capacity(&self) -> u64 {
        (self.pages.len() * self.per_page) as u64
    }

    /// Records the removal of an item.
    pub(super) fn note(&mut self, removal: &Removal<'_>) {
        let Removal { cause, last_access, item_bytes, cas, .. } = *removal;
        self.push(removal.hash, Removed { cause, at: removal.at(), last_access, bytes: item_bytes, cas });
    }

    /// Records a removal.
    pub(super) fn push(&mut self, hash: KeyHash, removed: Removed) {
        let capacity = self.capacity();
        if capacity == 0 {
            return;
        }
        let entry = Entry {
            fingerprint: fingerprint(hash),
            secs: removed.at.secs(),
            last_access_secs: match removed.cause {
                Cause::PassedTime { exptime } => exptime,
                _ => removed.last_access.secs(),
            },
            cause_and_bytes: packed(removed.cause, removed.bytes),
            cas: removed.cas,
        };
        let at = (self.written % capacity) as usize;
        let per_page = self.per_page;
        self.entries_mut(at / per_page)[at % per_page] = entry;
        self.written += 1;
    }

    /// From the latest to the oldest.
    fn iter(&self) -> impl Iterator<Item = &Entry> {
        let capacity = self.capacity();
        let oldest = self.written.saturating_sub(capacity);
        (oldest..self.written).rev().map(move |number| {
            let at = (number % capacity) as usize;
            &self.entries(at / self.per_page)[at % self.per_page]
        })
    }

    /// The latest removal of a key of this hash. If the item expired because it was stored with a passed time, the
    /// entry of that store.
    pub(in crate::store) fn find(&self, hash: KeyHash) -> Option<Removed> {
        let fingerprint = fingerprint(hash);
        let mut entries = self.iter().filter(|entry| entry.fingerprint == fingerprint).map(Entry::removed);
        let latest = entries.next()?;
        if latest.cause != Cause::Expired {
            return Some(latest);
        }
        let is_explanation =
            |before: &Removed| matches!(before.cause, Cause::PassedTime { .. }) && latest.at <= before.at;
        Some(entries.next().filter(is_explanation).unwrap_or(latest))
    }

    /// The time since which the log is complete; `None` if since the start.
    pub(in crate::store) fn complete_since(&self) -> Option<Now> {
        let has_overwritten = self.written > self.capacity();
        let oldest = self.iter().last().filter(|_| has_overwritten);
        oldest.map(|oldest| Now::from_secs(oldest.secs))
    }
}

/// Folds the hash, so that bits which do not select the shard take part.
fn fingerprint(hash: KeyHash) -> u32 {
    (hash.0 ^ hash.0 >> 32) as u32
}

fn packed(cause: Cause, bytes: u64) -> u32 {
    let code: u32 = match cause {
        Cause::Evicted => 0,
        Cause::Expired => 1,
        Cause::Deleted => 2,
        Cause::OutOfMemory => 3,
        Cause::TooLarge => 4,
        Cause::PassedTime { .. } => 5,
    };
    code << BYTES_BITS | bytes.min((1 << BYTES_BITS) - 1) as u32
}

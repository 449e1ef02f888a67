//! What was removed lately, and why: a ring of fingerprints, for the question where a key has gone.
//!
//! Its memory is taken from the pool when the shard is made, and stays. Invariants: at most as many removals as it
//! has room for, the oldest overwritten; a removal is found by 32 bits of its key's hash, so that of 10,000 removals
//! one in 400,000 keys meets another's.

use super::Shard;
use crate::clock::Now;
use crate::store::handle::Handle;
use crate::store::hash::KeyHash;
use crate::store::item::Item;
use crate::store::outcome::{Cause, Hit, Removed};
use crate::store::pool::PoolPage;
use bytemuck::{Pod, Zeroable};

/// The ring takes one in this many bytes of the memory limit,
const LIMIT_SHARE: u64 = 256;

/// at most so many pages in a shard,
const PAGES_MAX: u64 = 16;

/// and none at all where a shard has fewer pages than this.
const SHARD_PAGES_MIN: u64 = 64;

/// Bits of a size; larger ones are taken for the largest.
const BYTES_BITS: u32 = 29;

/// One removal.
#[derive(Clone, Copy, Pod, Zeroable, Debug)]
#[repr(C)]
struct Removal {
    fingerprint: u32,
    secs: u32,
    last_access_secs: u32,
    /// [`Cause`] in the highest bits, then the bytes.
    cause_and_bytes: u32,
    cas: u64,
}

const _: () = assert!(size_of::<Removal>() == 24);

/// The ring.
#[derive(Default, Debug)]
pub(in crate::store) struct Removals {
    pages: Vec<PoolPage>,
    per_page: usize,
    /// Removals ever noted; the next one goes where this stands, modulo the room.
    noted: u64,
}

impl Removals {
    /// Pages that the ring of one shard is to have.
    pub(in crate::store) fn pages_due(limit_bytes: u64, shards: usize, page_bytes: usize) -> u64 {
        let share = limit_bytes / shards as u64;
        if share < SHARD_PAGES_MIN * page_bytes as u64 {
            return 0;
        }
        (share / LIMIT_SHARE / page_bytes as u64).clamp(1, PAGES_MAX)
    }

    /// A ring in these pages.
    fn new(pages: Vec<PoolPage>, page_bytes: usize) -> Removals {
        Removals { pages, per_page: page_bytes / size_of::<Removal>(), noted: 0 }
    }

    /// Pages it has.
    pub(in crate::store) fn pages_held(&self) -> usize {
        self.pages.len()
    }

    fn removals(&self, page: usize) -> &[Removal] {
        bytemuck::cast_slice(&self.pages[page][..self.per_page * size_of::<Removal>()])
    }

    fn removals_mut(&mut self, page: usize) -> &mut [Removal] {
        bytemuck::cast_slice_mut(&mut self.pages[page][..self.per_page * size_of::<Removal>()])
    }

    fn room(&self) -> u64 {
        (self.pages.len() * self.per_page) as u64
    }

    fn push(&mut self, hash: KeyHash, removed: Removed) {
        let room = self.room();
        if room == 0 {
            return;
        }
        let removal = Removal {
            fingerprint: fingerprint(hash),
            secs: removed.at.secs(),
            last_access_secs: removed.last_access.secs(),
            cause_and_bytes: packed(removed.cause, removed.bytes),
            cas: removed.cas,
        };
        let at = (self.noted % room) as usize;
        let per_page = self.per_page;
        self.removals_mut(at / per_page)[at % per_page] = removal;
        self.noted += 1;
    }

    /// From the latest to the oldest.
    fn iter(&self) -> impl Iterator<Item = &Removal> {
        let room = self.room();
        let oldest = self.noted.saturating_sub(room);
        (oldest..self.noted).rev().map(move |noted| {
            let at = (noted % room) as usize;
            &self.removals(at / self.per_page)[at % self.per_page]
        })
    }

    /// The last removal of a key of this hash.
    pub(in crate::store) fn find(&self, hash: KeyHash) -> Option<Removed> {
        let fingerprint = fingerprint(hash);
        let removal = self.iter().find(|removal| removal.fingerprint == fingerprint)?;
        let cause = match removal.cause_and_bytes >> BYTES_BITS {
            0 => Cause::Evicted,
            1 => Cause::Expired,
            2 => Cause::Deleted,
            3 => Cause::NoMemory,
            _ => Cause::TooLarge,
        };
        Some(Removed {
            cause,
            at: Now::from_secs(removal.secs),
            last_access: Now::from_secs(removal.last_access_secs),
            bytes: u64::from(removal.cause_and_bytes & ((1 << BYTES_BITS) - 1)),
            cas: removal.cas,
        })
    }

    /// Since when every removal is known; `None` for ever.
    pub(in crate::store) fn reaches_back_to(&self) -> Option<Now> {
        let forgetful = self.noted > self.room();
        let oldest = self.iter().last().filter(|_| forgetful);
        oldest.map(|oldest| Now::from_secs(oldest.secs))
    }
}

/// Bits of the hash that do not depend on the shard alone.
fn fingerprint(hash: KeyHash) -> u32 {
    (hash.0 ^ hash.0 >> 32) as u32
}

fn packed(cause: Cause, bytes: u64) -> u32 {
    let code: u32 = match cause {
        Cause::Evicted => 0,
        Cause::Expired => 1,
        Cause::Deleted => 2,
        Cause::NoMemory => 3,
        Cause::TooLarge => 4,
    };
    code << BYTES_BITS | bytes.min((1 << BYTES_BITS) - 1) as u32
}

impl Shard {
    /// Draws the memory of the ring, if there is so much: a shard that replaces a broken one may find the budget full.
    pub(super) fn draw_removals(&mut self) {
        let limit_bytes = self.pool.limit_bytes();
        let pages = Removals::pages_due(limit_bytes, self.rules.shards, self.rules.page_bytes);
        let pages: Option<Vec<PoolPage>> = (0..pages).map(|_| self.pool.take()).collect();
        if let Some(pages) = pages {
            self.removals = Removals::new(pages, self.rules.page_bytes);
        }
    }

    /// Notes that an item is about to be removed.
    pub(in crate::store) fn note_removal(&mut self, cause: Cause, hash: KeyHash, handle: Handle, now: Now) {
        let Hit { last_access, deadline, cas, .. } = self.shown(handle);
        // An item is gone when its time is over, not when that is noticed.
        let at = match cause {
            Cause::Expired => {
                Now::from_secs(deadline.secs().clamp(last_access.secs().min(now.secs()), now.secs()))
            }
            _ => now,
        };
        let bytes = self.bytes_of(handle);
        self.removals.push(hash, Removed { cause, at, last_access, bytes, cas });
    }

    /// Notes the removal of an item whose page has left its class already.
    pub(super) fn note_left_behind(&mut self, cause: Cause, hash: KeyHash, item: Item<'_>, now: Now) {
        let (last_access, bytes, cas) = (item.last_access(), item.bytes() as u64, item.cas());
        self.removals.push(hash, Removed { cause, at: now, last_access, bytes, cas });
    }

    /// Notes that there is no item, because one of so many bytes could not be stored.
    pub(in crate::store) fn note_failed_store(&mut self, cause: Cause, hash: KeyHash, bytes: u64, now: Now) {
        self.removals.push(hash, Removed { cause, at: now, last_access: now, bytes, cas: 0 });
    }
}

//! One shard: every operation on the keys whose hash it is given.
//!
//! A shard has no lock of its own; [`super::Store`] keeps each under one mutex. It reads no clock. Memory comes from
//! the store's pool. What a shard is stands here; what it does in `shard/`, by purpose: `reading`,
//! `storing`, `changing`, all of them by `placing` and `asking`; how it makes room in `room`, what it does in the
//! background in `expiry.rs`.
//!
//! # Laws
//! Asserted by [`Shard::check_invariants`], by number:
//! - S1 index entries and live items pair one to one, with equal hashes;
//! - S2 in every page, live + free = chunks, and no chunk is free twice;
//! - S3 all memory is pages of the pool and charges against it, and no charge passes the limit;
//! - S4 hands stand within their class, and a sweep ends within two rounds;
//! - S5 what is charged equals a recount;
//! - S6 CAS uniques grow, and none is 0 while the store keeps them;
//! - S7 a read gives the last stored value of its key or nothing (the model test asserts it);
//! - S8 memory pressure never evicts a young item: one used so lately that less than a quarter of the shard's memory was
//!   used after it (`recency.rs`; the model test asserts it). Where nothing else is left in any shard the oldest go.
//!
//! Reserve, then commit: whatever can fail comes before the first change that could be seen half done. Should code
//! panic in between all the same, `mid_update` stays set and the store empties the shard when it is locked next: a
//! cache may forget, but not lie.

mod asking;
mod changing;
mod checks;
mod evictions;
mod placing;
mod reading;
mod removals;
mod room;
mod sampling;
mod storing;

pub(super) use asking::key_of;
pub(super) use checks::Visited;
use evictions::{EvictionRecord, Recording};
use removals::Removals;
use sampling::Sampler;

use super::cas::CasSequence;
use super::expiry::Sweep;
use super::figures::Totals;
use super::hash::{KeyHash, KeyHasher};
use super::index::Index;
use super::large::Large;
use super::outcome::StoreOptions;
use super::pool::{Charge, Pages, Pool};
use super::recency::Recency;
use super::slab::{ClassSizes, Slab};
use crate::clock::{Deadline, Now};
use std::borrow::Cow;
use std::sync::Arc;

/// What all shards of a store have in common.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) evict: bool,
    pub(super) cas: Arc<CasSequence>,
    pub(super) hasher: KeyHasher,
    pub(super) page_bytes: usize,
    pub(super) sizes: ClassSizes,
    pub(super) shards: usize,
    pub(super) recording: Arc<Recording>,
    /// Bytes that memcached's item of a key, flags and a value takes must not pass this.
    pub(super) item_max_bytes: u64,
}

impl Rules {
    /// True if memcached's item of these measures is within the limit (`-I`), so that the largest value that fits is
    /// the same to the byte.
    pub(super) fn fits(&self, key_len: usize, flags: u32, value_len: usize) -> bool {
        counted_bytes(key_len, flags, value_len, self.cas.is_enabled()) <= self.item_max_bytes
    }
}

/// Bytes that memcached's item of these measures takes, and by which items are reported and limited: 48 of header, 8
/// of CAS if uniques are kept, the key and a NUL, 4 of flags if there are any, the value and its line end.
pub fn counted_bytes(key_len: usize, flags: u32, value_len: usize, cas_enabled: bool) -> u64 {
    let header = 48 + if cas_enabled { 8 } else { 0 } + if flags == 0 { 0 } else { 4 };
    header + key_len as u64 + 1 + value_len as u64 + 2
}

/// The shard has not got so many pages and may not or cannot make room for them by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NeedRoom(pub(super) usize);

/// A key and its hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) hash: KeyHash,
}

/// What is to be stored beside key and value.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewItem {
    pub(super) flags: u32,
    pub(super) deadline: Deadline,
    pub(super) options: StoreOptions,
}

/// A value to be stored.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// To be copied.
    Bytes(&'a [u8]),
    /// A large value in its own pages.
    Received(Received),
}

/// A large value as it was received.
#[derive(Debug)]
pub(super) struct Received {
    /// Its pages. Empty once it is stored.
    pub(super) pages: Pages,
    /// What fills no page.
    pub(super) tail: Vec<u8>,
    pub(super) len: usize,
    /// What it takes on the heap. `None` once it is stored.
    pub(super) charge: Option<Charge>,
}

impl Received {
    /// Copies the value in, of parts which are as long as it in sum.
    fn fill<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>) {
        let mut pages = self.pages.iter_mut();
        let mut room: &mut [u8] = &mut [];
        for mut part in parts {
            while !part.is_empty() {
                if room.is_empty() {
                    match pages.next() {
                        Some(page) => room = page,
                        None => {
                            self.tail.extend_from_slice(part);
                            break;
                        }
                    }
                }
                let count = part.len().min(room.len());
                let (own, rest) = std::mem::take(&mut room).split_at_mut(count);
                own.copy_from_slice(&part[..own.len()]);
                (room, part) = (rest, &part[own.len()..]);
            }
        }
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let mut missing = self.len - self.tail.len();
        let pages = self.pages.iter().map(move |page| {
            let part = &page[..page.len().min(missing)];
            missing -= part.len();
            part
        });
        pages.chain([&*self.tail])
    }
}

impl Value<'_> {
    fn len(&self) -> usize {
        match self {
            Value::Bytes(bytes) => bytes.len(),
            Value::Received(received) => received.len,
        }
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Bytes(bytes) => Cow::Borrowed(bytes),
            Value::Received(received) => Cow::Owned(received.parts().collect::<Vec<_>>().concat()),
        }
    }
}

/// Before every second that is counted.
const LONG_AGO: Now = Now::from_secs(0);

/// One shard.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) rules: Rules,
    pub(super) pool: Arc<Pool>,
    pub(super) slab: Slab,
    pub(super) index: Index,
    pub(super) large: Large,
    /// Operations so far: the time by which hands are compared.
    pub(super) seq: u64,
    /// Which items were used lately.
    pub(super) recency: Recency,
    /// When a delayed flush is due.
    pub(super) flush_at: Option<Now>,
    /// The last second of the last delayed flush; what is stored up to then is gone at once.
    pub(super) flushed_through: Now,
    pub(super) sweep: Sweep,
    /// Pages that a crawl has still to look at.
    pub(super) crawl_left: usize,
    /// Where a small value is put together, kept for the next.
    joined: Vec<u8>,
    /// Set while an operation is at work; found set by the next one only after a panic.
    pub(super) mid_update: bool,
    /// Pages in hand: given up by one use, and free for the next. What is left of them goes to the pool after the lock.
    pub(super) in_hand: Pages,
    /// Large values that flushes left, to be taken apart by and by.
    pub(super) flushed: Vec<Large>,
    /// What was evicted, while somebody wants to know.
    pub(super) evicted: EvictionRecord,
    /// What was removed lately.
    pub(super) removals: Removals,
    /// A sample of what was done.
    pub(super) sampler: Sampler,
    /// The part of the figures that is counted as things happen.
    pub(super) totals: Totals,
}

impl Shard {
    /// An empty shard that takes its memory from `pool`.
    pub(super) fn new(rules: Rules, pool: Arc<Pool>) -> Shard {
        let mut shard = Shard {
            slab: Slab::new(rules.page_bytes, rules.sizes.clone()),
            index: Index::new(rules.page_bytes),
            large: Large::new(rules.page_bytes),
            pool,
            rules,
            seq: 0,
            recency: Recency::new(),
            flush_at: None,
            flushed_through: LONG_AGO,
            sweep: Sweep::default(),
            crawl_left: 0,
            joined: Vec::new(),
            mid_update: false,
            in_hand: Pages::default(),
            flushed: Vec::new(),
            evicted: EvictionRecord::default(),
            removals: Removals::default(),
            sampler: Sampler::default(),
            totals: Totals::default(),
        };
        shard.draw_removals();
        shard
    }
}

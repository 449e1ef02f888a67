//! One shard: all operations on the keys whose hash selects it.
//!
//! A shard has no lock of its own: [`super::Store`] keeps each shard under a mutex. A shard reads no clock and takes
//! its memory from the pool of the store. This file has its fields; each file below it adds the methods of one purpose.
//!
//! # Invariants
//! Asserted by [`Shard::check_invariants`], by number:
//! - S1 index entries and live items pair one to one, with equal hashes;
//! - S2 in every page, live + free = chunks, and no chunk is free twice;
//! - S3 all memory is pages of the pool and charges against it, and no charge passes the limit;
//! - S4 hands point into their class, and a sweep ends within two rounds;
//! - S5 charged bytes equal a recount;
//! - S6 CAS uniques grow, and none is 0 while the store keeps them;
//! - S7 a read returns the last stored value of its key or nothing (asserted by the model test);
//! - S8 memory pressure never evicts a young item: an item after whose last use less than a quarter of the shard's
//!   memory was used (`eviction/recency.rs`; asserted by the model test). Only if all shards hold nothing else, the
//!   oldest of the young items are evicted.
//!
//! Reserve, then commit: every step that can fail precedes the first change. If code panics in the middle of an update,
//! `mid_update` stays set, and the store empties the shard at the next lock: a cache may forget, but must not return
//! wrong data.

mod accessors;
mod arithmetic;
mod deletion;
mod eviction;
mod eviction_record;
mod expiry;
mod flush;
mod invariants;
mod large_placement;
mod memory;
mod placement;
mod recorders;
mod removal;
mod removal_log;
mod retrieval;
mod rules;
mod sampler;
mod statistics;
mod storage;
mod usage;
mod value;
mod walk;

use accessors::key_of;
use eviction_record::EvictionRecord;
use recorders::Recorders;
pub(super) use rules::Rules;
pub use rules::memcached_item_bytes;
pub(super) use value::{LargeParts, Value};
pub(super) use walk::Visited;

use crate::clock::{Deadline, Now};
use crate::store::eviction::Recency;
use crate::store::expiry::Sweep;
use crate::store::index::Index;
use crate::store::item::KeyHash;
use crate::store::memory::large::LargeValues;
use crate::store::memory::pool::{Pages, Pool};
use crate::store::memory::slab::Slab;
use crate::store::operation::StoreOptions;
use crate::store::statistics::Totals;
use std::sync::Arc;

/// The operation needs this many pages, which the shard cannot get by itself or may not evict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MemoryNeeded(pub(super) usize);

/// A key and its hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) hash: KeyHash,
}

/// The properties of an item to be stored, besides key and value.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewItem {
    pub(super) flags: u32,
    pub(super) deadline: Deadline,
    pub(super) options: StoreOptions,
}

/// Earlier than every second of the clock.
const BEFORE_START: Now = Now::from_secs(0);

/// One shard.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) rules: Rules,
    pub(super) pool: Arc<Pool>,
    pub(super) slab: Slab,
    pub(super) index: Index,
    pub(super) large: LargeValues,
    /// Operations so far: the clock of eviction.
    pub(super) seq: u64,
    /// Which items were used recently.
    pub(super) recency: Recency,
    /// When a delayed flush is due.
    pub(super) flush_at: Option<Now>,
    /// The second of the last delayed flush. Items that are stored up to it are born expired.
    pub(super) flushed_through: Now,
    pub(super) sweep: Sweep,
    /// Buffer in which append and prepend build small values.
    joined: Vec<u8>,
    /// Set during an update. An operation that finds it set follows a panic.
    pub(super) mid_update: bool,
    /// Pages that one use gave up and another may take. Those left after the operation return to the pool after unlock.
    pub(super) spare_pages: Pages,
    /// Large values that flushes removed, dismantled step by step.
    pub(super) flushed: Vec<LargeValues>,
    pub(super) recorders: Recorders,
    /// The statistics that are counted as events happen.
    pub(super) totals: Totals,
}

impl Shard {
    /// An empty shard that takes its memory from `pool`.
    pub(super) fn new(rules: Rules, pool: Arc<Pool>) -> Shard {
        let recorders =
            Recorders { evictions: EvictionRecord::new(rules.recording.clone()), ..Recorders::default() };
        let mut shard = Shard {
            slab: Slab::new(rules.page_bytes, rules.sizes.clone()),
            index: Index::new(rules.page_bytes),
            large: LargeValues::new(rules.page_bytes),
            pool,
            rules,
            seq: 0,
            recency: Recency::new(),
            flush_at: None,
            flushed_through: BEFORE_START,
            sweep: Sweep::default(),
            joined: Vec::new(),
            mid_update: false,
            spare_pages: Pages::default(),
            flushed: Vec::new(),
            recorders,
            totals: Totals::default(),
        };
        shard.allocate_removal_log();
        shard
    }
}

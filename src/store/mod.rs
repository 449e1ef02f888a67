//! The store: takes keys, values and times, and returns outcomes. Synchronous, without IO, without a wire format.
//!
//! A [`Store`] has shards, each under one mutex and selected by the key's hash, and one pool of pages for all memory
//! that grows with items. One shard is locked at a time. A large value leaves the store as a reference to its pages.
//!
//! | folder or file | contents |
//! | --- | --- |
//! | `api/` | the public operations, locking, balance between shards, maintenance |
//! | `shard/` | one shard: retrieval, storage, arithmetic (`incr`), deletion, expiry, eviction, invariants |
//! | `expiry.rs` | the sweep for expired items |
//! | `eviction/` | the policies that select the next victim and trade pages between classes |
//! | `index/` | the index from key hash to item |
//! | `memory/` | the page pool, chunks of small items (`slab/`), large values (`large/`) |
//! | `statistics/` | totals, statistics per class, samples of operations, times of CAS draws |
//! | `item/` | an item's header, handle and key hash, CAS uniques, numbers as text |
//! | `operation.rs`, `outcome.rs`, `settings.rs` | parameters and results of the operations |
//!
//! Imports go one way: `api -> shard -> {index, eviction, expiry} -> memory -> statistics -> item`. `operation` and
//! `outcome` import only `memory` and `item`. A file below `shard/` or `api/` adds methods to the type of its parent;
//! no other file imports its parent.

mod api;
mod eviction;
mod expiry;
mod index;
mod item;
mod memory;
mod operation;
mod outcome;
mod settings;
mod shard;
mod statistics;

pub use api::{Store, Surveyed, WalkPosition};
pub use item::{ItemMarks, decimal};
pub use memory::large::{LargeRef, LargeValue, ValueWriter};
pub use memory::pool::PAGE_OVERHEAD_BYTES;
pub use operation::*;
pub use outcome::*;
pub use settings::Settings;
pub use shard::memcached_item_bytes;
pub use statistics::{ClassStats, Drained, SampleKind, SampleRule, Sampled, Totals};

//! Keys, values and time in; outcomes out. Synchronous, without IO; knows nothing of any wire.
//!
//! A [`Store`] is a set of shards, each under one mutex, chosen by the key's hash, and one pool of pages for all memory
//! that grows with items. Only one shard is locked at a time. Large values leave as references.

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

//! The index of a shard: from key hash to handle.

mod bucket;
mod segments;
mod table;

pub(super) use table::Index;

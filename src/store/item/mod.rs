//! One item: header and bytes in a chunk, handle, key hash, CAS unique, and numbers as text.

pub(super) mod cas;
pub mod decimal;
pub(super) mod handle;
pub(super) mod hash;
pub(super) mod header;

pub(super) use cas::CasSequence;
pub(super) use handle::{CHUNKS_PER_PAGE_MAX, ChunkAt, Handle, LargeId, PAGES_MAX, Place};
pub(super) use hash::{KeyHash, KeyHasher};
pub use header::ItemMarks;
pub(super) use header::{Fields, Item};

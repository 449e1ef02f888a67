//! The record of a large value.

use super::fragments::Fragment;
use super::pages::LargePages;
use crate::clock::{Deadline, Now};
use crate::store::item::{ItemMarks, header};
use crate::store::memory::pool::{Charge, PoolPage};
use std::sync::Arc;

/// Header bytes in `stats`: those of the longest header of a small item.
const HEADER_BYTES: usize = header::HEADER_MAX_BYTES;

/// The record of a large value.
#[derive(Debug)]
pub(in crate::store) struct LargeItem {
    pub(in crate::store) key: Box<[u8]>,
    pub(in crate::store) pages: Arc<LargePages>,
    pub(in crate::store) tail: Vec<Fragment>,
    /// Length of the value in bytes.
    pub(in crate::store) value_len: usize,
    /// Its memory in pages, fragments and heap, in bytes.
    pub(in crate::store) taken_bytes: u64,
    /// Charge for its heap memory.
    pub(in crate::store) charge: Charge,
    pub(in crate::store) flags: u32,
    pub(in crate::store) cas: u64,
    pub(in crate::store) deadline: Deadline,
    pub(in crate::store) last_access: Now,
    pub(in crate::store) fetched: bool,
    pub(in crate::store) marks: ItemMarks,
    /// Last use, in operations of the shard.
    pub(in crate::store) used: u64,
    /// On probation: not used since it was stored.
    pub(in crate::store) probation: bool,
    /// The generation of its last use.
    pub(in crate::store) stamp: u8,
}

impl LargeItem {
    /// Bytes of header, key and value.
    pub(in crate::store) fn bytes(&self) -> u64 {
        (HEADER_BYTES + self.key.len() + self.value_len) as u64
    }

    /// True if a reader holds its pages.
    pub(in crate::store) fn is_pinned(&self) -> bool {
        Arc::strong_count(&self.pages) > 1
    }

    /// Its pages. Empty if a reader pins them; then they return to the pool later.
    pub(in crate::store) fn into_pages(self) -> Vec<PoolPage> {
        Arc::into_inner(self.pages).map(LargePages::into_pages).unwrap_or_default()
    }
}

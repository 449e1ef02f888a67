//! Rules that all shards of a store share.

use super::eviction_record::Recording;
use crate::store::item::{CasSequence, KeyHasher};
use crate::store::memory::slab::ClassSizes;
use std::sync::Arc;

/// Rules and limits of a store, shared by its shards.
#[derive(Clone, Debug)]
pub(in crate::store) struct Rules {
    pub(in crate::store) evict: bool,
    pub(in crate::store) cas: Arc<CasSequence>,
    pub(in crate::store) hasher: KeyHasher,
    pub(in crate::store) page_bytes: usize,
    pub(in crate::store) sizes: ClassSizes,
    pub(in crate::store) shards: usize,
    pub(in crate::store) recording: Arc<Recording>,
    /// Largest item in bytes, by memcached's way of counting.
    pub(in crate::store) item_max_bytes: u64,
}

impl Rules {
    /// True if memcached's item of this size is within the limit (`-I`). The largest accepted value is therefore the
    /// same to the byte.
    pub(in crate::store) fn fits(&self, key_len: usize, flags: u32, value_len: usize) -> bool {
        memcached_item_bytes(key_len, flags, value_len, self.cas.is_enabled()) <= self.item_max_bytes
    }
}

/// Bytes of an item in memcached, by which items are limited and reported: 48 of header, 8 of CAS if uniques are kept,
/// the key and a NUL, 4 of flags if they are not 0, the value and its line end.
pub fn memcached_item_bytes(key_len: usize, flags: u32, value_len: usize, cas_enabled: bool) -> u64 {
    let header = 48 + if cas_enabled { 8 } else { 0 } + if flags == 0 { 0 } else { 4 };
    header + key_len as u64 + 1 + value_len as u64 + 2
}

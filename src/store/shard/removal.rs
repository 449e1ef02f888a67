//! One removal of an item, as all recorders see it.

use crate::clock::{Deadline, Now};
use crate::store::item::{Item, KeyHash};
use crate::store::memory::large::LargeItem;
use crate::store::outcome::Cause;

/// An item that is about to be removed, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removal<'a> {
    pub(super) cause: Cause,
    pub(super) hash: KeyHash,
    pub(super) key: &'a [u8],
    /// Length of the value in bytes.
    pub(super) value_len: usize,
    /// Bytes of header, key and value.
    pub(super) item_bytes: u64,
    /// Slab class as `stats` numbers it, from 1.
    pub(super) class: u32,
    pub(super) deadline: Deadline,
    pub(super) last_access: Now,
    pub(super) fetched: bool,
    /// CAS unique; 0 if none is kept.
    pub(super) cas: u64,
    pub(super) now: Now,
}

impl<'a> Removal<'a> {
    /// The removal of an item in a chunk.
    pub(super) fn of_chunk(cause: Cause, hash: KeyHash, item: Item<'a>, class: u32, now: Now) -> Removal<'a> {
        let (fields, value) = item.read();
        Removal {
            cause,
            hash,
            key: item.key(),
            value_len: value.len(),
            item_bytes: item.bytes() as u64,
            class,
            deadline: fields.deadline,
            last_access: fields.last_access,
            fetched: fields.fetched,
            cas: fields.cas,
            now,
        }
    }

    /// The removal of a large value.
    pub(super) fn of_large(
        cause: Cause,
        hash: KeyHash,
        item: &'a LargeItem,
        class: u32,
        now: Now,
    ) -> Removal<'a> {
        Removal {
            cause,
            hash,
            key: &item.key,
            value_len: item.value_len,
            item_bytes: item.bytes(),
            class,
            deadline: item.deadline,
            last_access: item.last_access,
            fetched: item.fetched,
            cas: item.cas,
            now,
        }
    }

    /// When the item went: an expired item at its deadline, not when the expiry was noticed.
    pub(super) fn at(&self) -> Now {
        match self.cause {
            Cause::Expired => {
                let earliest = self.last_access.secs().min(self.now.secs());
                Now::from_secs(self.deadline.secs().clamp(earliest, self.now.secs()))
            }
            _ => self.now,
        }
    }
}

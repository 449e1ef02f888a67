//! Large values: one refcounted buffer each, in exact LRU order.
//!
//! A value leaves the store as a reference, so it is sent without a copy and freed when the last reader is done.
//! Here lie the items of one shard; they are charged what the allocator takes for them. Knows neither index nor pages.
//!
//! Invariants: the deadlines hold exactly the items that have one; `charged_bytes` is the sum over all items.

use super::budget::{Account, allocated_bytes};
use super::figures::ClassFigures;
use super::handle::LargeId;
use crate::clock::{Deadline, Now};
use bytes::buf::Limit;
use bytes::{BufMut, Bytes, BytesMut};
use lru::LruCache;
use std::collections::BTreeSet;

/// Charged for an item beyond its value and key: its entry in the LRU list and among the deadlines, the reference
/// count, and the allocator's own.
const ENTRY_BYTES: u64 = 256;

/// Bytes of the header in `stats`, as a full item in a chunk has.
const HEADER_BYTES: usize = super::item::HEADER_MAX_BYTES;

/// A large item.
#[derive(Clone, Debug)]
pub(super) struct LargeItem {
    pub(super) key: Box<[u8]>,
    pub(super) value: Bytes,
    pub(super) flags: u32,
    pub(super) cas: u64,
    pub(super) deadline: Deadline,
    pub(super) last_access: Now,
    pub(super) fetched: bool,
    /// When it was last used, in operations of the shard.
    pub(super) used: u64,
}

impl LargeItem {
    /// What it is charged with.
    pub(super) fn charged_bytes(&self) -> u64 {
        charge_for(self.key.len(), self.value.len())
    }

    /// Bytes of header, key and value.
    pub(super) fn bytes(&self) -> u64 {
        (HEADER_BYTES + self.key.len() + self.value.len()) as u64
    }
}

/// What a large item of these lengths is charged with, in bytes.
pub(super) fn charge_for(key_len: usize, value_len: usize) -> u64 {
    allocated_bytes(value_len) + allocated_bytes(key_len) + ENTRY_BYTES
}

/// The large items of a shard.
#[derive(Debug)]
pub(super) struct Large {
    items: LruCache<LargeId, LargeItem>,
    deadlines: BTreeSet<(u32, LargeId)>,
    next: LargeId,
    charged_bytes: u64,
    pub(super) figures: ClassFigures,
}

impl Large {
    pub(super) fn new() -> Large {
        Large {
            items: LruCache::unbounded(),
            deadlines: BTreeSet::new(),
            next: LargeId(0),
            charged_bytes: 0,
            figures: ClassFigures::default(),
        }
    }

    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// What all items are charged with.
    pub(super) fn charged_bytes(&self) -> u64 {
        self.charged_bytes
    }

    /// An item that is there by the law that index entries name live items only.
    pub(super) fn item(&self, id: LargeId) -> &LargeItem {
        self.items.peek(&id).expect("index entries name live items only (S1)")
    }

    /// As [`Large::item`], and moves it to the front of the order.
    pub(super) fn use_item(&mut self, id: LargeId) -> &mut LargeItem {
        self.items.get_mut(&id).expect("index entries name live items only (S1)")
    }

    /// Gives an item another deadline.
    pub(super) fn set_deadline(&mut self, id: LargeId, deadline: Deadline) {
        let Some(item) = self.items.peek_mut(&id) else { return };
        self.deadlines.remove(&(item.deadline.secs(), id));
        item.deadline = deadline;
        if !deadline.is_never() {
            self.deadlines.insert((deadline.secs(), id));
        }
    }

    /// Adds an item, already charged, at the front of the order.
    pub(super) fn insert(&mut self, item: LargeItem) -> LargeId {
        let mut id = self.next;
        while self.items.contains(&id) {
            id = id.next();
        }
        self.next = id.next();
        self.charged_bytes += item.charged_bytes();
        self.figures.item_bytes += item.bytes();
        if !item.deadline.is_never() {
            self.deadlines.insert((item.deadline.secs(), id));
        }
        self.items.put(id, item);
        id
    }

    /// Takes an item out; the caller gives its charge back.
    pub(super) fn remove(&mut self, id: LargeId) -> Option<LargeItem> {
        let item = self.items.pop(&id)?;
        self.deadlines.remove(&(item.deadline.secs(), id));
        self.charged_bytes -= item.charged_bytes();
        self.figures.item_bytes -= item.bytes();
        Some(item)
    }

    /// The item that was not used for the longest.
    pub(super) fn coldest(&self) -> Option<(LargeId, &LargeItem)> {
        self.items.peek_lru().map(|(id, item)| (*id, item))
    }

    /// The next item whose time is over.
    pub(super) fn expired(&self, now: Now) -> Option<LargeId> {
        let (secs, id) = self.deadlines.first()?;
        Deadline::from_secs(*secs).is_over(now).then_some(*id)
    }

    /// Every item.
    pub(super) fn iter(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.items.iter().map(|(id, item)| (*id, item))
    }

    /// Asserts the invariants.
    pub(super) fn check_invariants(&self) {
        let charged: u64 = self.iter().map(|(_, item)| item.charged_bytes()).sum();
        assert_eq!(charged, self.charged_bytes, "S5: charges of large values");
        let bytes: u64 = self.iter().map(|(_, item)| item.bytes()).sum();
        assert_eq!(bytes, self.figures.item_bytes, "S5: bytes of large values");
        let mut mortal = 0;
        for (id, item) in self.iter() {
            if !item.deadline.is_never() {
                mortal += 1;
                assert!(self.deadlines.contains(&(item.deadline.secs(), id)), "a deadline is noted");
            }
        }
        assert_eq!(mortal, self.deadlines.len(), "no deadline without an item");
    }
}

/// A charged buffer for a large value that is still being received. Dropping it gives the charge back.
#[derive(Debug)]
pub struct LargeDraft {
    buffer: BytesMut,
    length: usize,
    account: Account,
    /// The same charge, against the bound on all values being received at once.
    _receiving: Account,
}

impl LargeDraft {
    /// An empty buffer for `length` bytes, charged in both accounts.
    pub(super) fn new(length: usize, account: Account, receiving: Account) -> LargeDraft {
        LargeDraft { buffer: BytesMut::with_capacity(length), length, account, _receiving: receiving }
    }

    /// The declared length.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Bytes still missing.
    pub fn missing(&self) -> usize {
        self.length - self.buffer.len()
    }

    /// Where the missing bytes go; never grows beyond the declared length. Only to be written to while
    /// [`LargeDraft::missing`] is not 0.
    pub fn spare(&mut self) -> Limit<&mut BytesMut> {
        let missing = self.missing();
        (&mut self.buffer).limit(missing)
    }

    /// Appends at most `missing()` bytes of `data`; returns how many were taken.
    pub fn push(&mut self, data: &[u8]) -> usize {
        let taken = data.len().min(self.missing());
        self.buffer.extend_from_slice(&data[..taken]);
        taken
    }

    /// The value and its charge.
    pub(super) fn into_parts(self) -> (Bytes, Account) {
        (self.buffer.freeze(), self.account)
    }
}

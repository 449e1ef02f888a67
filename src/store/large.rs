//! Large values: refcounted blocks, in exact LRU order.
//!
//! A value leaves the store as a reference, so it is sent without a copy and freed when the last reader is done. It
//! lies in blocks of the size of a page and one shorter block at its end: values of all sizes and pages then take
//! turns in the same memory (decision note [`d06`](crate::decisions::d06_large_values_lie_in_blocks)). Here lie the
//! items of one shard; they are charged what the allocator takes for them. Knows neither index nor pages.
//!
//! Invariants: the deadlines hold exactly the items that have one; `charged_bytes` is the sum over all items.

use super::budget::{Account, allocated_bytes};
use super::figures::ClassFigures;
use super::handle::LargeId;
use crate::clock::{Deadline, Now};
use bytes::BufMut;
use bytes::buf::Limit;
use lru::LruCache;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Charged for an item beyond its value and key: its entry in the LRU list and among the deadlines, the reference
/// count, and the allocator's own.
const ENTRY_BYTES: u64 = 256;

/// Bytes of the header in `stats`, as a full item in a chunk has.
const HEADER_BYTES: usize = super::item::HEADER_MAX_BYTES;

/// A large value: its blocks, in order; every block but the last has the size of a page.
pub type Blocks = Arc<[Box<[u8]>]>;

/// A large item.
#[derive(Clone, Debug)]
pub(super) struct LargeItem {
    pub(super) key: Box<[u8]>,
    pub(super) value: Blocks,
    /// Length of the value in bytes.
    pub(super) value_len: usize,
    /// What it is charged with.
    pub(super) charged_bytes: u64,
    pub(super) flags: u32,
    pub(super) cas: u64,
    pub(super) deadline: Deadline,
    pub(super) last_access: Now,
    pub(super) fetched: bool,
    /// When it was last used, in operations of the shard.
    pub(super) used: u64,
}

impl LargeItem {
    /// Bytes of header, key and value.
    pub(super) fn bytes(&self) -> u64 {
        (HEADER_BYTES + self.key.len() + self.value_len) as u64
    }
}

/// What a large item of these lengths is charged with, in bytes.
pub(super) fn charge_for(block_bytes: usize, key_len: usize, value_len: usize) -> u64 {
    let whole = (value_len / block_bytes) as u64 * allocated_bytes(block_bytes);
    let list = allocated_bytes(value_len.div_ceil(block_bytes) * size_of::<Box<[u8]>>());
    whole + allocated_bytes(value_len % block_bytes) + list + allocated_bytes(key_len) + ENTRY_BYTES
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
        self.charged_bytes += item.charged_bytes;
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
        self.charged_bytes -= item.charged_bytes;
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
        let charged: u64 = self.iter().map(|(_, item)| item.charged_bytes).sum();
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

/// Gathers a value of known length in blocks, which are allocated as they are needed.
#[derive(Debug)]
struct BlockBuffer {
    full: Vec<Box<[u8]>>,
    filling: Vec<u8>,
    block_bytes: usize,
    missing: usize,
}

impl BlockBuffer {
    fn new(block_bytes: usize, length: usize) -> BlockBuffer {
        let full = Vec::with_capacity(length.div_ceil(block_bytes));
        BlockBuffer { full, filling: Vec::new(), block_bytes, missing: length }
    }

    fn spare(&mut self) -> Limit<&mut Vec<u8>> {
        if self.filling.capacity() == 0 {
            self.filling.reserve_exact(self.block_bytes.min(self.missing));
        }
        let room = self.missing.min(self.block_bytes - self.filling.len());
        (&mut self.filling).limit(room)
    }

    fn advance(&mut self, count: usize) {
        self.missing -= count;
        if self.filling.len() == self.block_bytes || self.missing == 0 {
            self.full.push(std::mem::take(&mut self.filling).into_boxed_slice());
        }
    }

    fn push(&mut self, data: &[u8]) -> usize {
        let mut taken = 0;
        while taken < data.len() && self.missing > 0 {
            let mut spare = self.spare();
            let count = spare.remaining_mut().min(data.len() - taken);
            spare.put_slice(&data[taken..taken + count]);
            taken += count;
            self.advance(count);
        }
        taken
    }
}

/// Copies a value into blocks.
pub(super) fn into_blocks(block_bytes: usize, value: &[u8]) -> Blocks {
    let mut buffer = BlockBuffer::new(block_bytes, value.len());
    buffer.push(value);
    buffer.full.into()
}

/// A charged buffer for a large value that is still being received. Dropping it gives the charge back.
#[derive(Debug)]
pub struct LargeDraft {
    buffer: BlockBuffer,
    length: usize,
    account: Account,
    /// The same charge, against the bound on all values being received at once.
    _receiving: Account,
}

impl LargeDraft {
    /// An empty buffer for `length` bytes, charged in both accounts.
    pub(super) fn new(block_bytes: usize, length: usize, account: Account, receiving: Account) -> LargeDraft {
        LargeDraft { buffer: BlockBuffer::new(block_bytes, length), length, account, _receiving: receiving }
    }

    /// The declared length.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Bytes still missing.
    pub fn missing(&self) -> usize {
        self.buffer.missing
    }

    /// Where the next of the missing bytes go; call [`LargeDraft::advance`] with the number that came. There is room
    /// for at least one while any is missing.
    pub fn spare(&mut self) -> Limit<&mut Vec<u8>> {
        self.buffer.spare()
    }

    /// Notes that `count` bytes were written to [`LargeDraft::spare`].
    pub fn advance(&mut self, count: usize) {
        self.buffer.advance(count);
    }

    /// Appends at most `missing()` bytes of `data`; returns how many were taken.
    pub fn push(&mut self, data: &[u8]) -> usize {
        self.buffer.push(data)
    }

    /// The value, its length and its charge.
    pub(super) fn into_parts(self) -> (Blocks, usize, Account) {
        (self.buffer.full.into(), self.length, self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::budget::Budget;

    #[test]
    fn a_draft_gathers_its_bytes_in_blocks_however_they_come() {
        let budget = Arc::new(Budget::new(1 << 20));
        let data: Vec<u8> = (0..100_000).map(|at: u32| at as u8).collect();
        for length in [1, 32_767, 32_768, 32_769, 65_536, 99_999] {
            for piece in [1, 7, 4096, 32_768, 100_000] {
                let account = || Account::new(budget.clone());
                let mut draft = LargeDraft::new(32 << 10, length, account(), account());
                for piece in data.chunks(piece) {
                    let missing = draft.missing();
                    assert_eq!(draft.push(piece), piece.len().min(missing));
                }
                assert_eq!(draft.missing(), 0);
                let (blocks, len, _) = draft.into_parts();
                assert_eq!((blocks.concat(), len), (data[..length].to_vec(), length));
                assert_eq!(blocks.len(), length.div_ceil(32 << 10));
            }
        }
    }

    #[test]
    fn charges_cover_whole_blocks_and_the_last_one() {
        let overhead = charge_for(32 << 10, 1, 0);
        assert_eq!(charge_for(32 << 10, 1, 64 << 10), overhead + (64 << 10) + 32);
        assert_eq!(charge_for(32 << 10, 1, (32 << 10) + 1000), overhead + (32 << 10) + 1024 + 32);
    }
}

//! Large values: refcounted blocks, in LRU order behind a probation.
//!
//! A value leaves the store as a reference, so it is sent without a copy and freed when the last reader is done. It
//! lies in blocks of the size of a page, and its end in smaller ones (see [`block_bytes`]): values of all sizes and
//! pages then take turns in the same memory (decision note [`d06`](crate::decisions::d06_large_values_lie_in_blocks)). Here
//! lie the items of one shard; they are charged what the allocator takes for them. Knows neither index nor pages.
//!
//! As among small items, newcomers are on probation: they leave first, in the order they came, while they hold more
//! than a tenth of the memory of large values; those used meanwhile come to the main part, which is in LRU order. Both
//! are apart by size (`large/bands.rs`), and of a few at the end of each size the one that has kept the most memory idle
//! leaves (decision note [`d17`](crate::decisions::d17_large_values_lie_apart_by_size)).
//!
//! Invariants: the deadlines hold exactly the items that have one; `charged_bytes` is the sum over all items.

mod bands;

use super::budget::{Account, allocated_bytes};
use super::compaction::Compaction;
use super::figures::ClassFigures;
use super::handle::LargeId;
use super::item::Marks;
use crate::clock::{Deadline, Now};
use bands::Bands;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Charged for an item beyond its value and key: its entry in the LRU list and among the deadlines, the reference
/// count, and the allocator's own.
const ENTRY_BYTES: u64 = 256;

/// Bytes of the header in `stats`, as a full item in a chunk has.
const HEADER_BYTES: usize = super::item::HEADER_MAX_BYTES;

/// Values on probation may hold one in this many bytes before they leave first.
const PROBATION_ONE_IN: u64 = 10;

/// Values promoted while one is looked for that leaves.
const PROMOTED_MAX: u32 = 16;

/// A large value: its blocks, in order.
pub type Blocks = Arc<[Vec<u8>]>;

/// Blocks of the end of a value, which fills nothing larger.
const TAIL_BLOCK_BYTES: usize = 2048;

/// Blocks between those of pages and the end, beside pages that are so large that an end would lie in many blocks.
const PART_BLOCK_BYTES: usize = 16 << 10;
const PARTED_FROM_PAGE_BYTES: usize = 64 << 10;

/// Size of the next block of a value of which so many bytes are missing, more than none.
fn block_bytes(page_bytes: usize, missing: usize) -> usize {
    if missing >= page_bytes {
        page_bytes
    } else if page_bytes >= PARTED_FROM_PAGE_BYTES && missing >= PART_BLOCK_BYTES {
        PART_BLOCK_BYTES
    } else {
        TAIL_BLOCK_BYTES
    }
}

/// Of a value of this length, the blocks that are as large as a page, those between, and those of the end.
fn blocks_of(page_bytes: usize, len: usize) -> (usize, usize, usize) {
    let (pages, rest) = (len / page_bytes, len % page_bytes);
    let parts = if page_bytes >= PARTED_FROM_PAGE_BYTES { rest / PART_BLOCK_BYTES } else { 0 };
    (pages, parts, (rest - parts * PART_BLOCK_BYTES).div_ceil(TAIL_BLOCK_BYTES))
}

/// Charged for one of them beyond its bytes: holes that others left among them, of which there are always some.
const TAIL_BLOCK_OVERHEAD_BYTES: u64 = 66;

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
    pub(super) marks: Marks,
    /// When it was last used, in operations of the shard.
    pub(super) used: u64,
    /// A newcomer that has not proved itself.
    pub(super) probation: bool,
}

impl LargeItem {
    /// Bytes of header, key and value.
    pub(super) fn bytes(&self) -> u64 {
        (HEADER_BYTES + self.key.len() + self.value_len) as u64
    }
}

/// What a large item of these lengths is charged with, in bytes.
pub(super) fn charge_for(page_bytes: usize, key_len: usize, value_len: usize) -> u64 {
    let (pages, parts, tail_blocks) = blocks_of(page_bytes, value_len);
    let list = allocated_bytes((pages + parts + tail_blocks) * size_of::<Vec<u8>>());
    pages as u64 * allocated_bytes(page_bytes)
        + parts as u64 * allocated_bytes(PART_BLOCK_BYTES)
        + tail_blocks as u64 * (TAIL_BLOCK_BYTES as u64 + TAIL_BLOCK_OVERHEAD_BYTES)
        + list
        + allocated_bytes(key_len)
        + ENTRY_BYTES
}

/// The large items of a shard.
#[derive(Debug)]
pub(super) struct Large {
    main: Bands,
    /// Newcomers, in the order they came.
    probation: Bands,
    probation_bytes: u64,
    deadlines: BTreeSet<(u32, LargeId)>,
    next: LargeId,
    charged_bytes: u64,
    pub(super) figures: ClassFigures,
}

impl Large {
    pub(super) fn new() -> Large {
        Large {
            main: Bands::new(),
            probation: Bands::new(),
            probation_bytes: 0,
            deadlines: BTreeSet::new(),
            next: LargeId(0),
            charged_bytes: 0,
            figures: ClassFigures::default(),
        }
    }

    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.main.len() + self.probation.len()
    }

    /// What all items are charged with.
    pub(super) fn charged_bytes(&self) -> u64 {
        self.charged_bytes
    }

    /// An item that is there by the law that index entries name live items only.
    pub(super) fn item(&self, id: LargeId) -> &LargeItem {
        self.main
            .peek(id)
            .or_else(|| self.probation.peek(id))
            .expect("index entries name live items only (S1)")
    }

    /// As [`Large::item`], and moves it to the front of the order; one on probation stays where it is.
    pub(super) fn use_item(&mut self, id: LargeId) -> &mut LargeItem {
        let item = match self.main.get_mut(id) {
            None => self.probation.peek_mut(id),
            found => found,
        };
        item.expect("index entries name live items only (S1)")
    }

    fn item_mut(&mut self, id: LargeId) -> Option<&mut LargeItem> {
        match self.main.peek_mut(id) {
            None => self.probation.peek_mut(id),
            found => found,
        }
    }

    /// Gives an item another deadline.
    pub(super) fn set_deadline(&mut self, id: LargeId, deadline: Deadline) {
        let Some(item) = self.item_mut(id) else { return };
        let before = item.deadline.secs();
        item.deadline = deadline;
        self.deadlines.remove(&(before, id));
        if !deadline.is_never() {
            self.deadlines.insert((deadline.secs(), id));
        }
    }

    fn is_taken(&self, id: LargeId) -> bool {
        self.main.peek(id).is_some() || self.probation.peek(id).is_some()
    }

    /// Adds an item, already charged, at the front of the order.
    pub(super) fn insert(&mut self, item: LargeItem) -> LargeId {
        let band = Bands::band_of(item.charged_bytes);
        let mut number = self.next;
        while self.is_taken(number.with_band(band)) {
            number = number.next();
        }
        self.next = number.next();
        let id = number.with_band(band);
        self.charged_bytes += item.charged_bytes;
        self.figures.item_bytes += item.bytes();
        if !item.deadline.is_never() {
            self.deadlines.insert((item.deadline.secs(), id));
        }
        if item.probation {
            self.probation_bytes += item.charged_bytes;
            self.probation.put(id, item);
        } else {
            self.main.put(id, item);
        }
        id
    }

    /// Shows the blocks of an item, if it is still there, to who may move them; not while somebody reads it.
    pub(super) fn show_value(&mut self, id: LargeId, compaction: &mut Compaction) {
        let Some(item) = self.item_mut(id) else { return };
        match Arc::get_mut(&mut item.value) {
            Some(blocks) => blocks.iter_mut().for_each(|block| compaction.show(block)),
            None => item.value.iter().for_each(|block| compaction.show_fixed(block)),
        }
    }

    /// Takes an item out; the caller gives its charge back.
    pub(super) fn remove(&mut self, id: LargeId) -> Option<LargeItem> {
        let item = self.main.pop(id).or_else(|| self.probation.pop(id))?;
        self.probation_bytes -= if item.probation { item.charged_bytes } else { 0 };
        self.deadlines.remove(&(item.deadline.secs(), id));
        self.charged_bytes -= item.charged_bytes;
        self.figures.item_bytes -= item.bytes();
        Some(item)
    }

    /// The item that was not used for the longest, newcomers apart if there are others.
    pub(super) fn coldest(&self) -> Option<(LargeId, &LargeItem)> {
        self.main.coldest().or_else(|| self.probation.coldest())
    }

    /// When the item that was not used for the longest was last used, in operations of the shard. The newcomers' order
    /// is that of their coming, so those that were used since are promoted first, a few at most.
    pub(super) fn idle_since(&mut self) -> Option<u64> {
        self.promote_used();
        let ends = [self.main.coldest(), self.probation.coldest()];
        ends.into_iter().flatten().map(|(_, item)| item.used).min()
    }

    fn newcomers_first(&self) -> bool {
        self.probation_bytes * PROBATION_ONE_IN > self.charged_bytes || self.main.is_empty()
    }

    /// Promotes the newcomers that would leave next and were used, a few at most.
    fn promote_used(&mut self) {
        for _ in 0..PROMOTED_MAX {
            let used = self.probation.ends().find(|(_, item)| item.fetched);
            let Some((id, _)) = used.filter(|_| self.newcomers_first()) else { break };
            if let Some(item) = self.probation.pop(id) {
                self.probation_bytes -= item.charged_bytes;
                self.figures.promoted += 1;
                self.main.put(id, LargeItem { probation: false, ..item });
            }
        }
    }

    /// The item that leaves next: of a few of the coldest of each size the one that has kept the most memory idle, `seq`
    /// being the operations of the shard so far.
    pub(super) fn next_victim(&mut self, seq: u64) -> Option<(LargeId, &LargeItem)> {
        self.promote_used();
        let newcomers = self.newcomers_first() && !self.probation.is_empty();
        let order = if newcomers { &self.probation } else { &self.main };
        order.idlest(seq, |item| newcomers && item.fetched).or_else(|| order.coldest())
    }

    /// The next item whose time is over.
    pub(super) fn expired(&self, now: Now) -> Option<LargeId> {
        let (secs, id) = self.deadlines.first()?;
        Deadline::from_secs(*secs).is_over(now).then_some(*id)
    }

    /// Every item.
    pub(super) fn iter(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.main.iter().chain(self.probation.iter())
    }

    /// What keys and values take, by their own account.
    pub(super) fn held_bytes(&self) -> u64 {
        let value = |item: &LargeItem| item.value.iter().map(Vec::capacity).sum::<usize>();
        self.iter().map(|(_, item)| (item.key.len() + value(item)) as u64).sum()
    }

    /// Asserts the invariants.
    pub(super) fn check_invariants(&self) {
        let charged: u64 = self.iter().map(|(_, item)| item.charged_bytes).sum();
        assert_eq!(charged, self.charged_bytes, "S5: charges of large values");
        let bytes: u64 = self.iter().map(|(_, item)| item.bytes()).sum();
        assert_eq!(bytes, self.figures.item_bytes, "S5: bytes of large values");
        let probation: u64 = self.probation.iter().map(|(_, item)| item.charged_bytes).sum();
        assert_eq!(probation, self.probation_bytes, "S5: charges of newcomers");
        assert!(self.probation.iter().all(|(_, item)| item.probation), "newcomers are on probation");
        assert!(self.main.iter().all(|(_, item)| !item.probation), "and others are not");
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
    full: Vec<Vec<u8>>,
    filling: Vec<u8>,
    page_bytes: usize,
    missing: usize,
}

impl BlockBuffer {
    fn new(page_bytes: usize, length: usize) -> BlockBuffer {
        let (pages, parts, tail_blocks) = blocks_of(page_bytes, length);
        let blocks = pages + parts + tail_blocks;
        BlockBuffer { full: Vec::with_capacity(blocks), filling: Vec::new(), page_bytes, missing: length }
    }

    /// Room in the block being filled; a new one if that is full. Not 0 while bytes are missing.
    fn room(&mut self) -> usize {
        if self.filling.capacity() == 0 {
            self.filling.reserve_exact(block_bytes(self.page_bytes, self.missing));
        }
        self.missing.min(self.filling.capacity() - self.filling.len())
    }

    fn advance(&mut self, count: usize) {
        self.missing -= count;
        if self.filling.len() == self.filling.capacity() || self.missing == 0 {
            self.full.push(std::mem::take(&mut self.filling));
        }
    }

    fn push(&mut self, data: &[u8]) -> usize {
        let mut taken = 0;
        while taken < data.len() && self.missing > 0 {
            let count = self.room().min(data.len() - taken);
            self.filling.extend_from_slice(&data[taken..taken + count]);
            taken += count;
            self.advance(count);
        }
        taken
    }
}

/// Copies a value, which comes in pieces of this length together, into blocks.
pub(super) fn into_blocks<'a>(
    page_bytes: usize,
    len: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Blocks {
    let mut buffer = BlockBuffer::new(page_bytes, len);
    for piece in pieces {
        buffer.push(piece);
    }
    debug_assert_eq!(buffer.missing, 0, "the pieces are as long as they were said to be");
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
    pub(super) fn new(page_bytes: usize, length: usize, account: Account, receiving: Account) -> LargeDraft {
        LargeDraft { buffer: BlockBuffer::new(page_bytes, length), length, account, _receiving: receiving }
    }

    /// The declared length.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether a large value is empty")]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Bytes still missing.
    pub fn missing(&self) -> usize {
        self.buffer.missing
    }

    /// The next of the missing bytes go into its spare capacity, if a whole page of them is to be filled; call
    /// [`LargeDraft::advance`] with the number that came. What fills no page is to be handed to [`LargeDraft::push`].
    pub fn page(&mut self) -> Option<&mut Vec<u8>> {
        let room = self.buffer.room();
        let BlockBuffer { filling, page_bytes, .. } = &mut self.buffer;
        let is_page = room > 0 && filling.capacity() >= *page_bytes;
        // Never more than is missing, whatever the allocator gave.
        (is_page && filling.capacity() - filling.len() == room).then_some(filling)
    }

    /// Notes that `count` bytes were written to [`LargeDraft::page`].
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

    fn room(draft: &mut LargeDraft) -> usize {
        let page = draft.page().unwrap();
        page.capacity() - page.len()
    }

    #[test]
    fn a_draft_gathers_its_bytes_in_blocks_however_they_come() {
        let budget = Arc::new(Budget::new(1 << 20));
        let data: Vec<u8> = (0..100_000).map(|at: u32| at as u8).collect();
        let lengths = [1, 16_384, 32_767, 32_768, 32_769, 65_536, 99_999];
        for (length, page_bytes) in
            lengths.into_iter().flat_map(|length| [(length, 32 << 10), (length, 64 << 10)])
        {
            for piece in [1, 7, 4096, 32_768, 100_000] {
                let account = || Account::new(budget.clone());
                let mut draft = LargeDraft::new(page_bytes, length, account(), account());
                for piece in data.chunks(piece) {
                    let missing = draft.missing();
                    assert_eq!(draft.push(piece), piece.len().min(missing));
                }
                assert_eq!(draft.missing(), 0);
                let (blocks, len, _) = draft.into_parts();
                assert_eq!((blocks.concat(), len), (data[..length].to_vec(), length));
                let (pages, parts, tail_blocks) = blocks_of(page_bytes, length);
                assert_eq!(blocks.len(), pages + parts + tail_blocks);
                assert!(blocks.iter().map(Vec::capacity).sum::<usize>() < length + TAIL_BLOCK_BYTES);
            }
        }
    }

    #[test]
    fn charges_cover_pages_and_tail_blocks() {
        let bytes = |len| charge_for(32 << 10, 1, len) - charge_for(32 << 10, 1, 0);
        assert_eq!(bytes(64 << 10), (64 << 10) + 48);
        assert_eq!(bytes((32 << 10) + 1), (32 << 10) + 2048 + TAIL_BLOCK_OVERHEAD_BYTES + 48);
        assert_eq!(blocks_of(32 << 10, 100_000), (3, 0, 1));
        assert_eq!(blocks_of(64 << 10, 100_000), (1, 2, 1));
    }

    #[test]
    fn a_page_is_offered_only_while_a_whole_one_is_missing() {
        let budget = Arc::new(Budget::new(1 << 20));
        let account = || Account::new(budget.clone());
        let mut draft = LargeDraft::new(32 << 10, (32 << 10) + 10, account(), account());
        assert_eq!(room(&mut draft), 32 << 10);
        assert_eq!(draft.push(&[1; 1000]), 1000);
        assert_eq!(room(&mut draft), (32 << 10) - 1000);
        assert_eq!(draft.push(&[1; 32 << 10]), (32 << 10) - 990);
        assert!(draft.missing() == 0 && draft.page().is_none());
    }
}

//! A page of the pool, cut into chunks of one size.
//!
//! A page records which chunks are free and which hold items on probation. It knows neither other pages nor the index.
//! Chunks are carved from the front one by one, so unused memory is never touched.
//!
//! Invariants: `live + free = chunks`; a free chunk is either not carved yet or in the free list, once; a bit of
//! `probation` is set exactly for the live items with the probation bit; no live item expires before `earliest_secs`.

use super::class::ClassId;
use crate::clock::Now;
use crate::store::item::{Fields, Item, header};
use crate::store::memory::pool::PoolPage;

/// End of the free list.
const NONE: u16 = u16::MAX;

/// `earliest_secs` of a page without deadlines.
pub(in crate::store) const NEVER_SECS: u32 = u32::MAX;

/// A set of chunks of one page.
#[derive(Debug)]
struct ChunkSet {
    words: Box<[u64]>,
    len: u16,
}

impl ChunkSet {
    fn new(chunks: u16) -> ChunkSet {
        ChunkSet { words: vec![0; usize::from(chunks).div_ceil(64)].into(), len: 0 }
    }

    fn contains(&self, chunk: u16) -> bool {
        self.words[usize::from(chunk / 64)] & 1 << (chunk % 64) != 0
    }

    fn insert(&mut self, chunk: u16) {
        self.len += u16::from(!self.contains(chunk));
        self.words[usize::from(chunk / 64)] |= 1 << (chunk % 64);
    }

    fn remove(&mut self, chunk: u16) {
        self.len -= u16::from(self.contains(chunk));
        self.words[usize::from(chunk / 64)] &= !(1 << (chunk % 64));
    }

    /// The first chunk from `from` on that is in the set, or not in the set if `inside` is false. In the second case it
    /// may be beyond the chunks of the page.
    fn next(&self, from: u16, inside: bool) -> Option<u16> {
        let flip = if inside { 0 } else { u64::MAX };
        let first = usize::from(from / 64);
        let mut mask = u64::MAX << (from % 64);
        for (at, word) in self.words.iter().enumerate().skip(first) {
            let found = (word ^ flip) & mask;
            if found != 0 {
                return Some((at * 64) as u16 + found.trailing_zeros() as u16);
            }
            mask = u64::MAX;
        }
        None
    }
}

/// A page cut for one class.
#[derive(Debug)]
pub(in crate::store) struct Page {
    bytes: PoolPage,
    chunk_bytes: u32,
    class: ClassId,
    chunks: u16,
    carved: u16,
    live: u16,
    free_head: u16,
    probation: ChunkSet,
    earliest_secs: u32,
    /// Last entry of the main hand, in operations of the shard.
    pub(in crate::store) entered: u64,
    /// Place in the class's list of pages with free chunks.
    pub(in crate::store) free_place: Option<u32>,
}

impl Page {
    /// Cuts `bytes` into chunks of `chunk_bytes` for `class`.
    pub(in crate::store) fn cut(bytes: PoolPage, class: ClassId, chunk_bytes: u32, seq: u64) -> Page {
        let chunks = (bytes.len() / chunk_bytes as usize) as u16;
        Page {
            bytes,
            chunk_bytes,
            class,
            chunks,
            carved: 0,
            live: 0,
            free_head: NONE,
            probation: ChunkSet::new(chunks),
            earliest_secs: NEVER_SECS,
            entered: seq,
            free_place: None,
        }
    }

    /// Returns the memory.
    pub(in crate::store) fn into_bytes(self) -> PoolPage {
        self.bytes
    }

    /// The class of the page.
    pub(in crate::store) fn class(&self) -> ClassId {
        self.class
    }

    /// Number of chunks.
    pub(in crate::store) fn chunks(&self) -> u16 {
        self.chunks
    }

    /// Chunks with an item.
    pub(in crate::store) fn live(&self) -> u16 {
        self.live
    }

    /// Items on probation.
    pub(in crate::store) fn on_probation(&self) -> u16 {
        self.probation.len
    }

    /// No item of the page expires before this second; [`NEVER_SECS`] if none ever expires.
    pub(in crate::store) fn earliest_secs(&self) -> u32 {
        self.earliest_secs
    }

    /// Sets the earliest deadline after a scan of all items.
    pub(in crate::store) fn set_earliest_secs(&mut self, secs: u32) {
        self.earliest_secs = secs;
    }

    /// Lowers the earliest deadline to that of an item.
    pub(in crate::store) fn note_deadline(&mut self, deadline: crate::clock::Deadline) {
        if !deadline.is_never() {
            self.earliest_secs = self.earliest_secs.min(deadline.secs());
        }
    }

    /// The bytes of a chunk.
    pub(in crate::store) fn chunk(&self, chunk: u16) -> &[u8] {
        let start = usize::from(chunk) * self.chunk_bytes as usize;
        &self.bytes[start..start + self.chunk_bytes as usize]
    }

    pub(in crate::store) fn chunk_mut(&mut self, chunk: u16) -> &mut [u8] {
        let start = usize::from(chunk) * self.chunk_bytes as usize;
        &mut self.bytes[start..start + self.chunk_bytes as usize]
    }

    /// The item in a chunk, if there is one.
    pub(in crate::store) fn item(&self, chunk: u16) -> Option<Item<'_>> {
        (chunk < self.carved && header::is_occupied(self.chunk(chunk))).then(|| Item(self.chunk(chunk)))
    }

    /// All chunks that hold an item.
    pub(in crate::store) fn occupied(&self) -> impl Iterator<Item = u16> {
        (0..self.carved).filter(|chunk| header::is_occupied(self.chunk(*chunk)))
    }

    /// Bytes of all items.
    pub(in crate::store) fn item_bytes(&self) -> u64 {
        self.occupied().map(|chunk| Item(self.chunk(chunk)).bytes() as u64).sum()
    }

    /// Takes a free chunk, which is neither free nor live until [`Page::fill`] or [`Page::release`].
    pub(in crate::store) fn take_free(&mut self) -> Option<u16> {
        if self.free_head != NONE {
            let chunk = self.free_head;
            self.free_head = header::next_free(self.chunk(chunk));
            return Some(chunk);
        }
        let chunk = self.carved;
        (chunk < self.chunks).then(|| {
            self.carved += 1;
            // A reused page has old content; the chunk must not look occupied.
            header::set_free(self.chunk_mut(chunk), NONE);
            chunk
        })
    }

    /// True if a chunk can be taken.
    pub(in crate::store) fn has_free(&self) -> bool {
        self.free_head != NONE || self.carved < self.chunks
    }

    /// Frees a chunk that was taken or whose item [`Page::clear`] removed.
    pub(in crate::store) fn release(&mut self, chunk: u16) {
        let head = self.free_head;
        header::set_free(self.chunk_mut(chunk), head);
        self.free_head = chunk;
    }

    /// Writes an item into a taken chunk.
    pub(in crate::store) fn fill(&mut self, chunk: u16, fields: &Fields, key: &[u8], value: &[u8]) {
        header::write(self.chunk_mut(chunk), fields, key, value);
        self.live += 1;
        if fields.probation {
            self.probation.insert(chunk);
        }
        self.note_deadline(fields.deadline);
    }

    /// Overwrites a live item. Its eviction state may change.
    pub(in crate::store) fn overwrite(&mut self, chunk: u16, fields: &Fields, key: &[u8], value: &[u8]) {
        header::write(self.chunk_mut(chunk), fields, key, value);
        if !fields.probation {
            self.probation.remove(chunk);
        }
        self.note_deadline(fields.deadline);
    }

    /// Removes a live item; true if it was on probation. The chunk is taken, not free.
    pub(in crate::store) fn clear(&mut self, chunk: u16) -> bool {
        let probation = self.probation.contains(chunk);
        self.probation.remove(chunk);
        self.live -= 1;
        probation
    }

    /// Ends an item's probation.
    pub(in crate::store) fn promote(&mut self, chunk: u16) {
        self.probation.remove(chunk);
        header::set_eviction_state(self.chunk_mut(chunk), 0, false);
    }

    /// The next item from `from` on that is on probation, or that is not if `probation` is false.
    pub(in crate::store) fn next_item(&self, from: u16, probation: bool) -> Option<u16> {
        if probation && self.probation.len == 0 {
            return None;
        }
        let mut from = from;
        while from < self.carved {
            let chunk = self.probation.next(from, probation).filter(|chunk| *chunk < self.carved)?;
            if probation || header::is_occupied(self.chunk(chunk)) {
                return Some(chunk);
            }
            from = chunk + 1;
        }
        None
    }

    /// Asserts the invariants of one page.
    pub(in crate::store) fn check_invariants(&self) {
        let occupied: Vec<u16> = self.occupied().collect();
        assert_eq!(occupied.len(), usize::from(self.live), "S2: live chunks");
        let mut seen = vec![false; usize::from(self.chunks)];
        let mut free = usize::from(self.chunks - self.carved);
        let mut at = self.free_head;
        while at != NONE {
            assert!(at < self.carved && !seen[usize::from(at)], "S2: a chunk is free once");
            assert!(!header::is_occupied(self.chunk(at)), "S2: a free chunk holds no item");
            seen[usize::from(at)] = true;
            free += 1;
            at = header::next_free(self.chunk(at));
        }
        assert_eq!(occupied.len() + free, usize::from(self.chunks), "S2: live + free = chunks");
        let mut on_probation = 0;
        for chunk in occupied {
            let item = Item(self.chunk(chunk));
            assert_eq!(item.probation(), self.probation.contains(chunk), "S2: probation bit and set agree");
            on_probation += u16::from(item.probation());
            let never = item.deadline().is_never();
            assert!(never || item.deadline().secs() >= self.earliest_secs, "earliest deadline");
        }
        assert_eq!(on_probation, self.probation.len, "S2: probation count");
    }

    /// Seconds since the last access of the first item from `from` on.
    pub(in crate::store) fn age_secs(&self, from: u16, now: Now) -> Option<u32> {
        let item = (from..self.carved).find_map(|chunk| self.item(chunk))?;
        Some(now.secs_since(item.last_access()))
    }
}

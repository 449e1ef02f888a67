//! Large values: refcounted blocks, in LRU order behind a probation.
//!
//! A value leaves the store as a reference, so it is sent without a copy and freed when the last reader is done. It
//! lies in blocks of the size of a page, and what fills none of these in pieces of frames, which are as large as a page
//! too (`large/value.rs`, `large/frames.rs`): large values and slabs then take turns in the same memory (decision note
//! [`d06`](crate::decisions::d06_large_values_lie_in_blocks)). Here lie the items of one shard. Knows neither index nor
//! slabs.
//!
//! As among small items, newcomers are on probation: they leave first, in the order they came, while they hold more
//! than a tenth of the memory of large values; those used meanwhile come to the main part, which is in LRU order. Both
//! are apart by size (`large/bands.rs`), and of a few at the end of each size the one that has kept the most memory idle
//! leaves (decision note [`d17`](crate::decisions::d17_large_values_lie_apart_by_size)).
//!
//! Invariants: the deadlines hold exactly the items that have one; `taken_bytes` and `own_bytes` are the sums over all
//! items; every piece of an item has it as its owner.

mod bands;
mod frames;
mod value;

use super::compaction::Compaction;
use super::figures::ClassFigures;
use super::handle::LargeId;
use super::item::Marks;
use super::recency::Recency;
use crate::clock::{Deadline, Now};
use bands::Bands;
use frames::Frames;
pub(super) use frames::Piece;
use std::collections::BTreeSet;
use std::sync::Arc;
pub use value::{Blocks, LargeDraft, LargeValue};
pub(super) use value::{Gathering, Needed, Plan};

/// Bytes of the header in `stats`, as a full item in a chunk has.
const HEADER_BYTES: usize = super::item::HEADER_MAX_BYTES;

/// Values on probation may hold one in this many bytes before they leave first.
const PROBATION_ONE_IN: u64 = 10;

/// Values promoted while one is looked for that leaves.
const PROMOTED_MAX: u32 = 16;

/// A large item.
#[derive(Clone, Debug)]
pub(super) struct LargeItem {
    pub(super) key: Box<[u8]>,
    pub(super) value: Blocks,
    /// Length of the value in bytes.
    pub(super) value_len: usize,
    /// What it takes in all.
    pub(super) taken_bytes: u64,
    /// What it is charged with: what it takes but for its pieces.
    pub(super) own_bytes: u64,
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
    /// The generation of its last use.
    pub(super) stamp: u8,
}

impl LargeItem {
    /// Bytes of header, key and value.
    pub(super) fn bytes(&self) -> u64 {
        (HEADER_BYTES + self.key.len() + self.value_len) as u64
    }
}

/// The large items of a shard.
#[derive(Debug)]
pub(super) struct Large {
    /// Dropped before the values, whose pieces it would wait for.
    frames: Frames,
    main: Bands,
    /// Newcomers, in the order they came.
    probation: Bands,
    probation_bytes: u64,
    deadlines: BTreeSet<(u32, LargeId)>,
    next: LargeId,
    taken_bytes: u64,
    own_bytes: u64,
    pub(super) figures: ClassFigures,
}

impl Large {
    pub(super) fn new(page_bytes: usize) -> Large {
        Large {
            frames: Frames::new(page_bytes),
            main: Bands::new(),
            probation: Bands::new(),
            probation_bytes: 0,
            deadlines: BTreeSet::new(),
            next: LargeId(0),
            taken_bytes: 0,
            own_bytes: 0,
            figures: ClassFigures::default(),
        }
    }

    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.main.len() + self.probation.len()
    }

    /// What all items take.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// What all items are charged with; their pieces are charged with the frames.
    pub(super) fn own_bytes(&self) -> u64 {
        self.own_bytes
    }

    /// Number of frames, each of which is charged as a page.
    pub(super) fn frames(&self) -> usize {
        self.frames.len()
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

    /// Adds an item, already charged, at the front of the order. Its pieces are from here ([`Large::is_from_here`]).
    pub(super) fn insert(&mut self, item: LargeItem) -> LargeId {
        let band = Bands::band_of(item.taken_bytes);
        let mut number = self.next;
        while self.is_taken(number.with_band(band)) {
            number = number.next();
        }
        self.next = number.next();
        let id = number.with_band(band);
        item.value.pieces().for_each(|piece| self.frames.own(piece, id));
        self.taken_bytes += item.taken_bytes;
        self.own_bytes += item.own_bytes;
        self.figures.item_bytes += item.bytes();
        if !item.deadline.is_never() {
            self.deadlines.insert((item.deadline.secs(), id));
        }
        if item.probation {
            self.probation_bytes += item.taken_bytes;
            self.probation.put(id, item);
        } else {
            self.main.put(id, item);
        }
        id
    }

    /// True if the pieces of a value are of the frames here: not if these were given up since.
    pub(super) fn is_from_here(&self, value: &LargeValue) -> bool {
        value.is_from(&self.frames)
    }

    /// Takes so many pieces of a kind, if as many are free; true if it did.
    pub(super) fn take_pieces(&mut self, kind: usize, count: usize, pieces: &mut Vec<Piece>) -> bool {
        let enough = self.frames.has(kind, count);
        if enough {
            self.frames.take(kind, count, pieces);
        }
        enough
    }

    /// Takes pieces back that are in no item.
    pub(super) fn give_back(&mut self, pieces: Vec<Piece>) {
        pieces.into_iter().for_each(|piece| self.frames.give_back(piece));
    }

    /// An empty buffer for a value, in these pieces.
    pub(super) fn gathering(&self, plan: Plan, pieces: Vec<Piece>) -> Gathering {
        Gathering::new(plan, pieces, self.frames.home())
    }

    /// The same without pieces and with nothing charged, for a value whose bytes are still to come.
    pub(super) fn uncharged_gathering(&self, plan: Plan) -> Gathering {
        Gathering::uncharged(plan, self.frames.home())
    }

    /// Adds a frame, already charged, of pieces of a kind.
    pub(super) fn add_frame(&mut self, kind: usize) {
        self.frames.add(kind);
    }

    /// Takes a frame out that is free as a whole; the caller gives its charge back. False if there is none.
    pub(super) fn free_whole_frame(&mut self) -> bool {
        self.frames.take_back();
        let whole = self.frames.whole();
        whole.into_iter().for_each(|number| self.frames.remove(number));
        whole.is_some()
    }

    /// As [`Large::free_whole_frame`], after the pieces of one have been moved to others; of one frame at most.
    pub(super) fn free_frame(&mut self) -> bool {
        // Asked at every store into a full cache, so only where it may help.
        if self.frames.strayed_bytes() >= self.frames.page_bytes() {
            self.frames.take_back();
        }
        self.frames.sparsest().into_iter().any(|number| self.empty_frame(number).is_some())
    }

    /// Takes a frame out that others have room for; returns the pieces that were left. None if some cannot be moved: a
    /// value is being received, or somebody reads it.
    fn empty_frame(&mut self, number: u32) -> Option<Vec<Piece>> {
        let owners = self.frames.owners(number)?;
        let movable =
            |id: &LargeId| self.item_mut(*id).is_some_and(|item| Arc::get_mut(&mut item.value).is_some());
        if !owners.iter().all(movable) {
            return None;
        }
        self.frames.remove(number);
        let mut left = Vec::new();
        for id in owners {
            let item = self.main.peek_mut(id).or_else(|| self.probation.peek_mut(id));
            if let Some(value) = item.and_then(|item| Arc::get_mut(&mut item.value)) {
                left.append(&mut value.leave(number, &mut self.frames, id));
            }
        }
        Some(left)
    }

    /// Numbers of frames are below this.
    pub(super) fn frame_numbers(&self) -> usize {
        self.frames.numbers()
    }

    /// Shows a frame, if there is one of this number, to who may move it.
    pub(super) fn show_frame(&mut self, number: u32, compaction: &mut Compaction) {
        let Some(start) = self.frames.start(number) else { return };
        let Some(memory) = compaction.show_frame(start, self.frames.page_bytes()) else { return };
        let other = self.frames.add_beside(number, memory);
        match self.empty_frame(number) {
            Some(left) => compaction.hold(left),
            None => self.frames.remove(other),
        }
    }

    /// Shows the pages of an item, if it is still there, to who may move them; not while somebody reads it.
    pub(super) fn show_pages(&mut self, id: LargeId, compaction: &mut Compaction) {
        let Some(item) = self.item_mut(id) else { return };
        match Arc::get_mut(&mut item.value) {
            Some(value) => value.show_pages(compaction),
            None => item.value.show_fixed_pages(compaction),
        }
    }

    /// Takes an item out; the caller gives its charge back. Its pieces are free at once, unless somebody reads them.
    pub(super) fn remove(&mut self, id: LargeId) -> Option<LargeItem> {
        let item = self.main.pop(id).or_else(|| self.probation.pop(id))?;
        self.probation_bytes -= if item.probation { item.taken_bytes } else { 0 };
        self.deadlines.remove(&(item.deadline.secs(), id));
        self.taken_bytes -= item.taken_bytes;
        self.own_bytes -= item.own_bytes;
        self.figures.item_bytes -= item.bytes();
        item.value.pieces().for_each(|piece| self.frames.disown(piece));
        Some(item)
    }

    /// Takes the pieces back of a value that was removed, unless somebody reads it: then they come back later.
    pub(super) fn recover(&mut self, value: &mut Blocks) {
        if let Some(value) = Arc::get_mut(value) {
            value.drain_pieces().for_each(|piece| self.frames.give_back(piece));
        }
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
        self.probation_bytes * PROBATION_ONE_IN > self.taken_bytes || self.main.is_empty()
    }

    /// Promotes the newcomers that would leave next and were used, a few at most.
    fn promote_used(&mut self) {
        for _ in 0..PROMOTED_MAX {
            let used = self.probation.ends().find(|(_, item)| item.fetched);
            let Some((id, _)) = used.filter(|_| self.newcomers_first()) else { break };
            if let Some(item) = self.probation.pop(id) {
                self.probation_bytes -= item.taken_bytes;
                self.figures.promoted += 1;
                self.main.put(id, LargeItem { probation: false, ..item });
            }
        }
    }

    /// The item that leaves next: of a few of the coldest of each size the one that has kept the most memory idle, `seq`
    /// being the operations of the shard so far. None if all of these are young.
    pub(super) fn next_victim(&mut self, seq: u64, recency: &Recency) -> Option<(LargeId, &LargeItem)> {
        self.promote_used();
        let young = |item: &LargeItem| recency.is_young(item.stamp, item.last_access);
        let newcomers = self.newcomers_first() && !self.probation.is_empty();
        if !newcomers {
            return self.main.idlest(seq, young).or_else(|| self.probation.idlest(seq, young));
        }
        let unread = self.probation.idlest(seq, |item| item.fetched || young(item));
        unread.or_else(|| self.probation.idlest(seq, young)).or_else(|| self.main.idlest(seq, young))
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

    /// What keys, values and frames take, by their own account; not what is received, or only read any longer.
    pub(super) fn held_bytes(&self) -> u64 {
        let own = |(_, item): (_, &LargeItem)| item.key.len() + item.value.page_bytes();
        let frames = self.frames.len() * self.frames.page_bytes() - self.frames.strayed_bytes();
        (self.iter().map(own).sum::<usize>() + frames) as u64
    }

    /// Asserts the invariants.
    pub(super) fn check_invariants(&self) {
        let sum = |of: fn(&LargeItem) -> u64| self.iter().map(|(_, item)| of(item)).sum::<u64>();
        assert_eq!(sum(|item| item.own_bytes), self.own_bytes, "S5: charges of large values");
        assert_eq!(sum(|item| item.taken_bytes), self.taken_bytes, "S5: what large values take");
        assert_eq!(sum(LargeItem::bytes), self.figures.item_bytes, "S5: bytes of large values");
        let pieces = self.iter().flat_map(|(id, item)| item.value.pieces().map(move |piece| (id, piece)));
        self.frames.check_invariants(pieces);
        let probation: u64 = self.probation.iter().map(|(_, item)| item.taken_bytes).sum();
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

#[cfg(test)]
mod tests;

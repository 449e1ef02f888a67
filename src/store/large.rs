//! Large values: pages by reference and a tail in fragments, in LRU order behind a probation.
//!
//! A value leaves the store as a reference to its pages, so it is sent without a copy (`large/value.rs`). What fills no
//! page lies in fragments of pages (`large/fragments.rs`) and is copied for readers. Pages come from the store's pool and
//! go back there: large values and slabs take turns in the same memory (decision note
//! [`d06`](crate::decisions::d06_large_values_are_stored_in_pages)). Here lie the items of one shard. Knows neither index nor
//! slabs.
//!
//! As among small items, newcomers are on probation: they leave first, in the order they came, while they hold more
//! than a tenth of the memory of large values; those used meanwhile come to the main part, which is in LRU order. Both
//! are apart by size (`large/bands.rs`), and of a few at the end of each size the one that has kept the most memory idle
//! leaves (decision note [`d17`](crate::decisions::d17_large_values_are_evicted_by_size_and_idle_time)). A value that a reader holds
//! stays: evicting it would free nothing.
//!
//! Invariants: the deadlines hold exactly the items that have one; `taken_bytes`, `pages` and `heap_bytes` are the sums
//! over all items; every fragment of an item has it as its owner.

mod bands;
mod draft;
mod fragments;
mod value;

use super::figures::ClassFigures;
use super::handle::LargeId;
use super::item::Marks;
use super::pool::{Charge, PoolPage};
use super::recency::Recency;
use crate::clock::{Deadline, Now};
use bands::Bands;
pub use draft::LargeDraft;
pub(super) use fragments::Fragment;
use fragments::Fragments;
use std::collections::BTreeSet;
use std::sync::Arc;
pub(super) use value::{LargePages, Layout, tail_buffer};
pub use value::{LargeRef, LargeValue};

/// Bytes of the header in `stats`, as a full item in a chunk has.
const HEADER_BYTES: usize = super::item::HEADER_MAX_BYTES;

/// Values on probation may hold one in this many bytes before they leave first.
const PROBATION_ONE_IN: u64 = 10;

/// Values promoted while one is looked for that leaves.
const PROMOTED_MAX: u32 = 16;

/// Values that readers hold, passed over while one is looked for that leaves.
const PINNED_PASSED_MAX: u32 = 64;

/// A large item.
#[derive(Debug)]
pub(super) struct LargeItem {
    pub(super) key: Box<[u8]>,
    pub(super) pages: Arc<LargePages>,
    pub(super) tail: Vec<Fragment>,
    /// Length of the value in bytes.
    pub(super) value_len: usize,
    /// What it takes in all.
    pub(super) taken_bytes: u64,
    /// What it takes on the heap.
    pub(super) charge: Charge,
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

    /// True if somebody reads it.
    fn is_pinned(&self) -> bool {
        Arc::strong_count(&self.pages) > 1
    }

    /// Its pages, unless somebody reads them: then they come back to the pool later.
    pub(super) fn into_pages(self) -> Vec<PoolPage> {
        Arc::into_inner(self.pages).map(LargePages::into_pages).unwrap_or_default()
    }
}

/// The large items of a shard.
#[derive(Debug)]
pub(super) struct Large {
    fragments: Fragments,
    main: Bands,
    /// Newcomers, in the order they came.
    probation: Bands,
    probation_bytes: u64,
    deadlines: BTreeSet<(u32, LargeId)>,
    next: LargeId,
    taken_bytes: u64,
    /// Pages of values, those of fragments apart.
    pages: usize,
    heap_bytes: u64,
    pub(super) figures: ClassFigures,
}

impl Large {
    pub(super) fn new(page_bytes: usize) -> Large {
        Large {
            fragments: Fragments::new(page_bytes),
            main: Bands::new(),
            probation: Bands::new(),
            probation_bytes: 0,
            deadlines: BTreeSet::new(),
            next: LargeId(0),
            taken_bytes: 0,
            pages: 0,
            heap_bytes: 0,
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

    /// Pages of values and of fragments.
    pub(super) fn pages(&self) -> usize {
        self.pages + self.fragments.pages()
    }

    /// What all items take on the heap.
    pub(super) fn heap_bytes(&self) -> u64 {
        self.heap_bytes
    }

    /// The value of an item.
    pub(super) fn value<'a>(&'a self, item: &'a LargeItem) -> LargeRef<'a> {
        LargeRef { item, fragments: &self.fragments }
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

    /// Adds an item at the front of the order.
    pub(super) fn insert(&mut self, item: LargeItem) -> LargeId {
        let band = Bands::band_of(item.taken_bytes);
        let mut number = self.next;
        while self.is_taken(number.with_band(band)) {
            number = number.next();
        }
        self.next = number.next();
        let id = number.with_band(band);
        item.tail.iter().for_each(|fragment| self.fragments.own(*fragment, id));
        self.taken_bytes += item.taken_bytes;
        self.pages += item.pages.count();
        self.heap_bytes += item.charge.bytes();
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

    /// Takes so many fragments of a kind, if as many are free; true if it did.
    pub(super) fn take_fragments(&mut self, kind: usize, count: usize, taken: &mut Vec<Fragment>) -> bool {
        let enough = self.fragments.has(kind, count);
        if enough {
            self.fragments.take(kind, count, taken);
        }
        enough
    }

    /// Takes fragments back that are in no item.
    pub(super) fn give_back(&mut self, fragments: Vec<Fragment>) {
        fragments.into_iter().for_each(|fragment| self.fragments.give_back(fragment));
    }

    /// Writes a tail into fragments that were taken for it.
    pub(super) fn fill(&mut self, fragments: &[Fragment], tail: &[u8]) {
        self.fragments.fill(fragments, tail);
    }

    /// Cuts a page into fragments of a kind.
    pub(super) fn add_fragment_page(&mut self, kind: usize, page: PoolPage) {
        self.fragments.add(kind, page);
    }

    /// Gives up a page of fragments that are all free.
    pub(super) fn take_whole_fragment_page(&mut self) -> Option<PoolPage> {
        self.fragments.take_whole()
    }

    /// Gives up a page of fragments for which others have room, after those in use have moved there.
    pub(super) fn close_up(&mut self) -> Option<PoolPage> {
        let number = self.fragments.sparsest()?;
        let (page, owners) = self.fragments.remove(number);
        for id in owners {
            let item = self.main.peek_mut(id).or_else(|| self.probation.peek_mut(id));
            let tail = item.into_iter().flat_map(|item| item.tail.iter_mut());
            for fragment in tail.filter(|fragment| fragment.page() == number) {
                *fragment = self.fragments.replacement(&page, *fragment);
            }
        }
        Some(page.into_memory())
    }

    /// Takes what a flush left apart, one value at a time and the fragments last; `None` once nothing is left.
    pub(super) fn dismantle(&mut self) -> Option<Vec<PoolPage>> {
        let next = self.iter().next().map(|(id, _)| id);
        match next.and_then(|id| self.remove(id)) {
            Some(item) => Some(item.into_pages()),
            None if self.fragments.pages() > 0 => Some(self.fragments.take_pages()),
            None => None,
        }
    }

    /// Takes an item out. Its tail is forgotten.
    pub(super) fn remove(&mut self, id: LargeId) -> Option<LargeItem> {
        let item = self.main.pop(id).or_else(|| self.probation.pop(id))?;
        self.probation_bytes -= if item.probation { item.taken_bytes } else { 0 };
        self.deadlines.remove(&(item.deadline.secs(), id));
        self.taken_bytes -= item.taken_bytes;
        self.pages -= item.pages.count();
        self.heap_bytes -= item.charge.bytes();
        self.figures.item_bytes -= item.bytes();
        item.tail.iter().for_each(|fragment| self.fragments.give_back(*fragment));
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
        self.pass_over_pinned();
        self.ends().map(|(_, item)| item.used).min()
    }

    /// Of each size the item that is next to leave, without those that readers hold.
    fn ends(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.main.ends().chain(self.probation.ends()).filter(|(_, item)| !item.is_pinned())
    }

    /// Moves items that readers hold to the front of the order, a few at most.
    fn pass_over_pinned(&mut self) {
        for _ in 0..PINNED_PASSED_MAX {
            let mut ends = self.main.ends().chain(self.probation.ends());
            let pinned = ends.find(|(_, item)| item.is_pinned()).map(|(id, _)| id);
            drop(ends);
            let Some(id) = pinned else { return };
            if self.main.get_mut(id).is_none() {
                self.probation.get_mut(id);
            }
        }
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
    /// being the operations of the shard so far. None if all that were looked at are young or held by readers.
    pub(super) fn next_victim(&mut self, seq: u64, recency: &Recency) -> Option<(LargeId, &LargeItem)> {
        self.promote_used();
        self.pass_over_pinned();
        let stays = |item: &LargeItem| item.is_pinned() || recency.is_young(item.stamp, item.last_access);
        let newcomers = self.newcomers_first() && !self.probation.is_empty();
        if !newcomers {
            return self.main.idlest(seq, stays).or_else(|| self.probation.idlest(seq, stays));
        }
        let unread = self.probation.idlest(seq, |item| item.fetched || stays(item));
        unread.or_else(|| self.probation.idlest(seq, stays)).or_else(|| self.main.idlest(seq, stays))
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

    /// Asserts the invariants.
    pub(super) fn check_invariants(&self) {
        let sum = |of: fn(&LargeItem) -> u64| self.iter().map(|(_, item)| of(item)).sum::<u64>();
        assert_eq!(sum(|item| item.pages.count() as u64), self.pages as u64, "S5: pages of large values");
        assert_eq!(sum(|item| item.charge.bytes()), self.heap_bytes, "S5: large values on the heap");
        assert_eq!(sum(|item| item.taken_bytes), self.taken_bytes, "S5: what large values take");
        assert_eq!(sum(LargeItem::bytes), self.figures.item_bytes, "S5: bytes of large values");
        let tails = self.iter().flat_map(|(id, item)| item.tail.iter().map(move |fragment| (id, *fragment)));
        self.fragments.check_invariants(tails);
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

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

use super::fragments::{Fragment, Fragments};
use super::item::LargeItem;
use super::reader::LargeRef;
use super::size_buckets::SizeBuckets;
use crate::clock::{Deadline, Now};
use crate::store::item::LargeId;
use crate::store::memory::pool::PoolPage;
use crate::store::statistics::ClassStats;
use std::collections::BTreeSet;

/// The large items of a shard.
#[derive(Debug)]
pub(in crate::store) struct LargeValues {
    fragments: Fragments,
    pub(in crate::store) main: SizeBuckets,
    /// Newcomers, in the order they came.
    pub(in crate::store) probation: SizeBuckets,
    pub(in crate::store) probation_bytes: u64,
    deadlines: BTreeSet<(u32, LargeId)>,
    next: LargeId,
    taken_bytes: u64,
    /// Pages of values, those of fragments apart.
    pages: usize,
    heap_bytes: u64,
    pub(in crate::store) stats: ClassStats,
}

impl LargeValues {
    pub(in crate::store) fn new(page_bytes: usize) -> LargeValues {
        LargeValues {
            fragments: Fragments::new(page_bytes),
            main: SizeBuckets::new(),
            probation: SizeBuckets::new(),
            probation_bytes: 0,
            deadlines: BTreeSet::new(),
            next: LargeId(0),
            taken_bytes: 0,
            pages: 0,
            heap_bytes: 0,
            stats: ClassStats::default(),
        }
    }

    /// Number of items.
    pub(in crate::store) fn len(&self) -> usize {
        self.main.len() + self.probation.len()
    }

    /// What all items take.
    pub(in crate::store) fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// Pages of values and of fragments.
    pub(in crate::store) fn pages(&self) -> usize {
        self.pages + self.fragments.pages()
    }

    /// What all items take on the heap.
    pub(in crate::store) fn heap_bytes(&self) -> u64 {
        self.heap_bytes
    }

    /// The value of an item.
    pub(in crate::store) fn value<'a>(&'a self, item: &'a LargeItem) -> LargeRef<'a> {
        LargeRef { item, fragments: &self.fragments }
    }

    /// An item that is there by the law that index entries name live items only.
    pub(in crate::store) fn item(&self, id: LargeId) -> &LargeItem {
        self.main
            .peek(id)
            .or_else(|| self.probation.peek(id))
            .expect("index entries name live items only (S1)")
    }

    /// As [`LargeValues::item`], and moves it to the front of the order; one on probation stays where it is.
    pub(in crate::store) fn use_item(&mut self, id: LargeId) -> &mut LargeItem {
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
    pub(in crate::store) fn set_deadline(&mut self, id: LargeId, deadline: Deadline) {
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
    pub(in crate::store) fn insert(&mut self, item: LargeItem) -> LargeId {
        let band = SizeBuckets::band_of(item.taken_bytes);
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
        self.stats.item_bytes += item.bytes();
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
    pub(in crate::store) fn take_fragments(
        &mut self,
        kind: usize,
        count: usize,
        taken: &mut Vec<Fragment>,
    ) -> bool {
        let enough = self.fragments.has(kind, count);
        if enough {
            self.fragments.take(kind, count, taken);
        }
        enough
    }

    /// Takes fragments back that are in no item.
    pub(in crate::store) fn release(&mut self, fragments: Vec<Fragment>) {
        fragments.into_iter().for_each(|fragment| self.fragments.release(fragment));
    }

    /// Writes a tail into fragments that were taken for it.
    pub(in crate::store) fn fill(&mut self, fragments: &[Fragment], tail: &[u8]) {
        self.fragments.fill(fragments, tail);
    }

    /// Cuts a page into fragments of a kind.
    pub(in crate::store) fn add_fragment_page(&mut self, kind: usize, page: PoolPage) {
        self.fragments.add(kind, page);
    }

    /// Gives up a page of fragments that are all free.
    pub(in crate::store) fn take_free_fragment_page(&mut self) -> Option<PoolPage> {
        self.fragments.take_free_page()
    }

    /// Gives up a page of fragments for which others have room, after those in use have moved there.
    pub(in crate::store) fn compact(&mut self) -> Option<PoolPage> {
        let number = self.fragments.emptiest_page()?;
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
    pub(in crate::store) fn dismantle(&mut self) -> Option<Vec<PoolPage>> {
        let next = self.iter().next().map(|(id, _)| id);
        match next.and_then(|id| self.remove(id)) {
            Some(item) => Some(item.into_pages()),
            None if self.fragments.pages() > 0 => Some(self.fragments.take_pages()),
            None => None,
        }
    }

    /// Takes an item out. Its tail is forgotten.
    pub(in crate::store) fn remove(&mut self, id: LargeId) -> Option<LargeItem> {
        let item = self.main.pop(id).or_else(|| self.probation.pop(id))?;
        self.probation_bytes -= if item.probation { item.taken_bytes } else { 0 };
        self.deadlines.remove(&(item.deadline.secs(), id));
        self.taken_bytes -= item.taken_bytes;
        self.pages -= item.pages.count();
        self.heap_bytes -= item.charge.bytes();
        self.stats.item_bytes -= item.bytes();
        item.tail.iter().for_each(|fragment| self.fragments.release(*fragment));
        Some(item)
    }

    /// The item that was not used for the longest, newcomers apart if there are others.
    pub(in crate::store) fn coldest(&self) -> Option<(LargeId, &LargeItem)> {
        self.main.coldest().or_else(|| self.probation.coldest())
    }

    /// The next item whose time is over.
    pub(in crate::store) fn expired(&self, now: Now) -> Option<LargeId> {
        let (secs, id) = self.deadlines.first()?;
        Deadline::from_secs(*secs).is_over(now).then_some(*id)
    }

    /// Every item.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.main.iter().chain(self.probation.iter())
    }

    /// Asserts the invariants.
    pub(in crate::store) fn check_invariants(&self) {
        let sum = |of: fn(&LargeItem) -> u64| self.iter().map(|(_, item)| of(item)).sum::<u64>();
        assert_eq!(sum(|item| item.pages.count() as u64), self.pages as u64, "S5: pages of large values");
        assert_eq!(sum(|item| item.charge.bytes()), self.heap_bytes, "S5: large values on the heap");
        assert_eq!(sum(|item| item.taken_bytes), self.taken_bytes, "S5: what large values take");
        assert_eq!(sum(LargeItem::bytes), self.stats.item_bytes, "S5: bytes of large values");
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

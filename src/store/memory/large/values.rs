//! The large values of one shard, in LRU order per size bucket.
//!
//! `eviction/large_values.rs` selects the victim. Knows neither the index nor slabs. Invariants:
//! - `deadlines` holds exactly the values that have one;
//! - `taken_bytes`, `pages` and `heap_bytes` are sums over all values;
//! - every fragment of a value names it as the owner.

use super::fragments::{Fragment, Fragments};
use super::item::LargeItem;
use super::reader::LargeRef;
use super::size_buckets::SizeBuckets;
use crate::clock::{Deadline, Now};
use crate::store::item::LargeId;
use crate::store::memory::pool::PoolPage;
use crate::store::statistics::ClassStats;
use std::collections::BTreeSet;

/// The large values of a shard.
#[derive(Debug)]
pub(in crate::store) struct LargeValues {
    fragments: Fragments,
    pub(in crate::store) main: SizeBuckets,
    /// Values on probation, in order of arrival.
    pub(in crate::store) probation: SizeBuckets,
    pub(in crate::store) probation_bytes: u64,
    deadlines: BTreeSet<(u32, LargeId)>,
    next: LargeId,
    taken_bytes: u64,
    /// Pages of values, without pages of fragments.
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

    /// Number of values.
    pub(in crate::store) fn len(&self) -> usize {
        self.main.len() + self.probation.len()
    }

    /// Memory of all values, in bytes.
    pub(in crate::store) fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// Pages of values and of fragments.
    pub(in crate::store) fn pages(&self) -> usize {
        self.pages + self.fragments.pages()
    }

    /// Heap memory of all values, in bytes.
    pub(in crate::store) fn heap_bytes(&self) -> u64 {
        self.heap_bytes
    }

    /// The value of an item.
    pub(in crate::store) fn value<'a>(&'a self, item: &'a LargeItem) -> LargeRef<'a> {
        LargeRef { item, fragments: &self.fragments }
    }

    /// An item by its handle, which refers to a live item (S1).
    pub(in crate::store) fn item(&self, id: LargeId) -> &LargeItem {
        self.main
            .peek(id)
            .or_else(|| self.probation.peek(id))
            .expect("index entries refer to live items only (S1)")
    }

    /// Like [`LargeValues::item`], and moves the item to the front of the LRU order. On probation the order stays.
    pub(in crate::store) fn use_item(&mut self, id: LargeId) -> &mut LargeItem {
        let item = match self.main.get_mut(id) {
            None => self.probation.peek_mut(id),
            found => found,
        };
        item.expect("index entries refer to live items only (S1)")
    }

    fn item_mut(&mut self, id: LargeId) -> Option<&mut LargeItem> {
        match self.main.peek_mut(id) {
            None => self.probation.peek_mut(id),
            found => found,
        }
    }

    /// Changes the deadline of an item.
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
        let bucket = SizeBuckets::bucket_of(item.taken_bytes);
        let mut number = self.next;
        while self.is_taken(number.with_bucket(bucket)) {
            number = number.next();
        }
        self.next = number.next();
        let id = number.with_bucket(bucket);
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

    /// Takes so many fragments of a size; false, and none is taken, if fewer are free.
    pub(in crate::store) fn take_fragments(
        &mut self,
        size: usize,
        count: usize,
        taken: &mut Vec<Fragment>,
    ) -> bool {
        let enough = self.fragments.has(size, count);
        if enough {
            self.fragments.take(size, count, taken);
        }
        enough
    }

    /// Releases fragments that belong to no item.
    pub(in crate::store) fn release(&mut self, fragments: Vec<Fragment>) {
        fragments.into_iter().for_each(|fragment| self.fragments.release(fragment));
    }

    /// Copies a tail into fragments that were taken for it.
    pub(in crate::store) fn fill(&mut self, fragments: &[Fragment], tail: &[u8]) {
        self.fragments.fill(fragments, tail);
    }

    /// Cuts a page into fragments of a size.
    pub(in crate::store) fn add_fragment_page(&mut self, size: usize, page: PoolPage) {
        self.fragments.add(size, page);
    }

    /// Takes out a page of which all fragments are free.
    pub(in crate::store) fn take_free_fragment_page(&mut self) -> Option<PoolPage> {
        self.fragments.take_free_page()
    }

    /// Compacts fragments: moves those of one page to free fragments of other pages and returns that page.
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

    /// Dismantles flushed values, one per call and the fragments last; `None` when nothing is left.
    pub(in crate::store) fn dismantle(&mut self) -> Option<Vec<PoolPage>> {
        let next = self.iter().next().map(|(id, _)| id);
        match next.and_then(|id| self.remove(id)) {
            Some(item) => Some(item.into_pages()),
            None if self.fragments.pages() > 0 => Some(self.fragments.take_pages()),
            None => None,
        }
    }

    /// Removes an item and releases the fragments of its tail.
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

    /// The least recently used item, from the main part if that is not empty.
    pub(in crate::store) fn coldest(&self) -> Option<(LargeId, &LargeItem)> {
        self.main.coldest().or_else(|| self.probation.coldest())
    }

    /// An expired item, the one with the earliest deadline.
    pub(in crate::store) fn expired(&self, now: Now) -> Option<LargeId> {
        let (secs, id) = self.deadlines.first()?;
        Deadline::from_secs(*secs).is_over(now).then_some(*id)
    }

    /// All items.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.main.iter().chain(self.probation.iter())
    }

    /// Asserts the invariants.
    pub(in crate::store) fn check_invariants(&self) {
        let sum = |of: fn(&LargeItem) -> u64| self.iter().map(|(_, item)| of(item)).sum::<u64>();
        assert_eq!(sum(|item| item.pages.count() as u64), self.pages as u64, "S5: pages of large values");
        assert_eq!(sum(|item| item.charge.bytes()), self.heap_bytes, "S5: large values on the heap");
        assert_eq!(sum(|item| item.taken_bytes), self.taken_bytes, "S5: memory of large values");
        assert_eq!(sum(LargeItem::bytes), self.stats.item_bytes, "S5: bytes of large values");
        let tails = self.iter().flat_map(|(id, item)| item.tail.iter().map(move |fragment| (id, *fragment)));
        self.fragments.check_invariants(tails);
        let probation: u64 = self.probation.iter().map(|(_, item)| item.taken_bytes).sum();
        assert_eq!(probation, self.probation_bytes, "S5: memory of values on probation");
        assert!(self.probation.iter().all(|(_, item)| item.probation), "values on probation carry the flag");
        assert!(self.main.iter().all(|(_, item)| !item.probation), "values of the main part do not");
        let mut with_deadline = 0;
        for (id, item) in self.iter() {
            if !item.deadline.is_never() {
                with_deadline += 1;
                assert!(self.deadlines.contains(&(item.deadline.secs(), id)), "a deadline is listed");
            }
        }
        assert_eq!(with_deadline, self.deadlines.len(), "no deadline without an item");
    }
}

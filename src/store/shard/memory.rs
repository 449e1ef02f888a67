//! How a shard gets memory for chunks, index segments and large values, and gives it up for other shards.

use super::{MemoryNeeded, Shard, key_of};
use crate::clock::Now;
use crate::store::eviction::recency::YOUNG_GENERATIONS;
use crate::store::memory::large::{Fragment, LargeValues, Layout};
use crate::store::memory::pool::{Charge, Pages, PoolPage};
use crate::store::memory::slab::{ClassId, Vacant};

/// A shard asks others for memory when it is short of more than one in this many bytes of its share.
const SHARE_SLACK: u64 = 8;

impl Shard {
    /// Pages in use here, those of flushed items included.
    pub(in crate::store) fn pages_held(&self) -> usize {
        let flushed = self.slab.pages_flushed() + self.flushed.iter().map(LargeValues::pages).sum::<usize>();
        let in_use = self.slab.pages_held() + self.index.segments() + self.large.pages();
        in_use + flushed + self.recorders.removal_log.pages_held()
    }

    /// What is held here, in bytes as they are charged.
    pub(in crate::store) fn charged_bytes(&self) -> u64 {
        let heap = self.large.heap_bytes() + self.flushed.iter().map(LargeValues::heap_bytes).sum::<u64>();
        self.pages_held() as u64 * self.pool.page_charge() + heap
    }

    /// A free chunk of a class: a free one, one of a new page, one of a page that is worth less elsewhere, or the
    /// chunk of an item that has to leave.
    pub(super) fn vacant_chunk(&mut self, class: ClassId, now: Now) -> Result<Vacant, MemoryNeeded> {
        loop {
            if let Some(vacant) = self.slab.take_free(class) {
                return Ok(vacant);
            }
            if self.add_page(class) {
                continue;
            }
            if !self.rules.evict {
                self.slab.class_mut(class).stats.out_of_memory += 1;
                return Err(MemoryNeeded(1));
            }
            self.slab.end_epoch_if_due();
            let owner = self.slab.class_mut(class);
            let pageless = owner.pages() == 0;
            if pageless || owner.evictions_since_compared >= owner.compares_at {
                owner.evictions_since_compared = 0;
                if self.is_far_below_its_share() {
                    return Err(MemoryNeeded(1));
                }
                if self.trade_page_for(class, pageless, now) {
                    continue;
                }
            }
            self.slab.class_mut(class).evictions_since_compared += 1;
            if !self.evict_one(class, now) && !self.add_idle_page(class, now) {
                self.slab.class_mut(class).stats.out_of_memory += 1;
                return Err(MemoryNeeded(1));
            }
        }
    }

    /// True if other shards hold what is due to this one: keys are spread evenly, so memory should be.
    fn is_far_below_its_share(&self) -> bool {
        let share = self.pool.limit_bytes() / self.rules.shards as u64;
        self.rules.shards > 1
            && self.charged_bytes() + 2 * self.pool.page_charge() < share - share / SHARE_SLACK
    }

    /// Gives a class another page if one can be had without eviction.
    pub(in crate::store) fn add_page(&mut self, class: ClassId) -> bool {
        if !self.slab.can_hold_another_page() {
            return false;
        }
        let page = self.take_page();
        page.is_some_and(|page| {
            self.slab.add_page(class, page, self.seq);
            true
        })
    }

    /// A page that can be had without eviction.
    pub(in crate::store) fn take_page(&mut self) -> Option<PoolPage> {
        let flushed =
            |shard: &mut Shard| shard.dismantle_flushed().then(|| shard.spare_pages.pop()).flatten();
        let spare_pages = self.spare_pages.pop().or_else(|| self.slab.take_flushed());
        spare_pages.or_else(|| flushed(self)).or_else(|| self.pool.take()).or_else(|| self.large.compact())
    }

    /// A page for the index, made free by eviction if need be and allowed.
    fn page_for_index(&mut self, now: Now) -> Result<PoolPage, MemoryNeeded> {
        self.page_after_eviction(|shard| shard.evict_if_allowed(now))
    }

    /// As [`Shard::page_for_index`], for a large value.
    pub(in crate::store) fn page_for_large_value(&mut self, now: Now) -> Result<PoolPage, MemoryNeeded> {
        self.page_after_eviction(|shard| shard.evict_for_large_value(now))
    }

    fn page_after_eviction(
        &mut self,
        mut evict_if_allowed: impl FnMut(&mut Shard) -> bool,
    ) -> Result<PoolPage, MemoryNeeded> {
        loop {
            if let Some(page) = self.take_page() {
                return Ok(page);
            }
            if self.is_far_below_its_share() || !evict_if_allowed(self) {
                return Err(MemoryNeeded(1));
            }
        }
    }

    /// Takes the next of the large values apart that a flush left, whose pages are in hand then. False if there was none.
    fn dismantle_flushed(&mut self) -> bool {
        while let Some(large) = self.flushed.last_mut() {
            match large.dismantle() {
                Some(mut pages) if !pages.is_empty() => {
                    self.spare_pages.append(&mut pages);
                    return true;
                }
                Some(_) => {}
                None => {
                    self.flushed.pop();
                }
            }
        }
        false
    }

    /// Fragments for the tail of a value, which is theirs until they are given back or an item owns them.
    pub(super) fn take_tail_fragments(
        &mut self,
        layout: Layout,
        now: Now,
    ) -> Result<Vec<Fragment>, MemoryNeeded> {
        let mut fragments = Vec::new();
        for (kind, count) in (0..).zip(layout.fragments()) {
            while !self.large.take_fragments(kind, count, &mut fragments) {
                // What leaves may be a value of fragments, so these are looked for first each time.
                if let Some(page) = self.take_page() {
                    self.large.add_fragment_page(kind, page);
                } else if self.is_far_below_its_share() || !self.evict_for_large_value(now) {
                    self.large.release(fragments);
                    // For all kinds: what is given back may go before this is tried again.
                    let kinds = layout.fragments().into_iter().filter(|count| *count > 0).count();
                    return Err(MemoryNeeded(kinds));
                }
            }
        }
        Ok(fragments)
    }

    /// Charges bytes on the heap, fewer than a page has, in place of a page if need be.
    pub(in crate::store) fn charge_heap(&mut self, bytes: u64, now: Now) -> Result<Charge, MemoryNeeded> {
        if let Some(charge) = self.pool.try_charge(bytes) {
            return Ok(charge);
        }
        let page = self.page_for_large_value(now)?;
        self.pool.charge_in_place_of(page, bytes).ok_or(MemoryNeeded(1))
    }

    /// Makes sure that one more entry fits the index.
    pub(super) fn reserve_index_entry(&mut self, now: Now) -> Result<(), MemoryNeeded> {
        while self.index.segment_needed().is_some() {
            let page = self.page_for_index(now)?;
            // Making room may have removed entries, so that less is lacking.
            match self.index.segment_needed() {
                Some(segment_needed) => self.index.add_segment(segment_needed, page),
                None => self.spare_pages.push(page),
            }
        }
        Ok(())
    }

    /// Takes surplus buckets of the index out of use, `steps` at most.
    pub(in crate::store) fn shrink_index(&mut self, steps: usize) {
        let (slab, large, hasher) = (&self.slab, &self.large, &self.rules.hasher);
        let pages = self.index.shrink(steps, |handle| hasher.hash(key_of(slab, large, handle)));
        self.spare_pages.extend(pages);
    }

    /// Gives up pages that hold nothing, at least one if there is any; true if there was.
    pub(in crate::store) fn free_idle_memory(&mut self) -> bool {
        if self.dismantle_flushed() {
            return true;
        }
        let page = self.slab.take_flushed().or_else(|| self.large.take_free_fragment_page());
        let freed = page.is_some();
        self.spare_pages.extend(page);
        freed
    }

    /// Appends pages that others may have; false if there are none.
    pub(in crate::store) fn donate_pages(&mut self, now: Now, given: &mut Pages) -> bool {
        loop {
            if !self.spare_pages.is_empty() {
                given.append(&mut self.spare_pages);
                return true;
            }
            if self.free_idle_memory() {
                continue;
            }
            match self.large.compact() {
                Some(page) => self.spare_pages.push(page),
                None if self.evict_for_large_value(now) => {}
                None => return false,
            }
        }
    }

    /// As [`Shard::donate_pages`], but nothing if the shard has less than is due to it.
    pub(in crate::store) fn donate_surplus_pages(&mut self, now: Now, given: &mut Pages) -> bool {
        !self.is_far_below_its_share() && self.donate_pages(now, given)
    }

    /// As [`Shard::donate_pages`] when all shards were asked in vain: of the young items the oldest leave.
    pub(in crate::store) fn donate_young_pages(&mut self, now: Now, given: &mut Pages) -> bool {
        let may_leave = self.rules.evict && !self.pool.is_pinned_full();
        may_leave
            && (0..YOUNG_GENERATIONS).any(|_| {
                self.recency.end_generation(now);
                self.donate_pages(now, given)
            })
    }
}

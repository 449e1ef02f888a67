//! Memory of a shard: for chunks, index segments and large values, and pages donated to other shards.

use super::{MemoryNeeded, Shard, key_of};
use crate::clock::Now;
use crate::store::eviction::recency::YOUNG_GENERATIONS;
use crate::store::memory::large::{Fragment, LargeValues, Layout};
use crate::store::memory::pool::{Charge, Pages, PoolPage};
use crate::store::memory::slab::{ClassId, Vacant};

/// A shard takes memory from others when it lacks more than one in this many bytes of its share.
const SHARE_SLACK: u64 = 8;

impl Shard {
    /// Pages in use by this shard, including those of flushed items.
    pub(in crate::store) fn pages_held(&self) -> usize {
        let flushed = self.slab.pages_flushed() + self.flushed.iter().map(LargeValues::pages).sum::<usize>();
        let in_use = self.slab.pages_held() + self.index.segments() + self.large.pages();
        in_use + flushed + self.recorders.removal_log.pages_held()
    }

    /// Bytes charged for this shard.
    pub(in crate::store) fn charged_bytes(&self) -> u64 {
        let heap = self.large.heap_bytes() + self.flushed.iter().map(LargeValues::heap_bytes).sum::<u64>();
        self.pages_held() as u64 * self.pool.page_charge() + heap
    }

    /// A free chunk of a class. Tries in order: free chunks, a new page, a page of a class to which it is worth less,
    /// eviction of an item of the class.
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

    /// True if other shards use the share of this shard. Keys are spread evenly, so memory should be.
    fn is_far_below_its_share(&self) -> bool {
        let share = self.pool.limit_bytes() / self.rules.shards as u64;
        self.rules.shards > 1
            && self.charged_bytes() + 2 * self.pool.page_charge() < share - share / SHARE_SLACK
    }

    /// Adds a page to a class if there is one without eviction.
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

    /// A page that is available without eviction.
    pub(in crate::store) fn take_page(&mut self) -> Option<PoolPage> {
        let flushed =
            |shard: &mut Shard| shard.dismantle_flushed().then(|| shard.spare_pages.pop()).flatten();
        let page = self.spare_pages.pop().or_else(|| self.slab.take_flushed());
        page.or_else(|| flushed(self)).or_else(|| self.pool.take()).or_else(|| self.large.compact())
    }

    /// A page for the index, by eviction if that is needed and allowed.
    fn page_for_index(&mut self, now: Now) -> Result<PoolPage, MemoryNeeded> {
        self.page_after_eviction(|shard| shard.evict_if_allowed(now))
    }

    /// Like [`Shard::page_for_index`], for a large value.
    pub(in crate::store) fn page_for_large_value(&mut self, now: Now) -> Result<PoolPage, MemoryNeeded> {
        self.page_after_eviction(|shard| shard.evict_for_large_value(now))
    }

    fn page_after_eviction(
        &mut self,
        mut evict: impl FnMut(&mut Shard) -> bool,
    ) -> Result<PoolPage, MemoryNeeded> {
        loop {
            if let Some(page) = self.take_page() {
                return Ok(page);
            }
            if self.is_far_below_its_share() || !evict(self) {
                return Err(MemoryNeeded(1));
            }
        }
    }

    /// Dismantles one flushed large value; its pages become spare pages. False if there is none.
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

    /// Takes fragments for the tail of a value. The caller releases them or passes them to an item.
    pub(super) fn take_tail_fragments(
        &mut self,
        layout: Layout,
        now: Now,
    ) -> Result<Vec<Fragment>, MemoryNeeded> {
        let mut fragments = Vec::new();
        for (size, count) in (0..).zip(layout.fragments()) {
            while !self.large.take_fragments(size, count, &mut fragments) {
                // An evicted value may free fragments, so they are tried first each time.
                if let Some(page) = self.take_page() {
                    self.large.add_fragment_page(size, page);
                } else if self.is_far_below_its_share() || !self.evict_for_large_value(now) {
                    self.large.release(fragments);
                    // A page for each size: the released fragments may be taken before the retry.
                    let sizes = layout.fragments().into_iter().filter(|count| *count > 0).count();
                    return Err(MemoryNeeded(sizes));
                }
            }
        }
        Ok(fragments)
    }

    /// Charges heap bytes, fewer than a page has, in place of a page if necessary.
    pub(in crate::store) fn charge_heap(&mut self, bytes: u64, now: Now) -> Result<Charge, MemoryNeeded> {
        if let Some(charge) = self.pool.try_charge(bytes) {
            return Ok(charge);
        }
        let page = self.page_for_large_value(now)?;
        self.pool.charge_in_place_of(page, bytes).ok_or(MemoryNeeded(1))
    }

    /// Adds segments to the index until one more entry fits.
    pub(super) fn reserve_index_entry(&mut self, now: Now) -> Result<(), MemoryNeeded> {
        while self.index.segment_needed().is_some() {
            let page = self.page_for_index(now)?;
            // Eviction may have removed entries, so that no segment is needed any more.
            match self.index.segment_needed() {
                Some(needed) => self.index.add_segment(needed, page),
                None => self.spare_pages.push(page),
            }
        }
        Ok(())
    }

    /// Merges surplus buckets of the index, at most `steps`.
    pub(in crate::store) fn shrink_index(&mut self, steps: usize) {
        let (slab, large, hasher) = (&self.slab, &self.large, &self.rules.hasher);
        let pages = self.index.shrink(steps, |handle| hasher.hash(key_of(slab, large, handle)));
        self.spare_pages.extend(pages);
    }

    /// Turns empty pages into spare pages, at least one if there is any; false if there is none.
    pub(in crate::store) fn free_idle_memory(&mut self) -> bool {
        if self.dismantle_flushed() {
            return true;
        }
        let page = self.slab.take_flushed().or_else(|| self.large.take_free_fragment_page());
        let freed = page.is_some();
        self.spare_pages.extend(page);
        freed
    }

    /// Appends pages for another shard to `given`, by eviction if necessary; false if there are none.
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

    /// Like [`Shard::donate_pages`], but nothing if the shard is far below its share.
    pub(in crate::store) fn donate_surplus_pages(&mut self, now: Now, given: &mut Pages) -> bool {
        !self.is_far_below_its_share() && self.donate_pages(now, given)
    }

    /// Like [`Shard::donate_pages`], but evicts the oldest of the young items if there are no others.
    pub(in crate::store) fn donate_young_pages(&mut self, now: Now, given: &mut Pages) -> bool {
        let may_evict = self.rules.evict && !self.pool.is_pinned_full();
        may_evict
            && (0..YOUNG_GENERATIONS).any(|_| {
                self.recency.end_generation(now);
                self.donate_pages(now, given)
            })
    }
}

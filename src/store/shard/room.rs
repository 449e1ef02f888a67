//! How a shard makes room: chunks, index tables, large values; by eviction, by trading pages, by giving way.
//!
//! Everything here happens under the shard's lock, so each step is bounded: one page's worth of items at most.

use super::{NeedRoom, Shard, key_of};
use crate::clock::Now;
use crate::store::handle::Handle;
use crate::store::large::{Fragment, Large, LargeItem, Layout};
use crate::store::outcome::Cause;
use crate::store::pool::{Charge, Pages, PoolPage};
use crate::store::recency::YOUNG_GENERATIONS;
use crate::store::sample::SampleKind;
use crate::store::slab::{ClassId, Leaving, Vacant, Victim};

/// Pages of small items give way to large values when they have been idle this many times as long.
const IDLE_RATIO: u64 = 8;

/// Large values give way to a class when they have been idle for longer than its own items, and for longer than one
/// part in this many of the time that the most idle pages have.
const IDLE_PART: u64 = 2;

/// Classes asked for a page at once, those first to which it is worth least.
const GIVERS_MAX: usize = 4;

/// A shard asks others for memory when it is short of more than one in this many bytes of its share.
const SHARE_SLACK: u64 = 8;

impl Shard {
    /// Pages in use here, those of flushed items included.
    pub(in crate::store) fn pages_held(&self) -> usize {
        let flushed = self.slab.pages_flushed() + self.flushed.iter().map(Large::pages).sum::<usize>();
        let in_use = self.slab.pages_held() + self.index.segments() + self.large.pages();
        in_use + flushed + self.removals.pages_held()
    }

    /// What is held here, in bytes as they are charged.
    pub(in crate::store) fn charged_bytes(&self) -> u64 {
        let heap = self.large.heap_bytes() + self.flushed.iter().map(Large::heap_bytes).sum::<u64>();
        self.pages_held() as u64 * self.pool.page_charge() + heap
    }

    /// A free chunk of a class: a free one, one of a new page, one of a page that is worth less elsewhere, or the
    /// chunk of an item that has to leave.
    pub(super) fn chunk_room(&mut self, class: ClassId, now: Now) -> Result<Vacant, NeedRoom> {
        loop {
            if let Some(vacant) = self.slab.take_free(class) {
                return Ok(vacant);
            }
            if self.add_page(class) {
                continue;
            }
            if !self.rules.evict {
                self.slab.class_mut(class).figures.out_of_memory += 1;
                return Err(NeedRoom(1));
            }
            self.slab.end_epoch_if_due();
            let owner = self.slab.class_mut(class);
            let pageless = owner.pages() == 0;
            if pageless || owner.evictions_since_compared >= owner.compares_at {
                owner.evictions_since_compared = 0;
                if self.is_far_below_its_share() {
                    return Err(NeedRoom(1));
                }
                if self.trade_for(class, pageless, now) {
                    continue;
                }
            }
            self.slab.class_mut(class).evictions_since_compared += 1;
            if !self.evict_one(class, now) && !self.add_idle_page(class, now) {
                self.slab.class_mut(class).figures.out_of_memory += 1;
                return Err(NeedRoom(1));
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
        let flushed = |shard: &mut Shard| shard.dismantle_flushed().then(|| shard.in_hand.pop()).flatten();
        let in_hand = self.in_hand.pop().or_else(|| self.slab.take_flushed());
        in_hand.or_else(|| flushed(self)).or_else(|| self.pool.take()).or_else(|| self.large.close_up())
    }

    /// A page for the index, made free by eviction if need be and allowed.
    fn obtain_page(&mut self, now: Now) -> Result<PoolPage, NeedRoom> {
        self.page_after(|shard| shard.give_way(now))
    }

    /// As [`Shard::obtain_page`], for a large value.
    pub(in crate::store) fn obtain_value_page(&mut self, now: Now) -> Result<PoolPage, NeedRoom> {
        self.page_after(|shard| shard.give_way_to_value(now))
    }

    fn page_after(&mut self, mut give_way: impl FnMut(&mut Shard) -> bool) -> Result<PoolPage, NeedRoom> {
        loop {
            if let Some(page) = self.take_page() {
                return Ok(page);
            }
            if self.is_far_below_its_share() || !give_way(self) {
                return Err(NeedRoom(1));
            }
        }
    }

    /// Takes the next of the large values apart that a flush left, whose pages are in hand then. False if there was none.
    fn dismantle_flushed(&mut self) -> bool {
        while let Some(large) = self.flushed.last_mut() {
            match large.dismantle() {
                Some(mut pages) if !pages.is_empty() => {
                    self.in_hand.append(&mut pages);
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

    /// Looks for a page that is worth more to this class than where it is; true if it got one.
    fn trade_for(&mut self, class: ClassId, pageless: bool, now: Now) -> bool {
        if self.large_is_idler_than_slabs(class, pageless) {
            while self.evict_large(now) {
                if self.add_page(class) {
                    return true;
                }
            }
        }
        let taker = self.slab.class_mut(class);
        taker.compares_at = u32::from(taker.chunks_per_page);
        for giver in self.slab.givers(class, self.recency.stamp()).into_iter().take(GIVERS_MAX) {
            if !self.slab.is_worth_more_to(class, &giver) && !pageless {
                return false;
            }
            if self.release_page(giver.class, now) {
                return self.add_page(class);
            }
        }
        false
    }

    /// Takes the memory that was idle for longest for a class all of whose items are in use; true if there was some.
    fn add_idle_page(&mut self, class: ClassId, now: Now) -> bool {
        while self.reclaim_memory(now) {
            if self.add_page(class) {
                return true;
            }
        }
        false
    }

    /// True if the coldest large value has been idle for longer than this class's own items, and no page has been idle
    /// for much longer. A large value keeps many small ones out, so that it has to be in use more often.
    fn large_is_idler_than_slabs(&mut self, class: ClassId, pageless: bool) -> bool {
        let Some(idle) = self.large_idle() else { return false };
        let others =
            self.slab.slowest_hand(Some(class), self.seq, self.recency.stamp()).map_or(0, |(_, age)| age);
        let own = self.slab.hand_age(class, self.seq).unwrap_or(0);
        idle.saturating_mul(IDLE_PART) > others && (pageless || own < idle)
    }

    /// Operations since the coldest large value was used.
    fn large_idle(&mut self) -> Option<u64> {
        self.large.idle_since().map(|used| self.seq.saturating_sub(used))
    }

    /// Takes a page out of a class and keeps it in hand. Young items are moved to other chunks of the class, as are others
    /// in use; this may evict others that are not young. What is left is moved where chunks are free and evicted where
    /// none is. False, and the page stays, if the class has none or no room for the young items of the page.
    pub(in crate::store) fn release_page(&mut self, class: ClassId, now: Now) -> bool {
        let Some(place) = self.slab.page_to_leave(class) else { return false };
        let keeps_pages_in = Some(self.recency.stamp());
        if !self.could_move_young(class, place) {
            self.slab.class_mut(class).keeps_pages_in = keeps_pages_in;
            return false;
        }
        let Some(mut leaving) = self.slab.take_page(class, place) else { return false };
        for chunk in 0..leaving.chunks() {
            let young = leaving.item(chunk).is_some_and(|(_, item)| self.is_young(item));
            if young && !self.leave_page(&mut leaving, chunk, class, now) {
                self.slab.put_back(class, leaving);
                self.slab.class_mut(class).keeps_pages_in = keeps_pages_in;
                return false;
            }
        }
        for chunk in 0..leaving.chunks() {
            self.leave_page(&mut leaving, chunk, class, now);
        }
        let page = self.slab.retire(leaving);
        self.in_hand.push(page);
        self.totals.pages_moved += 1;
        true
    }

    /// True if there may be room in a class for the young items of its page at a place: in free chunks of other pages, or
    /// in those of older items there.
    fn could_move_young(&self, class: ClassId, place: usize) -> bool {
        let page = self.slab.page_of(class, place);
        self.slab.class(class).pages() > 1
            || !page.occupied().any(|chunk| page.item(chunk).is_some_and(|item| self.is_young(item)))
    }

    /// Moves an item out of a page that is leaving its class, or evicts it. False, and it stays, if it is young and there
    /// is no room for it.
    fn leave_page(&mut self, leaving: &mut Leaving, chunk: u16, class: ClassId, now: Now) -> bool {
        let Some((at, item)) = leaving.item(chunk) else { return true };
        let from = Handle::from(at);
        let hash = self.rules.hasher.hash(item.key());
        let fields = item.fields();
        let young = self.is_young(item);
        if fields.deadline.is_over(now) {
            self.index.remove(hash, from);
            let figures = &mut self.slab.class_mut(class).figures;
            figures.reclaimed += 1;
            figures.expired_unfetched += u64::from(!fields.fetched);
            let bytes = u64::from(self.slab.class(class).chunk_bytes);
            self.recency.forget(fields.stamp, fields.last_access, bytes);
            self.note_left_behind(Cause::Expired, hash, item, now);
            self.sample_left_behind(SampleKind::Expire, hash, item, now);
            leaving.clear(chunk);
            return true;
        }
        let mut room = self.slab.take_free(class);
        while room.is_none() && (young || fields.uses > 0) && self.evict_one(class, now) {
            room = self.slab.take_free(class);
        }
        match room {
            Some(vacant) => {
                let to = self.slab.fill(vacant, &fields, item.key(), item.value());
                self.index.redirect(hash, from, to.into());
                self.totals.rescued += 1;
            }
            None if young => return false,
            None => {
                self.index.remove(hash, from);
                self.record_left_behind(class, hash, item, now);
                let figures = &mut self.slab.class_mut(class).figures;
                figures.count_eviction(&fields, now);
            }
        }
        leaving.clear(chunk);
        true
    }

    /// Evicts the item of a class that leaves next; false if it holds none that is not young, as far as it looked.
    fn evict_one(&mut self, class: ClassId, now: Now) -> bool {
        let Some(Victim { at, expired }) = self.slab.next_victim(class, &self.recency, now, self.seq) else {
            return false;
        };
        let hash = self.hash_at(at);
        if expired {
            self.reclaim(hash, at.into(), now);
            return true;
        }
        let fields = self.slab.item(at).fields();
        self.record_eviction(hash, at.into(), now);
        self.slab.class_mut(class).figures.count_eviction(&fields, now);
        self.index.remember_ghost(hash);
        self.unlink(hash, at.into());
        true
    }

    /// Evicts the large value that leaves next; false if there is none that is not young, as far as it looked.
    fn evict_large(&mut self, now: Now) -> bool {
        let Some((id, item)) = self.large.next_victim(self.seq, &self.recency) else { return false };
        let hash = self.rules.hasher.hash(&item.key);
        let LargeItem { deadline, fetched, last_access, probation, .. } = *item;
        if deadline.is_over(now) {
            self.reclaim(hash, id.into(), now);
            return true;
        }
        self.record_eviction(hash, id.into(), now);
        let figures = &mut self.large.figures;
        figures.evicted += 1;
        figures.evicted_nonzero += u64::from(!deadline.is_never());
        figures.evicted_unfetched += u64::from(!fetched);
        figures.evicted_active += u64::from(!probation);
        figures.evicted_idle_secs = now.secs_since(last_access);
        if probation {
            self.index.remember_ghost(hash);
        }
        self.unlink(hash, id.into());
        true
    }

    /// Fragments for the tail of a value, which is theirs until they are given back or an item owns them.
    pub(super) fn tail_room(&mut self, layout: Layout, now: Now) -> Result<Vec<Fragment>, NeedRoom> {
        let mut fragments = Vec::new();
        for (kind, count) in (0..).zip(layout.fragments()) {
            while !self.large.take_fragments(kind, count, &mut fragments) {
                // What leaves may be a value of fragments, so these are looked for first each time.
                if let Some(page) = self.take_page() {
                    self.large.add_fragment_page(kind, page);
                } else if self.is_far_below_its_share() || !self.give_way_to_value(now) {
                    self.large.give_back(fragments);
                    // For all kinds: what is given back may go before this is tried again.
                    let kinds = layout.fragments().into_iter().filter(|count| *count > 0).count();
                    return Err(NeedRoom(kinds));
                }
            }
        }
        Ok(fragments)
    }

    /// Charges bytes on the heap, fewer than a page has, in place of a page if need be.
    pub(in crate::store) fn charge_heap(&mut self, bytes: u64, now: Now) -> Result<Charge, NeedRoom> {
        if let Some(charge) = self.pool.try_charge(bytes) {
            return Ok(charge);
        }
        let page = self.obtain_value_page(now)?;
        self.pool.charge_in_place_of(page, bytes).ok_or(NeedRoom(1))
    }

    /// Makes sure that one more entry fits the index.
    pub(super) fn index_room(&mut self, now: Now) -> Result<(), NeedRoom> {
        while self.index.lack().is_some() {
            let page = self.obtain_page(now)?;
            // Making room may have removed entries, so that less is lacking.
            match self.index.lack() {
                Some(lack) => self.index.add_segment(lack, page),
                None => self.in_hand.push(page),
            }
        }
        Ok(())
    }

    /// Takes surplus buckets of the index out of use, `steps` at most.
    pub(in crate::store) fn shrink_index(&mut self, steps: usize) {
        let (slab, large, hasher) = (&self.slab, &self.large, &self.rules.hasher);
        let pages = self.index.shrink(steps, |handle| hasher.hash(key_of(slab, large, handle)));
        self.in_hand.extend(pages);
    }

    /// Gives up pages that hold nothing, at least one if there is any; true if there was.
    pub(in crate::store) fn free_idle_memory(&mut self) -> bool {
        if self.dismantle_flushed() {
            return true;
        }
        let page = self.slab.take_flushed().or_else(|| self.large.take_whole_fragment_page());
        let freed = page.is_some();
        self.in_hand.extend(page);
        freed
    }

    /// Evicts, where that is allowed, as [`Shard::reclaim_memory`] does, or as [`Shard::shed`] over a limit that was
    /// lowered. False if nothing may leave.
    fn give_way(&mut self, now: Now) -> bool {
        self.rules.evict
            && if self.pool.excess_bytes() > 0 { self.shed(now) } else { self.reclaim_memory(now) }
    }

    /// As [`Shard::give_way`], for a large value: what readers hold does not push out small items without bound.
    fn give_way_to_value(&mut self, now: Now) -> bool {
        if self.pool.is_pinned_full() {
            return self.rules.evict && self.evict_large(now);
        }
        self.give_way(now)
    }

    /// Appends pages that others may have; false if there are none.
    pub(in crate::store) fn give_pages(&mut self, now: Now, given: &mut Pages) -> bool {
        loop {
            if !self.in_hand.is_empty() {
                given.append(&mut self.in_hand);
                return true;
            }
            if self.free_idle_memory() {
                continue;
            }
            match self.large.close_up() {
                Some(page) => self.in_hand.push(page),
                None if self.give_way_to_value(now) => {}
                None => return false,
            }
        }
    }

    /// As [`Shard::give_pages`], but nothing if the shard has less than is due to it.
    pub(in crate::store) fn give_pages_of_its_share(&mut self, now: Now, given: &mut Pages) -> bool {
        !self.is_far_below_its_share() && self.give_pages(now, given)
    }

    /// As [`Shard::give_pages`] when all shards were asked in vain: of the young items the oldest leave.
    pub(in crate::store) fn give_young_pages(&mut self, now: Now, given: &mut Pages) -> bool {
        let may_leave = self.rules.evict && !self.pool.is_pinned_full();
        may_leave
            && (0..YOUNG_GENERATIONS).any(|_| {
                self.recency.end_generation(now);
                self.give_pages(now, given)
            })
    }

    /// Evicts for a lowered limit: the oldest leave first, whatever their age. False if there is nothing.
    pub(in crate::store) fn shed(&mut self, now: Now) -> bool {
        self.reclaim_memory(now)
            || (0..YOUNG_GENERATIONS).any(|_| {
                self.recency.end_generation(now);
                self.reclaim_memory(now)
            })
    }

    /// Evicts a large value, or gives up the page that its hand has been away from for longest, whichever was idle for
    /// longer. False if there is nothing, or all is young.
    fn reclaim_memory(&mut self, now: Now) -> bool {
        self.end_generation_if_due(now);
        let slowest = self.slab.slowest_hand(None, self.seq, self.recency.stamp());
        let page_first = match (slowest, self.large_idle()) {
            (Some((_, age)), Some(idle)) => age / IDLE_RATIO > idle,
            (slowest, _) => slowest.is_some(),
        };
        page_first && self.free_page(now) || self.evict_large(now) || !page_first && self.free_page(now)
    }

    fn free_page(&mut self, now: Now) -> bool {
        let slowest = self.slab.slowest_hands(self.seq, self.recency.stamp());
        slowest.into_iter().any(|class| self.release_page(class, now))
    }
}

//! How a shard makes room: chunks, index tables, large values; by eviction, by trading pages, by giving way.
//!
//! Everything here happens under the shard's lock, so each step is bounded: one page's worth of items at most.

use super::{NeedRoom, Shard, key_of};
use crate::clock::Now;
use crate::store::budget::allocated_bytes;
use crate::store::handle::Handle;
use crate::store::large::{Gathering, LargeItem, Piece, Plan};
use crate::store::outcome::Cause;
use crate::store::recency::YOUNG_GENERATIONS;
use crate::store::sample::SampleKind;
use crate::store::slab::{ClassId, Leaving, Vacant, Victim};

/// Charged for a page beyond its bytes: its record, its set of items on probation, its places in lists.
const PAGE_OVERHEAD_BYTES: u64 = 256;

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
    /// What one page is charged with, in bytes.
    pub(in crate::store) fn page_charge(&self) -> u64 {
        allocated_bytes(self.rules.page_bytes) + PAGE_OVERHEAD_BYTES
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
                return Err(NeedRoom(self.page_charge()));
            }
            self.slab.end_epoch_if_due();
            let owner = self.slab.class_mut(class);
            let pageless = owner.pages() == 0;
            if pageless || owner.evictions_since_compared >= owner.compares_at {
                owner.evictions_since_compared = 0;
                if self.is_far_below_its_share() {
                    return Err(NeedRoom(self.page_charge()));
                }
                if self.trade_for(class, pageless, now) {
                    continue;
                }
            }
            self.slab.class_mut(class).evictions_since_compared += 1;
            if !self.evict_one(class, now) && !self.add_idle_page(class, now) {
                self.slab.class_mut(class).figures.out_of_memory += 1;
                return Err(NeedRoom(self.page_charge()));
            }
        }
    }

    /// True if other shards hold what is due to this one: keys are spread evenly, so memory should be.
    fn is_far_below_its_share(&self) -> bool {
        let share = self.account.budget().limit_bytes() / self.rules.shards as u64;
        self.rules.shards > 1
            && self.account.charged_bytes() + 2 * self.page_charge() < share - share / SHARE_SLACK
    }

    /// Gives a class another page if the budget allows it.
    pub(in crate::store) fn add_page(&mut self, class: ClassId) -> bool {
        if !self.slab.can_hold_another_page() {
            return false;
        }
        let bytes = match self.slab.take_spare() {
            Some(bytes) => bytes,
            None if self.try_charge(self.page_charge()) => vec![0; self.rules.page_bytes].into(),
            None => return false,
        };
        self.slab.add_page(class, bytes, self.seq);
        true
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

    /// Takes a page out of a class and keeps it spare. Young items are moved to other chunks of the class, as are others
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
        self.slab.retire(leaving);
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

    /// Charges `bytes` if that needs no item to leave; true if it did.
    fn try_charge(&mut self, bytes: u64) -> bool {
        loop {
            if self.account.try_charge(bytes) {
                return true;
            }
            if !self.free_frame() {
                return false;
            }
        }
    }

    /// An empty buffer for a large value, in pieces for what fills no page, making room for them by eviction where that
    /// is allowed.
    pub(in crate::store) fn gathering(&mut self, plan: Plan, now: Now) -> Result<Gathering, NeedRoom> {
        let pieces = self.pieces(plan, now)?;
        Ok(self.large.gathering(plan, pieces))
    }

    /// The pieces behind the last page of a value.
    pub(in crate::store) fn pieces(&mut self, plan: Plan, now: Now) -> Result<Vec<Piece>, NeedRoom> {
        let mut pieces = Vec::new();
        for (kind, count) in (0..).zip(plan.pieces()) {
            while !self.large.take_pieces(kind, count, &mut pieces) {
                if self.try_charge(self.page_charge()) {
                    self.large.add_frame(kind);
                } else if !self.give_way(now) {
                    self.large.give_back(pieces);
                    // For all kinds: what is given back may be freed before this is tried again.
                    let kinds = plan.pieces().into_iter().filter(|count| *count > 0).count() as u64;
                    return Err(NeedRoom(kinds * self.page_charge()));
                }
            }
        }
        Ok(pieces)
    }

    /// Charges `bytes`, making room by eviction where that is allowed.
    pub(super) fn charge(&mut self, bytes: u64, now: Now) -> Result<(), NeedRoom> {
        while !self.try_charge(bytes) {
            if bytes > self.account.budget().limit_bytes() || !self.give_way(now) {
                return Err(NeedRoom(bytes));
            }
        }
        Ok(())
    }

    /// Makes sure that one more entry fits the index.
    pub(super) fn index_room(&mut self, now: Now) -> Result<(), NeedRoom> {
        while let Some(lack) = self.index.lack() {
            if self.try_charge(self.page_charge()) {
                self.index.add_segment(lack);
            } else if !self.give_way(now) {
                return Err(NeedRoom(self.page_charge()));
            }
        }
        Ok(())
    }

    /// Takes surplus buckets of the index out of use, `steps` at most.
    pub(in crate::store) fn shrink_index(&mut self, steps: usize) {
        let (slab, large, hasher) = (&self.slab, &self.large, &self.rules.hasher);
        let freed = self.index.shrink(steps, |handle| hasher.hash(key_of(slab, large, handle)));
        self.account.refund(freed as u64 * self.page_charge());
    }

    /// Gives back a spare page; true if there was one.
    pub(in crate::store) fn free_spare_page(&mut self) -> bool {
        let spare = self.slab.take_spare().is_some();
        if spare {
            self.account.refund(self.page_charge());
        }
        spare
    }

    /// Gives back a frame whose pieces others of this shard have room for; true if there was one.
    fn free_frame(&mut self) -> bool {
        let freed = self.large.free_frame();
        if freed {
            self.account.refund(self.page_charge());
        }
        freed
    }

    /// Gives memory back to the budget that holds no item and need not be moved for it; true if there was some.
    pub(in crate::store) fn free_idle_memory(&mut self) -> bool {
        let whole = self.large.free_whole_frame();
        if whole {
            self.account.refund(self.page_charge());
        }
        whole || self.free_spare_page()
    }

    /// Gives memory back to the budget that holds no item, or, where items may leave, as [`Shard::reclaim_memory`] does,
    /// or as [`Shard::shed`] over a limit that was lowered.
    fn give_way(&mut self, now: Now) -> bool {
        if !self.rules.evict {
            self.free_spare_page() || self.free_frame()
        } else if self.account.budget().excess_bytes() > 0 {
            self.shed(now)
        } else {
            self.reclaim_memory(now)
        }
    }

    /// As [`Shard::give_way`]; returns how much was given back, nothing if there is none.
    pub(in crate::store) fn bytes_given_way(&mut self, now: Now) -> Option<u64> {
        let before = self.account.charged_bytes();
        self.give_way(now).then(|| before.saturating_sub(self.account.charged_bytes()))
    }

    /// As [`Shard::bytes_given_way`], but nothing if the shard has less than is due to it.
    pub(in crate::store) fn bytes_given_of_its_share(&mut self, now: Now) -> Option<u64> {
        if self.is_far_below_its_share() { None } else { self.bytes_given_way(now) }
    }

    /// As [`Shard::bytes_given_way`] when all shards were asked in vain: of the young items the oldest leave.
    pub(in crate::store) fn bytes_forced(&mut self, now: Now) -> Option<u64> {
        (0..YOUNG_GENERATIONS).find_map(|_| {
            self.recency.end_generation(now);
            self.bytes_given_way(now)
        })
    }

    /// Gives memory back for a lowered limit: the oldest leave first, whatever their age. False if there is nothing.
    pub(in crate::store) fn shed(&mut self, now: Now) -> bool {
        self.reclaim_memory(now)
            || (0..YOUNG_GENERATIONS).any(|_| {
                self.recency.end_generation(now);
                self.reclaim_memory(now)
            })
    }

    /// Gives memory back to the budget: a spare page or frame, or else a large value or the page that its hand has been
    /// away from for longest, first those which were idle for longer. False if there is nothing, or all is young.
    pub(in crate::store) fn reclaim_memory(&mut self, now: Now) -> bool {
        if self.free_spare_page() || self.free_frame() {
            return true;
        }
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
        slowest.into_iter().any(|class| self.release_page(class, now)) && self.free_spare_page()
    }
}

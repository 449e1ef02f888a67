//! How a shard makes room: chunks, index tables, large values; by eviction, by trading pages, by giving way.
//!
//! Everything here happens under the shard's lock, so each step is bounded: one page's worth of items at most.

use super::Shard;
use crate::clock::Now;
use crate::store::eviction::Victim;
use crate::store::eviction::recency::YOUNG_GENERATIONS;
use crate::store::item::Handle;
use crate::store::memory::large::LargeItem;
use crate::store::memory::slab::{ClassId, DetachedPage};
use crate::store::outcome::Cause;

/// Pages of small items give way to large values when they have been idle this many times as long.
const IDLE_RATIO: u64 = 8;

/// Large values give way to a class when they have been idle for longer than its own items, and for longer than one
/// part in this many of the time that the most idle pages have.
const IDLE_PART: u64 = 2;

/// Classes asked for a page at once, those first to which it is worth least.
const GIVERS_MAX: usize = 4;

impl Shard {
    /// Looks for a page that is worth more to this class than where it is; true if it got one.
    pub(super) fn trade_page_for(&mut self, class: ClassId, pageless: bool, now: Now) -> bool {
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
    pub(super) fn add_idle_page(&mut self, class: ClassId, now: Now) -> bool {
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
        let Some(place) = self.slab.page_to_release(class) else { return false };
        let retains_pages_in = Some(self.recency.stamp());
        if !self.could_move_young(class, place) {
            self.slab.class_mut(class).retains_pages_in = retains_pages_in;
            return false;
        }
        let Some(mut detached) = self.slab.detach_page(class, place) else { return false };
        for chunk in 0..detached.chunks() {
            let young = detached.item(chunk).is_some_and(|(_, item)| self.is_young(item));
            if young && !self.move_or_evict(&mut detached, chunk, class, now) {
                self.slab.reattach_page(class, detached);
                self.slab.class_mut(class).retains_pages_in = retains_pages_in;
                return false;
            }
        }
        for chunk in 0..detached.chunks() {
            self.move_or_evict(&mut detached, chunk, class, now);
        }
        let page = self.slab.retire(detached);
        self.spare_pages.push(page);
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

    /// Moves an item out of a page that is detached its class, or evicts it. False, and it stays, if it is young and there
    /// is no room for it.
    fn move_or_evict(&mut self, detached: &mut DetachedPage, chunk: u16, class: ClassId, now: Now) -> bool {
        let Some((at, item)) = detached.item(chunk) else { return true };
        let from = Handle::from(at);
        let hash = self.rules.hasher.hash(item.key());
        let fields = item.fields();
        let young = self.is_young(item);
        if fields.deadline.is_over(now) {
            self.index.remove(hash, from);
            let stats = &mut self.slab.class_mut(class).stats;
            stats.reclaimed += 1;
            stats.expired_unfetched += u64::from(!fields.fetched);
            let bytes = u64::from(self.slab.class(class).chunk_bytes);
            self.recency.forget(fields.stamp, fields.last_access, bytes);
            self.note_detached_removal(Cause::Expired, hash, item, class, now);
            detached.clear(chunk);
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
                self.note_detached_removal(Cause::Evicted, hash, item, class, now);
                let stats = &mut self.slab.class_mut(class).stats;
                stats.count_eviction(&fields, now);
            }
        }
        detached.clear(chunk);
        true
    }

    /// Evicts the item of a class that leaves next; false if it holds none that is not young, as far as it looked.
    pub(super) fn evict_one(&mut self, class: ClassId, now: Now) -> bool {
        let Some(Victim { at, expired }) = self.slab.next_victim(class, &self.recency, now, self.seq) else {
            return false;
        };
        let hash = self.hash_at(at);
        if expired {
            self.remove_expired(hash, at.into(), now);
            return true;
        }
        let fields = self.slab.item(at).fields();
        self.note_removal(Cause::Evicted, hash, at.into(), now);
        self.slab.class_mut(class).stats.count_eviction(&fields, now);
        self.index.add_ghost(hash);
        self.unlink(hash, at.into());
        true
    }

    /// Evicts the large value that leaves next; false if there is none that is not young, as far as it looked.
    pub(super) fn evict_large(&mut self, now: Now) -> bool {
        let Some((id, item)) = self.large.next_victim(self.seq, &self.recency) else { return false };
        let hash = self.rules.hasher.hash(&item.key);
        let LargeItem { deadline, fetched, last_access, probation, .. } = *item;
        if deadline.is_over(now) {
            self.remove_expired(hash, id.into(), now);
            return true;
        }
        self.note_removal(Cause::Evicted, hash, id.into(), now);
        let stats = &mut self.large.stats;
        stats.evicted += 1;
        stats.evicted_nonzero += u64::from(!deadline.is_never());
        stats.evicted_unfetched += u64::from(!fetched);
        stats.evicted_active += u64::from(!probation);
        stats.evicted_idle_secs = now.secs_since(last_access);
        if probation {
            self.index.add_ghost(hash);
        }
        self.unlink(hash, id.into());
        true
    }

    /// Evicts, where that is allowed, as [`Shard::reclaim_memory`] does, or as [`Shard::reclaim_young_too`] over a limit that was
    /// lowered. False if nothing may leave.
    pub(super) fn evict_if_allowed(&mut self, now: Now) -> bool {
        self.rules.evict
            && if self.pool.excess_bytes() > 0 {
                self.reclaim_young_too(now)
            } else {
                self.reclaim_memory(now)
            }
    }

    /// As [`Shard::evict_if_allowed`], for a large value: what readers hold does not push out small items without bound.
    pub(super) fn evict_for_large_value(&mut self, now: Now) -> bool {
        if self.pool.is_pinned_full() {
            return self.rules.evict && self.evict_large(now);
        }
        self.evict_if_allowed(now)
    }

    /// Evicts for a lowered limit: the oldest leave first, whatever their age. False if there is nothing.
    pub(in crate::store) fn reclaim_young_too(&mut self, now: Now) -> bool {
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

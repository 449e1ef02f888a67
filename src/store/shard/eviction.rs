//! Eviction in a shard: of items, of large values, and of pages that move to another class.
//!
//! All of this runs under the lock of the shard, so each step is bounded by the items of one page. `store/eviction/`
//! selects the victims.

use super::{Key, Shard};
use crate::clock::Now;
use crate::store::eviction::Victim;
use crate::store::eviction::recency::YOUNG_GENERATIONS;
use crate::store::item::Handle;
use crate::store::memory::large::LargeItem;
use crate::store::memory::slab::{ClassId, DetachedPage};
use crate::store::outcome::Cause;

/// A page is reclaimed before a large value if it was idle this many times as long.
const IDLE_RATIO: u64 = 8;

/// A large value is evicted for a class if it was idle for longer than the items of the class, and for more than one
/// part in this many of the idle time of the most idle page.
const IDLE_PART: u64 = 2;

/// Classes tried for one page, those first to which a page is worth least.
const GIVERS_MAX: usize = 4;

impl Shard {
    /// Moves a page to this class from a class to which it is worth less; false if there is none.
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

    /// Moves the memory that was idle for longest to a class that cannot evict its own items; false if there is none.
    pub(super) fn add_idle_page(&mut self, class: ClassId, now: Now) -> bool {
        while self.reclaim_memory(now) {
            if self.add_page(class) {
                return true;
            }
        }
        false
    }

    /// True if the coldest large value was idle for longer than the items of this class, and no page was idle for much
    /// longer. A large value displaces many small items, so it must be used more often than they are.
    fn large_is_idler_than_slabs(&mut self, class: ClassId, pageless: bool) -> bool {
        let Some(idle) = self.large_idle() else { return false };
        let others =
            self.slab.slowest_hand(Some(class), self.seq, self.recency.stamp()).map_or(0, |(_, age)| age);
        let own = self.slab.hand_age(class, self.seq).unwrap_or(0);
        idle.saturating_mul(IDLE_PART) > others && (pageless || own < idle)
    }

    /// Operations since the coldest large value was used.
    fn large_idle(&mut self) -> Option<u64> {
        self.large.last_use_of_coldest().map(|used| self.seq.saturating_sub(used))
    }

    /// Moves a page from a class to the spare pages. Its young and its used items move to other chunks of the class,
    /// for which older items may be evicted. Its other items move to free chunks or are evicted. False, and the page
    /// stays, if the class has no page or no chunks for the young items of the page.
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

    /// True if other pages of the class may have chunks for the young items of one of its pages.
    fn could_move_young(&self, class: ClassId, place: usize) -> bool {
        let page = self.slab.page_of(class, place);
        self.slab.class(class).pages() > 1
            || !page.occupied().any(|chunk| page.item(chunk).is_some_and(|item| self.is_young(item)))
    }

    /// Moves an item from a detached page to another page of its class, or evicts it. False, and the item stays, if it
    /// is young and there is no chunk for it.
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
            self.recency.uncount(fields.stamp, fields.last_access, bytes);
            self.note_detached_removal(Cause::Expired, hash, item, class, now);
            detached.clear(chunk);
            return true;
        }
        let mut vacant = self.slab.take_free(class);
        while vacant.is_none() && (young || fields.uses > 0) && self.evict_one(class, now) {
            vacant = self.slab.take_free(class);
        }
        match vacant {
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

    /// Evicts an item of a class; false if all scanned items are young.
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

    /// Evicts a large value; false if all scanned values are young or pinned.
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

    /// Evicts if that is allowed: by [`Shard::reclaim_memory`], or by [`Shard::reclaim_young_too`] over a lowered
    /// limit. False if nothing may be evicted.
    pub(super) fn evict_if_allowed(&mut self, now: Now) -> bool {
        self.rules.evict
            && if self.pool.excess_bytes() > 0 {
                self.reclaim_young_too(now)
            } else {
                self.reclaim_memory(now)
            }
    }

    /// Like [`Shard::evict_if_allowed`], for a large value. While readers pin much memory, evicts large values only, so
    /// that pinned memory does not displace small items without bound.
    pub(super) fn evict_for_large_value(&mut self, now: Now) -> bool {
        if self.pool.is_pinned_full() {
            return self.rules.evict && self.evict_large(now);
        }
        self.evict_if_allowed(now)
    }

    /// Evicts for a lowered limit: the oldest items first, young ones included. False if there are none.
    pub(in crate::store) fn reclaim_young_too(&mut self, now: Now) -> bool {
        self.reclaim_memory(now)
            || (0..YOUNG_GENERATIONS).any(|_| {
                self.recency.end_generation(now);
                self.reclaim_memory(now)
            })
    }

    /// Evicts a large value or releases the page that the clock hand visited longest ago, whichever was idle for
    /// longer. False if there is nothing or everything is young.
    fn reclaim_memory(&mut self, now: Now) -> bool {
        self.end_generation_if_due(now);
        let slowest = self.slab.slowest_hand(None, self.seq, self.recency.stamp());
        let page_first = match (slowest, self.large_idle()) {
            (Some((_, age)), Some(idle)) => age / IDLE_RATIO > idle,
            (slowest, _) => slowest.is_some(),
        };
        page_first && self.release_idle_page(now)
            || self.evict_large(now)
            || !page_first && self.release_idle_page(now)
    }

    fn release_idle_page(&mut self, now: Now) -> bool {
        let slowest = self.slab.slowest_hands(self.seq, self.recency.stamp());
        slowest.into_iter().any(|class| self.release_page(class, now))
    }

    /// Evicts an item whose new deadline needs memory that is not available. It must not outlive its new deadline.
    pub(in crate::store) fn evict_key(&mut self, key: Key<'_>, now: Now) {
        let Some(handle) = self.find(key) else { return };
        let fields = self.fields_of(handle);
        self.note_removal(Cause::Evicted, key.hash, handle, now);
        self.class_stats_mut(handle).count_eviction(&fields, now);
        self.unlink(key.hash, handle);
    }
}

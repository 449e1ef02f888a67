//! Removing expired items before a client asks for them.
//!
//! Storage commands and [`Shard::sweep_idle`] advance the sweep over the pages of small items (`store/expiry.rs`). Each
//! page records the earliest deadline of its items. Large values are found by their deadlines.

use super::Shard;
use crate::clock::Now;
use crate::store::expiry::IDLE_SWEPT_MAX;
use crate::store::item::ChunkAt;
use crate::store::memory::slab::NEVER_SECS;

/// Large values removed by one call at most.
const LARGE_PER_CALL: u32 = 4;

/// Pages passed over by one background call at most.
const IDLE_PASSED_MAX: usize = 256;

impl Shard {
    /// Advances the sweep by what one storage command pays for.
    pub(super) fn sweep_for_store(&mut self, now: Now) {
        let Some(page) = self.slab.page_at(self.sweep.place()) else {
            // The page was released, or the shard holds large values only.
            self.sweep.drop_credit();
            self.sweep_next(now);
            return self.remove_expired_large(now);
        };
        let due = page.earliest_secs() <= now.secs();
        if self.sweep.pay(u32::from(page.chunks()), due) {
            self.sweep_next(now);
            self.remove_expired_large(now);
        }
    }

    /// Advances the sweep in the background, faster during a crawl.
    pub(in crate::store) fn sweep_idle(&mut self, now: Now) {
        self.sweep_pages(self.sweep.idle_swept_max(), now);
    }

    /// Starts a crawl: a faster sweep that visits every page once. Sweeps a few pages at once, so that a short crawl
    /// ends within this call.
    pub(in crate::store) fn start_crawl(&mut self, now: Now) {
        self.sweep.start_crawl(self.slab.places());
        self.sweep_pages(IDLE_SWEPT_MAX, now);
    }

    fn sweep_pages(&mut self, swept_max: usize, now: Now) {
        self.remove_expired_large(now);
        let places = self.slab.places();
        let mut swept = 0;
        for _ in 0..IDLE_PASSED_MAX.min(places) {
            swept += usize::from(self.sweep_next(now));
            self.sweep.count_crawled();
            if swept == swept_max {
                break;
            }
        }
        self.sweep.limit_crawl(places);
    }

    /// Sweeps the next page or passes over it; true if it swept.
    fn sweep_next(&mut self, now: Now) -> bool {
        let place = self.sweep.advance(self.slab.places());
        let Some(page) = self.slab.page_at(place) else { return false };
        if page.earliest_secs() > now.secs() {
            return false;
        }
        let class = page.class();
        let (mut visited, mut earliest_secs) = (0, NEVER_SECS);
        let mut expired = Vec::new();
        for chunk in page.occupied() {
            visited += 1;
            let at = ChunkAt { page: place as u32, chunk };
            let deadline = self.slab.item(at).deadline();
            if deadline.is_over(now) {
                expired.push(at);
            } else if !deadline.is_never() {
                earliest_secs = earliest_secs.min(deadline.secs());
            }
        }
        if let Some(page) = self.slab.page_at_mut(place) {
            page.set_earliest_secs(earliest_secs);
        }
        let stats = &mut self.slab.class_mut(class).stats;
        stats.swept += visited;
        stats.swept_reclaimed += expired.len() as u64;
        self.totals.swept += visited;
        for at in expired {
            self.remove_expired(self.hash_at(at), at.into(), now);
        }
        true
    }

    fn remove_expired_large(&mut self, now: Now) {
        for _ in 0..LARGE_PER_CALL {
            let Some(id) = self.large.expired(now) else { return };
            let hash = self.rules.hasher.hash(&self.large.item(id).key);
            self.large.stats.swept_reclaimed += 1;
            self.remove_expired(hash, id.into(), now);
        }
    }

    /// Asserts S4 for the sweep: from any position, two rounds over the pages find every expired item.
    #[cfg(test)]
    pub(in crate::store) fn sweep_two_rounds(&mut self, now: Now) {
        use crate::store::item::Place;
        for _ in 0..2 * self.slab.places() {
            self.sweep_next(now);
        }
        while self.large.expired(now).is_some() {
            self.remove_expired_large(now);
        }
        let expired = self.index.handles().filter(|handle| match handle.place() {
            Place::Chunk(at) => self.slab.item(at).deadline().is_over(now),
            Place::Large(id) => self.large.item(id).deadline.is_over(now),
        });
        assert_eq!(expired.count(), 0, "S4: a sweep ends within two rounds");
    }
}

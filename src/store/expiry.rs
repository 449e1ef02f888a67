//! Taking back the memory of items whose time is over, before anybody asks for them.
//!
//! A sweep walks the pages in turn, by the way while storing and from [`Shard::sweep_idle`] in the background. A page
//! knows the earliest moment at which one of its items can die and is passed over before that. Large values are found
//! by their deadlines. A page is swept whole, so a call is bounded by one page (and a few passed over).

use super::handle::ChunkAt;
use super::shard::Shard;
use super::slab::NEVER_SECS;
use crate::clock::Now;

/// Chunks that one storage command pays for.
const CHUNKS_PER_STORE: u32 = 4;

/// Passing over a page costs this part of its chunks.
const PASS_SHARE: u32 = 4;

/// Large values taken back by one call at most.
const LARGE_PER_CALL: u32 = 4;

/// Pages passed over by such a call at most.
const IDLE_PASSED_MAX: usize = 256;

/// Pages swept by one background call, or by the start of a crawl, at most.
const IDLE_SWEPT_MAX: usize = 4;

/// The same while a crawl is on.
const CRAWL_SWEPT_MAX: usize = 16;

/// Where the sweep stands.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Sweep {
    place: usize,
    /// Chunks paid for and not looked at yet.
    credit: u32,
}

impl Shard {
    /// The share of a sweep that a storage command pays for.
    pub(super) fn sweep_by_the_way(&mut self, now: Now) {
        let Some(page) = self.slab.page_at(self.sweep.place) else {
            // A page was given away, or all that is held is large.
            self.sweep.credit = 0;
            self.sweep_next(now);
            return self.reclaim_large(now);
        };
        let chunks = u32::from(page.chunks());
        let price = if page.earliest_secs() <= now.secs() { chunks } else { chunks / PASS_SHARE };
        self.sweep.credit += CHUNKS_PER_STORE;
        if self.sweep.credit > price {
            self.sweep.credit -= price;
            self.sweep_next(now);
            self.reclaim_large(now);
        }
    }

    /// Sweeps on without being paid; for when nothing is stored. Faster while a crawl is on.
    pub(super) fn sweep_idle(&mut self, now: Now) {
        self.sweep_pages(if self.crawl_left > 0 { CRAWL_SWEPT_MAX } else { IDLE_SWEPT_MAX }, now);
    }

    /// Begins to sweep every page once, and faster than by itself. Few pages are swept at once, so that a crawl with
    /// little to do is over.
    pub(super) fn start_crawl(&mut self, now: Now) {
        // At least one, so that a shard of large values alone is looked at as well.
        self.crawl_left = self.slab.places().max(1);
        self.sweep_pages(IDLE_SWEPT_MAX, now);
    }

    fn sweep_pages(&mut self, swept_max: usize, now: Now) {
        self.reclaim_large(now);
        let places = self.slab.places();
        let mut swept = 0;
        for _ in 0..IDLE_PASSED_MAX.min(places) {
            swept += usize::from(self.sweep_next(now));
            self.crawl_left = self.crawl_left.saturating_sub(1);
            if swept == swept_max {
                break;
            }
        }
        self.crawl_left = self.crawl_left.min(places);
    }

    /// Sweeps the page that is due next, or passes it over; true if it swept.
    fn sweep_next(&mut self, now: Now) -> bool {
        let place = self.sweep.place;
        self.sweep.place = if place + 1 < self.slab.places() { place + 1 } else { 0 };
        let Some(page) = self.slab.page_at(place) else { return false };
        if page.earliest_secs() > now.secs() {
            return false;
        }
        let class = page.class();
        let (mut looked_at, mut earliest_secs) = (0, NEVER_SECS);
        let mut over = Vec::new();
        for chunk in page.occupied() {
            looked_at += 1;
            let at = ChunkAt { page: place as u32, chunk };
            let deadline = self.slab.item(at).deadline();
            if deadline.is_over(now) {
                over.push(at);
            } else if !deadline.is_never() {
                earliest_secs = earliest_secs.min(deadline.secs());
            }
        }
        if let Some(page) = self.slab.page_at_mut(place) {
            page.set_earliest_secs(earliest_secs);
        }
        let figures = &mut self.slab.class_mut(class).figures;
        figures.swept += looked_at;
        figures.swept_reclaimed += over.len() as u64;
        self.totals.swept += looked_at;
        for at in over {
            self.reclaim(self.hash_at(at), at.into(), now);
        }
        true
    }

    fn reclaim_large(&mut self, now: Now) {
        for _ in 0..LARGE_PER_CALL {
            let Some(id) = self.large.expired(now) else { return };
            let hash = self.rules.hasher.hash(&self.large.item(id).key);
            self.large.figures.swept_reclaimed += 1;
            self.reclaim(hash, id.into(), now);
        }
    }

    /// The sweep as a law: from any place, two rounds over the pages find every item whose time is over.
    #[cfg(test)]
    pub(super) fn sweep_two_rounds(&mut self, now: Now) {
        for _ in 0..2 * self.slab.places() {
            self.sweep_next(now);
        }
        while self.large.expired(now).is_some() {
            self.reclaim_large(now);
        }
        use super::handle::Place;
        let over = self.index.handles().filter(|handle| match handle.place() {
            Place::Chunk(at) => self.slab.item(at).deadline().is_over(now),
            Place::Large(id) => self.large.item(id).deadline.is_over(now),
        });
        assert_eq!(over.count(), 0, "S4: a sweep ends within two rounds");
    }
}

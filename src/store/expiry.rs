//! The sweep for expired items: the page that is visited next, and the price of a visit.
//!
//! A sweep visits the pages of a shard in turn. A page is swept as a whole, so one step is bounded by one page. A page
//! that holds no expired item yet is passed over. Storage commands pay for sweeping by the chunk; the background adds
//! its own steps. Knows no items: `shard/expiry.rs` removes them.

/// Chunks that one storage command pays for.
const CHUNKS_PER_STORE: u32 = 4;

/// Passing over a page costs one in this many of its chunks.
const PASS_OVER_ONE_IN: u32 = 4;

/// Pages swept by one background call, or by the start of a crawl, at most.
pub(super) const IDLE_SWEPT_MAX: usize = 4;

/// Pages swept by one background call during a crawl, at most.
const CRAWL_SWEPT_MAX: usize = 16;

/// The position of the sweep in a shard.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Sweep {
    /// The page that is visited next.
    place: usize,
    /// Chunks paid for and not visited yet.
    credit: u32,
    /// Pages that a crawl has yet to visit.
    crawl_left: usize,
}

impl Sweep {
    /// The page that is visited next.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// Takes the next page of `places`.
    pub(super) fn advance(&mut self, places: usize) -> usize {
        let place = self.place;
        self.place = if place + 1 < places { place + 1 } else { 0 };
        place
    }

    /// Adds what one storage command pays. True if that covers the next page, which has so many chunks and is swept
    /// (not passed over) if `due`.
    pub(super) fn pay(&mut self, chunks: u32, due: bool) -> bool {
        let price = if due { chunks } else { chunks / PASS_OVER_ONE_IN };
        self.credit += CHUNKS_PER_STORE;
        let paid = self.credit > price;
        if paid {
            self.credit -= price;
        }
        paid
    }

    /// Drops the credit, because there is no page to spend it on.
    pub(super) fn drop_credit(&mut self) {
        self.credit = 0;
    }

    /// Starts a crawl, which visits each of `places` pages once.
    pub(super) fn start_crawl(&mut self, places: usize) {
        // At least one, so that a crawl also visits a shard that holds large values only.
        self.crawl_left = places.max(1);
    }

    /// True until a crawl has visited every page.
    pub(super) fn is_crawling(&self) -> bool {
        self.crawl_left > 0
    }

    /// Notes that a crawl visited a page.
    pub(super) fn count_crawled(&mut self) {
        self.crawl_left = self.crawl_left.saturating_sub(1);
    }

    /// Ends a crawl early where pages were given up since its start.
    pub(super) fn limit_crawl(&mut self, places: usize) {
        self.crawl_left = self.crawl_left.min(places);
    }

    /// Pages that one background call sweeps at most.
    pub(super) fn idle_swept_max(&self) -> usize {
        if self.is_crawling() { CRAWL_SWEPT_MAX } else { IDLE_SWEPT_MAX }
    }
}

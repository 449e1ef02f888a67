//! lru_crawler but its dumps. larder's counterpart of memcached's crawler is the expiry sweep.
//!
//! `crawl` makes the sweep look at every page now; which classes were asked for makes no difference, because it sees
//! them all. `disable` stops the sweep in the background (what storing pays for goes on). `sleep` and `tocrawl` are
//! kept and reported: the sweep has a bound of its own and never holds anybody up.

use super::{Engine, answer, refuse};
use crate::protocol::{CrawlerAction, Refusal, ReplyBuffer};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What the crawler was told, and how often it was started.
#[derive(Debug)]
pub(super) struct Crawler {
    pub(super) sleep_micros: AtomicU32,
    pub(super) to_crawl: AtomicU32,
    pub(super) starts: AtomicU64,
}

impl Default for Crawler {
    /// As memcached begins.
    fn default() -> Crawler {
        Crawler { sleep_micros: AtomicU32::new(100), to_crawl: AtomicU32::new(0), starts: AtomicU64::new(0) }
    }
}

impl Engine {
    pub(super) fn tell_crawler(&self, action: CrawlerAction, out: Option<&mut ReplyBuffer>) {
        let refusal = match action {
            CrawlerAction::Enable if self.store.is_sweeping() => Refusal::CrawlerEnabled,
            CrawlerAction::Crawl(_) if !self.store.is_sweeping() => Refusal::CrawlerDisabled,
            CrawlerAction::Crawl(_) if self.store.is_crawling() => Refusal::CrawlerBusy,
            CrawlerAction::Crawl(_) if self.store.totals().items == 0 => Refusal::NothingToCrawl,
            action => {
                self.set_crawler(action);
                return answer(out, b"OK\r\n");
            }
        };
        refuse(out, refusal);
    }

    fn set_crawler(&self, action: CrawlerAction) {
        match action {
            CrawlerAction::Enable => self.store.set_sweeping(true),
            CrawlerAction::Disable => self.store.set_sweeping(false),
            CrawlerAction::Sleep(micros) => self.crawler.sleep_micros.store(micros, Ordering::Relaxed),
            CrawlerAction::ToCrawl(items) => self.crawler.to_crawl.store(items, Ordering::Relaxed),
            CrawlerAction::Crawl(_) => {
                self.crawler.starts.fetch_add(1, Ordering::Relaxed);
                self.store.start_crawl();
            }
        }
    }
}

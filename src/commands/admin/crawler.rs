//! `lru_crawler`, except its dumps. In larder the expiry sweep replaces memcached's crawler.
//!
//! `crawl` sweeps every page, whatever classes are requested, unless they are empty. As in memcached, a short crawl
//! ends before its reply, and a second crawl is refused during the first. `disable` stops the background sweep, but not
//! the steps of the sweep that run with stores. `sleep` and `tocrawl` are only reported: the sweep has its own limits.

use crate::clock::Now;
use crate::commands::{Engine, ReportedOptions, push_reply, refuse};
use crate::protocol::{Classes, CrawlerAction, LogLine, Refusal, ReplyBuffer};
use crate::store::ClassStats;
use crate::telemetry::LogClass;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The settings of the crawler, and the state of the current crawl.
#[derive(Debug)]
pub(in crate::commands) struct Crawler {
    pub(in crate::commands) sleep_micros: AtomicU32,
    pub(in crate::commands) to_crawl: AtomicU32,
    pub(in crate::commands) starts: AtomicU64,
    /// Start of the current crawl; 0 without one.
    since_secs: AtomicU32,
    /// Items checked and reclaimed before the current crawl.
    before: [AtomicU64; 2],
}

impl Crawler {
    /// The settings of memcached with these options.
    pub(in crate::commands) fn new(options: &ReportedOptions) -> Crawler {
        Crawler {
            sleep_micros: AtomicU32::new(options.number("lru_crawler_sleep", 100.0) as u32),
            to_crawl: AtomicU32::new(options.number("lru_crawler_tocrawl", 0.0) as u32),
            starts: AtomicU64::new(0),
            since_secs: AtomicU32::new(0),
            before: [const { AtomicU64::new(0) }; 2],
        }
    }
}

impl Engine {
    pub(in crate::commands) fn execute_crawler(&self, action: CrawlerAction, out: Option<&mut ReplyBuffer>) {
        let refusal = match action {
            CrawlerAction::Enable if self.store.is_sweeping() => Refusal::CrawlerEnabled,
            CrawlerAction::Crawl(_) if !self.store.is_sweeping() => Refusal::CrawlerDisabled,
            CrawlerAction::Crawl(_) if self.store.is_crawling() => Refusal::CrawlerBusy,
            action => {
                self.set_crawler(action);
                return push_reply(out, b"OK\r\n");
            }
        };
        refuse(out, refusal);
    }

    /// Logs the end of a crawl.
    pub(in crate::commands) fn finish_crawl(&self, now: Now) {
        if self.crawler.since_secs.load(Ordering::Relaxed) == 0 || self.store.is_crawling() {
            return;
        }
        // If two threads see the end of a crawl, one of them logs it.
        let since_secs = self.crawler.since_secs.swap(0, Ordering::Relaxed);
        if since_secs == 0 || !self.watchers.wants(LogClass::System) {
            return;
        }
        let totals = self.store.totals();
        let [looked_at, reclaimed] =
            self.crawler.before.each_ref().map(|count| count.load(Ordering::Relaxed));
        // One pass covers all classes: memcached's fields for the schedule per class are constants.
        let fields = format_args!(
            "crawler=0 lru=cold low_mark=0 next_reclaims=0 since_run=0 next_run=0 elapsed={} examined={} reclaimed={}",
            now.secs().saturating_sub(since_secs),
            totals.swept.saturating_sub(looked_at),
            totals.swept_reclaimed.saturating_sub(reclaimed),
        );
        self.notify_watchers(LogClass::System, &LogLine::new("lru_crawler").fields(fields));
    }

    fn set_crawler(&self, action: CrawlerAction) {
        match action {
            CrawlerAction::Enable => self.store.set_sweeping(true),
            CrawlerAction::Disable => self.store.set_sweeping(false),
            CrawlerAction::Sleep(micros) => self.crawler.sleep_micros.store(micros, Ordering::Relaxed),
            CrawlerAction::ToCrawl(items) => self.crawler.to_crawl.store(items, Ordering::Relaxed),
            CrawlerAction::Crawl(classes) => {
                self.crawler.starts.fetch_add(1, Ordering::Relaxed);
                self.crawl(classes);
            }
        }
    }

    fn crawl(&self, classes: Classes) {
        let now = self.clock.now();
        let has_items = |class: &ClassStats| class.used_chunks > 0 && classes.contains(class.id);
        if !self.store.classes(now).iter().any(has_items) {
            return;
        }
        let totals = self.store.totals();
        self.crawler.before[0].store(totals.swept, Ordering::Relaxed);
        self.crawler.before[1].store(totals.swept_reclaimed, Ordering::Relaxed);
        self.store.start_crawl(now);
        // Last, so that no thread logs the end of a crawl that has not started.
        self.crawler.since_secs.store(now.secs(), Ordering::Release);
        self.finish_crawl(now);
    }
}

//! lru_crawler but its dumps. larder's counterpart of memcached's crawler is the expiry sweep.
//!
//! `crawl` makes the sweep look at every page now; which classes were asked for makes no difference, because it sees
//! them all, unless these have no items. As with memcached a crawl with little to do is over when it is answered, and
//! while one is under way another is refused. `disable` stops the sweep in the background (what storing pays for goes on). `sleep` and `tocrawl` are
//! kept and reported: the sweep has a bound of its own and never holds anybody up.

use crate::clock::Now;
use crate::commands::{Engine, ReportedOptions, push_reply, refuse};
use crate::protocol::{Classes, CrawlerAction, LogLine, Refusal, ReplyBuffer};
use crate::store::ClassStats;
use crate::telemetry::LogClass;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// What the crawler was told, and how often it was started.
#[derive(Debug)]
pub(in crate::commands) struct Crawler {
    pub(in crate::commands) sleep_micros: AtomicU32,
    pub(in crate::commands) to_crawl: AtomicU32,
    pub(in crate::commands) starts: AtomicU64,
    /// When the crawl under way began; 0 if there is none.
    since_secs: AtomicU32,
    /// What had been looked at and taken back before it.
    before: [AtomicU64; 2],
}

impl Crawler {
    /// As memcached begins that is told this.
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

    /// Tells of a crawl once it is over.
    pub(in crate::commands) fn finish_crawl(&self, now: Now) {
        if self.crawler.since_secs.load(Ordering::Relaxed) == 0 || self.store.is_crawling() {
            return;
        }
        // Two threads may come here; one of them tells.
        let since_secs = self.crawler.since_secs.swap(0, Ordering::Relaxed);
        if since_secs == 0 || !self.watchers.wants(LogClass::System) {
            return;
        }
        let totals = self.store.totals();
        let [looked_at, reclaimed] =
            self.crawler.before.each_ref().map(|count| count.load(Ordering::Relaxed));
        // One pass over all classes, so without those figures by which memcached plans the next one of each.
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
        // Only now: until then there is no crawl whose end could be told.
        self.crawler.since_secs.store(now.secs(), Ordering::Release);
        self.finish_crawl(now);
    }
}

//! `slabs` and `lru`: operator commands for memcached's page mover and its LRU lists.
//!
//! `slabs reassign` moves a page. The other settings have no counterpart in larder, which moves pages and selects
//! victims by its own rules. They are checked, stored, and reported by `stats settings`.

use crate::clock::Now;
use crate::commands::{Engine, ReportedOptions, push_reply, refuse};
use crate::protocol::{LogLine, LruAction, Refusal, ReplyBuffer, SlabsAction, Thousandths};
use crate::store::{NotMoved, PagePlace};
use crate::telemetry::LogClass;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// Settings that are only reported.
#[derive(Debug)]
pub(in crate::commands) struct SlabsAndLru {
    pub(in crate::commands) automove: AtomicU32,
    pub(in crate::commands) automove_ratio: AtomicU32,
    pub(in crate::commands) automove_window: AtomicU32,
    pub(in crate::commands) hot_percent: AtomicU32,
    pub(in crate::commands) warm_percent: AtomicU32,
    pub(in crate::commands) hot_factor: AtomicU32,
    pub(in crate::commands) warm_factor: AtomicU32,
    pub(in crate::commands) segmented: AtomicBool,
    /// Negative if disabled.
    pub(in crate::commands) temp_ttl_secs: AtomicI32,
}

impl SlabsAndLru {
    /// The settings of memcached with these options.
    pub(in crate::commands) fn new(options: &ReportedOptions) -> SlabsAndLru {
        let whole = |name, otherwise: u32| AtomicU32::new(options.number(name, otherwise.into()) as u32);
        let thousandths =
            |name, otherwise: f64| AtomicU32::new((options.number(name, otherwise) * 1000.0).round() as u32);
        SlabsAndLru {
            automove: whole("slab_automove", 1),
            automove_ratio: thousandths("slab_automove_ratio", 0.8),
            automove_window: whole("slab_automove_window", 10),
            hot_percent: whole("hot_lru_pct", 20),
            warm_percent: whole("warm_lru_pct", 40),
            hot_factor: thousandths("hot_max_factor", 0.2),
            warm_factor: thousandths("warm_max_factor", 2.0),
            segmented: AtomicBool::new(true),
            temp_ttl_secs: AtomicI32::new(options.number("temporary_ttl", -1.0) as i32),
        }
    }
}

impl Engine {
    pub(in crate::commands) fn execute_slabs(
        &self,
        action: SlabsAction,
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        match action {
            SlabsAction::Reassign { from, to } => return self.reassign(from, to, now, out),
            SlabsAction::Automove(number) => self.slabs_and_lru.automove.store(number, Ordering::Relaxed),
            SlabsAction::AutomoveRatio(Thousandths(ratio)) => {
                self.slabs_and_lru.automove_ratio.store(ratio, Ordering::Relaxed);
            }
            SlabsAction::AutomoveWindow(window) => {
                self.slabs_and_lru.automove_window.store(window, Ordering::Relaxed)
            }
            // A setting of memcached's disk storage, which no report shows.
            SlabsAction::AutomoveFreeRatio => {}
        }
        push_reply(out, b"OK\r\n");
    }

    fn reassign(&self, from: i32, to: i32, now: Now, out: Option<&mut ReplyBuffer>) {
        if !self.settings.reassign_enabled {
            return refuse(out, Refusal::ReassignDisabled);
        }
        let place = |id: i32| match u32::try_from(id) {
            Ok(0) => PagePlace::Free,
            Ok(id) => PagePlace::Class(id),
            Err(_) => PagePlace::Any,
        };
        let source = if from < -1 { PagePlace::Class(u32::MAX) } else { place(from) };
        match self.store.reassign_page(source, place(to), now) {
            Ok(from) => {
                if self.watchers.wants(LogClass::System) {
                    let fields = format_args!("src={from} dst={to} state=done");
                    self.notify_watchers(LogClass::System, &LogLine::new("slab_move").fields(fields));
                }
                push_reply(out, b"OK\r\n");
            }
            Err(NotMoved::Same) => refuse(out, Refusal::SameClass),
            Err(NotMoved::BadClass) => refuse(out, Refusal::BadSourceOrTarget),
            Err(NotMoved::NoSpare) => refuse(out, Refusal::NoSparePages),
        }
    }

    pub(in crate::commands) fn execute_lru(&self, action: LruAction, out: Option<&mut ReplyBuffer>) {
        let slabs_and_lru = &self.slabs_and_lru;
        match action {
            LruAction::Tune { hot_percent, warm_percent, hot_factor, warm_factor } => {
                slabs_and_lru.hot_percent.store(hot_percent, Ordering::Relaxed);
                slabs_and_lru.warm_percent.store(warm_percent, Ordering::Relaxed);
                slabs_and_lru.hot_factor.store(hot_factor.0, Ordering::Relaxed);
                slabs_and_lru.warm_factor.store(warm_factor.0, Ordering::Relaxed);
            }
            LruAction::Mode { segmented } => slabs_and_lru.segmented.store(segmented, Ordering::Relaxed),
            LruAction::TempTtl(secs) => slabs_and_lru.temp_ttl_secs.store(secs.max(-1), Ordering::Relaxed),
        }
        push_reply(out, b"OK\r\n");
    }
}

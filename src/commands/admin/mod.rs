//! Commands of operators: `flush_all`, `verbosity`, `cache_memlimit`, `shutdown`, `debugtime`.
//!
//! `lru_crawler` is in `admin/crawler.rs`, `slabs` and `lru` in `admin/slabs_and_lru.rs`, `stats` in `stats/`.

mod crawler;
mod slabs_and_lru;

pub(super) use crawler::Crawler;
pub(super) use slabs_and_lru::SlabsAndLru;

use super::{Engine, Flow, push_reply, refuse};
use crate::clock::Now;
use crate::protocol::limits::{EXPTIME_RELATIVE_MAX_SECS, MEMLIMIT_MAX_MIB, MEMLIMIT_MIN_MIB, VERBOSITY_MAX};
use crate::protocol::{ClockChange, Refusal, ReplyBuffer, ShutdownMode};
use crate::store::FlushAt;
use crate::telemetry::WorkerCounters;
use log::LevelFilter;
use std::sync::atomic::Ordering;

/// The log level of a verbosity (the number of `-v`).
pub fn log_level(verbosity: u32) -> LevelFilter {
    match verbosity {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    }
}

impl Engine {
    pub(super) fn flush_all(
        &self,
        counters: &WorkerCounters,
        delay: i32,
        now: Now,
        out: Option<&mut ReplyBuffer>,
    ) {
        counters.cmd_flush.add(1);
        if !self.settings.flush_enabled {
            return refuse(out, Refusal::FlushNotAllowed);
        }
        self.flush(self.flush_time(delay.into(), now), now);
        push_reply(out, b"OK\r\n");
    }

    /// The time of a delayed flush, which removes the items stored before its second. As in memcached, the flush
    /// happens one second early, so that no item of the second before is visible at that time.
    pub(super) fn flush_time(&self, delay: i64, now: Now) -> FlushAt {
        let at = match delay {
            ..=0 => return FlushAt::Immediately,
            _ if delay <= EXPTIME_RELATIVE_MAX_SECS.into() => now.secs().saturating_add(delay as u32),
            _ => self.clock.deadline_at_unix(delay as u64).secs(),
        };
        if at - 1 < now.secs() { FlushAt::Immediately } else { FlushAt::At(Now::from_secs(at - 1)) }
    }

    /// Removes all items, now or at the given time.
    pub(super) fn flush(&self, at: FlushAt, now: Now) {
        let before = match at {
            FlushAt::Immediately => now,
            FlushAt::At(at) => at,
        };
        self.flushed_before_secs.store(before.secs(), Ordering::Relaxed);
        self.store.flush_all(at, now);
    }

    pub(super) fn set_verbosity(&self, level: u32, out: Option<&mut ReplyBuffer>) {
        let level = level.min(VERBOSITY_MAX);
        self.verbosity.store(level, Ordering::Relaxed);
        log::set_max_level(log_level(level));
        push_reply(out, b"OK\r\n");
    }

    pub(super) fn set_memlimit(&self, mib: u32, out: Option<&mut ReplyBuffer>) {
        match mib {
            ..MEMLIMIT_MIN_MIB => refuse(out, Refusal::MemlimitTooSmall),
            MEMLIMIT_MIN_MIB..=MEMLIMIT_MAX_MIB => {
                let bytes = u64::from(mib) << 20;
                self.store.set_memory_limit(bytes);
                push_reply(out, b"OK\r\n");
            }
            _ => refuse(out, Refusal::MemlimitInBytes),
        }
    }

    /// Moves the clock of a daemon with `--debug-commands`; without that option the command is unknown.
    pub(super) fn debug_time(&self, change: Option<ClockChange>, out: Option<&mut ReplyBuffer>) {
        match change.filter(|_| self.settings.debug_commands) {
            None => return refuse(out, Refusal::Unknown),
            Some(ClockChange::Pause) => self.clock.pause(),
            Some(ClockChange::Resume) => self.clock.resume(),
            Some(ClockChange::Shift(secs)) => self.clock.shift(secs),
        }
        self.store.record_cas_time(self.clock.now());
        push_reply(out, b"OK\r\n");
    }

    pub(super) fn shutdown(&self, mode: Option<ShutdownMode>, out: Option<&mut ReplyBuffer>) -> Flow {
        let refusal = match mode {
            _ if !self.settings.shutdown_enabled => Refusal::ShutdownDisabled,
            None => Refusal::BadShutdownMode,
            Some(mode) => return Flow::Shutdown(mode),
        };
        refuse(out, refusal);
        Flow::Continue
    }
}

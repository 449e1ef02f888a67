//! Responses, built at most once between two ticks and shared by all clients.

use super::exposition::Exposition;
use super::history::{History, STEP_SECS};
use super::snapshot::{Snapshot, Stats};
use super::{exporter, larder_metrics, status};
use crate::clock::Clock;
use crate::commands::Engine;
use hyper::body::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Seconds without a watchdog round after which the thread of the clock counts as stuck.
const STALLED_TICKS_MAX: u32 = 10;

/// The responses.
pub(super) struct ResponseCache {
    engine: Arc<Engine>,
    cached: Mutex<CachedResponses>,
    /// Watchdog rounds at the last tick.
    watchdog_rounds: AtomicU32,
    /// Ticks since the last watchdog round.
    stalled_ticks: AtomicU32,
}

#[derive(Default)]
struct CachedResponses {
    history: History,
    ticks: u32,
    snapshot: Option<Snapshot>,
    metrics: Option<Bytes>,
    status: Option<Bytes>,
}

impl ResponseCache {
    pub(super) fn new(engine: Arc<Engine>) -> ResponseCache {
        ResponseCache {
            engine,
            cached: Mutex::default(),
            watchdog_rounds: AtomicU32::new(0),
            stalled_ticks: AtomicU32::new(0),
        }
    }

    /// True while clients are served.
    pub(super) fn is_serving(&self) -> bool {
        self.engine.is_serving() && self.is_alive()
    }

    /// False while a worker thread or the thread of the clock is stuck.
    pub(super) fn is_alive(&self) -> bool {
        self.engine.is_alive() && self.stalled_ticks.load(Ordering::Relaxed) <= STALLED_TICKS_MAX
    }

    /// Discards the responses and updates the history. Called once a second.
    pub(super) fn tick(&self) {
        let watchdog_rounds = self.engine.watchdog_checks();
        let stalled = self.watchdog_rounds.swap(watchdog_rounds, Ordering::Relaxed) == watchdog_rounds
            && watchdog_rounds > 0;
        let stalled_ticks = if stalled { self.stalled_ticks.load(Ordering::Relaxed) + 1 } else { 0 };
        self.stalled_ticks.store(stalled_ticks, Ordering::Relaxed);
        let mut cached = self.cached.lock();
        cached.snapshot = None;
        cached.metrics = None;
        cached.status = None;
        if cached.ticks.is_multiple_of(STEP_SECS) {
            cached.history.record(&Stats::general(&self.engine), Clock::unix_micros());
        }
        cached.ticks = cached.ticks.wrapping_add(1);
    }

    /// The text of `/metrics`.
    pub(super) fn metrics(&self) -> Bytes {
        let mut cached = self.cached.lock();
        let CachedResponses { snapshot, metrics, .. } = &mut *cached;
        let bytes = metrics.get_or_insert_with(|| {
            let snapshot = snapshot.get_or_insert_with(|| Snapshot::take(&self.engine));
            let mut exposition = Exposition::default();
            exporter::push(snapshot, &mut exposition);
            larder_metrics::push(snapshot, &mut exposition);
            Bytes::from(exposition.text())
        });
        bytes.clone()
    }

    /// The text of `/status.json`.
    pub(super) fn status(&self) -> Bytes {
        let mut cached = self.cached.lock();
        let CachedResponses { snapshot, status, history, .. } = &mut *cached;
        let bytes = status.get_or_insert_with(|| {
            let snapshot = snapshot.get_or_insert_with(|| Snapshot::take(&self.engine));
            Bytes::from(status::json(snapshot, history).to_string())
        });
        bytes.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::tests::engine;
    use super::*;

    #[test]
    fn responses_are_shared_between_two_ticks() {
        let responses = ResponseCache::new(Arc::new(engine("")));
        let (metrics, status) = (responses.metrics(), responses.status());
        assert_eq!(responses.metrics().as_ptr(), metrics.as_ptr());
        assert_eq!(responses.status().as_ptr(), status.as_ptr());
        responses.tick();
        assert_ne!(responses.metrics().as_ptr(), metrics.as_ptr());
        assert_ne!(responses.status().as_ptr(), status.as_ptr());
    }
}

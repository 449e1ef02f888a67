//! What is answered, made at most once between two ticks and shared by all who ask.

use super::exposition::Exposition;
use super::history::{History, STEP_SECS};
use super::snapshot::{Figures, Snapshot};
use super::{exporter, own, status};
use crate::clock::Clock;
use crate::commands::Engine;
use hyper::body::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Seconds without a look of the server's watchdog after which the thread that moves the clock is taken for stuck.
const QUIET_TICKS_MAX: u32 = 10;

/// The answers.
pub(super) struct Answers {
    engine: Arc<Engine>,
    kept: Mutex<Kept>,
    /// Looks of the server's watchdog as of the last tick.
    looks: AtomicU32,
    /// Ticks since there was a new one.
    quiet_ticks: AtomicU32,
}

#[derive(Default)]
struct Kept {
    history: History,
    ticks: u32,
    snapshot: Option<Snapshot>,
    metrics: Option<Bytes>,
    status: Option<Bytes>,
}

impl Answers {
    pub(super) fn new(engine: Arc<Engine>) -> Answers {
        Answers { engine, kept: Mutex::default(), looks: AtomicU32::new(0), quiet_ticks: AtomicU32::new(0) }
    }

    /// True while clients are served.
    pub(super) fn is_serving(&self) -> bool {
        self.engine.is_serving() && self.is_alive()
    }

    /// False while a thread that serves, or the one that moves the clock, is stuck.
    pub(super) fn is_alive(&self) -> bool {
        self.engine.is_alive() && self.quiet_ticks.load(Ordering::Relaxed) <= QUIET_TICKS_MAX
    }

    /// A second has passed.
    pub(super) fn tick(&self) {
        let looks = self.engine.looks();
        let quiet = self.looks.swap(looks, Ordering::Relaxed) == looks && looks > 0;
        let quiet_ticks = if quiet { self.quiet_ticks.load(Ordering::Relaxed) + 1 } else { 0 };
        self.quiet_ticks.store(quiet_ticks, Ordering::Relaxed);
        let mut kept = self.kept.lock();
        kept.snapshot = None;
        kept.metrics = None;
        kept.status = None;
        if kept.ticks.is_multiple_of(STEP_SECS) {
            kept.history.note(&Figures::general(&self.engine), Clock::unix_micros());
        }
        kept.ticks = kept.ticks.wrapping_add(1);
    }

    /// The text of `/metrics`.
    pub(super) fn metrics(&self) -> Bytes {
        let mut kept = self.kept.lock();
        let Kept { snapshot, metrics, .. } = &mut *kept;
        let made = metrics.get_or_insert_with(|| {
            let snapshot = snapshot.get_or_insert_with(|| Snapshot::take(&self.engine));
            let mut exposition = Exposition::default();
            exporter::push(snapshot, &mut exposition);
            own::push(snapshot, &mut exposition);
            Bytes::from(exposition.text())
        });
        made.clone()
    }

    /// The text of `/status.json`.
    pub(super) fn status(&self) -> Bytes {
        let mut kept = self.kept.lock();
        let Kept { snapshot, status, history, .. } = &mut *kept;
        let made = status.get_or_insert_with(|| {
            let snapshot = snapshot.get_or_insert_with(|| Snapshot::take(&self.engine));
            Bytes::from(status::json(snapshot, history).to_string())
        });
        made.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::tests::engine;
    use super::*;

    #[test]
    fn between_two_ticks_everybody_gets_the_same_answer() {
        let answers = Answers::new(Arc::new(engine("")));
        let (metrics, status) = (answers.metrics(), answers.status());
        assert_eq!(answers.metrics().as_ptr(), metrics.as_ptr());
        assert_eq!(answers.status().as_ptr(), status.as_ptr());
        answers.tick();
        assert_ne!(answers.metrics().as_ptr(), metrics.as_ptr());
        assert_ne!(answers.status().as_ptr(), status.as_ptr());
    }
}

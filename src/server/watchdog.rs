//! Notices when clients are not served: a thread that does not come to the end of a turn, whatever the task, or an event
//! loop that does not run what is scheduled.
//!
//! It counts its own looks, so that neither a clock that is set nor a machine that sleeps deceives it.

use super::event_loop::EventLoop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Looks, ten a second, at one turn or at one task that does not run, after which clients are not served.
const STUCK_LOOKS_MAX: u32 = 50;

/// What the last looks have seen.
pub(super) struct Watchdog {
    /// For each thread, the turn it is at and for how many looks.
    turns: Vec<(Option<u64>, u32)>,
    /// Set by a task without work when it runs.
    canary: Arc<AtomicBool>,
    /// Looks since that was scheduled.
    canary_looks: u32,
}

impl Watchdog {
    pub(super) fn new() -> Watchdog {
        Watchdog { turns: Vec::new(), canary: Arc::new(AtomicBool::new(true)), canary_looks: 0 }
    }

    /// Looks once; true if clients are served.
    pub(super) fn look(&mut self, event_loop: &EventLoop) -> bool {
        self.look_at_turns(event_loop.turns()) && self.look_at_canary(event_loop)
    }

    fn look_at_turns(&mut self, turns: impl Iterator<Item = Option<u64>>) -> bool {
        let mut alive = true;
        for (index, turn) in turns.enumerate() {
            if self.turns.len() <= index {
                self.turns.push((None, 0));
            }
            let (seen, looks) = &mut self.turns[index];
            *looks = if turn.is_some() && *seen == turn { *looks + 1 } else { 0 };
            *seen = turn;
            alive &= *looks <= STUCK_LOOKS_MAX;
        }
        alive
    }

    fn look_at_canary(&mut self, event_loop: &EventLoop) -> bool {
        if self.canary.load(Ordering::Acquire) {
            self.canary.store(false, Ordering::Release);
            self.canary_looks = 0;
            let canary = self.canary.clone();
            event_loop.spawn(async move { canary.store(true, Ordering::Release) });
        }
        self.canary_looks += 1;
        self.canary_looks <= STUCK_LOOKS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_stays_at_one_turn_is_stuck_and_one_that_waits_is_not() {
        let mut watchdog = Watchdog::new();
        for look in 0..3 * STUCK_LOOKS_MAX {
            let busy = Some(u64::from(2 * look + 1));
            assert!(watchdog.look_at_turns([None, busy].into_iter()));
        }
        for _ in 0..=STUCK_LOOKS_MAX {
            assert!(watchdog.look_at_turns([Some(7), None].into_iter()));
        }
        assert!(!watchdog.look_at_turns([Some(7), None].into_iter()));
        assert!(watchdog.look_at_turns([Some(9), None].into_iter()), "it has come to the end");
    }

    #[test]
    fn a_loop_that_runs_nothing_is_noticed() {
        let event_loop = EventLoop::new(1).unwrap();
        let mut watchdog = Watchdog::new();
        for _ in 0..STUCK_LOOKS_MAX {
            assert!(watchdog.look(&event_loop));
        }
        assert!(!watchdog.look(&event_loop));
    }
}

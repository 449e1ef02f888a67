//! Detects that clients are not served: a thread does not end its turn, or the event loop does not run a scheduled
//! task.
//!
//! Time is measured in checks of the watchdog, so a clock that is set or a machine that sleeps causes no false alarm.

use super::event_loop::EventLoop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Checks, ten a second, of the same turn or of the same scheduled task, after which clients count as not served.
const STUCK_CHECKS_MAX: u32 = 50;

/// The results of the last checks.
pub(super) struct Watchdog {
    /// For each thread, its turn and the number of checks that found it there.
    turns: Vec<(Option<u64>, u32)>,
    /// Set by a scheduled task that does nothing else.
    canary: Arc<AtomicBool>,
    /// Checks since that task was scheduled.
    canary_checks: u32,
}

impl Watchdog {
    pub(super) fn new() -> Watchdog {
        Watchdog { turns: Vec::new(), canary: Arc::new(AtomicBool::new(true)), canary_checks: 0 }
    }

    /// Checks once; true if clients are served.
    pub(super) fn check(&mut self, event_loop: &EventLoop) -> bool {
        self.check_turns(event_loop.turns()) && self.check_canary(event_loop)
    }

    fn check_turns(&mut self, turns: impl Iterator<Item = Option<u64>>) -> bool {
        let mut alive = true;
        for (index, turn) in turns.enumerate() {
            if self.turns.len() <= index {
                self.turns.push((None, 0));
            }
            let (last, checks) = &mut self.turns[index];
            *checks = if turn.is_some() && *last == turn { *checks + 1 } else { 0 };
            *last = turn;
            alive &= *checks <= STUCK_CHECKS_MAX;
        }
        alive
    }

    fn check_canary(&mut self, event_loop: &EventLoop) -> bool {
        if self.canary.load(Ordering::Acquire) {
            self.canary.store(false, Ordering::Release);
            self.canary_checks = 0;
            let canary = self.canary.clone();
            event_loop.spawn(async move { canary.store(true, Ordering::Release) });
        }
        self.canary_checks += 1;
        self.canary_checks <= STUCK_CHECKS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_does_not_end_its_turn_is_stuck_and_a_waiting_one_is_not() {
        let mut watchdog = Watchdog::new();
        for check in 0..3 * STUCK_CHECKS_MAX {
            let busy = Some(u64::from(2 * check + 1));
            assert!(watchdog.check_turns([None, busy].into_iter()));
        }
        for _ in 0..=STUCK_CHECKS_MAX {
            assert!(watchdog.check_turns([Some(7), None].into_iter()));
        }
        assert!(!watchdog.check_turns([Some(7), None].into_iter()));
        assert!(watchdog.check_turns([Some(9), None].into_iter()), "the turn has ended");
    }

    #[test]
    fn an_event_loop_that_runs_no_task_is_detected() {
        let event_loop = EventLoop::new(1).unwrap();
        let mut watchdog = Watchdog::new();
        for _ in 0..STUCK_CHECKS_MAX {
            assert!(watchdog.check(&event_loop));
        }
        assert!(!watchdog.check(&event_loop));
    }
}

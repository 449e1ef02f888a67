//! Delays for failed logins: the more logins from one address fail, the longer its next attempt waits.
//!
//! The table has a fixed size. An address that has no place there takes that of another one, so a peer with very many
//! addresses shortens delays, and never grows memory. Invariant: nobody waits here; the caller is told how long.

use parking_lot::Mutex;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

/// Addresses that are remembered.
const SLOTS: usize = 1024;

/// Failures of an address before its attempts are delayed.
const FREE_FAILURES: u32 = 3;

/// The first delay, in milliseconds; each further failure doubles it.
const DELAY_MIN_MILLIS: u32 = 100;

/// The longest delay, in milliseconds.
const DELAY_MAX_MILLIS: u32 = 5000;

/// Seconds without a failure after which an address is as good as new.
const FORGOTTEN_AFTER_SECS: u32 = 60;

/// What is remembered of an address.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// Tells apart the addresses that share the slot.
    tag: u32,
    failures: u32,
    last_secs: u32,
}

impl Slot {
    fn failures(&self, tag: u32, now_secs: u32) -> u32 {
        let recent = now_secs.saturating_sub(self.last_secs) < FORGOTTEN_AFTER_SECS;
        if recent && self.tag == tag { self.failures } else { 0 }
    }
}

/// The table.
pub struct LoginThrottle {
    /// Keyed, so that nobody can choose addresses that share a slot.
    hasher: RandomState,
    slots: Mutex<Box<[Slot]>>,
    /// When a login failed last, from any address, for a look without the lock; 0 for never.
    last_failure_secs: AtomicU32,
}

impl Default for LoginThrottle {
    fn default() -> LoginThrottle {
        LoginThrottle {
            hasher: RandomState::new(),
            slots: Mutex::new(vec![Slot::default(); SLOTS].into()),
            last_failure_secs: AtomicU32::new(0),
        }
    }
}

impl fmt::Debug for LoginThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginThrottle").finish_non_exhaustive()
    }
}

impl LoginThrottle {
    /// True if some address may have to wait.
    pub fn is_active(&self, now_secs: u32) -> bool {
        let last = self.last_failure_secs.load(Ordering::Relaxed);
        last > 0 && now_secs.saturating_sub(last) < FORGOTTEN_AFTER_SECS
    }

    /// How long the next attempt from this address waits, in milliseconds.
    pub fn delay_millis(&self, peer: &str, now_secs: u32) -> u32 {
        let (place, tag) = self.place(peer);
        let failures = self.slots.lock()[place].failures(tag, now_secs);
        match failures.checked_sub(FREE_FAILURES) {
            None => 0,
            Some(more) => DELAY_MIN_MILLIS.saturating_mul(1 << more.min(16)).min(DELAY_MAX_MILLIS),
        }
    }

    /// A login from this address has failed.
    pub fn note_failure(&self, peer: &str, now_secs: u32) {
        let (place, tag) = self.place(peer);
        let mut slots = self.slots.lock();
        let failures = slots[place].failures(tag, now_secs).saturating_add(1);
        slots[place] = Slot { tag, failures, last_secs: now_secs };
        drop(slots);
        self.last_failure_secs.store(now_secs.max(1), Ordering::Relaxed);
    }

    fn place(&self, peer: &str) -> (usize, u32) {
        let hash = self.hasher.hash_one(peer);
        (hash as usize % SLOTS, (hash >> 32) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_with_each_failure_of_an_address_and_end() {
        let throttle = LoginThrottle::default();
        assert!(!throttle.is_active(50));
        let delays: Vec<u32> = (0..12)
            .map(|_| {
                throttle.note_failure("10.0.0.1", 50);
                throttle.delay_millis("10.0.0.1", 50)
            })
            .collect();
        assert_eq!(delays, [0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]);
        assert_eq!(throttle.delay_millis("10.0.0.2", 50), 0);
        assert_eq!(throttle.delay_millis("10.0.0.1", 109), DELAY_MAX_MILLIS);
        assert!(throttle.is_active(109) && !throttle.is_active(110));
        assert_eq!(throttle.delay_millis("10.0.0.1", 110), 0);
    }

    #[test]
    fn very_many_addresses_take_no_more_memory() {
        let throttle = LoginThrottle::default();
        for number in 0..100_000 {
            throttle.note_failure(&format!("address {number}"), 50);
        }
        assert_eq!(throttle.slots.lock().len(), SLOTS);
    }
}

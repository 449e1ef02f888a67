//! Delays of logins: each failed login of an address increases the delay of its next attempt.
//!
//! The table has a fixed size: a new address replaces another one in its slot, so a client with very many addresses
//! shortens delays, but does not increase memory. Only computes delays; the caller waits.

use parking_lot::Mutex;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};

/// Number of addresses in the table.
const SLOTS: usize = 1024;

/// Failures of an address before its attempts are delayed.
const FREE_FAILURES: u32 = 3;

/// The first delay, in milliseconds; each further failure doubles it.
const DELAY_MIN_MILLIS: u32 = 100;

/// The longest delay, in milliseconds.
const DELAY_MAX_MILLIS: u32 = 5000;

/// Seconds after the last failure until an address is forgotten.
const FORGOTTEN_AFTER_SECS: u32 = 60;

/// The failures of an address.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// Identifies the address among those with the same slot.
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

/// The table of failed logins.
pub struct LoginThrottle {
    /// Keyed, so that a client cannot choose addresses with the same slot.
    hasher: RandomState,
    slots: Mutex<Box<[Slot]>>,
    /// Time of the last failure of any address, read without the lock; 0 for never.
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
    /// True if an address can have a delay.
    pub fn is_active(&self, now_secs: u32) -> bool {
        let last = self.last_failure_secs.load(Ordering::Relaxed);
        last > 0 && now_secs.saturating_sub(last) < FORGOTTEN_AFTER_SECS
    }

    /// The delay of the next attempt from this address, in milliseconds.
    pub fn delay_millis(&self, address: &str, now_secs: u32) -> u32 {
        let (slot, tag) = self.slot_of(address);
        let failures = self.slots.lock()[slot].failures(tag, now_secs);
        match failures.checked_sub(FREE_FAILURES) {
            None => 0,
            Some(more) => DELAY_MIN_MILLIS.saturating_mul(1 << more.min(16)).min(DELAY_MAX_MILLIS),
        }
    }

    /// Records a failed login from this address.
    pub fn record_failure(&self, address: &str, now_secs: u32) {
        let (slot, tag) = self.slot_of(address);
        let mut slots = self.slots.lock();
        let failures = slots[slot].failures(tag, now_secs).saturating_add(1);
        slots[slot] = Slot { tag, failures, last_secs: now_secs };
        drop(slots);
        self.last_failure_secs.store(now_secs.max(1), Ordering::Relaxed);
    }

    fn slot_of(&self, address: &str) -> (usize, u32) {
        let hash = self.hasher.hash_one(address);
        (hash as usize % SLOTS, (hash >> 32) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_with_each_failure_and_expire() {
        let throttle = LoginThrottle::default();
        assert!(!throttle.is_active(50));
        let delays: Vec<u32> = (0..12)
            .map(|_| {
                throttle.record_failure("10.0.0.1", 50);
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
    fn the_table_does_not_grow_with_addresses() {
        let throttle = LoginThrottle::default();
        for number in 0..100_000 {
            throttle.record_failure(&format!("address {number}"), 50);
        }
        assert_eq!(throttle.slots.lock().len(), SLOTS);
    }
}

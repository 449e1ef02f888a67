//! The one bound on memory (`-m`): everything that grows with items is charged here before it is taken.
//!
//! Knows bytes only. A charge that would pass the limit is refused; what was charged stays charged when the limit is
//! lowered, until its owners give it back.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes charged, and the limit on them. Shared by all shards.
#[derive(Debug)]
pub struct Budget {
    charged_bytes: AtomicU64,
    limit_bytes: AtomicU64,
}

impl Budget {
    /// An empty budget.
    pub fn new(limit_bytes: u64) -> Budget {
        Budget { charged_bytes: AtomicU64::new(0), limit_bytes: AtomicU64::new(limit_bytes) }
    }

    /// The limit.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    /// What is charged now.
    pub fn charged_bytes(&self) -> u64 {
        self.charged_bytes.load(Ordering::Relaxed)
    }

    /// Changes the limit.
    pub fn set_limit_bytes(&self, bytes: u64) {
        self.limit_bytes.store(bytes, Ordering::Relaxed);
    }

    /// What may still be charged.
    pub fn left_bytes(&self) -> u64 {
        self.limit_bytes().saturating_sub(self.charged_bytes())
    }

    /// Bytes charged over a limit that was lowered.
    pub fn excess_bytes(&self) -> u64 {
        self.charged_bytes().saturating_sub(self.limit_bytes())
    }

    /// Charges `bytes` if the limit allows it; true if it did.
    #[must_use]
    pub fn try_charge(&self, bytes: u64) -> bool {
        let limit = self.limit_bytes();
        self.charged_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |charged| {
                charged.checked_add(bytes).filter(|&sum| sum <= limit)
            })
            .is_ok()
    }

    /// Gives back what was charged.
    pub fn refund(&self, bytes: u64) {
        let before = self.charged_bytes.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "more given back than was charged");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_over_the_limit_is_refused_and_leaves_nothing_behind() {
        let budget = Budget::new(100);
        assert!(budget.try_charge(60));
        assert!(!budget.try_charge(41));
        assert!(budget.try_charge(40));
        assert_eq!(budget.left_bytes(), 0);
        budget.refund(60);
        assert_eq!(budget.charged_bytes(), 40);
        assert!(!budget.try_charge(u64::MAX));
    }

    #[test]
    fn a_lowered_limit_shows_the_excess() {
        let budget = Budget::new(100);
        assert!(budget.try_charge(80));
        budget.set_limit_bytes(50);
        assert_eq!((budget.excess_bytes(), budget.left_bytes()), (30, 0));
        assert!(!budget.try_charge(1));
    }
}

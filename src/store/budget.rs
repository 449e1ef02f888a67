//! The one bound on memory (`-m`): everything that grows with items is charged here before it is taken.
//!
//! Knows bytes only. A charge that would pass the limit is refused; what was charged stays charged when the limit is
//! lowered, until its owners give it back.

use crate::sync::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

/// Bytes charged, and the limit on them. Shared by all shards.
#[derive(Debug)]
pub struct Budget {
    charged_bytes: AtomicU64,
    limit_bytes: AtomicU64,
    /// Part of the limit that must not be charged for the time being.
    withheld_bytes: AtomicU64,
    /// The limit was lowered, or a part of it withheld: what was charged before may be over it.
    lowered: AtomicBool,
}

impl Budget {
    /// An empty budget.
    pub fn new(limit_bytes: u64) -> Budget {
        Budget {
            charged_bytes: AtomicU64::new(0),
            limit_bytes: AtomicU64::new(limit_bytes),
            withheld_bytes: AtomicU64::new(0),
            lowered: AtomicBool::new(false),
        }
    }

    /// The limit.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Ordering::Relaxed)
    }

    /// What is charged now.
    pub fn charged_bytes(&self) -> u64 {
        self.charged_bytes.load(Ordering::Relaxed)
    }

    /// Changes the limit. What was withheld was of another, and may be more than this one: nothing is any longer.
    pub fn set_limit_bytes(&self, bytes: u64) {
        self.withheld_bytes.store(0, Ordering::Relaxed);
        let before = self.limit_bytes.swap(bytes, Ordering::Relaxed);
        self.lowered.fetch_or(bytes < before, Ordering::Relaxed);
    }

    /// Part of the limit that must not be charged for the time being.
    pub fn withheld_bytes(&self) -> u64 {
        self.withheld_bytes.load(Ordering::Relaxed)
    }

    /// Withholds so many bytes from now on.
    pub fn withhold(&self, bytes: u64) {
        let before = self.withheld_bytes.swap(bytes, Ordering::Relaxed);
        self.lowered.fetch_or(bytes > before, Ordering::Relaxed);
    }

    /// What may be charged in all.
    pub fn chargeable_bytes(&self) -> u64 {
        self.limit_bytes().saturating_sub(self.withheld_bytes())
    }

    /// What may still be charged.
    pub fn left_bytes(&self) -> u64 {
        self.chargeable_bytes().saturating_sub(self.charged_bytes())
    }

    /// Bytes charged over a limit that was lowered, or before a part of it was withheld.
    pub fn excess_bytes(&self) -> u64 {
        self.charged_bytes().saturating_sub(self.chargeable_bytes())
    }

    /// Charges `bytes` if the limit allows it; true if it did.
    #[must_use]
    pub fn try_charge(&self, bytes: u64) -> bool {
        let limit = self.chargeable_bytes();
        self.charged_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |charged| {
                charged.checked_add(bytes).filter(|&sum| sum <= limit)
            })
            .is_ok()
    }

    /// Charges `bytes` for which more was given back, though what is charged stays over a limit that was lowered; false
    /// if it is not over.
    fn charge_over_the_limit(&self, bytes: u64) -> bool {
        let over = self.excess_bytes() > 0;
        if over {
            self.charged_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        over
    }

    /// Gives back what was charged.
    pub fn refund(&self, bytes: u64) {
        let before = self.charged_bytes.fetch_sub(bytes, Ordering::Relaxed);
        debug_assert!(before >= bytes, "more given back than was charged");
    }

    /// Asserts the part of S3 that is about the limit.
    pub fn check(&self) {
        let (charged, limit) = (self.charged_bytes(), self.chargeable_bytes());
        let lowered = self.lowered.load(Ordering::Relaxed);
        assert!(charged <= limit || lowered, "S3: {charged} bytes charged of {limit}");
    }

    #[cfg(test)]
    pub fn plant_charge_over_the_limit(&self) {
        self.charged_bytes.fetch_add(self.left_bytes() + 1, Ordering::Relaxed);
    }
}

/// Over a limit that was lowered, who has given back so many times what it needs may have it.
pub const GIVEN_BACK_TIMES: u64 = 2;

/// What one owner has charged. Everything it still holds is given back when it is dropped.
#[derive(Debug)]
pub struct Account {
    budget: Arc<Budget>,
    charged_bytes: u64,
    /// Given back, by it or for it, since it has charged something.
    given_back_bytes: u64,
}

impl Account {
    /// With nothing charged.
    pub fn new(budget: Arc<Budget>) -> Account {
        Account { budget, charged_bytes: 0, given_back_bytes: 0 }
    }

    /// The budget, for another account on it.
    pub fn shared_budget(&self) -> Arc<Budget> {
        self.budget.clone()
    }

    /// The budget it draws from.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What it has charged.
    pub fn charged_bytes(&self) -> u64 {
        self.charged_bytes
    }

    /// Charges `bytes` if the budget allows it, or if twice as much was given back for it: a request that needs a little
    /// does not give way until all is gone by which a lowered limit is passed. True if it did.
    #[must_use]
    pub fn try_charge(&mut self, bytes: u64) -> bool {
        let paid = self.given_back_bytes >= bytes.saturating_mul(GIVEN_BACK_TIMES);
        let charged = self.budget.try_charge(bytes) || paid && self.budget.charge_over_the_limit(bytes);
        if charged {
            self.charged_bytes += bytes;
            self.given_back_bytes = 0;
        }
        charged
    }

    /// Gives back what was charged.
    pub fn refund(&mut self, bytes: u64) {
        debug_assert!(self.charged_bytes >= bytes, "more given back than was charged");
        self.charged_bytes -= bytes;
        self.credit(bytes);
        self.budget.refund(bytes);
    }

    /// Notes that others have given back so much for what this one is to charge next.
    pub fn credit(&mut self, bytes: u64) {
        self.given_back_bytes = self.given_back_bytes.saturating_add(bytes);
    }

    /// Takes over what another account of the same budget has charged.
    pub fn take_over(&mut self, other: &mut Account) {
        self.take_part(other, other.charged_bytes);
    }

    /// Takes over a part of it.
    pub fn take_part(&mut self, other: &mut Account, bytes: u64) {
        debug_assert!(other.charged_bytes >= bytes, "more taken over than was charged");
        other.charged_bytes -= bytes;
        self.charged_bytes += bytes;
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.budget.refund(self.charged_bytes);
    }
}

/// What the allocator takes for an allocation of this size: it has four sizes per doubling, and whole pages of the
/// operating system's above 64 KiB.
pub const fn allocated_bytes(bytes: usize) -> u64 {
    const OS_PAGE_BYTES: usize = 4096;
    let steps = if bytes > 64 << 10 {
        OS_PAGE_BYTES
    } else if bytes > 64 {
        1 << (usize::BITS - 1 - (bytes - 1).leading_zeros() - 2)
    } else {
        8
    };
    bytes.next_multiple_of(steps) as u64
}

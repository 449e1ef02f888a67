//! The work budget: how much one turn of a connection may do before other connections have their turn.
//!
//! Work is counted in bytes parsed, received and sent. What moves few bytes but takes time has a fixed price in bytes.
//! Invariant: a turn that checks [`Budget::is_exhausted`] before each piece of work does at most [`TURN_WORK_BYTES`] and
//! one piece more, and every piece is bounded.

/// Work of one turn, in bytes: about 20 microseconds of copying.
pub const TURN_WORK_BYTES: u32 = 32 * 1024;

/// What a request costs beside its bytes.
const REQUEST_WORK_BYTES: u32 = 256;

/// What a key of a multiget costs: a lookup takes as long as copying so many bytes.
const KEY_WORK_BYTES: u32 = 256;

/// What is left for one turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    requests: u32,
    work_bytes: u32,
}

impl Budget {
    /// A fresh budget that also ends after `requests` requests (`-R`).
    pub fn new(requests: u32) -> Budget {
        Budget { requests, work_bytes: TURN_WORK_BYTES }
    }

    /// Pays for bytes that were parsed, received or sent.
    #[inline]
    pub fn spend(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.work_bytes = self.work_bytes.saturating_sub(bytes);
    }

    /// Pays for a request, its bytes apart.
    #[inline]
    pub(super) fn spend_request(&mut self) {
        self.requests = self.requests.saturating_sub(1);
        self.work_bytes = self.work_bytes.saturating_sub(REQUEST_WORK_BYTES);
    }

    /// Pays for the keys of a multiget.
    #[inline]
    pub(super) fn spend_keys(&mut self, keys: u32) {
        self.work_bytes = self.work_bytes.saturating_sub(keys.saturating_mul(KEY_WORK_BYTES));
    }

    /// Ends the turn after the work at hand, which takes as long as a whole turn may.
    pub fn exhaust(&mut self) {
        self.work_bytes = 0;
    }

    /// True if others are to have their turn.
    #[inline]
    pub fn is_exhausted(&self) -> bool {
        self.requests == 0 || self.work_bytes == 0
    }

    /// Work done, in bytes, at most [`TURN_WORK_BYTES`].
    pub fn spent_bytes(&self) -> u32 {
        TURN_WORK_BYTES - self.work_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_with_its_bytes_or_its_requests() {
        let mut budget = Budget::new(2);
        budget.spend(TURN_WORK_BYTES as usize - 1);
        assert!(!budget.is_exhausted());
        budget.spend(usize::MAX);
        assert!(budget.is_exhausted());
        assert_eq!(budget.spent_bytes(), TURN_WORK_BYTES);
        let mut budget = Budget::new(2);
        budget.spend_request();
        assert!(!budget.is_exhausted());
        budget.spend_request();
        assert!(budget.is_exhausted());
    }

    #[test]
    fn keys_and_requests_cost_more_than_their_bytes() {
        let mut budget = Budget::new(u32::MAX);
        budget.spend_keys(TURN_WORK_BYTES / KEY_WORK_BYTES - 1);
        assert!(!budget.is_exhausted());
        budget.spend_request();
        assert!(budget.is_exhausted());
    }
}

//! The work budget: the work of a connection in one turn. Then other connections have their turn.
//!
//! Work is counted in bytes parsed, received and sent. Requests and keys have a fixed cost in bytes. Invariant: a turn
//! that checks [`Budget::is_exhausted`] before each request exceeds [`TURN_WORK_BYTES`] by at most one bounded request.

/// Work of one turn, in bytes: about 20 microseconds of copying.
pub const TURN_WORK_BYTES: u32 = 32 * 1024;

/// The cost of a request in addition to its bytes.
const REQUEST_WORK_BYTES: u32 = 256;

/// The cost of a key of a multiget: a lookup takes as long as copying this many bytes.
const KEY_WORK_BYTES: u32 = 256;

/// The remaining work of one turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    requests: u32,
    work_bytes: u32,
}

impl Budget {
    /// A full budget that also ends after `requests` requests (`-R`).
    pub fn new(requests: u32) -> Budget {
        Budget { requests, work_bytes: TURN_WORK_BYTES }
    }

    /// Counts bytes that were parsed, received or sent.
    #[inline]
    pub fn spend(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.work_bytes = self.work_bytes.saturating_sub(bytes);
    }

    /// Counts a request, without its bytes.
    #[inline]
    pub(super) fn spend_request(&mut self) {
        self.requests = self.requests.saturating_sub(1);
        self.work_bytes = self.work_bytes.saturating_sub(REQUEST_WORK_BYTES);
    }

    /// Counts the keys of a multiget.
    #[inline]
    pub(super) fn spend_keys(&mut self, keys: u32) {
        self.work_bytes = self.work_bytes.saturating_sub(keys.saturating_mul(KEY_WORK_BYTES));
    }

    /// Ends the turn after the current request, which is as much work as a full turn.
    pub fn exhaust(&mut self) {
        self.work_bytes = 0;
    }

    /// True if the turn must end.
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
    fn keys_and_requests_have_a_fixed_cost() {
        let mut budget = Budget::new(u32::MAX);
        budget.spend_keys(TURN_WORK_BYTES / KEY_WORK_BYTES - 1);
        assert!(!budget.is_exhausted());
        budget.spend_request();
        assert!(budget.is_exhausted());
    }
}

//! The sequence that CAS uniques are drawn from: one for the whole store, growing, never 0.

use std::sync::atomic::{AtomicU64, Ordering};

/// Hands out CAS uniques. The first one is 2, as memcached's is.
#[derive(Debug)]
pub struct CasSequence(Option<AtomicU64>);

impl CasSequence {
    /// A fresh sequence; one that only ever says 0 if the store keeps no uniques.
    pub fn new(enabled: bool) -> CasSequence {
        CasSequence(enabled.then(|| AtomicU64::new(2)))
    }

    /// True if uniques are kept.
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// The next unique.
    pub fn draw(&self) -> u64 {
        self.0.as_ref().map_or(0, |next| next.fetch_add(1, Ordering::Relaxed))
    }

    /// What will be drawn next; `None` if nothing is kept.
    pub fn next(&self) -> Option<u64> {
        self.0.as_ref().map(|next| next.load(Ordering::Relaxed))
    }
}

//! The sequence that CAS uniques are drawn from: one for the whole store, growing, never 0.

use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// Hands out CAS uniques. The first one is 2, as memcached's is.
#[derive(Debug)]
pub struct CasSequence {
    next: Option<AtomicU64>,
    /// Some item has a unique of its client's choice.
    chosen: AtomicBool,
}

impl CasSequence {
    /// A fresh sequence; one that only ever says 0 if the store keeps no uniques.
    pub fn new(enabled: bool) -> CasSequence {
        CasSequence { next: enabled.then(|| AtomicU64::new(2)), chosen: AtomicBool::new(false) }
    }

    /// True if uniques are kept.
    pub fn is_enabled(&self) -> bool {
        self.next.is_some()
    }

    /// The unique that is drawn next; 0 if none are kept.
    pub fn next(&self) -> u64 {
        self.next.as_ref().map_or(0, |next| next.load(Ordering::Relaxed))
    }

    /// True if uniques tell the order in which values were stored: there are some, and clients chose none.
    pub fn is_orderly(&self) -> bool {
        self.is_enabled() && !self.chosen.load(Ordering::Relaxed)
    }

    /// The next unique.
    pub fn draw(&self) -> u64 {
        self.next.as_ref().map_or(0, |next| next.fetch_add(1, Ordering::Relaxed))
    }

    /// The unique that the client chose, or the next one. Draws in any case; 0 if no uniques are kept.
    pub fn draw_or(&self, chosen: Option<u64>) -> u64 {
        let drawn = self.draw();
        match chosen {
            Some(chosen) if self.is_enabled() => {
                self.chosen.store(true, Ordering::Relaxed);
                chosen
            }
            _ => drawn,
        }
    }

    /// Asserts S6 for the unique of an item.
    pub fn check(&self, cas: u64) {
        match &self.next {
            None => assert_eq!(cas, 0, "S6: no unique is kept"),
            Some(_) if self.chosen.load(Ordering::Relaxed) => {}
            Some(next) => {
                assert!(cas != 0 && cas < next.load(Ordering::Relaxed), "S6: {cas} was drawn");
            }
        }
    }
}

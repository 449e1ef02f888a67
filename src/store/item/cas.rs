//! The sequence of CAS uniques: one per store, growing, never 0.

use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// Hands out CAS uniques. The first one is 2, as memcached's is.
#[derive(Debug)]
pub struct CasSequence {
    next: Option<AtomicU64>,
    /// A client chose the unique of some item.
    chosen: AtomicBool,
}

impl CasSequence {
    /// A new sequence. If the store keeps no uniques, it always returns 0.
    pub fn new(enabled: bool) -> CasSequence {
        CasSequence { next: enabled.then(|| AtomicU64::new(2)), chosen: AtomicBool::new(false) }
    }

    /// True if the store keeps uniques.
    pub fn is_enabled(&self) -> bool {
        self.next.is_some()
    }

    /// The unique that is drawn next; 0 if the store keeps none.
    pub fn next(&self) -> u64 {
        self.next.as_ref().map_or(0, |next| next.load(Ordering::Relaxed))
    }

    /// True if uniques are in the order in which values were stored: the store keeps them, and no client chose any.
    pub fn is_in_storage_order(&self) -> bool {
        self.is_enabled() && !self.chosen.load(Ordering::Relaxed)
    }

    /// Draws the next unique.
    pub fn draw(&self) -> u64 {
        self.next.as_ref().map_or(0, |next| next.fetch_add(1, Ordering::Relaxed))
    }

    /// The unique that the client chose, or else the next one. Draws in both cases; 0 if the store keeps none.
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
            None => assert_eq!(cas, 0, "S6: the store keeps no uniques"),
            Some(_) if self.chosen.load(Ordering::Relaxed) => {}
            Some(next) => {
                assert!(cas != 0 && cas < next.load(Ordering::Relaxed), "S6: {cas} was drawn");
            }
        }
    }
}

//! Visiting the items of some buckets of the index.

use super::Shard;
use crate::clock::Now;
use crate::store::outcome::Hit;

/// The progress of a visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Visited {
    /// The next bucket is this one.
    UpTo(u32),
    /// There are no more buckets.
    All,
    /// The visitor stopped the walk.
    Stopped,
}

impl Shard {
    /// Visits the live items in some buckets of the index.
    pub(in crate::store) fn visit(
        &mut self,
        from: u32,
        buckets: u32,
        now: Now,
        visit: &mut dyn FnMut(&[u8], Hit<'_>) -> bool,
    ) -> Visited {
        self.flush_if_due(now);
        let end = from.saturating_add(buckets).min(self.index.buckets());
        for bucket in from..end {
            for handle in self.index.handles_in(bucket) {
                if self.deadline_of(handle).is_over(now) {
                    continue;
                }
                let hit = Hit { item_bytes: self.bytes_of(handle), ..self.hit_of(handle) };
                if !visit(self.key_of(handle), hit) {
                    return Visited::Stopped;
                }
            }
        }
        if end < self.index.buckets() { Visited::UpTo(end) } else { Visited::All }
    }
}

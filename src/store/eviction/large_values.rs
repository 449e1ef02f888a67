//! The next victim among large values: LRU order with probation, separate for each size bucket.
//!
//! New values are on probation. They are evicted first, in order of arrival, while they hold more than a tenth of the
//! memory of large values. Values used meanwhile are promoted to the main part, which is in LRU order. Of a few values
//! at the cold end of each size bucket, the value that kept the most memory idle is the victim (decision note
//! [`d17`](crate::decisions::d17_large_values_are_evicted_by_size_and_idle_time)). A value that a reader pins is not
//! evicted, because that would free nothing.

use super::recency::Recency;
use crate::store::item::LargeId;
use crate::store::memory::large::{LargeItem, LargeValues};

/// Values on probation are evicted first while they hold more than one in this many bytes.
const PROBATION_ONE_IN: u64 = 10;

/// Values promoted during one search for a victim, at most.
const PROMOTED_MAX: u32 = 16;

/// Pinned values passed over during one search for a victim, at most.
const PINNED_PASSED_MAX: u32 = 64;

impl LargeValues {
    /// The last use of the least recently used value, in operations of the shard. Values on probation are in order of
    /// arrival, so a few used ones are promoted first.
    pub(in crate::store) fn last_use_of_coldest(&mut self) -> Option<u64> {
        self.promote_used();
        self.pass_over_pinned();
        self.ends().map(|(_, item)| item.used).min()
    }

    /// The coldest unpinned value of each size bucket.
    fn ends(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.main.ends().chain(self.probation.ends()).filter(|(_, item)| !item.is_pinned())
    }

    /// Moves a few pinned values to the front of their order.
    fn pass_over_pinned(&mut self) {
        for _ in 0..PINNED_PASSED_MAX {
            let mut ends = self.main.ends().chain(self.probation.ends());
            let pinned = ends.find(|(_, item)| item.is_pinned()).map(|(id, _)| id);
            drop(ends);
            let Some(id) = pinned else { return };
            if self.main.get_mut(id).is_none() {
                self.probation.get_mut(id);
            }
        }
    }

    fn probation_first(&self) -> bool {
        self.probation_bytes * PROBATION_ONE_IN > self.taken_bytes() || self.main.is_empty()
    }

    /// Promotes a few used values from the cold end of the probation.
    fn promote_used(&mut self) {
        for _ in 0..PROMOTED_MAX {
            let used = self.probation.ends().find(|(_, item)| item.fetched);
            let Some((id, _)) = used.filter(|_| self.probation_first()) else { break };
            if let Some(item) = self.probation.pop(id) {
                self.probation_bytes -= item.taken_bytes;
                self.stats.promoted += 1;
                self.main.put(id, LargeItem { probation: false, ..item });
            }
        }
    }

    /// The next victim. `seq` counts the operations of the shard so far. `None` if all scanned values are young or
    /// pinned.
    pub(in crate::store) fn next_victim(
        &mut self,
        seq: u64,
        recency: &Recency,
    ) -> Option<(LargeId, &LargeItem)> {
        self.promote_used();
        self.pass_over_pinned();
        let is_protected =
            |item: &LargeItem| item.is_pinned() || recency.is_young(item.stamp, item.last_access);
        let probation = self.probation_first() && !self.probation.is_empty();
        if !probation {
            return self.main.idlest(seq, is_protected).or_else(|| self.probation.idlest(seq, is_protected));
        }
        let unread = self.probation.idlest(seq, |item| item.fetched || is_protected(item));
        unread
            .or_else(|| self.probation.idlest(seq, is_protected))
            .or_else(|| self.main.idlest(seq, is_protected))
    }
}

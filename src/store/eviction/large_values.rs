//! Which large value is evicted next: LRU order behind a probation, apart by size.

use super::recency::Recency;
use crate::store::item::LargeId;
use crate::store::memory::large::{LargeItem, LargeValues};

/// Values on probation may hold one in this many bytes before they leave first.
const PROBATION_ONE_IN: u64 = 10;

/// Values promoted while one is looked for that leaves.
const PROMOTED_MAX: u32 = 16;

/// Values that readers hold, passed over while one is looked for that leaves.
const PINNED_PASSED_MAX: u32 = 64;

impl LargeValues {
    /// When the item that was not used for the longest was last used, in operations of the shard. The newcomers' order
    /// is that of their coming, so those that were used since are promoted first, a few at most.
    pub(in crate::store) fn idle_since(&mut self) -> Option<u64> {
        self.promote_used();
        self.pass_over_pinned();
        self.ends().map(|(_, item)| item.used).min()
    }

    /// Of each size the item that is next to leave, without those that readers hold.
    fn ends(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.main.ends().chain(self.probation.ends()).filter(|(_, item)| !item.is_pinned())
    }

    /// Moves items that readers hold to the front of the order, a few at most.
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

    fn newcomers_first(&self) -> bool {
        self.probation_bytes * PROBATION_ONE_IN > self.taken_bytes() || self.main.is_empty()
    }

    /// Promotes the newcomers that would leave next and were used, a few at most.
    fn promote_used(&mut self) {
        for _ in 0..PROMOTED_MAX {
            let used = self.probation.ends().find(|(_, item)| item.fetched);
            let Some((id, _)) = used.filter(|_| self.newcomers_first()) else { break };
            if let Some(item) = self.probation.pop(id) {
                self.probation_bytes -= item.taken_bytes;
                self.stats.promoted += 1;
                self.main.put(id, LargeItem { probation: false, ..item });
            }
        }
    }

    /// The item that leaves next: of a few of the coldest of each size the one that has kept the most memory idle, `seq`
    /// being the operations of the shard so far. None if all that were looked at are young or held by readers.
    pub(in crate::store) fn next_victim(
        &mut self,
        seq: u64,
        recency: &Recency,
    ) -> Option<(LargeId, &LargeItem)> {
        self.promote_used();
        self.pass_over_pinned();
        let stays = |item: &LargeItem| item.is_pinned() || recency.is_young(item.stamp, item.last_access);
        let newcomers = self.newcomers_first() && !self.probation.is_empty();
        if !newcomers {
            return self.main.idlest(seq, stays).or_else(|| self.probation.idlest(seq, stays));
        }
        let unread = self.probation.idlest(seq, |item| item.fetched || stays(item));
        unread.or_else(|| self.probation.idlest(seq, stays)).or_else(|| self.main.idlest(seq, stays))
    }
}

//! Flushing: removing every item, now or at a later second.

use super::{BEFORE_START, Shard};
use crate::clock::{Deadline, Now};
use crate::store::eviction::Recency;
use crate::store::index::Index;
use crate::store::memory::large::LargeValues;

impl Shard {
    /// Schedules a flush at `at`, which replaces a delayed flush that is not due yet.
    pub(in crate::store) fn flush_later(&mut self, at: Now, now: Now) {
        if at > now {
            self.flush_if_due(now);
        }
        self.flushed_through = BEFORE_START;
        self.flush_at = Some(at);
        self.flush_if_due(now);
    }

    /// Removes every item if a delayed flush is due.
    pub(in crate::store) fn flush_if_due(&mut self, now: Now) {
        if let Some(at) = self.flush_at.filter(|at| now >= *at) {
            self.flush();
            self.flushed_through = at;
        }
    }

    /// The effective deadline of an item stored now. As in memcached, a delayed flush takes effect at the start of a
    /// second and also covers the items stored within that second.
    pub(super) fn effective_deadline(&self, deadline: Deadline, now: Now) -> Deadline {
        if now <= self.flushed_through { Deadline::PAST } else { deadline }
    }

    /// Removes every item in constant time. Its memory is dismantled later, when memory is needed or by
    /// [`Shard::free_idle_memory`].
    pub(in crate::store) fn flush(&mut self) {
        self.flush_at = None;
        self.flushed_through = BEFORE_START;
        let index = std::mem::replace(&mut self.index, Index::new(self.rules.page_bytes));
        self.spare_pages.extend(index.into_pages());
        let mut large = std::mem::replace(&mut self.large, LargeValues::new(self.rules.page_bytes));
        self.large.stats = std::mem::take(&mut large.stats);
        large.stats.item_bytes = std::mem::take(&mut self.large.stats.item_bytes);
        self.flushed.push(large);
        self.slab.clear();
        self.recency = Recency::new();
    }
}

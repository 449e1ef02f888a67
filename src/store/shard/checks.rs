//! A shard looked at from outside an operation: emptied, counted, checked.

use super::{LONG_AGO, Shard};
use crate::clock::{Deadline, Now};
use crate::store::figures::{ClassFigures, Totals};
use crate::store::handle::Place;
use crate::store::index::Index;
use crate::store::large::Large;
use crate::store::outcome::Hit;
use crate::store::recency::Recency;
use crate::store::slab::ClassId;

/// How far a visit came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum Visited {
    /// This bucket is the next.
    UpTo(u32),
    /// There are no more.
    All,
    /// The visitor had enough.
    Stopped,
}

impl Shard {
    /// Lets `visit` see the items alive in some buckets of the index.
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
                let hit = Hit { item_bytes: self.bytes_of(handle), ..self.shown(handle) };
                if !visit(self.key_of(handle), hit) {
                    return Visited::Stopped;
                }
            }
        }
        if end < self.index.buckets() { Visited::UpTo(end) } else { Visited::All }
    }

    /// Forgets every item at `at`, in place of a delayed flush that is not due yet.
    pub(in crate::store) fn flush_later(&mut self, at: Now, now: Now) {
        if at > now {
            self.flush_if_due(now);
        }
        self.flushed_through = LONG_AGO;
        self.flush_at = Some(at);
        self.flush_if_due(now);
    }

    /// Forgets every item if a delayed flush is due.
    pub(in crate::store) fn flush_if_due(&mut self, now: Now) {
        if let Some(at) = self.flush_at.filter(|at| now >= *at) {
            self.flush();
            self.flushed_through = at;
        }
    }

    /// The deadline of what is stored now. As with memcached, a delayed flush takes effect with the beginning of a
    /// second and takes all that is stored in that second, so that nothing stored before its end is ever seen again.
    pub(super) fn deadline_now(&self, deadline: Deadline, now: Now) -> Deadline {
        if now <= self.flushed_through { Deadline::PAST } else { deadline }
    }

    /// Forgets every item. Takes no longer the more there is: what it leaves is taken apart by and by, when memory is
    /// needed or by [`Shard::free_idle_memory`].
    pub(in crate::store) fn flush(&mut self) {
        self.flush_at = None;
        self.flushed_through = LONG_AGO;
        let index = std::mem::replace(&mut self.index, Index::new(self.rules.page_bytes));
        self.in_hand.extend(index.into_pages());
        let mut large = std::mem::replace(&mut self.large, Large::new(self.rules.page_bytes));
        self.large.figures = std::mem::take(&mut large.figures);
        large.figures.item_bytes = std::mem::take(&mut self.large.figures.item_bytes);
        self.flushed.push(large);
        self.slab.clear();
        self.recency = Recency::new();
    }

    /// What the shard holds and has counted.
    pub(in crate::store) fn add_totals(&self, totals: &mut Totals) {
        let classes = self.slab.classes();
        totals.items += (classes.iter().map(|class| class.live).sum::<usize>() + self.large.len()) as u64;
        totals.index_bytes += (self.index.segments() * self.rules.page_bytes) as u64;
        totals.ghosts_bytes += self.index.segments() as u64 * Index::ghosts_bytes(self.rules.page_bytes);
        totals.pages += self.pages_held() as u64;
        totals.slab_bytes += (self.slab.pages_held() * self.rules.page_bytes) as u64;
        totals.slab_used_bytes +=
            classes.iter().map(|class| class.live as u64 * u64::from(class.chunk_bytes)).sum::<u64>();
        let flushed = self.slab.pages_flushed() + self.flushed.iter().map(Large::pages).sum::<usize>();
        totals.flushed_bytes += (flushed * self.rules.page_bytes) as u64;
        totals.removals_bytes += (self.removals.pages_held() * self.rules.page_bytes) as u64;
        totals.samples_bytes += self.sampler.samples.own_bytes();
        totals.large_bytes += (self.large.pages() * self.rules.page_bytes) as u64 + self.large.heap_bytes();
        totals.items_ever += self.totals.items_ever;
        totals.pages_moved += self.totals.pages_moved;
        totals.rescued += self.totals.rescued;
        totals.swept += self.totals.swept;
        for figures in classes.iter().map(|class| &class.figures).chain([&self.large.figures]) {
            totals.item_bytes += figures.item_bytes;
            totals.evictions += figures.evicted;
            totals.evicted_unfetched += figures.evicted_unfetched;
            totals.reclaimed += figures.reclaimed;
            totals.expired_unfetched += figures.expired_unfetched;
            totals.swept_reclaimed += figures.swept_reclaimed;
            totals.evicted_active += figures.evicted_active;
            totals.promoted += figures.promoted;
        }
    }

    /// Adds the figures of each class to those of the other shards; large values last.
    pub(in crate::store) fn add_classes(&self, sums: &mut [ClassFigures], now: Now) {
        let (large_sum, sums) = match sums.split_last_mut() {
            Some(split) => split,
            None => return,
        };
        for (id, (class, sum)) in self.slab.classes().iter().zip(sums).enumerate() {
            sum.add_counters(&class.figures);
            sum.chunk_bytes = u64::from(class.chunk_bytes);
            sum.chunks_per_page = u64::from(class.chunks_per_page);
            sum.pages += class.pages() as u64;
            sum.used_chunks += class.live as u64;
            sum.free_chunks += class.free() as u64;
            sum.probation += class.probation as u64;
            sum.age_secs = sum.age_secs.max(self.slab.age_secs(id as ClassId, now));
        }
        large_sum.large = true;
        large_sum.add_counters(&self.large.figures);
        large_sum.used_chunks += self.large.len() as u64;
        large_sum.chunk_bytes += self.large.taken_bytes();
        let coldest = self.large.coldest().map_or(0, |(_, item)| now.secs_since(item.last_access));
        large_sum.age_secs = large_sum.age_secs.max(coldest);
    }

    /// Zeroes what `stats reset` zeroes.
    pub(in crate::store) fn reset_counters(&mut self) {
        self.totals = Totals::default();
        for class in self.slab.classes_mut() {
            class.figures = class.figures.without_counters();
        }
        self.large.figures = self.large.figures.without_counters();
    }

    /// Asserts the laws of a shard.
    pub(in crate::store) fn check_invariants(&self) {
        self.slab.check_invariants();
        self.large.check_invariants();
        let mut entries = 0;
        for handle in self.index.handles() {
            entries += 1;
            if let Place::Chunk(at) = handle.place() {
                let occupied = self.slab.page(at.page).item(at.chunk).is_some();
                assert!(occupied, "S1: an entry names a live item");
            }
        }
        let hash_of = |handle| self.rules.hasher.hash(self.key_of(handle));
        self.index.check_invariants(hash_of);
        for handle in self.index.handles() {
            let key = self.key_of(handle);
            let found = self.index.candidates(hash_of(handle)).find(|other| self.key_of(*other) == key);
            assert_eq!(found, Some(handle), "S1: a key has one entry");
            self.rules.cas.check(self.cas_of(handle));
        }
        let live: usize = self.slab.classes().iter().map(|class| class.live).sum();
        assert_eq!(entries, live + self.large.len(), "S1: as many entries as items");
        self.pool.check();
        assert!(self.charged_bytes() <= self.pool.charged_bytes(), "S3: what is held here is charged");
    }
}

//! The statistics of a shard.

use super::Shard;
use crate::clock::Now;
use crate::store::index::Index;
use crate::store::memory::large::LargeValues;
use crate::store::memory::slab::ClassId;
use crate::store::statistics::{ClassStats, Totals};

impl Shard {
    /// Adds the statistics of this shard to the totals.
    pub(in crate::store) fn add_totals(&self, totals: &mut Totals) {
        let classes = self.slab.classes();
        totals.items += (classes.iter().map(|class| class.live).sum::<usize>() + self.large.len()) as u64;
        totals.index_bytes += (self.index.segments() * self.rules.page_bytes) as u64;
        totals.ghosts_bytes += self.index.segments() as u64 * Index::ghosts_bytes(self.rules.page_bytes);
        totals.pages += self.pages_held() as u64;
        totals.slab_bytes += (self.slab.pages_held() * self.rules.page_bytes) as u64;
        totals.slab_used_bytes +=
            classes.iter().map(|class| class.live as u64 * u64::from(class.chunk_bytes)).sum::<u64>();
        let flushed = self.slab.pages_flushed() + self.flushed.iter().map(LargeValues::pages).sum::<usize>();
        totals.flushed_bytes += (flushed * self.rules.page_bytes) as u64;
        totals.removals_bytes += (self.recorders.removal_log.pages_held() * self.rules.page_bytes) as u64;
        totals.samples_bytes += self.recorders.sampler.samples_bytes();
        totals.large_bytes += (self.large.pages() * self.rules.page_bytes) as u64 + self.large.heap_bytes();
        totals.items_ever += self.totals.items_ever;
        totals.pages_moved += self.totals.pages_moved;
        totals.rescued += self.totals.rescued;
        totals.swept += self.totals.swept;
        for stats in classes.iter().map(|class| &class.stats).chain([&self.large.stats]) {
            totals.item_bytes += stats.item_bytes;
            totals.evictions += stats.evicted;
            totals.evicted_unfetched += stats.evicted_unfetched;
            totals.reclaimed += stats.reclaimed;
            totals.expired_unfetched += stats.expired_unfetched;
            totals.swept_reclaimed += stats.swept_reclaimed;
            totals.evicted_active += stats.evicted_active;
            totals.promoted += stats.promoted;
        }
    }

    /// Adds the statistics of each class to the sums over shards. The last sum is that of large values.
    pub(in crate::store) fn add_classes(&self, sums: &mut [ClassStats], now: Now) {
        let (large_sum, sums) = match sums.split_last_mut() {
            Some(split) => split,
            None => return,
        };
        for (id, (class, sum)) in self.slab.classes().iter().zip(sums).enumerate() {
            sum.add_counters(&class.stats);
            sum.chunk_bytes = u64::from(class.chunk_bytes);
            sum.chunks_per_page = u64::from(class.chunks_per_page);
            sum.pages += class.pages() as u64;
            sum.used_chunks += class.live as u64;
            sum.free_chunks += class.free() as u64;
            sum.probation += class.probation as u64;
            sum.age_secs = sum.age_secs.max(self.slab.age_secs(id as ClassId, now));
        }
        large_sum.large = true;
        large_sum.add_counters(&self.large.stats);
        large_sum.used_chunks += self.large.len() as u64;
        large_sum.chunk_bytes += self.large.taken_bytes();
        let coldest = self.large.coldest().map_or(0, |(_, item)| now.secs_since(item.last_access));
        large_sum.age_secs = large_sum.age_secs.max(coldest);
    }

    /// Zeroes the counters that `stats reset` zeroes.
    pub(in crate::store) fn reset_counters(&mut self) {
        self.totals = Totals::default();
        for class in self.slab.classes_mut() {
            class.stats = class.stats.without_counters();
        }
        self.large.stats = self.large.stats.without_counters();
    }
}

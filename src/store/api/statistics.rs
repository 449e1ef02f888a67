//! Statistics over all shards, and the invariants of the whole store.

use super::Store;
use crate::clock::{Deadline, Now};
use crate::store::item::Fields;
use crate::store::memory::pool::Charge;
use crate::store::statistics::{ClassStats, Totals};

impl Store {
    /// The slab class, as `stats` numbers it, of a new item of this size.
    pub fn class_for(&self, key_len: usize, flags: u32, deadline: Deadline, value_len: usize) -> u32 {
        let cas = u64::from(self.rules.cas.is_enabled());
        let fields = Fields::unused(flags, cas, deadline, !self.rules.evict, Now::from_secs(0));
        let class = self.rules.sizes.class_of(fields.item_bytes(key_len, value_len));
        class.map_or(self.rules.sizes.len() as u32, u32::from) + 1
    }

    /// Bytes of incoming values.
    pub fn incoming_bytes(&self) -> u64 {
        self.pool.incoming_bytes()
    }

    /// Bytes of pages that readers pin, whether or not the values are still stored.
    pub fn pinned_bytes(&self) -> u64 {
        self.pool.pinned_bytes()
    }

    /// Bytes of free pages.
    pub fn free_page_bytes(&self) -> u64 {
        self.pool.free_bytes()
    }

    /// Number of shards.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The shard of a key, from 0.
    #[doc(hidden)]
    pub fn shard_number(&self, key: &[u8]) -> usize {
        self.key(key).hash.shard(self.shards.len())
    }

    /// Bytes of a page.
    pub fn page_bytes(&self) -> usize {
        self.rules.page_bytes
    }

    /// Bytes charged against the limit.
    pub fn charged_bytes(&self) -> u64 {
        self.pool.charged_bytes()
    }

    /// The memory limit, in bytes.
    pub fn memory_limit(&self) -> u64 {
        self.pool.limit_bytes()
    }

    /// Statistics of the whole store.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            charged_bytes: self.pool.charged_bytes(),
            limit_bytes: self.pool.limit_bytes(),
            free_pages: self.pool.free_bytes() / self.rules.page_bytes as u64,
            ..Totals::default()
        };
        let mut held = self.unsharded_bytes();
        for shard in &self.shards {
            let shard = Self::lock(shard);
            shard.add_totals(&mut totals);
            held += shard.charged_bytes();
        }
        totals.detached_bytes = totals.charged_bytes.saturating_sub(held);
        totals
    }

    /// Statistics per slab class. Classes without pages are left out; the class of large values is last, if there are
    /// any.
    pub fn classes(&self, now: Now) -> Vec<ClassStats> {
        let mut sums = vec![ClassStats::default(); self.rules.sizes.len() + 1];
        for shard in &self.shards {
            Self::lock(shard).add_classes(&mut sums, now);
        }
        for (id, sum) in (1..).zip(&mut sums) {
            sum.id = id;
            if sum.large {
                sum.chunk_bytes = sum.chunk_bytes.checked_div(sum.used_chunks).unwrap_or(0);
            }
        }
        sums.retain(|sum| sum.pages > 0 || sum.used_chunks > 0);
        sums
    }

    /// Zeroes the counters that `stats reset` zeroes, which excludes items, bytes and limits.
    pub fn reset_counters(&self) {
        for shard in &self.shards {
            Self::lock(shard).reset_counters();
        }
    }

    /// Charges outside of the shards: incoming values and the process itself.
    fn unsharded_bytes(&self) -> u64 {
        self.pool.incoming_bytes() + self.process.as_ref().map_or(0, Charge::bytes)
    }

    /// Asserts the invariants of the store. No other thread may use it meanwhile.
    #[doc(hidden)]
    pub fn check_invariants(&self) {
        let mut held = self.unsharded_bytes();
        for shard in &self.shards {
            let shard = Self::lock(shard);
            shard.check_invariants();
            held += shard.charged_bytes();
        }
        let charged = self.pool.charged_bytes();
        let most = held + self.pool.pinned_bytes();
        assert!((held..=most).contains(&charged), "S5: {charged} charged, {held} to {most} counted");
    }
}

//! Large values in LRU order, separate for each size bucket: sizes double from bucket to bucket.
//!
//! The number of a value contains its bucket, so a lookup goes to one bucket. The search for a victim is bounded to a
//! few values at the cold end of each bucket. With one order for all sizes, small values at the cold end would hide
//! large ones.

use super::item::LargeItem;
use crate::store::item::LargeId;
use lru::LruCache;

/// Number of buckets. The last one also has all larger values.
const BUCKETS: usize = 1 << LargeId::BUCKET_BITS;

/// The first bucket ends at 2 to this power bytes.
const FIRST_SIZE_LOG: u32 = 14;

/// Values considered in each bucket, the coldest first.
const CANDIDATES: usize = 4;

/// The weight of the size in the idle memory of a value: idle time times size to this power. With 1, idle memory is
/// counted in byte seconds; a smaller exponent evicts large values later.
const SIZE_EXPONENT: f64 = 0.75;

/// Values per size bucket.
#[derive(Debug)]
pub(in crate::store) struct SizeBuckets([LruCache<LargeId, LargeItem>; BUCKETS]);

impl SizeBuckets {
    /// Empty buckets.
    pub(in crate::store) fn new() -> SizeBuckets {
        SizeBuckets(std::array::from_fn(|_| LruCache::unbounded()))
    }

    /// The bucket of a value that takes so many bytes.
    pub(in crate::store) fn bucket_of(taken_bytes: u64) -> u32 {
        (taken_bytes >> (FIRST_SIZE_LOG - 1)).max(1).ilog2().min(BUCKETS as u32 - 1)
    }

    /// Number of items.
    pub(in crate::store) fn len(&self) -> usize {
        self.0.iter().map(LruCache::len).sum()
    }

    /// True if there are no values.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.0.iter().all(LruCache::is_empty)
    }

    /// An item; the order stays.
    pub(in crate::store) fn peek(&self, id: LargeId) -> Option<&LargeItem> {
        self.0[id.bucket()].peek(&id)
    }

    /// Like [`SizeBuckets::peek`], mutable.
    pub(in crate::store) fn peek_mut(&mut self, id: LargeId) -> Option<&mut LargeItem> {
        self.0[id.bucket()].peek_mut(&id)
    }

    /// An item, which moves to the front of the order.
    pub(in crate::store) fn get_mut(&mut self, id: LargeId) -> Option<&mut LargeItem> {
        self.0[id.bucket()].get_mut(&id)
    }

    /// Adds an item.
    pub(in crate::store) fn put(&mut self, id: LargeId, item: LargeItem) {
        self.0[id.bucket()].put(id, item);
    }

    /// Removes an item.
    pub(in crate::store) fn pop(&mut self, id: LargeId) -> Option<LargeItem> {
        self.0[id.bucket()].pop(&id)
    }

    /// All items.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.0.iter().flatten().map(|(id, item)| (*id, item))
    }

    /// The coldest item of each bucket.
    pub(in crate::store) fn ends(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.0.iter().filter_map(LruCache::peek_lru).map(|(id, item)| (*id, item))
    }

    /// The least recently used of these.
    pub(in crate::store) fn coldest(&self) -> Option<(LargeId, &LargeItem)> {
        self.ends().min_by_key(|(_, item)| item.used)
    }

    /// The value that kept the most memory idle, of a few at the cold end of each bucket, without those that
    /// `is_protected` excludes. `seq` counts the operations of the shard so far.
    pub(in crate::store) fn idlest(
        &self,
        seq: u64,
        is_protected: impl Fn(&LargeItem) -> bool,
    ) -> Option<(LargeId, &LargeItem)> {
        let idle = |item: &LargeItem| {
            (seq.saturating_sub(item.used) + 1) as f64 * (item.taken_bytes as f64).powf(SIZE_EXPONENT)
        };
        let few = self.0.iter().flat_map(|bucket| bucket.iter().rev().take(CANDIDATES));
        let candidates = few.filter(|(_, item)| !is_protected(item));
        let idlest = candidates.max_by(|a, b| idle(a.1).total_cmp(&idle(b.1)));
        idlest.map(|(id, item)| (*id, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_ends_at_twice_the_size_of_the_previous() {
        assert_eq!([0, 8191, 8192, (16 << 10) - 1].map(SizeBuckets::bucket_of), [0; 4]);
        assert_eq!([16 << 10, (32 << 10) - 1, 32 << 10, 1 << 20].map(SizeBuckets::bucket_of), [1, 1, 2, 7]);
        assert_eq!([1 << 40, u64::MAX].map(SizeBuckets::bucket_of), [15, 15]);
    }
}

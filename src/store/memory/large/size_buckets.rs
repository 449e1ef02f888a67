//! Large items in order of use, apart by size: bands, each of items up to twice as large as those of the one before.
//!
//! The number of an item names its band, so an item is found at once. Looking for the one that leaves is bounded: a few
//! at the cold end of each band. Of one order for all sizes the cold end would hold only what is about to leave anyway,
//! whatever it takes.

use super::item::LargeItem;
use crate::store::item::LargeId;
use lru::LruCache;

/// How many there are. The last has what is larger as well.
const BANDS: usize = 1 << LargeId::BAND_BITS;

/// The first ends at this many doublings of a byte taken.
const FIRST_DOUBLINGS: u32 = 14;

/// Items looked at in each band, the coldest first.
const CANDIDATES: usize = 4;

/// How much the size counts in the memory that an item keeps idle: 1 makes a byte idle for a second count alike
/// wherever it is, less lets a large item outlast a small one that was used at the same time by less.
const SIZE_EXPONENT: f64 = 0.75;

/// The items.
#[derive(Debug)]
pub(in crate::store) struct SizeBuckets([LruCache<LargeId, LargeItem>; BANDS]);

impl SizeBuckets {
    /// Without any item.
    pub(in crate::store) fn new() -> SizeBuckets {
        SizeBuckets(std::array::from_fn(|_| LruCache::unbounded()))
    }

    /// The band of an item that takes so many bytes.
    pub(in crate::store) fn band_of(taken_bytes: u64) -> u32 {
        (taken_bytes >> (FIRST_DOUBLINGS - 1)).max(1).ilog2().min(BANDS as u32 - 1)
    }

    /// Number of items.
    pub(in crate::store) fn len(&self) -> usize {
        self.0.iter().map(LruCache::len).sum()
    }

    /// True without any.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.0.iter().all(LruCache::is_empty)
    }

    /// An item, which stays where it is in the order.
    pub(in crate::store) fn peek(&self, id: LargeId) -> Option<&LargeItem> {
        self.0[id.band()].peek(&id)
    }

    /// As [`SizeBuckets::peek`], to be changed.
    pub(in crate::store) fn peek_mut(&mut self, id: LargeId) -> Option<&mut LargeItem> {
        self.0[id.band()].peek_mut(&id)
    }

    /// An item that is used now.
    pub(in crate::store) fn get_mut(&mut self, id: LargeId) -> Option<&mut LargeItem> {
        self.0[id.band()].get_mut(&id)
    }

    /// Adds an item.
    pub(in crate::store) fn put(&mut self, id: LargeId, item: LargeItem) {
        self.0[id.band()].put(id, item);
    }

    /// Takes an item out.
    pub(in crate::store) fn pop(&mut self, id: LargeId) -> Option<LargeItem> {
        self.0[id.band()].pop(&id)
    }

    /// Every item.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.0.iter().flatten().map(|(id, item)| (*id, item))
    }

    /// The last of each band in its order.
    pub(in crate::store) fn ends(&self) -> impl Iterator<Item = (LargeId, &LargeItem)> {
        self.0.iter().filter_map(LruCache::peek_lru).map(|(id, item)| (*id, item))
    }

    /// Of these the one that was not used for the longest.
    pub(in crate::store) fn coldest(&self) -> Option<(LargeId, &LargeItem)> {
        self.ends().min_by_key(|(_, item)| item.used)
    }

    /// Of a few at the end of each band, those left out that `stays` says, the one that has kept the most memory idle;
    /// `seq` is the number of operations of the shard so far.
    pub(in crate::store) fn idlest(
        &self,
        seq: u64,
        stays: impl Fn(&LargeItem) -> bool,
    ) -> Option<(LargeId, &LargeItem)> {
        let idle = |item: &LargeItem| {
            (seq.saturating_sub(item.used) + 1) as f64 * (item.taken_bytes as f64).powf(SIZE_EXPONENT)
        };
        let few = self.0.iter().flat_map(|band| band.iter().rev().take(CANDIDATES));
        let candidates = few.filter(|(_, item)| !stays(item));
        let idlest = candidates.max_by(|a, b| idle(a.1).total_cmp(&idle(b.1)));
        idlest.map(|(id, item)| (*id, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_ends_at_twice_the_size_where_the_one_before_ends() {
        assert_eq!([0, 8191, 8192, (16 << 10) - 1].map(SizeBuckets::band_of), [0; 4]);
        assert_eq!([16 << 10, (32 << 10) - 1, 32 << 10, 1 << 20].map(SizeBuckets::band_of), [1, 1, 2, 7]);
        assert_eq!([1 << 40, u64::MAX].map(SizeBuckets::band_of), [15, 15]);
    }
}

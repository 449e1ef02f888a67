//! Slab classes: which chunk sizes there are, and what each class owns and counts.

use crate::store::statistics::ClassStats;

/// A class by its place among the sizes, from 0.
pub(in crate::store) type ClassId = u16;

/// Chunks are multiples of this, in bytes.
const CHUNK_STEP_BYTES: usize = 8;

/// Smallest chunk, so that a page never has more chunks than a handle can tell apart.
const CHUNK_MIN_BYTES: usize = 32;

/// Chunks from this size on, in bytes, are at most [`FINE_FACTOR`] larger than those before: a page holds so few of
/// them that each one lost counts, and so few sizes make a difference that finer classes cost little.
const FINE_FROM_BYTES: usize = 1024;

/// See [`FINE_FROM_BYTES`].
const FINE_FACTOR: f64 = 1.03;

/// How much the size of an item counts: 0 counts every hit alike, 1 counts the bytes it serves.
pub(in crate::store) const SIZE_EXPONENT: f64 = 0.1;

/// A class compares itself with the others once per page's worth of its evictions; this many times as often at the
/// most, at first and while pages are worth far more to it.
pub(in crate::store) const TRADE_HASTE_MAX: f64 = 16.0;

/// How far the present epoch is, and how many there were before.
#[derive(Clone, Copy, Default, Debug)]
pub(in crate::store) struct Epoch {
    pub(in crate::store) first_hits: u64,
    pub(in crate::store) ended: u64,
}

/// The chunk sizes of a store, and which one an item gets.
#[derive(Clone, Debug)]
pub(in crate::store) struct ClassSizes {
    chunk_bytes: Vec<u32>,
    /// Class by item size in steps of 8 bytes, rounded up.
    by_steps: Vec<ClassId>,
}

impl ClassSizes {
    /// Sizes from `min_bytes` on, each `factor` times the one before (large ones less), the last of `max_bytes`; each
    /// is widened as far as the page holds as many.
    pub(in crate::store) fn new(
        page_bytes: usize,
        min_bytes: usize,
        factor: f64,
        max_bytes: usize,
    ) -> ClassSizes {
        let step = |bytes: usize| bytes.next_multiple_of(CHUNK_STEP_BYTES);
        let widened = |bytes: usize| (page_bytes / (page_bytes / bytes)) & !(CHUNK_STEP_BYTES - 1);
        let mut size = (step(min_bytes).max(CHUNK_MIN_BYTES)).min(max_bytes);
        let mut chunk_bytes = Vec::new();
        while size < max_bytes {
            chunk_bytes.push(widened(size) as u32);
            let factor = if size >= FINE_FROM_BYTES { factor.min(FINE_FACTOR) } else { factor };
            let grown = (size as f64 * factor).min(max_bytes as f64) as usize;
            size = step(grown).max(widened(size) + CHUNK_STEP_BYTES);
        }
        chunk_bytes.push(widened(max_bytes) as u32);
        chunk_bytes.dedup();
        let mut class = 0;
        let by_steps = (0..=max_bytes / CHUNK_STEP_BYTES)
            .map(|steps| {
                while (chunk_bytes[class] as usize) < steps * CHUNK_STEP_BYTES {
                    class += 1;
                }
                class as ClassId
            })
            .collect();
        ClassSizes { chunk_bytes, by_steps }
    }

    /// Number of classes.
    pub(in crate::store) fn len(&self) -> usize {
        self.chunk_bytes.len()
    }

    /// The chunk sizes, ascending.
    pub(in crate::store) fn chunk_bytes(&self) -> &[u32] {
        &self.chunk_bytes
    }

    /// The class of an item of this size; `None` if it is too large for any.
    pub(in crate::store) fn class_of(&self, item_bytes: usize) -> Option<ClassId> {
        self.by_steps.get(item_bytes.div_ceil(CHUNK_STEP_BYTES)).copied()
    }
}

/// Where a hand stands: the next chunk to be looked at.
#[derive(Clone, Copy, Default, Debug)]
pub(in crate::store) struct Hand {
    /// Place in the class's list of pages.
    pub(in crate::store) place: usize,
    /// Chunk of that page.
    pub(in crate::store) chunk: u16,
}

/// One class of one shard.
#[derive(Debug)]
pub(in crate::store) struct Class {
    pub(in crate::store) chunk_bytes: u32,
    pub(in crate::store) chunks_per_page: u16,
    /// What a hit counts when pages are traded.
    pub(in crate::store) hit_weight: f64,
    /// Pages in the order of the hands.
    pub(in crate::store) pages: Vec<u32>,
    /// Pages with free chunks, in no order.
    pub(in crate::store) with_free: Vec<u32>,
    pub(in crate::store) main_hand: Hand,
    pub(in crate::store) probation_hand: Hand,
    /// Chunks with an item.
    pub(in crate::store) live: usize,
    /// Items on probation.
    pub(in crate::store) probation: usize,
    /// Own evictions since the class last compared itself with the others, and at how many it does so next.
    pub(in crate::store) evictions_since_compared: u32,
    pub(in crate::store) compares_at: u32,
    /// Hits on items whose use count stood at 0, in this epoch, and a part of the near misses.
    pub(in crate::store) first_hits: f64,
    /// The same of earlier epochs, fading.
    pub(in crate::store) first_hits_before: f64,
    /// The generation in which it has no page to give, because all its items are young or have no other place.
    pub(in crate::store) retains_pages_in: Option<u8>,
    /// Pages that it got in this epoch, and in the last.
    pub(in crate::store) gained: [usize; 2],
    /// Counters under the names that `stats` uses; what can be counted afresh is filled in when asked for.
    pub(in crate::store) stats: ClassStats,
}

impl Class {
    pub(in crate::store) fn new(page_bytes: usize, chunk_bytes: u32) -> Class {
        Class {
            chunk_bytes,
            chunks_per_page: (page_bytes / chunk_bytes as usize) as u16,
            hit_weight: f64::from(chunk_bytes).powf(SIZE_EXPONENT),
            pages: Vec::new(),
            with_free: Vec::new(),
            main_hand: Hand::default(),
            probation_hand: Hand::default(),
            live: 0,
            probation: 0,
            evictions_since_compared: 0,
            compares_at: (page_bytes / chunk_bytes as usize).div_ceil(TRADE_HASTE_MAX as usize) as u32,
            first_hits: 0.0,
            first_hits_before: 0.0,
            retains_pages_in: None,
            gained: [0; 2],
            stats: ClassStats::default(),
        }
    }

    /// Pages owned.
    pub(in crate::store) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Chunks owned.
    pub(in crate::store) fn chunks(&self) -> usize {
        self.pages.len() * usize::from(self.chunks_per_page)
    }

    /// Chunks without an item.
    pub(in crate::store) fn free(&self) -> usize {
        self.chunks() - self.live
    }

    /// True if it holds more than one and a half pages of free chunks.
    pub(in crate::store) fn has_pages_to_spare(&self) -> bool {
        let per_page = usize::from(self.chunks_per_page);
        self.pages.len() > 1 && self.free() > per_page + per_page / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_gets_the_smallest_chunk_that_holds_it() {
        for (page, min, factor, max) in
            [(32 << 10, 48, 1.10, 8 << 10), (64 << 10, 48, 1.25, 16 << 10), (64 << 10, 1, 1.01, 16 << 10)]
        {
            let sizes = ClassSizes::new(page, min, factor, max);
            let chunks = sizes.chunk_bytes();
            assert!(chunks.is_sorted_by(|a, b| a < b), "{chunks:?}");
            assert!(chunks.iter().all(|bytes| bytes % 8 == 0 && *bytes >= 32));
            for bytes in 1..=max {
                let class = usize::from(sizes.class_of(bytes).unwrap());
                assert!(chunks[class] as usize >= bytes);
                assert!(class == 0 || (chunks[class - 1] as usize) < bytes);
            }
            assert_eq!(sizes.class_of(max + 1), None);
        }
    }

    #[test]
    fn chunks_fill_their_page() {
        let page = 32 << 10;
        let sizes = ClassSizes::new(page, 48, 1.10, 8 << 10);
        assert!(sizes.len() > 50 && sizes.len() < 64, "{}", sizes.len());
        for bytes in sizes.chunk_bytes() {
            let left = page % *bytes as usize;
            assert!(left < 8 * (page / *bytes as usize), "{bytes} leaves {left}");
        }
    }
}

//! Slab classes: the chunk sizes, and the pages and counters of each class.

use crate::store::statistics::ClassStats;

/// The number of a class, from 0.
pub(in crate::store) type ClassId = u16;

/// Chunks are multiples of this, in bytes.
const CHUNK_STEP_BYTES: usize = 8;

/// Smallest chunk, in bytes. With it, a handle can address every chunk of a page.
const CHUNK_MIN_BYTES: usize = 32;

/// From this chunk size on, in bytes, each size is at most [`FINE_FACTOR`] times the previous. A page holds few such
/// chunks, so unused bytes matter more, and there are few such sizes, so finer classes cost little.
const FINE_FROM_BYTES: usize = 1024;

/// See [`FINE_FROM_BYTES`].
const FINE_FACTOR: f64 = 1.03;

/// The weight of the chunk size in a hit: 0 weighs all hits equally, 1 weighs hits by bytes.
pub(in crate::store) const SIZE_EXPONENT: f64 = 0.1;

/// A class compares its score with others once per page's worth of evictions, and up to this many times as often at the
/// start and while a page is worth far more to it.
pub(in crate::store) const COMPARISONS_PER_PAGE_MAX: f64 = 16.0;

/// First hits in the current epoch, and the number of earlier epochs.
#[derive(Clone, Copy, Default, Debug)]
pub(in crate::store) struct Epoch {
    pub(in crate::store) first_hits: u64,
    pub(in crate::store) ended: u64,
}

/// The chunk sizes of a store.
#[derive(Clone, Debug)]
pub(in crate::store) struct ClassSizes {
    chunk_bytes: Vec<u32>,
    /// Class by item size in steps of 8 bytes, rounded up.
    by_steps: Vec<ClassId>,
}

impl ClassSizes {
    /// Sizes from `min_bytes` to `max_bytes`, each `factor` times the previous (less for large sizes). Each is widened
    /// as far as the number of chunks per page stays the same.
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

/// The position of a clock hand: the chunk that it visits next.
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
    /// The weight of a hit in page trading.
    pub(in crate::store) hit_weight: f64,
    /// Pages in the order in which the hands visit them.
    pub(in crate::store) pages: Vec<u32>,
    /// Pages with free chunks, unordered.
    pub(in crate::store) with_free: Vec<u32>,
    pub(in crate::store) main_hand: Hand,
    pub(in crate::store) probation_hand: Hand,
    /// Chunks with an item.
    pub(in crate::store) live: usize,
    /// Items on probation.
    pub(in crate::store) probation: usize,
    /// Evictions since the class last compared its score, and the number at which it compares next.
    pub(in crate::store) evictions_since_compared: u32,
    pub(in crate::store) compares_at: u32,
    /// First hits in this epoch, and a part of the near misses (`eviction/page_trading.rs`).
    pub(in crate::store) first_hits: f64,
    /// The same of earlier epochs, decayed.
    pub(in crate::store) first_hits_before: f64,
    /// The generation in which it failed to release a page, because there were no chunks for the young items.
    pub(in crate::store) retains_pages_in: Option<u8>,
    /// Pages gained in this epoch and in the last.
    pub(in crate::store) gained: [usize; 2],
    /// Counters by the names of `stats`. Values that can be computed are filled in for a report.
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
            compares_at: (page_bytes / chunk_bytes as usize).div_ceil(COMPARISONS_PER_PAGE_MAX as usize)
                as u32,
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

    /// True if more than one and a half pages of chunks are free.
    pub(in crate::store) fn has_pages_to_spare(&self) -> bool {
        let per_page = usize::from(self.chunks_per_page);
        self.pages.len() > 1 && self.free() > per_page + per_page / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_gets_the_smallest_chunk_that_fits() {
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

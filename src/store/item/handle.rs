//! A handle: where an item lies, in 4 bytes.
//!
//! ```text
//! bit 31 = 0:  page (20 bits) << 11 | chunk (11 bits)      an item in a chunk
//! bit 31 = 1:  number (31 bits)                            a large value
//! ```

use std::num::NonZeroU32;

const LARGE: u32 = 1 << 31;
const CHUNK_BITS: u32 = 11;

/// Most chunks that a page may be cut into.
pub const CHUNKS_PER_PAGE_MAX: usize = 1 << CHUNK_BITS;
/// Most pages that a shard may have.
pub const PAGES_MAX: usize = 1 << (31 - CHUNK_BITS);

/// Where an item lies. Kept with all bits turned over, so that 0 is free to mean "no handle".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle(NonZeroU32);

/// A handle taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a chunk of a page.
    Chunk(ChunkAt),
    /// Among the large values.
    Large(LargeId),
}

/// A chunk of a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkAt {
    /// Index of the page.
    pub page: u32,
    /// Index of the chunk in it.
    pub chunk: u16,
}

/// The number of a large value, below 2^31 - 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LargeId(pub u32);

impl LargeId {
    /// The lowest bits tell the band of sizes that the value belongs to.
    pub const BAND_BITS: u32 = 4;

    /// With any band it stays below the largest number, which is never given.
    const NEXT_MAX: u32 = !LARGE >> LargeId::BAND_BITS << LargeId::BAND_BITS;

    /// The band.
    pub fn band(self) -> usize {
        (self.0 & ((1 << LargeId::BAND_BITS) - 1)) as usize
    }

    /// The same number in another band.
    pub fn with_band(self, band: u32) -> LargeId {
        LargeId(self.0 >> LargeId::BAND_BITS << LargeId::BAND_BITS | band)
    }

    /// The number after this one, in the first band, going round.
    pub fn next(self) -> LargeId {
        let next = ((self.0 >> LargeId::BAND_BITS) + 1) << LargeId::BAND_BITS;
        LargeId(if next < LargeId::NEXT_MAX { next } else { 0 })
    }
}

impl Handle {
    /// As it is kept in the index.
    pub fn bits(self) -> NonZeroU32 {
        self.0
    }

    /// Of what [`Handle::bits`] gave.
    pub fn of_bits(bits: NonZeroU32) -> Handle {
        Handle(bits)
    }

    /// Where it points.
    pub fn place(self) -> Place {
        let bits = !self.0.get();
        if bits & LARGE != 0 {
            return Place::Large(LargeId(bits & !LARGE));
        }
        let chunk = (bits & (CHUNKS_PER_PAGE_MAX as u32 - 1)) as u16;
        Place::Chunk(ChunkAt { page: bits >> CHUNK_BITS, chunk })
    }

    fn from_bits(bits: u32) -> Handle {
        Handle(NonZeroU32::new(!bits).expect("the largest number of a large value is never given"))
    }
}

impl From<ChunkAt> for Handle {
    fn from(at: ChunkAt) -> Handle {
        debug_assert!((at.page as usize) < PAGES_MAX && (at.chunk as usize) < CHUNKS_PER_PAGE_MAX);
        Handle::from_bits(at.page << CHUNK_BITS | u32::from(at.chunk))
    }
}

impl From<LargeId> for Handle {
    fn from(id: LargeId) -> Handle {
        debug_assert!(id.0 < !LARGE);
        Handle::from_bits(LARGE | id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_come_apart_as_they_were_put_together() {
        for (page, chunk) in [(0, 0), (1, 2047), (PAGES_MAX as u32 - 1, 0), (PAGES_MAX as u32 - 1, 2047)] {
            let at = ChunkAt { page, chunk };
            assert_eq!(Handle::from(at).place(), Place::Chunk(at));
        }
        for number in [0, LARGE - 2] {
            assert_eq!(Handle::from(LargeId(number)).place(), Place::Large(LargeId(number)));
        }
        assert_eq!(LargeId(LARGE - 2).next(), LargeId(0));
        assert_eq!(LargeId(35).next(), LargeId(48));
        assert_eq!((LargeId(35).band(), LargeId(35).with_band(1)), (3, LargeId(33)));
        assert_eq!(size_of::<Option<Handle>>(), 4);
    }
}

//! A handle: the address of an item in 4 bytes.
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

/// The address of an item. Stored with all bits inverted, so that 0 is free to mean "no handle".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle(NonZeroU32);

/// A decoded handle.
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
    /// The lowest bits are the size bucket of the value.
    pub const BUCKET_BITS: u32 = 4;

    /// In every size bucket the number stays below the largest number, which is never used.
    const NEXT_MAX: u32 = !LARGE >> LargeId::BUCKET_BITS << LargeId::BUCKET_BITS;

    /// The size bucket.
    pub fn bucket(self) -> usize {
        (self.0 & ((1 << LargeId::BUCKET_BITS) - 1)) as usize
    }

    /// The same number in another size bucket.
    pub fn with_bucket(self, bucket: u32) -> LargeId {
        LargeId(self.0 >> LargeId::BUCKET_BITS << LargeId::BUCKET_BITS | bucket)
    }

    /// The next number, in the first size bucket, wrapping around.
    pub fn next(self) -> LargeId {
        let next = ((self.0 >> LargeId::BUCKET_BITS) + 1) << LargeId::BUCKET_BITS;
        LargeId(if next < LargeId::NEXT_MAX { next } else { 0 })
    }
}

impl Handle {
    /// The bits that the index stores.
    pub fn bits(self) -> NonZeroU32 {
        self.0
    }

    /// The handle with the bits of [`Handle::bits`].
    pub fn from_stored_bits(bits: NonZeroU32) -> Handle {
        Handle(bits)
    }

    /// Decodes the handle.
    pub fn place(self) -> Place {
        let bits = !self.0.get();
        if bits & LARGE != 0 {
            return Place::Large(LargeId(bits & !LARGE));
        }
        let chunk = (bits & (CHUNKS_PER_PAGE_MAX as u32 - 1)) as u16;
        Place::Chunk(ChunkAt { page: bits >> CHUNK_BITS, chunk })
    }

    fn from_bits(bits: u32) -> Handle {
        Handle(NonZeroU32::new(!bits).expect("the largest number of a large value is never used"))
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
    fn handles_decode_to_the_encoded_place() {
        for (page, chunk) in [(0, 0), (1, 2047), (PAGES_MAX as u32 - 1, 0), (PAGES_MAX as u32 - 1, 2047)] {
            let at = ChunkAt { page, chunk };
            assert_eq!(Handle::from(at).place(), Place::Chunk(at));
        }
        for number in [0, LARGE - 2] {
            assert_eq!(Handle::from(LargeId(number)).place(), Place::Large(LargeId(number)));
        }
        assert_eq!(LargeId(LARGE - 2).next(), LargeId(0));
        assert_eq!(LargeId(35).next(), LargeId(48));
        assert_eq!((LargeId(35).bucket(), LargeId(35).with_bucket(1)), (3, LargeId(33)));
        assert_eq!(size_of::<Option<Handle>>(), 4);
    }
}

//! A bucket of the index: one cache line with ten entries and five ghosts.
//!
//! ```text
//! offset  bytes  field
//!      0     40  ten handles, the used ones first
//!     40      4  the next bucket of the chain
//!     44     10  five ghosts: fingerprints of recently evicted items, the latest first
//!     54     10  ten tags: 8 bits of the hash of each entry
//! ```

use bytemuck::{Pod, Zeroable};
use std::num::NonZeroU32;

/// Entries of a bucket.
pub(super) const SLOTS: usize = 10;

/// Ghosts of a bucket.
pub(super) const GHOSTS: usize = SLOTS / 2;

/// Bytes of the ghosts of a bucket.
pub(super) const GHOSTS_BYTES: usize = GHOSTS * size_of::<u16>();

/// `next` of the last bucket of a chain.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Pod, Zeroable, Debug)]
#[repr(C)]
pub(super) struct Bucket {
    pub(super) handles: [Option<NonZeroU32>; SLOTS],
    pub(super) next: u32,
    pub(super) ghosts: [u16; GHOSTS],
    pub(super) tags: [u8; SLOTS],
}

pub(super) const BUCKET_BYTES: usize = 64;

const _: () = assert!(size_of::<Bucket>() == BUCKET_BYTES);

pub(super) const EMPTY: Bucket =
    Bucket { handles: [None; SLOTS], next: NONE, ghosts: [0; GHOSTS], tags: [0; SLOTS] };

impl Bucket {
    pub(super) fn len(&self) -> usize {
        self.handles.iter().take_while(|handle| handle.is_some()).count()
    }

    pub(super) fn is_full(&self) -> bool {
        self.handles[SLOTS - 1].is_some()
    }

    /// The slots with this tag.
    #[inline(always)]
    pub(super) fn slots_tagged(&self, tag: u8) -> Slots {
        const LOW: u64 = 0x0101_0101_0101_0101;
        const SEVEN_BITS: u64 = 0x7f * LOW;
        let [eight @ .., ninth, tenth] = self.tags;
        let differences = u64::from_le_bytes(eight) ^ (u64::from(tag) * LOW);
        // An equal byte becomes 0; its bit 7 stays clear only for a 0 byte (Warren, Hacker's Delight, 6-1).
        let zeros = !(((differences & SEVEN_BITS) + SEVEN_BITS) | differences | SEVEN_BITS) >> 7;
        Slots(zeros | u64::from(ninth == tag) << 1 | u64::from(tenth == tag) << 9)
    }
}

/// A set of slots: bits 0, 8, ..., 56 are slots 0 to 7, bits 1 and 9 are slots 8 and 9. This is the form in which the
/// comparison of eight tags in one word leaves its result.
#[derive(Clone, Copy)]
pub(super) struct Slots(u64);

impl Iterator for Slots {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit / 8 + bit % 8 * 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_tagged_yields_exactly_the_slots_with_the_tag() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..10_000 {
            let among = *random.choice([2u8, 4, 255].as_slice()).unwrap();
            let mut bucket = EMPTY;
            bucket.tags = std::array::from_fn(|_| random.u8(..among).wrapping_mul(127));
            let tag = random.u8(..among).wrapping_mul(127);
            let expected: Vec<usize> = (0..SLOTS).filter(|at| bucket.tags[*at] == tag).collect();
            let mut slots: Vec<usize> = bucket.slots_tagged(tag).collect();
            slots.sort_unstable();
            assert_eq!(slots, expected, "{tag} in {:?}", bucket.tags);
        }
    }
}

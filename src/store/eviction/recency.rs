//! Which items were used recently, by a five-bit stamp in each item.
//!
//! Time is counted in generations. A generation ends when items of a quarter of the shard's memory were used in it,
//! each counted once. An item is *young* from its first use until the end of the generation after its last use.
//! Therefore:
//! - young items take at most half of the memory, so there are always items that may be evicted;
//! - after the last use of an item that is no longer young, a quarter of the memory was used.
//!
//! The load alone determines the length of a generation, so this holds for every load and for a stopped clock. Unused
//! items are not young, and storing them does not end a generation: a scan does not age the used items.
//!
//! Stamps wrap around after [`GENERATIONS`]. The start time of the previous generation identifies an old item whose
//! stamp looks young. If all generations pass within one second, such an item stays young for longer than necessary.

use crate::clock::Now;
use crate::store::item::header::UNUSED_STAMP;
use crate::store::item::{Item, header};

/// Number of distinct stamps of used items.
const GENERATIONS: u8 = UNUSED_STAMP;

/// Generations whose items are young: the current and the previous one.
pub(in crate::store) const YOUNG_GENERATIONS: usize = 2;

/// A generation ends when more than one in this many bytes of the memory was used in it.
const MEMORY_PART: u64 = 4;

/// The generations of a shard.
#[derive(Debug)]
pub(in crate::store) struct Recency {
    generation: u8,
    generation_before: u8,
    /// Start times of the previous and the current generation.
    began: [Now; YOUNG_GENERATIONS],
    /// Bytes of the items that were used in this generation.
    used_bytes: u64,
    /// The generation ends when `used_bytes` exceeds this part of the recent memory of the items.
    quota_bytes: u64,
}

impl Recency {
    /// The state before any use.
    pub(in crate::store) fn new() -> Recency {
        Recency {
            generation: 1,
            generation_before: 0,
            began: [Now::from_secs(0); YOUNG_GENERATIONS],
            used_bytes: 0,
            quota_bytes: 0,
        }
    }

    /// The stamp of items that are used now.
    #[inline(always)]
    pub(in crate::store) fn stamp(&self) -> u8 {
        self.generation
    }

    /// True for an item that was used in the current or the previous generation.
    pub(in crate::store) fn is_young(&self, stamp: u8, last_access: Now) -> bool {
        (stamp == self.generation || stamp == self.generation_before) && last_access >= self.began[0]
    }

    /// Counts the use of an item of so many bytes. `stamp` is its old stamp; the caller sets it to [`Recency::stamp`].
    #[inline]
    pub(in crate::store) fn count_use(&mut self, stamp: u8, bytes: u64) {
        if stamp != self.generation {
            self.used_bytes += bytes;
        }
    }

    /// Stamps and counts a used small item in a chunk of so many bytes. True if it was not young. Free of branches,
    /// because the processor cannot predict whether an item was used in this generation.
    #[inline(always)]
    pub(in crate::store) fn stamp_chunk(&mut self, chunk: &mut [u8], chunk_bytes: u32) -> bool {
        let item = Item(chunk);
        let (stamp, last_access) = (item.stamp(), item.last_access());
        header::set_stamp(chunk, self.generation);
        let again = stamp == self.generation;
        self.used_bytes += u64::from(!again) * u64::from(chunk_bytes);
        !again & ((stamp != self.generation_before) | (last_access < self.began[0]))
    }

    /// True if the generation may be over; [`Recency::end_if_due`] decides.
    #[inline]
    pub(in crate::store) fn may_be_due(&self) -> bool {
        self.used_bytes > self.quota_bytes
    }

    /// Ends the generation if enough was used in it. `memory_bytes` is the memory of all items of the shard.
    #[cold]
    pub(in crate::store) fn end_if_due(&mut self, memory_bytes: u64, now: Now) {
        self.quota_bytes = memory_bytes / MEMORY_PART;
        if self.may_be_due() {
            self.end_generation(now);
        }
    }

    /// Uncounts an item that was removed.
    pub(in crate::store) fn uncount(&mut self, stamp: u8, last_access: Now, bytes: u64) {
        if stamp == self.generation && last_access >= self.began[1] {
            self.used_bytes = self.used_bytes.saturating_sub(bytes);
        }
    }

    /// The stamp of an item that moves to another place, where its bytes are not counted yet.
    pub(in crate::store) fn carry_over(&self, stamp: u8) -> u8 {
        if stamp == self.generation { self.generation_before } else { stamp }
    }

    /// Ends the generation: items last used in the previous one are no longer young.
    pub(in crate::store) fn end_generation(&mut self, now: Now) {
        self.generation_before = self.generation;
        self.generation = if self.generation + 1 == GENERATIONS { 0 } else { self.generation + 1 };
        self.began = [self.began[1], now];
        self.used_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY_BYTES: u64 = 4000;

    fn at(secs: u32) -> Now {
        Now::from_secs(secs)
    }

    #[test]
    fn an_item_is_young_until_a_quarter_of_the_memory_was_used_after_it() {
        let mut recency = Recency::new();
        let stamp = recency.stamp();
        let mut used_bytes = 0;
        while recency.is_young(stamp, at(9)) {
            recency.count_use(UNUSED_STAMP, 10);
            recency.end_if_due(MEMORY_BYTES, at(9));
            used_bytes += 10;
        }
        assert!(used_bytes > MEMORY_BYTES / 4 && used_bytes <= MEMORY_BYTES / 2 + 20, "{used_bytes}");
        assert!(!recency.is_young(UNUSED_STAMP, at(9)));
    }

    #[test]
    fn an_old_item_with_a_wrapped_stamp_is_not_young() {
        let mut recency = Recency::new();
        let stamp = recency.stamp();
        for secs in 10..10 + u32::from(GENERATIONS) {
            recency.end_generation(at(secs));
        }
        assert_eq!(recency.stamp(), stamp);
        assert!(recency.is_young(stamp, at(40)) && !recency.is_young(stamp, at(9)));
    }

    #[test]
    fn a_moved_item_stays_young_and_counts_at_its_next_use() {
        let recency = Recency::new();
        let stamp = recency.carry_over(recency.stamp());
        assert!(recency.is_young(stamp, at(9)) && stamp != recency.stamp());
        assert_eq!(recency.carry_over(UNUSED_STAMP), UNUSED_STAMP);
    }
}

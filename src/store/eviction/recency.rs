//! Which items were used lately, told by a stamp of five bits in each.
//!
//! Time is counted in generations. A generation ends when items of a quarter of the shard's memory were used in it, each
//! counted once. An item is *young* from its first use until the generation after its last use has ended. So
//! - young items hold half of the memory at most: there is always something that may leave;
//! - an item that is not young any more has seen a quarter of the memory used after itself.
//!
//! A generation is as long as the load makes it, so this holds for every load, and for a clock that stands still.
//! Newcomers that nobody has used are not young, and storing them ends no generation: a scan makes nothing old.
//!
//! Stamps come round after [`GENERATIONS`]; the second in which the generation before began tells an old item with a
//! young stamp. Where all that happens within one second, such an item stays longer than it has to.

use crate::clock::Now;
use crate::store::item::header::UNUSED_STAMP;
use crate::store::item::{Item, header};

/// Stamps that are told apart.
const GENERATIONS: u8 = UNUSED_STAMP;

/// Generations whose items are young: this one and the one before.
pub(in crate::store) const YOUNG_GENERATIONS: usize = 2;

/// A generation ends when one in this many bytes of the memory was used in it.
const MEMORY_PART: u64 = 4;

/// The generations of a shard.
#[derive(Debug)]
pub(in crate::store) struct Recency {
    generation: u8,
    generation_before: u8,
    /// When the generation before began, and this one.
    began: [Now; YOUNG_GENERATIONS],
    /// Bytes of the items that were used in this generation.
    used_bytes: u64,
    /// The generation lasts as long as there are no more, by what memory there was lately.
    quota_bytes: u64,
}

impl Recency {
    /// At the beginning, when nothing was used.
    pub(in crate::store) fn new() -> Recency {
        Recency {
            generation: 1,
            generation_before: 0,
            began: [Now::from_secs(0); YOUNG_GENERATIONS],
            used_bytes: 0,
            quota_bytes: 0,
        }
    }

    /// The stamp of what is used now.
    #[inline(always)]
    pub(in crate::store) fn stamp(&self) -> u8 {
        self.generation
    }

    /// True for an item that was used in this generation or the one before.
    pub(in crate::store) fn is_young(&self, stamp: u8, last_access: Now) -> bool {
        (stamp == self.generation || stamp == self.generation_before) && last_access >= self.began[0]
    }

    /// Counts an item of so many bytes that is used; `stamp` was its stamp so far and becomes [`Recency::stamp`].
    #[inline]
    pub(in crate::store) fn count_use(&mut self, stamp: u8, bytes: u64) {
        if stamp != self.generation {
            self.used_bytes += bytes;
        }
    }

    /// Stamps and counts a small item that is used, in a chunk of so many bytes. True if it was not young. Without a
    /// branch, for whether an item was used in this generation is hard to predict.
    #[inline(always)]
    pub(in crate::store) fn stamp_chunk(&mut self, chunk: &mut [u8], chunk_bytes: u32) -> bool {
        let item = Item(chunk);
        let (stamp, last_access) = (item.stamp(), item.last_access());
        header::set_stamp(chunk, self.generation);
        let again = stamp == self.generation;
        self.used_bytes += u64::from(!again) * u64::from(chunk_bytes);
        !again & ((stamp != self.generation_before) | (last_access < self.began[0]))
    }

    /// True if the generation may be over; [`Recency::end_if_due`] knows.
    #[inline]
    pub(in crate::store) fn may_be_due(&self) -> bool {
        self.used_bytes > self.quota_bytes
    }

    /// Ends the generation if enough was used in it; `memory_bytes` is what the items of the shard have in all.
    #[cold]
    pub(in crate::store) fn end_if_due(&mut self, memory_bytes: u64, now: Now) {
        self.quota_bytes = memory_bytes / MEMORY_PART;
        if self.may_be_due() {
            self.end_generation(now);
        }
    }

    /// Counts an item no longer, because it is gone.
    pub(in crate::store) fn forget(&mut self, stamp: u8, last_access: Now, bytes: u64) {
        if stamp == self.generation && last_access >= self.began[1] {
            self.used_bytes = self.used_bytes.saturating_sub(bytes);
        }
    }

    /// The stamp of an item that is written to another place, where its bytes are not counted.
    pub(in crate::store) fn carry_over(&self, stamp: u8) -> u8 {
        if stamp == self.generation { self.generation_before } else { stamp }
    }

    /// Ends the generation, so that what was used in the one before is young no more.
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
    fn a_stamp_that_comes_round_is_told_by_the_time() {
        let mut recency = Recency::new();
        let stamp = recency.stamp();
        for secs in 10..10 + u32::from(GENERATIONS) {
            recency.end_generation(at(secs));
        }
        assert_eq!(recency.stamp(), stamp);
        assert!(recency.is_young(stamp, at(40)) && !recency.is_young(stamp, at(9)));
    }

    #[test]
    fn what_was_moved_stays_young_and_is_counted_when_it_is_used_again() {
        let recency = Recency::new();
        let stamp = recency.carry_over(recency.stamp());
        assert!(recency.is_young(stamp, at(9)) && stamp != recency.stamp());
        assert_eq!(recency.carry_over(UNUSED_STAMP), UNUSED_STAMP);
    }
}

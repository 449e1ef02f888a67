//! The tracked keys: those with a hash below a threshold, which falls when there are too many keys.
//!
//! Invariants:
//! - A1 index entries and used slots correspond one to one;
//! - A2 the hash of every tracked key is below the threshold, and the threshold never rises;
//! - A3 all memory is allocated at the start.

use crate::clock::{Deadline, Now};

/// Cache sizes that share the sample.
pub(super) const SIZES: usize = 5;

/// Index of a key in the sample.
pub(super) type Slot = u32;

/// State of a key in one miniature cache: 0 (unknown), [`GHOST`], or [`RESIDENT`] with [`PROBATION`] and [`USES`].
pub(super) const RUN_STATE_BITS: u32 = 4;
pub(super) const GHOST: u32 = 1;
pub(super) const RESIDENT: u32 = 8;
pub(super) const PROBATION: u32 = 4;
pub(super) const USES: u32 = 3;
const RUN_STATE: u32 = (1 << RUN_STATE_BITS) - 1;

/// States of a key in all miniature caches. A slot without any of these bits is free.
const ALL_RUN_STATES: u32 = (1 << (RUN_STATE_BITS * SIZES as u32)) - 1;
/// Pinned until the current operation ends, whatever is removed meanwhile.
const PINNED: u32 = 1 << 30;

/// Largest load factor of the index, in per cent.
const INDEX_LOAD_PERCENT: usize = 70;

/// More keys than this do not improve the predictions.
const KEYS_MAX: usize = 1 << 16;
const KEYS_MIN: usize = 64;

/// Ends the list of free slots, and marks free entries of the index.
const NONE: Slot = Slot::MAX;

/// A tracked key.
#[derive(Clone, Copy)]
pub(super) struct Key {
    hash: u64,
    /// Bytes of the item. A free slot stores the next free slot here.
    pub(super) bytes: u32,
    pub(super) deadline: Deadline,
}

/// The tracked keys.
pub(super) struct KeySample {
    keys: Box<[Key]>,
    /// States of the keys, in an array of their own because the clock hands scan it.
    states: Box<[u32]>,
    /// Slots by hash: open addressing with linear probing and backward shift deletion.
    index: Box<[Slot]>,
    free: Slot,
    count: usize,
    threshold: u64,
    /// Bytes of the largest item since the last `clear`.
    largest_bytes: u32,
}

impl KeySample {
    /// A sample with as many slots as fit into `bytes_max`, and an initial threshold.
    pub(super) fn new(bytes_max: u64, threshold: u64) -> KeySample {
        let per_key = size_of::<Key>() + size_of::<u32>();
        let per_key_percent = per_key * 100 + (size_of::<Slot>() * 100 * 100).div_ceil(INDEX_LOAD_PERCENT);
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let places = (bytes_max.saturating_mul(100) / per_key_percent).clamp(KEYS_MIN, KEYS_MAX);
        let mut sample = KeySample {
            keys: vec![Key { hash: 0, bytes: NONE, deadline: Deadline::NEVER }; places].into(),
            states: vec![0; places].into(),
            index: vec![NONE; places * 100 / INDEX_LOAD_PERCENT].into(),
            free: NONE,
            count: 0,
            threshold,
            largest_bytes: 0,
        };
        sample.clear();
        sample
    }

    /// Removes all keys.
    pub(super) fn clear(&mut self) {
        self.index.fill(NONE);
        self.states.fill(0);
        self.count = 0;
        self.largest_bytes = 0;
        self.free = 0;
        let places = self.keys.len() as Slot;
        for (next, key) in (1..).zip(&mut self.keys) {
            key.bytes = if next < places { next } else { NONE };
        }
    }

    /// Keys with a hash below this are tracked.
    pub(super) fn threshold(&self) -> u64 {
        self.threshold
    }

    /// The share of all keys with a hash below the threshold.
    pub(super) fn share(&self) -> f64 {
        self.threshold as f64 / u64::MAX as f64
    }

    /// Tracked keys.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Slots for keys.
    pub(super) fn places(&self) -> usize {
        self.keys.len()
    }

    /// Memory of the sample, in bytes.
    pub(super) fn memory_bytes(&self) -> u64 {
        (size_of_val(&*self.keys) + size_of_val(&*self.states) + size_of_val(&*self.index)) as u64
    }

    pub(super) fn is_full(&self) -> bool {
        self.free == NONE
    }

    /// The slot of a tracked key.
    pub(super) fn find(&self, hash: u64) -> Option<Slot> {
        self.index_of(hash).map(|place| self.index[place])
    }

    /// Allocates a slot for a new key and pins it. The sample must not be full.
    pub(super) fn insert(&mut self, hash: u64) -> Slot {
        let slot = self.free;
        let key = &mut self.keys[slot as usize];
        self.free = key.bytes;
        *key = Key { hash, bytes: 0, deadline: Deadline::NEVER };
        self.states[slot as usize] = PINNED;
        self.count += 1;
        let mut place = self.first_probe(hash);
        while self.index[place] != NONE {
            place = self.next_probe(place);
        }
        self.index[place] = slot;
        slot
    }

    /// Pins a key until [`KeySample::unpin`].
    pub(super) fn pin(&mut self, slot: Slot) {
        self.states[slot as usize] |= PINNED;
    }

    /// Unpins a key; it is removed if no miniature cache knows it.
    pub(super) fn unpin(&mut self, slot: Slot) {
        self.states[slot as usize] &= !PINNED;
        self.forget_if_unknown(slot);
    }

    pub(super) fn key(&self, slot: Slot) -> &Key {
        &self.keys[slot as usize]
    }

    /// Sets size and deadline of the key's item.
    pub(super) fn set_item(&mut self, slot: Slot, bytes: u32, deadline: Deadline) {
        let key = &mut self.keys[slot as usize];
        (key.bytes, key.deadline) = (bytes, deadline);
        self.largest_bytes = self.largest_bytes.max(bytes);
    }

    /// Upper bound of the size of all items, in bytes.
    pub(super) fn largest_bytes(&self) -> u64 {
        u64::from(self.largest_bytes)
    }

    pub(super) fn is_over(&self, slot: Slot, now: Now) -> bool {
        self.key(slot).deadline.is_over(now)
    }

    /// The state of a key in this miniature cache.
    pub(super) fn run_state(&self, slot: Slot, run: u32) -> u32 {
        self.states[slot as usize] >> (run * RUN_STATE_BITS) & RUN_STATE
    }

    /// Sets that state; a key that no miniature cache knows is removed.
    pub(super) fn set_run_state(&mut self, slot: Slot, run: u32, run_state: u32) {
        let shift = run * RUN_STATE_BITS;
        let state = &mut self.states[slot as usize];
        *state = *state & !(RUN_STATE << shift) | run_state << shift;
        if run_state == 0 {
            self.forget_if_unknown(slot);
        }
    }

    /// The first slot from `from` on, cyclically, with a state in this miniature cache that equals `value` under
    /// `mask`.
    pub(super) fn next(&self, from: Slot, run: u32, mask: u32, value: u32) -> Option<Slot> {
        let shift = run * RUN_STATE_BITS;
        let (mask, value) = (mask << shift, value << shift);
        let (before, after) = self.states.split_at((from as usize).min(self.states.len()));
        let found = |state: &u32| state & mask == value;
        let at = after.iter().position(found).map(|at| at + before.len());
        at.or_else(|| before.iter().position(found)).map(|at| at as Slot)
    }

    /// Lowers the threshold, to 1 at the least. The caller then removes the keys above it.
    pub(super) fn lower_threshold(&mut self, threshold: u64) {
        self.threshold = threshold.clamp(1, self.threshold);
    }

    /// True if the slot contains a key above the threshold.
    pub(super) fn is_above(&self, slot: Slot) -> bool {
        self.is_used(slot) && self.key(slot).hash >= self.threshold
    }

    /// All used slots.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        (0..self.keys.len() as Slot).filter(|slot| self.is_used(*slot))
    }

    fn is_used(&self, slot: Slot) -> bool {
        self.states[slot as usize] & (ALL_RUN_STATES | PINNED) != 0
    }

    fn forget_if_unknown(&mut self, slot: Slot) {
        if self.is_used(slot) {
            return;
        }
        let Some(place) = self.index_of(self.key(slot).hash) else { return };
        self.close_gap(place);
        self.states[slot as usize] = 0;
        self.keys[slot as usize].bytes = self.free;
        self.free = slot;
        self.count -= 1;
    }

    /// Frees an index entry and moves later entries of the same probe sequence up.
    fn close_gap(&mut self, place: usize) {
        let (mut gap, mut place) = (place, place);
        loop {
            place = self.next_probe(place);
            if self.index[place] == NONE {
                self.index[gap] = NONE;
                return;
            }
            let first = self.first_probe(self.keys[self.index[place] as usize].hash);
            let (from_first, from_gap) = (self.distance(first, place), self.distance(gap, place));
            if from_first >= from_gap {
                self.index[gap] = self.index[place];
                gap = place;
            }
        }
    }

    fn index_of(&self, hash: u64) -> Option<usize> {
        let mut place = self.first_probe(hash);
        while self.index[place] != NONE {
            if self.keys[self.index[place] as usize].hash == hash {
                return Some(place);
            }
            place = self.next_probe(place);
        }
        None
    }

    /// Uses the low bits of the hash, because the threshold restricts the high ones.
    fn first_probe(&self, hash: u64) -> usize {
        (((hash & u64::from(u32::MAX)) * self.index.len() as u64) >> 32) as usize
    }

    fn next_probe(&self, place: usize) -> usize {
        if place + 1 < self.index.len() { place + 1 } else { 0 }
    }

    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.index.len() - from }
    }

    #[cfg(test)]
    pub(super) fn check_invariants(&self) {
        let indexed = self.index.iter().filter(|slot| **slot != NONE).count();
        assert_eq!((indexed, self.slots().count()), (self.count, self.count), "A1");
        for slot in self.slots() {
            assert_eq!(self.find(self.key(slot).hash), Some(slot), "A1");
            assert!(self.key(slot).hash < self.threshold, "A2");
            assert!(self.key(slot).bytes <= self.largest_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserted_keys_are_found_until_they_are_removed() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut sample = KeySample::new(4096, u64::MAX);
        let mut known = std::collections::HashMap::new();
        for _ in 0..20_000 {
            let hash = random.u64(..300) << 3;
            match (known.get(&hash), sample.find(hash)) {
                (None, None) if !sample.is_full() => {
                    let slot = sample.insert(hash);
                    sample.set_run_state(slot, 2, RESIDENT);
                    sample.unpin(slot);
                    known.insert(hash, slot);
                }
                (None, None) => {}
                (Some(slot), found) => {
                    assert_eq!(found, Some(*slot));
                    sample.set_run_state(*slot, 2, 0);
                    known.remove(&hash);
                }
                (None, Some(slot)) => panic!("{slot} was forgotten"),
            }
            assert_eq!(sample.count(), known.len());
        }
        sample.check_invariants();
    }

    #[test]
    fn memory_is_within_the_bound() {
        for bytes_max in [4096, 50_000, 335_544, 1 << 40] {
            let sample = KeySample::new(bytes_max, u64::MAX);
            assert!(sample.memory_bytes() <= bytes_max, "{} of {bytes_max}", sample.memory_bytes());
            assert!(sample.places() == KEYS_MAX || sample.memory_bytes() * 100 >= bytes_max * 99);
        }
    }

    #[test]
    fn the_threshold_falls_and_never_to_0() {
        let mut sample = KeySample::new(4096, 1000);
        for (lowered, threshold) in [(900, 900), (950, 900), (0, 1), (1, 1)] {
            sample.lower_threshold(lowered);
            assert_eq!(sample.threshold(), threshold);
        }
    }
}

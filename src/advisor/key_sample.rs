//! The keys that are followed: those whose hash is below a threshold, which falls as they become too many.
//!
//! Invariants:
//! - A1 the index and the keys in use pair one to one;
//! - A2 every key followed is below the threshold, and the threshold never rises;
//! - A3 the bytes taken at the start are all that is ever taken.

use crate::clock::{Deadline, Now};

/// Sizes whose runs share the sample.
pub(super) const SIZES: usize = 5;

/// A place in the sample.
pub(super) type Slot = u32;

/// What one run knows of a key: [`GHOST`], or [`RESIDENT`] with [`PROBATION`] and [`USES`]; 0 if it knows nothing.
pub(super) const RUN_STATE_BITS: u32 = 4;
pub(super) const GHOST: u32 = 1;
pub(super) const RESIDENT: u32 = 8;
pub(super) const PROBATION: u32 = 4;
pub(super) const USES: u32 = 3;
const RUN_STATE: u32 = (1 << RUN_STATE_BITS) - 1;

/// What all runs know of a key. A slot in which nothing of this is set is free.
const ALL_RUN_STATES: u32 = (1 << (RUN_STATE_BITS * SIZES as u32)) - 1;
/// Held until the operation at hand is over, whatever leaves meanwhile.
const PINNED: u32 = 1 << 30;

/// Places of the index in use at most, in per cent.
const INDEX_LOAD_PERCENT: usize = 70;

/// More keys than this make no prediction better.
const KEYS_MAX: usize = 1 << 16;
const KEYS_MIN: usize = 64;

/// Ends the list of free slots, and marks free places of the index.
const NONE: Slot = Slot::MAX;

/// A key that is followed.
#[derive(Clone, Copy)]
pub(super) struct Key {
    hash: u64,
    /// Of the item; in a free slot the next free one.
    pub(super) bytes: u32,
    pub(super) deadline: Deadline,
}

/// The keys.
pub(super) struct KeySample {
    keys: Box<[Key]>,
    /// Apart from the keys, because the hands run over it.
    states: Box<[u32]>,
    /// Slots by hash: open addressing, linear probing, no gaps left behind.
    index: Box<[Slot]>,
    free: Slot,
    count: usize,
    threshold: u64,
    /// Bytes of the largest item since all were forgotten.
    largest_bytes: u32,
}

impl KeySample {
    /// As many places as fit into `bytes_max`; takes keys below `threshold` at first.
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

    /// Forgets all keys.
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

    /// Keys below this are followed.
    pub(super) fn threshold(&self) -> u64 {
        self.threshold
    }

    /// The share of all keys that is below the threshold.
    pub(super) fn share(&self) -> f64 {
        self.threshold as f64 / u64::MAX as f64
    }

    /// Keys followed.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Places for keys.
    pub(super) fn places(&self) -> usize {
        self.keys.len()
    }

    /// Bytes that it takes.
    pub(super) fn memory_bytes(&self) -> u64 {
        (size_of_val(&*self.keys) + size_of_val(&*self.states) + size_of_val(&*self.index)) as u64
    }

    pub(super) fn is_full(&self) -> bool {
        self.free == NONE
    }

    /// The slot of a key that is followed.
    pub(super) fn find(&self, hash: u64) -> Option<Slot> {
        self.place_of(hash).map(|place| self.index[place])
    }

    /// A slot for a key that is not followed yet; the sample must not be full. It is held.
    pub(super) fn insert(&mut self, hash: u64) -> Slot {
        let slot = self.free;
        let key = &mut self.keys[slot as usize];
        self.free = key.bytes;
        *key = Key { hash, bytes: 0, deadline: Deadline::NEVER };
        self.states[slot as usize] = PINNED;
        self.count += 1;
        let mut place = self.home(hash);
        while self.index[place] != NONE {
            place = self.after(place);
        }
        self.index[place] = slot;
        slot
    }

    /// Keeps a key followed until [`KeySample::unpin`].
    pub(super) fn pin(&mut self, slot: Slot) {
        self.states[slot as usize] |= PINNED;
    }

    /// Ends [`KeySample::pin`]; the key is forgotten if no run knows it.
    pub(super) fn unpin(&mut self, slot: Slot) {
        self.states[slot as usize] &= !PINNED;
        self.forget_if_unknown(slot);
    }

    pub(super) fn key(&self, slot: Slot) -> &Key {
        &self.keys[slot as usize]
    }

    /// Changes what its item is.
    pub(super) fn set_item(&mut self, slot: Slot, bytes: u32, deadline: Deadline) {
        let key = &mut self.keys[slot as usize];
        (key.bytes, key.deadline) = (bytes, deadline);
        self.largest_bytes = self.largest_bytes.max(bytes);
    }

    /// No item is larger than this, in bytes.
    pub(super) fn largest_bytes(&self) -> u64 {
        u64::from(self.largest_bytes)
    }

    pub(super) fn is_over(&self, slot: Slot, now: Now) -> bool {
        self.key(slot).deadline.is_over(now)
    }

    /// What the run of this number knows of a key.
    pub(super) fn run_state(&self, slot: Slot, run: u32) -> u32 {
        self.states[slot as usize] >> (run * RUN_STATE_BITS) & RUN_STATE
    }

    /// Changes that; a key that no run knows is forgotten.
    pub(super) fn set_run_state(&mut self, slot: Slot, run: u32, run_state: u32) {
        let shift = run * RUN_STATE_BITS;
        let state = &mut self.states[slot as usize];
        *state = *state & !(RUN_STATE << shift) | run_state << shift;
        if run_state == 0 {
            self.forget_if_unknown(slot);
        }
    }

    /// The first slot from `from` on, around the end, in which the run's standing has `value` under `mask`.
    pub(super) fn next(&self, from: Slot, run: u32, mask: u32, value: u32) -> Option<Slot> {
        let shift = run * RUN_STATE_BITS;
        let (mask, value) = (mask << shift, value << shift);
        let (before, after) = self.states.split_at((from as usize).min(self.states.len()));
        let found = |state: &u32| state & mask == value;
        let at = after.iter().position(found).map(|at| at + before.len());
        at.or_else(|| before.iter().position(found)).map(|at| at as Slot)
    }

    /// Lets the threshold fall, to 1 at the least. The caller then forgets the keys that are above it.
    pub(super) fn lower_threshold(&mut self, threshold: u64) {
        self.threshold = threshold.clamp(1, self.threshold);
    }

    /// True if there is a key in the slot, and it is above the threshold.
    pub(super) fn is_above(&self, slot: Slot) -> bool {
        self.is_used(slot) && self.key(slot).hash >= self.threshold
    }

    /// All keys in use.
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
        let Some(place) = self.place_of(self.key(slot).hash) else { return };
        self.close_gap(place);
        self.states[slot as usize] = 0;
        self.keys[slot as usize].bytes = self.free;
        self.free = slot;
        self.count -= 1;
    }

    /// Empties a place of the index and moves up what would not be found any more.
    fn close_gap(&mut self, place: usize) {
        let (mut gap, mut place) = (place, place);
        loop {
            place = self.after(place);
            if self.index[place] == NONE {
                self.index[gap] = NONE;
                return;
            }
            let home = self.home(self.keys[self.index[place] as usize].hash);
            let (from_home, from_gap) = (self.distance(home, place), self.distance(gap, place));
            if from_home >= from_gap {
                self.index[gap] = self.index[place];
                gap = place;
            }
        }
    }

    fn place_of(&self, hash: u64) -> Option<usize> {
        let mut place = self.home(hash);
        while self.index[place] != NONE {
            if self.keys[self.index[place] as usize].hash == hash {
                return Some(place);
            }
            place = self.after(place);
        }
        None
    }

    /// By the low bits of the hash: the threshold fixes the high ones.
    fn home(&self, hash: u64) -> usize {
        (((hash & u64::from(u32::MAX)) * self.index.len() as u64) >> 32) as usize
    }

    fn after(&self, place: usize) -> usize {
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
    fn keys_come_and_go_and_are_found() {
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
    fn the_bytes_are_within_the_bound() {
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

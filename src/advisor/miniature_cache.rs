//! A miniature cache: larder's eviction policy applied to the sampled keys, with the same share of the memory.
//!
//! The policy is second chance with probation and ghosts, as in `store/eviction/clock_hand.rs`. Items of all sizes
//! share one ring, in the order of the slots of the sample. Size classes and page trading have nearly the same effect
//! at every size; [`forecast`](super::forecast) estimates it from the misses of the real cache.

use super::key_sample::{GHOST, KeySample, PROBATION, RESIDENT, Slot, USES};
use crate::clock::Now;

/// Items scanned at most before the least used one is evicted.
const SCAN_MAX: u32 = 16;

/// Items on probation are evicted first while they are more than one in this many.
const PROBATION_ONE_IN: u32 = 10;

/// Items per ghost.
const ITEMS_PER_GHOST: u32 = 2;

/// An item is charged with at most this part of a miniature cache, because it would displace all others there and does
/// not in the real cache.
const ITEM_PART: u64 = 16;

/// A miniature cache counts as full if at most one part in this many is free.
const SLACK_ONE_IN: u64 = 32;

/// A miniature cache.
pub(super) struct MiniatureCache {
    /// Index of its state in the sample.
    run: u32,
    capacity_bytes: u64,
    item_bytes_max: u64,
    used_bytes: u64,
    items: u32,
    probation: u32,
    ghosts: u32,
    main_hand: Slot,
    probation_hand: Slot,
    ghost_hand: Slot,
}

impl MiniatureCache {
    /// An empty cache with a capacity of 0.
    pub(super) fn new(run: u32) -> MiniatureCache {
        MiniatureCache {
            run,
            capacity_bytes: 0,
            item_bytes_max: u64::MAX,
            used_bytes: 0,
            items: 0,
            probation: 0,
            ghosts: 0,
            main_hand: 0,
            probation_hand: 0,
            ghost_hand: 0,
        }
    }

    /// Removes all items; the sample has been cleared.
    pub(super) fn clear(&mut self) {
        *self = MiniatureCache {
            capacity_bytes: self.capacity_bytes,
            item_bytes_max: self.item_bytes_max,
            ..MiniatureCache::new(self.run)
        };
    }

    /// Sets the capacity to `share` of `cache_bytes` and evicts what exceeds it.
    pub(super) fn resize(&mut self, sample: &mut KeySample, cache_bytes: u64, share: f64, now: Now) {
        self.capacity_bytes = (cache_bytes as f64 * share) as u64;
        let item_bytes_max =
            if share >= 1.0 { u64::MAX } else { (self.capacity_bytes / ITEM_PART).next_power_of_two() };
        let charges_change = item_bytes_max != self.item_bytes_max
            && item_bytes_max.min(self.item_bytes_max) < sample.largest_bytes();
        self.item_bytes_max = item_bytes_max;
        if charges_change {
            let residents = sample.slots().filter(|slot| self.contains(sample, *slot));
            self.used_bytes = residents.map(|slot| self.charge(sample, slot)).sum();
        }
        self.evict_to_fit(sample, 0, now);
    }

    /// True if new items cause evictions.
    pub(super) fn is_full(&self) -> bool {
        self.used_bytes + self.capacity_bytes / SLACK_ONE_IN >= self.capacity_bytes
    }

    fn charge(&self, sample: &KeySample, slot: Slot) -> u64 {
        u64::from(sample.key(slot).bytes).min(self.item_bytes_max)
    }

    pub(super) fn contains(&self, sample: &KeySample, slot: Slot) -> bool {
        sample.run_state(slot, self.run) & RESIDENT != 0
    }

    /// Reads a key; true for a hit.
    pub(super) fn read(&mut self, sample: &mut KeySample, slot: Slot, now: Now) -> bool {
        let run_state = sample.run_state(slot, self.run);
        if run_state & RESIDENT == 0 {
            return false;
        }
        if sample.is_over(slot, now) {
            self.forget(sample, slot);
            return false;
        }
        let uses = (run_state & USES).min(USES - 1) + 1;
        sample.set_run_state(slot, self.run, run_state & !USES | uses);
        true
    }

    /// Stores an item that is not resident, with the size that the sample has. The key must be pinned. Without `evicts`
    /// the item is stored only if it fits.
    pub(super) fn admit(&mut self, sample: &mut KeySample, slot: Slot, evicts: bool, now: Now) {
        let bytes = self.charge(sample, slot);
        let fits = self.used_bytes + bytes <= self.capacity_bytes;
        if bytes > self.capacity_bytes || !fits && !evicts && !self.reclaim(sample, bytes, now) {
            self.forget(sample, slot);
            return;
        }
        self.evict_to_fit(sample, bytes, now);
        let ghost = sample.run_state(slot, self.run) == GHOST;
        self.ghosts -= u32::from(ghost);
        self.probation += u32::from(!ghost);
        sample.set_run_state(slot, self.run, if ghost { RESIDENT } else { RESIDENT | PROBATION });
        self.items += 1;
        self.used_bytes += bytes;
    }

    /// Charges a new size of a resident item. Called before the sample is updated.
    pub(super) fn resize_item(&mut self, sample: &KeySample, slot: Slot, bytes: u32) {
        self.used_bytes += u64::from(bytes).min(self.item_bytes_max);
        self.used_bytes -= self.charge(sample, slot);
    }

    /// Removes a key and its ghost.
    pub(super) fn forget(&mut self, sample: &mut KeySample, slot: Slot) {
        let run_state = sample.run_state(slot, self.run);
        if run_state & RESIDENT != 0 {
            self.remove(sample, slot, 0);
        } else if run_state == GHOST {
            self.ghosts -= 1;
            sample.set_run_state(slot, self.run, 0);
        }
    }

    /// Evicts items until `bytes` more fit.
    pub(super) fn evict_to_fit(&mut self, sample: &mut KeySample, bytes: u64, now: Now) {
        while self.used_bytes + bytes > self.capacity_bytes && self.evict_one(sample, now) {}
    }

    /// Removes the expired ones among the next few items; true if `bytes` more fit then.
    fn reclaim(&mut self, sample: &mut KeySample, bytes: u64, now: Now) -> bool {
        for _ in 0..SCAN_MAX {
            let Some(slot) = self.advance(sample, false, false) else { break };
            if sample.is_over(slot, now) {
                self.remove(sample, slot, 0);
            }
        }
        self.used_bytes + bytes <= self.capacity_bytes
    }

    /// False if there is no item.
    fn evict_one(&mut self, sample: &mut KeySample, now: Now) -> bool {
        let mut least_used: Option<(u32, Slot)> = None;
        for scanned in 1.. {
            let probation = self.probation * PROBATION_ONE_IN > self.items || self.probation == self.items;
            let Some(slot) = self.advance(sample, true, probation) else { return false };
            let uses = sample.run_state(slot, self.run) & USES;
            let last = scanned >= SCAN_MAX;
            if sample.is_over(slot, now) {
                self.remove(sample, slot, 0);
            } else if probation && (uses == 0 || last) {
                self.remove_to_ghost(sample, slot);
            } else if probation {
                self.probation -= 1;
                sample.set_run_state(slot, self.run, RESIDENT | uses);
                continue;
            } else {
                let least = least_used.filter(|(least, _)| *least <= uses).unwrap_or((uses, slot));
                if uses > 0 && !last {
                    least_used = Some(least);
                    sample.set_run_state(slot, self.run, RESIDENT | (uses - 1));
                    continue;
                }
                self.remove(sample, if uses == 0 { slot } else { least.1 }, 0);
            }
            return true;
        }
        false
    }

    /// Moves a hand to the next item: of the probation part or of the main part, or of both unless `one_part`.
    fn advance(&mut self, sample: &KeySample, one_part: bool, probation: bool) -> Option<Slot> {
        let mask = if one_part { RESIDENT | PROBATION } else { RESIDENT };
        let value = if probation { RESIDENT | PROBATION } else { RESIDENT };
        let hand = if probation { &mut self.probation_hand } else { &mut self.main_hand };
        let slot = sample.next(*hand, self.run, mask, value)?;
        *hand = slot + 1;
        Some(slot)
    }

    fn remove(&mut self, sample: &mut KeySample, slot: Slot, run_state: u32) {
        self.used_bytes -= self.charge(sample, slot);
        self.items -= 1;
        self.probation -= u32::from(sample.run_state(slot, self.run) & PROBATION != 0);
        sample.set_run_state(slot, self.run, run_state);
    }

    fn remove_to_ghost(&mut self, sample: &mut KeySample, slot: Slot) {
        self.remove(sample, slot, GHOST);
        self.ghosts += 1;
        while self.ghosts > self.items / ITEMS_PER_GHOST + 1 {
            let Some(oldest) = sample.next(self.ghost_hand, self.run, RESIDENT | GHOST, GHOST) else { break };
            self.ghost_hand = oldest + 1;
            self.forget(sample, oldest);
        }
    }

    #[cfg(test)]
    pub(super) fn check_invariants(&self, sample: &KeySample) {
        let run_states = || sample.slots().map(|slot| (slot, sample.run_state(slot, self.run)));
        let residents = || run_states().filter(|(_, run_state)| run_state & RESIDENT != 0);
        assert_eq!(residents().count() as u32, self.items);
        assert_eq!(
            residents().filter(|(_, run_state)| run_state & PROBATION != 0).count() as u32,
            self.probation
        );
        assert_eq!(residents().map(|(slot, _)| self.charge(sample, slot)).sum::<u64>(), self.used_bytes);
        assert_eq!(run_states().filter(|(_, run_state)| *run_state == GHOST).count() as u32, self.ghosts);
        assert!(self.used_bytes <= self.capacity_bytes);
    }
}

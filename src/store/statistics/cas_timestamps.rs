//! The age of an item by its CAS unique. Uniques are drawn in order, so a few timestamps date all of them, without a
//! byte in the item.
//!
//! Invariants: timestamps grow in unique and in time; there are at most [`TIMESTAMPS_MAX`]. When the table is full, a
//! timestamp is dropped if its distance to the next one is a small part of its age: old items are dated less exactly.

use crate::clock::Now;
use parking_lot::Mutex;

/// Timestamps kept at most, 12 bytes each.
const TIMESTAMPS_MAX: usize = 4096;

/// The error of an age is less than a second plus one in this many of the age.
const AGE_PART: u32 = 256;

/// When CAS uniques were drawn.
#[derive(Default, Debug)]
pub(in crate::store) struct CasTimestamps {
    timestamps: Mutex<Timestamps>,
}

#[derive(Default, Debug)]
struct Timestamps {
    /// Uniques from each of these on were drawn at the second in `secs` or later.
    uniques: Vec<u64>,
    secs: Vec<u32>,
}

impl CasTimestamps {
    /// Records the time for uniques from `next` on. Called about ten times a second.
    pub(in crate::store) fn record(&self, next: u64, now: Now) {
        let mut timestamps = self.timestamps.lock();
        let last = timestamps.uniques.len().wrapping_sub(1);
        if timestamps.secs.get(last).is_some_and(|secs| *secs >= now.secs()) {
            return;
        }
        if timestamps.uniques.get(last).is_some_and(|unique| *unique >= next) {
            // No unique was drawn since.
            timestamps.secs[last] = now.secs();
            return;
        }
        if timestamps.uniques.len() == TIMESTAMPS_MAX {
            timestamps.thin();
        }
        timestamps.uniques.push(next);
        timestamps.secs.push(now.secs());
    }

    /// When a unique was drawn, or slightly earlier. Uniques from before the first timestamp get that of the first;
    /// `None` without timestamps.
    pub(in crate::store) fn drawn_at(&self, unique: u64) -> Option<Now> {
        let timestamps = self.timestamps.lock();
        let after = timestamps.uniques.partition_point(|mark| *mark <= unique);
        timestamps.secs.get(after.saturating_sub(1)).copied().map(Now::from_secs)
    }
}

impl Timestamps {
    /// Drops timestamps that are close to the next one relative to their age. 3000 timestamps remain for 40 days.
    fn thin(&mut self) {
        let newest = self.secs.last().copied().unwrap_or(0);
        let mut kept_secs = u32::MAX;
        let keep: Vec<bool> = self
            .secs
            .iter()
            .rev()
            .map(|secs| {
                let keep = kept_secs - secs > (newest - secs) / AGE_PART;
                kept_secs = if keep { *secs } else { kept_secs };
                keep
            })
            .collect();
        let mut keeps = keep.iter().rev();
        self.uniques.retain(|_| keeps.next() != Some(&false));
        let mut keeps = keep.iter().rev();
        self.secs.retain(|_| keeps.next() != Some(&false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_is_dated_by_the_timestamp_before_it() {
        let timestamps = CasTimestamps::default();
        assert_eq!(timestamps.drawn_at(5), None, "before the first timestamp");
        timestamps.record(2, Now::from_secs(62));
        timestamps.record(2, Now::from_secs(63));
        timestamps.record(10, Now::from_secs(70));
        timestamps.record(20, Now::from_secs(70));
        for (unique, secs) in [(1, 63), (2, 63), (9, 63), (10, 70), (1000, 70)] {
            assert_eq!(timestamps.drawn_at(unique), Some(Now::from_secs(secs)), "{unique}");
        }
    }

    #[test]
    fn timestamps_of_weeks_stay_bounded_and_close() {
        let timestamps = CasTimestamps::default();
        let end = 3_000_000;
        for secs in 1..=end {
            timestamps.record(u64::from(secs) * 7, Now::from_secs(secs));
        }
        {
            let timestamps = timestamps.timestamps.lock();
            assert!(timestamps.uniques.len() <= TIMESTAMPS_MAX);
            assert_eq!(timestamps.uniques.len(), timestamps.secs.len());
        }
        for age in [0, 10, 1000, 100_000, 2_000_000] {
            let drawn =
                timestamps.drawn_at(u64::from(end - age) * 7).expect("there is an earlier timestamp").secs();
            let error = (end - age) - drawn;
            assert!(error <= 1 + age / 100, "{age} seconds ago, {error} off");
        }
    }
}

//! How old an item is, told by its CAS unique: uniques are drawn in order, so a few marks of which unique was drawn
//! when date them all, without a byte in the item.
//!
//! Invariants: marks grow in unique and in time; there are at most [`MARKS_MAX`]. When they are that many, those are
//! dropped that lie closer to their neighbour than a part of their age: what is old is dated less exactly.

use crate::clock::Now;
use parking_lot::Mutex;

/// Marks kept, 12 bytes each.
const MARKS_MAX: usize = 4096;

/// An age is off by less than a second and one in so many of it.
const AGE_PART: u32 = 256;

/// The marks.
#[derive(Default, Debug)]
pub(in crate::store) struct CasTimestamps {
    marks: Mutex<Marks>,
}

#[derive(Default, Debug)]
struct Marks {
    /// Uniques from here on were drawn at this second or later.
    uniques: Vec<u64>,
    secs: Vec<u32>,
}

impl CasTimestamps {
    /// Notes which unique is the next one. Called about ten times a second.
    pub(in crate::store) fn mark(&self, next: u64, now: Now) {
        let mut marks = self.marks.lock();
        let last = marks.uniques.len().wrapping_sub(1);
        if marks.secs.get(last).is_some_and(|secs| *secs >= now.secs()) {
            return;
        }
        if marks.uniques.get(last).is_some_and(|unique| *unique >= next) {
            // Nothing was drawn since.
            marks.secs[last] = now.secs();
            return;
        }
        if marks.uniques.len() == MARKS_MAX {
            marks.thin();
        }
        marks.uniques.push(next);
        marks.secs.push(now.secs());
    }

    /// When a unique was drawn, not later than it was but for those of before the first mark; `None` without marks.
    pub(in crate::store) fn drawn_at(&self, unique: u64) -> Option<Now> {
        let marks = self.marks.lock();
        let behind = marks.uniques.partition_point(|mark| *mark <= unique);
        marks.secs.get(behind.saturating_sub(1)).copied().map(Now::from_secs)
    }
}

impl Marks {
    /// Drops what is closer to its newer neighbour than its age allows. Of 40 days, 3000 marks are left.
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
    fn a_unique_is_dated_by_the_mark_before_it() {
        let ages = CasTimestamps::default();
        assert_eq!(ages.drawn_at(5), None, "before the first mark");
        ages.mark(2, Now::from_secs(62));
        ages.mark(2, Now::from_secs(63));
        ages.mark(10, Now::from_secs(70));
        ages.mark(20, Now::from_secs(70));
        for (unique, secs) in [(1, 63), (2, 63), (9, 63), (10, 70), (1000, 70)] {
            assert_eq!(ages.drawn_at(unique), Some(Now::from_secs(secs)), "{unique}");
        }
    }

    #[test]
    fn after_weeks_there_are_no_more_marks_than_allowed_and_ages_are_still_near() {
        let ages = CasTimestamps::default();
        let end = 3_000_000;
        for secs in 1..=end {
            ages.mark(u64::from(secs) * 7, Now::from_secs(secs));
        }
        {
            let marks = ages.marks.lock();
            assert!(marks.uniques.len() <= MARKS_MAX);
            assert_eq!(marks.uniques.len(), marks.secs.len());
        }
        for age in [0, 10, 1000, 100_000, 2_000_000] {
            let drawn = ages.drawn_at(u64::from(end - age) * 7).expect("there is a mark before").secs();
            let error = (end - age) - drawn;
            assert!(error <= 1 + age / 100, "{age} seconds ago, {error} off");
        }
    }
}

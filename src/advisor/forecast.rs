//! Converts the misses of the miniature caches to hit ratios of the whole cache.
//!
//! Three corrections use counts of the real cache:
//! 1. Misses are divided by all reads, not by the sampled reads. Whether a hot key is in the sample changes the sampled
//!    reads by much and the misses by little (as in SHARDS-adj).
//! 2. The misses of the miniature caches are scaled by the ratio of all misses of the cache to its misses on sampled
//!    keys.
//! 3. The curve is shifted along the axis of sizes, in doublings, until it gives the measured hit ratio at the present
//!    size. Miniature caches have no size classes, so a miniature performs like a larger real cache. The factor is
//!    nearly the same for all sizes.
//!
//! Recent traffic weighs more: all counts are halved every [`HALF_LIFE_READS`] sampled reads. The half-life is counted
//! in reads, not in hours, so that a quiet night yields as many reads as a busy day.

use super::key_sample::SIZES;

/// The sizes in per cent of the present limit, each twice the one before.
pub(super) const PERCENTS: [u32; SIZES] = [25, 50, 100, 200, 400];

/// Index of the present size.
const PRESENT: usize = 2;

/// Sampled reads after which older counts weigh half.
const HALF_LIFE_READS: u32 = 1 << 16;

/// Largest shift of the curve in doublings, and the steps in which it is searched.
const SHIFT_MAX: f64 = 1.5;
const SHIFT_STEPS: i32 = 150;

/// A shift of one doubling must reduce the difference by at least this many misses per read. A flat part of the curve
/// does not determine a shift.
const SHIFT_COST: f64 = 0.002;

/// Gain of a doubling beyond the largest size, relative to the last doubling, unless everything fits there.
const BEYOND: f64 = 0.5;

/// Largest correction factor for the sampled misses; a larger difference has another cause.
const SKEW_MAX: f64 = 2.0;

/// Counts of reads; older reads weigh less.
#[derive(Clone, Default, Debug)]
pub(super) struct ReadCounts {
    /// Reads of sampled keys since the counts were last halved.
    since_halved: u32,
    /// Reads of sampled keys.
    sampled_reads: f64,
    /// Estimates for all keys from the sampled reads: reads, misses of the cache, misses of the miniature caches.
    reads: f64,
    misses: f64,
    missed: [f64; SIZES],
    /// Counted reads and misses of all keys.
    all_reads: f64,
    all_misses: f64,
}

impl ReadCounts {
    /// Counts a read of a sampled key while `share` of all keys is sampled.
    pub(super) fn count_read(&mut self, hit: bool, hits: [bool; SIZES], share: f64) {
        let weight = 1.0 / share;
        let missed = |hit: bool| if hit { 0.0 } else { weight };
        self.sampled_reads += 1.0;
        self.reads += weight;
        self.misses += missed(hit);
        for (count, hit) in self.missed.iter_mut().zip(hits) {
            *count += missed(hit);
        }
        self.since_halved += 1;
        if self.since_halved >= HALF_LIFE_READS {
            self.halve();
        }
    }

    /// Counts reads of all keys.
    pub(super) fn count_all(&mut self, hits: u64, misses: u64) {
        self.all_reads += (hits + misses) as f64;
        self.all_misses += misses as f64;
    }

    fn halve(&mut self) {
        self.since_halved = 0;
        let counts = [
            &mut self.sampled_reads,
            &mut self.reads,
            &mut self.misses,
            &mut self.all_reads,
            &mut self.all_misses,
        ];
        counts.into_iter().chain(&mut self.missed).for_each(|count| *count /= 2.0);
    }

    /// Reads of sampled keys; older ones weigh less.
    pub(super) fn sampled_reads(&self) -> u64 {
        self.sampled_reads as u64
    }

    /// Misses per read of the real cache; 0 without reads.
    pub(super) fn measured(&self) -> f64 {
        self.per_read(if self.all_reads > 0.0 { self.all_misses } else { self.misses })
    }

    fn per_read(&self, misses: f64) -> f64 {
        let reads = if self.all_reads > 0.0 { self.all_reads } else { self.reads };
        if reads > 0.0 { misses / reads } else { 0.0 }
    }

    /// Hits per read at each size. `full` and `largest_full` say whether the cache and the largest miniature cache are
    /// full.
    pub(super) fn hit_ratios(&self, full: bool, largest_full: bool) -> [f64; SIZES] {
        let skewed = self.all_misses > 0.0 && self.misses > 0.0;
        let skew = if skewed { self.all_misses / self.misses } else { 1.0 };
        let skew = skew.clamp(1.0 / SKEW_MAX, SKEW_MAX);
        let mut least = 1.0;
        let points = self.missed.map(|missed| {
            least = f64::min(least, self.per_read(missed * skew));
            least
        });
        let curve = Curve { points, beyond: if largest_full { BEYOND } else { 0.0 } };
        let measured = self.measured();
        let shift = if full { curve.shift_to(measured) } else { 0.0 };
        let left = measured - curve.at(PRESENT as f64 + shift);
        std::array::from_fn(|size| 1.0 - (curve.at(size as f64 + shift) + left).clamp(0.0, 1.0))
    }
}

/// Misses per read by size, in doublings from the smallest size.
struct Curve {
    points: [f64; SIZES],
    /// Gain of a further doubling, relative to the last one.
    beyond: f64,
}

impl Curve {
    /// The shift, in doublings, that gives `measured` at the present size.
    fn shift_to(&self, measured: f64) -> f64 {
        let cost = |by: f64| (self.at(PRESENT as f64 + by) - measured).abs() + SHIFT_COST * by.abs();
        let by = |step: i32| SHIFT_MAX * f64::from(step) / f64::from(SHIFT_STEPS);
        let steps = (-SHIFT_STEPS..=SHIFT_STEPS).map(by);
        steps.min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(0.0)
    }

    /// Interpolates between the points and extrapolates beyond the last one.
    fn at(&self, place: f64) -> f64 {
        let last = (SIZES - 1) as f64;
        let from = place.clamp(0.0, last - 1.0).floor();
        let (left, right) = (self.points[from as usize], self.points[from as usize + 1]);
        let gained = left - right;
        if place > last {
            right - self.beyond * (place - last) * gained
        } else {
            left - (place - from) * gained
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Predicted hits in per cent, from misses in per cent of the miniature caches and of the real cache.
    fn predicted(runs: [f64; 5], cache: f64, full: bool, largest_full: bool) -> [f64; 5] {
        let reads = 1000.0;
        let counts = ReadCounts {
            sampled_reads: reads,
            reads,
            misses: cache * 10.0,
            missed: runs.map(|misses| misses * 10.0),
            all_reads: reads,
            all_misses: cache * 10.0,
            ..ReadCounts::default()
        };
        counts.hit_ratios(full, largest_full).map(|ratio| (1000.0 * ratio).round() / 10.0)
    }

    #[test]
    fn a_curve_that_matches_the_measurement_is_not_shifted() {
        let curve = [50.0, 40.0, 30.0, 20.0, 10.0];
        assert_eq!(predicted(curve, 30.0, true, true), [50.0, 60.0, 70.0, 80.0, 90.0]);
    }

    #[test]
    fn a_curve_is_shifted_to_the_measured_hit_ratio() {
        let curve = [50.0, 40.0, 30.0, 20.0, 10.0];
        // Half a doubling to the left. Beyond the last point the gain is half as much, or nothing.
        assert_eq!(predicted(curve, 25.0, true, true), [55.0, 65.0, 75.0, 85.0, 92.5]);
        assert_eq!(predicted(curve, 25.0, true, false), [55.0, 65.0, 75.0, 85.0, 90.0]);
        assert_eq!(predicted(curve, 35.0, true, true), [45.0, 55.0, 65.0, 75.0, 85.0]);
    }

    #[test]
    fn a_flat_curve_is_raised_and_not_moved() {
        assert_eq!(predicted([60.0, 5.0, 5.0, 5.0, 5.0], 4.9, true, true), [40.1, 95.1, 95.1, 95.1, 95.1]);
    }

    #[test]
    fn a_cache_that_is_not_full_gains_nothing_from_memory() {
        assert_eq!(
            predicted([30.0, 20.0, 5.0, 5.0, 5.0], 10.0, false, false),
            [65.0, 75.0, 90.0, 90.0, 90.0]
        );
    }

    #[test]
    fn sampled_misses_are_scaled_by_the_misses_of_the_cache() {
        let counts = ReadCounts {
            sampled_reads: 100.0,
            reads: 1000.0,
            misses: 200.0,
            missed: [400.0, 300.0, 200.0, 100.0, 0.0],
            all_reads: 1000.0,
            all_misses: 100.0,
            ..ReadCounts::default()
        };
        assert_eq!(
            counts.hit_ratios(true, true).map(|ratio| (100.0 * ratio).round()),
            [80.0, 85.0, 90.0, 95.0, 100.0]
        );
    }

    #[test]
    fn old_reads_weigh_less() {
        let mut counts = ReadCounts::default();
        (0..HALF_LIFE_READS).for_each(|_| counts.count_read(true, [true; 5], 1.0));
        (0..HALF_LIFE_READS / 2).for_each(|_| counts.count_read(false, [false; 5], 1.0));
        assert_eq!(counts.sampled_reads(), u64::from(HALF_LIFE_READS));
        assert_eq!(counts.measured(), 0.5);
    }

    #[test]
    fn a_forecast_without_reads_predicts_hits_only() {
        assert_eq!(ReadCounts::default().hit_ratios(true, true), [1.0; 5]);
    }
}

//! The most used keys: by reads, by stores, by bytes read.
//!
//! Three sketches of [`HeavyHitters`], each with bounded memory. A count is never below what the samples add up to, and
//! exceeds it by at most the reported error. Sampling adds an error of its own: at a sampling interval of s, a count of
//! n has a standard error of about √(n·s).

use super::heavy_hitters::{HeavyHitters, Hitter};
use super::operation_sample::{OperationKind, OperationSample};
use super::report::{HotKey, HotKeys};
use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Keys in each list at most.
pub const LISTED_MAX: usize = 20;

/// Keys with a count of their own, per sketch. There are more of them than listed keys, so that a change at the end of
/// a list shows in time.
const SLOTS_MAX: u16 = 256;

/// Cells for all other keys, per sketch; 16 KiB.
const CELLS: usize = 2048;

/// The most used keys.
#[derive(Debug)]
pub struct HotKeysSketch {
    hasher: RandomState,
    reads: HeavyHitters<()>,
    writes: HeavyHitters<()>,
    bytes_out: HeavyHitters<()>,
    sampled_one_in: u32,
}

impl Default for HotKeysSketch {
    fn default() -> HotKeysSketch {
        let sketch = || HeavyHitters::new(SLOTS_MAX, CELLS);
        HotKeysSketch {
            hasher: RandomState::default(),
            reads: sketch(),
            writes: sketch(),
            bytes_out: sketch(),
            sampled_one_in: 1,
        }
    }
}

impl HotKeysSketch {
    /// Records a sample.
    pub fn record(&mut self, sample: &OperationSample<'_>) {
        let weight = f64::from(sample.weight);
        self.sampled_one_in = sample.weight;
        match sample.kind {
            OperationKind::Hit => {
                let hash = self.hasher.hash_one(sample.key);
                self.reads.record(sample.key, hash, weight);
                // An empty value must not displace a key.
                if sample.value_bytes > 0 {
                    self.bytes_out.record(sample.key, hash, weight * sample.value_bytes as f64);
                }
            }
            OperationKind::Miss => {
                self.reads.record(sample.key, self.hasher.hash_one(sample.key), weight);
            }
            OperationKind::Store => {
                self.writes.record(sample.key, self.hasher.hash_one(sample.key), weight);
            }
            OperationKind::Delete | OperationKind::Eviction | OperationKind::Expiry => {}
        }
    }

    /// Decays all counts by the seconds that have passed.
    pub fn age(&mut self, secs: u32) {
        for sketch in [&mut self.reads, &mut self.writes, &mut self.bytes_out] {
            sketch.age(secs);
        }
    }

    /// The most used keys, at most [`LISTED_MAX`] in each list.
    pub fn report(&self) -> HotKeys {
        HotKeys {
            reads: top_keys(&self.reads),
            writes: top_keys(&self.writes),
            bytes_out: top_keys(&self.bytes_out),
            total_reads: self.reads.total().round() as u64,
            total_writes: self.writes.total().round() as u64,
            total_bytes_out: self.bytes_out.total().round() as u64,
            sampled_one_in: self.sampled_one_in,
        }
    }

    /// Memory of the sketches, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        [&self.reads, &self.writes, &self.bytes_out].map(HeavyHitters::memory_bytes).iter().sum()
    }
}

/// The keys with the greatest counts.
fn top_keys(sketch: &HeavyHitters<()>) -> Vec<HotKey> {
    let mut hitters: Vec<_> = sketch.hitters().collect();
    hitters.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.key.cmp(b.key)));
    // A weight below half an operation comes from the past.
    hitters.retain(|hitter| hitter.weight >= 0.5);
    hitters.truncate(LISTED_MAX);
    hitters.iter().map(hot_key).collect()
}

/// Rounds to whole operations, so that the bounds still hold.
fn hot_key(hitter: &Hitter<'_, ()>) -> HotKey {
    let count = hitter.weight.ceil();
    let at_least = (hitter.weight - hitter.error).max(0.0);
    HotKey { key: hitter.key.into(), count: count as u64, error: (count - at_least).ceil() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(kind: OperationKind, key: &[u8], value_bytes: u64, weight: u32) -> OperationSample<'_> {
        OperationSample { kind, key, value_bytes, weight }
    }

    fn key(key: &[u8], count: u64) -> HotKey {
        HotKey { key: key.into(), count, error: 0 }
    }

    #[test]
    fn reads_stores_and_bytes_are_listed_separately() {
        let mut sketch = HotKeysSketch::default();
        for sample in [
            sample(OperationKind::Hit, b"big", 1000, 2),
            sample(OperationKind::Hit, b"small", 10, 5),
            sample(OperationKind::Miss, b"absent", 0, 3),
            sample(OperationKind::Hit, b"empty", 0, 1),
            sample(OperationKind::Store, b"big", 1000, 4),
            sample(OperationKind::Delete, b"gone", 1000, 9),
            sample(OperationKind::Eviction, b"gone", 1000, 9),
            sample(OperationKind::Expiry, b"gone", 1000, 9),
        ] {
            sketch.record(&sample);
        }
        let report = sketch.report();
        assert_eq!(report.reads, [key(b"small", 5), key(b"absent", 3), key(b"big", 2), key(b"empty", 1)]);
        assert_eq!(report.writes, [key(b"big", 4)]);
        assert_eq!(report.bytes_out, [key(b"big", 2000), key(b"small", 50)]);
        assert_eq!((report.total_reads, report.total_writes, report.total_bytes_out), (11, 4, 2050));
    }

    #[test]
    fn a_list_is_bounded_and_its_error_bounds_hold_after_rounding() {
        let mut sketch = HotKeysSketch::default();
        let mut exact = std::collections::HashMap::new();
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..100_000 {
            let number = (1.0 / (random.f64() + 1e-5)) as u32;
            sketch.record(&sample(OperationKind::Store, &number.to_be_bytes(), 0, 1));
            *exact.entry(number.to_be_bytes().to_vec()).or_insert(0.0) += 1.0;
        }
        sketch.age(200);
        let decayed = (-200.0 / f64::from(super::super::forward_decay::HALF_LIFE_SECS)).exp2();
        let report = sketch.report();
        assert_eq!(report.writes.len(), LISTED_MAX);
        assert!(report.writes.is_sorted_by_key(|key| std::cmp::Reverse(key.count)));
        for key in &report.writes {
            let exact = exact[&*key.key] * decayed;
            assert!(key.count as f64 >= exact && (key.count - key.error) as f64 <= exact, "{key:?}");
        }
    }

    #[test]
    fn keys_of_long_ago_are_not_listed() {
        let mut sketch = HotKeysSketch::default();
        sketch.record(&sample(OperationKind::Store, b"old", 1, 1000));
        sketch.age(u32::MAX);
        assert!(sketch.report().writes.is_empty());
    }
}

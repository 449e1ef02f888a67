//! What the cache knows about its own traffic: hot keys, families of keys, latency.
//!
//! This module depends on no other module of the crate but clock and locks. Its callers pass samples of operations and
//! walks over the items, and get plain data back. Its memory is bounded for all keys.
//!
//! [`Insight`] contains the sketches that workers share, behind one lock that is taken once for a batch of samples.
//! [`Latencies`] takes no lock.

mod families;
mod forward_decay;
mod heavy_hitters;
mod hot_keys;
mod latency;
mod operation_sample;
mod report;
mod rolling_census;
mod sampling_interval;
mod shape;

pub use families::{Census, FAMILIES_MAX, FamiliesSketch, OTHER};
pub use hot_keys::{HotKeysSketch, LISTED_MAX};
pub use latency::{CommandFamily, Latencies};
pub use operation_sample::{OperationKind, OperationSample};
pub use report::{Family, HotKey, HotKeys, Latency};
pub use rolling_census::{Coverage, RollingCensus};
pub use sampling_interval::next_sampling_interval;

use crate::clock::Now;
use crate::sync::Mutex;

/// The sketches of hot keys and of key families, shared by all workers.
#[derive(Debug)]
pub struct Insight {
    sketches: Mutex<Sketches>,
    /// One operation in this many is sampled.
    sampling_interval: Mutex<u32>,
}

#[derive(Debug)]
struct Sketches {
    hot_keys: HotKeysSketch,
    families: FamiliesSketch,
    /// When the counts were last decayed.
    aged: Now,
}

impl Sketches {
    fn new(now: Now) -> Sketches {
        Sketches { hot_keys: HotKeysSketch::default(), families: FamiliesSketch::default(), aged: now }
    }
}

impl Insight {
    /// Empty sketches.
    pub fn new(now: Now) -> Insight {
        Insight { sketches: Mutex::new(Sketches::new(now)), sampling_interval: Mutex::new(1) }
    }

    /// Records the samples that `batch` passes on, under one lock. `batch` must not call this [`Insight`].
    pub fn record_batch<R>(&self, batch: impl FnOnce(&mut dyn FnMut(&OperationSample<'_>)) -> R) -> R {
        let mut sketches = self.sketches.lock();
        batch(&mut |sample| {
            sketches.hot_keys.record(sample);
            sketches.families.record(sample);
        })
    }

    /// One operation in this many is to be sampled.
    pub fn sampling_interval(&self) -> u32 {
        *self.sampling_interval.lock()
    }

    /// Sets the sampling interval.
    pub fn set_sampling_interval(&self, one_in: u32) {
        *self.sampling_interval.lock() = one_in;
    }

    /// Decays all counts by the time since the last call. Called about once a second.
    pub fn age(&self, now: Now) {
        let mut sketches = self.sketches.lock();
        let secs = now.secs_since(sketches.aged);
        sketches.aged = now;
        sketches.hot_keys.age(secs);
        sketches.families.age(secs);
    }

    /// The most used keys.
    pub fn hot_keys(&self) -> HotKeys {
        self.sketches.lock().hot_keys.report()
    }

    /// Keys by shape, those with the most bytes first; `census` contains the stored items.
    pub fn families(&self, census: &Census) -> Vec<Family> {
        self.sketches.lock().families.report(census)
    }

    /// Clears all counts.
    pub fn reset(&self) {
        let mut sketches = self.sketches.lock();
        *sketches = Sketches::new(sketches.aged);
    }

    /// Memory of the sketches, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let sketches = self.sketches.lock();
        sketches.hot_keys.memory_bytes() + sketches.families.memory_bytes()
    }
}

/// The family of a key: the name of a known one, else the shape.
pub fn family_of(key: &[u8]) -> String {
    let mut shape = String::new();
    match shape::write_shape(key, &mut shape) {
        "" => shape,
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(key: &[u8], weight: u32) -> OperationSample<'_> {
        OperationSample { kind: OperationKind::Hit, key, value_bytes: 10, weight }
    }

    #[test]
    fn a_batch_reaches_all_sketches() {
        let insight = Insight::new(Now::from_secs(100));
        insight.record_batch(|record| {
            [hit(b"user:1", 16), hit(b"user:2", 16), hit(b"user:1", 16)].iter().for_each(record)
        });
        let hot = insight.hot_keys();
        assert_eq!(
            (&*hot.reads[0].key, hot.reads[0].count, hot.bytes_out[0].count),
            (&b"user:1"[..], 32, 320)
        );
        assert_eq!((hot.total_reads, hot.total_bytes_out, hot.sampled_one_in), (48, 480, 16));
        let families = insight.families(&Census::default());
        assert_eq!((families.len(), &*families[0].shape, families[0].hits), (1, "user:*", 48));
    }

    #[test]
    fn counts_decay_by_the_time_since_the_last_call_and_a_reset_keeps_that_time() {
        let insight = Insight::new(Now::from_secs(100));
        insight.record_batch(|record| [hit(b"a", 1000)].iter().for_each(record));
        insight.age(Now::from_secs(400));
        insight.age(Now::from_secs(700));
        // A clock that is set back does not change the counts.
        insight.age(Now::from_secs(600));
        assert_eq!(insight.hot_keys().total_reads, 500);
        insight.reset();
        assert_eq!(insight.hot_keys(), HotKeys { sampled_one_in: 1, ..HotKeys::default() });
        assert!(insight.families(&Census::default()).is_empty());
        insight.record_batch(|record| [hit(b"a", 1000)].iter().for_each(record));
        insight.age(Now::from_secs(600));
        assert_eq!(insight.hot_keys().total_reads, 1000);
    }

    #[test]
    fn memory_is_bounded_with_the_longest_keys() {
        let insight = Insight::new(Now::from_secs(100));
        let kinds = [OperationKind::Hit, OperationKind::Store, OperationKind::Eviction];
        for number in 0..100_000 {
            let key = format!("{number:x>250}");
            let sample =
                OperationSample { kind: kinds[number % 3], ..hit(key.as_bytes(), 1 + number as u32) };
            insight.record_batch(|record| [sample].iter().for_each(record));
        }
        assert!(insight.memory_bytes() < 420 << 10, "{}", insight.memory_bytes());
    }
}

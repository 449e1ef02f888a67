//! What the cache knows of its own traffic: hot keys, families of keys, latency.
//!
//! A leaf: it is told of a sample of operations and of walks over the items, and answers with plain figures. It knows
//! no store and no wire, reads no clock, and its memory is bounded whatever the keys.
//!
//! [`Insight`] holds the sketches that workers share, behind one lock that is taken once for a batch of samples;
//! [`Latencies`] takes no lock.

mod families;
mod forward_decay;
mod heavy_hitters;
mod hot_keys;
mod latency;
mod report;
mod rolling_census;
mod sampling_interval;
mod shape;

pub use families::{Census, FAMILIES_MAX, FamiliesSketch, OTHER};
pub use hot_keys::{HotKeysSketch, LISTED_MAX};
pub use latency::{CommandFamily, Latencies};
pub use report::{Family, HotKey, HotKeys, Latency, OperationKind, OperationSample};
pub use rolling_census::{Coverage, RollingCensus};
pub use sampling_interval::next_sampling_interval;

use crate::clock::Now;
use crate::sync::Mutex;

/// The sketches of hot keys and of key families, shared by all workers.
#[derive(Debug)]
pub struct Insight {
    sketches: Mutex<Sketches>,
    /// One operation in so many is sampled.
    sampling_interval: Mutex<u32>,
}

#[derive(Debug)]
struct Sketches {
    hot_keys: HotKeysSketch,
    families: FamiliesSketch,
    /// When they were last made older.
    aged: Now,
}

impl Sketches {
    fn new(now: Now) -> Sketches {
        Sketches { hot_keys: HotKeysSketch::default(), families: FamiliesSketch::default(), aged: now }
    }
}

impl Insight {
    /// Has seen nothing yet.
    pub fn new(now: Now) -> Insight {
        Insight { sketches: Mutex::new(Sketches::new(now)), sampling_interval: Mutex::new(1) }
    }

    /// Takes in samples as `batch` hands them out, under one lock; `batch` must not come back here.
    pub fn record_batch<R>(&self, batch: impl FnOnce(&mut dyn FnMut(&OperationSample<'_>)) -> R) -> R {
        let mut sketches = self.sketches.lock();
        batch(&mut |sample| {
            sketches.hot_keys.record(sample);
            sketches.families.record(sample);
        })
    }

    /// One operation in how many is to be sampled.
    pub fn sampling_interval(&self) -> u32 {
        *self.sampling_interval.lock()
    }

    /// Tells how many from here on.
    pub fn set_sampling_interval(&self, one_in: u32) {
        *self.sampling_interval.lock() = one_in;
    }

    /// Lets what was seen weigh less by the time that passed; to be called about once a second.
    pub fn age(&self, now: Now) {
        let mut sketches = self.sketches.lock();
        let secs = now.secs_since(sketches.aged);
        sketches.aged = now;
        sketches.hot_keys.age(secs);
        sketches.families.age(secs);
    }

    /// The keys most used.
    pub fn hot_keys(&self) -> HotKeys {
        self.sketches.lock().hot_keys.report()
    }

    /// Keys by shape, those with the most bytes first; what is there now is told by the census.
    pub fn families(&self, census: &Census) -> Vec<Family> {
        self.sketches.lock().families.report(census)
    }

    /// Forgets what was seen.
    pub fn reset(&self) {
        let mut sketches = self.sketches.lock();
        *sketches = Sketches::new(sketches.aged);
    }

    /// Bytes of memory that the sketches take.
    pub fn memory_bytes(&self) -> u64 {
        let sketches = self.sketches.lock();
        sketches.hot_keys.memory_bytes() + sketches.families.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(key: &[u8], weight: u32) -> OperationSample<'_> {
        OperationSample { kind: OperationKind::Hit, key, value_bytes: 10, weight }
    }

    #[test]
    fn a_batch_is_seen_by_all_sketches() {
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
    fn time_is_counted_from_the_last_call_and_a_reset_keeps_it() {
        let insight = Insight::new(Now::from_secs(100));
        insight.record_batch(|record| [hit(b"a", 1000)].iter().for_each(record));
        insight.age(Now::from_secs(400));
        insight.age(Now::from_secs(700));
        // A clock that is set back takes nothing away.
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
    fn memory_is_bounded_by_the_longest_keys() {
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

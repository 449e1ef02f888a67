//! What the cache knows of its own traffic: hot keys, families of keys, latency.
//!
//! A leaf: it is told of a sample of operations and of walks over the items, and answers with plain figures. It knows
//! no store and no wire, reads no clock, and its memory is bounded whatever the keys.
//!
//! [`Insight`] holds the sketches that workers share, behind one lock that is taken once for a batch of samples;
//! [`Latencies`] takes no lock.

mod decay;
mod families;
pub mod figures;
mod heavy_hitters;
mod hot_keys;
mod latency;
mod pace;
mod shape;
mod survey;

pub use families::{Census, FAMILIES_MAX, FamiliesSketch, OTHER};
pub use hot_keys::{HotKeysSketch, LISTED_MAX};
pub use latency::{CommandFamily, Latencies};
pub use pace::one_in_after;
pub use survey::{Survey, Surveyed};

use crate::clock::Now;
use crate::sync::Mutex;
use figures::{Family, HotKeys, Seen};

/// The sketches of hot keys and of key families, shared by all workers.
#[derive(Debug)]
pub struct Insight {
    sketches: Mutex<Sketches>,
    /// One operation in so many is sampled.
    one_in: Mutex<u32>,
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
        Insight { sketches: Mutex::new(Sketches::new(now)), one_in: Mutex::new(1) }
    }

    /// Takes in samples as `batch` hands them out, under one lock; `batch` must not come back here.
    pub fn note_batch<R>(&self, batch: impl FnOnce(&mut dyn FnMut(&Seen<'_>)) -> R) -> R {
        let mut sketches = self.sketches.lock();
        batch(&mut |seen| {
            sketches.hot_keys.note(seen);
            sketches.families.note(seen);
        })
    }

    /// One operation in how many is to be sampled.
    pub fn one_in(&self) -> u32 {
        *self.one_in.lock()
    }

    /// Tells how many from here on.
    pub fn set_one_in(&self, one_in: u32) {
        *self.one_in.lock() = one_in;
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
        self.sketches.lock().hot_keys.figures()
    }

    /// Keys by shape, those with the most bytes first; what is there now is told by the census.
    pub fn families(&self, census: &Census) -> Vec<Family> {
        self.sketches.lock().families.figures(census)
    }

    /// Forgets what was seen.
    pub fn reset(&self) {
        let mut sketches = self.sketches.lock();
        *sketches = Sketches::new(sketches.aged);
    }

    /// Bytes of memory that the sketches take.
    pub fn own_bytes(&self) -> u64 {
        let sketches = self.sketches.lock();
        sketches.hot_keys.own_bytes() + sketches.families.own_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::figures::SeenKind;
    use super::*;

    fn hit(key: &[u8], weight: u32) -> Seen<'_> {
        Seen { kind: SeenKind::Hit, key, value_bytes: 10, weight }
    }

    #[test]
    fn a_batch_is_seen_by_all_sketches() {
        let insight = Insight::new(Now::from_secs(100));
        insight.note_batch(|note| {
            [hit(b"user:1", 16), hit(b"user:2", 16), hit(b"user:1", 16)].iter().for_each(note)
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
        insight.note_batch(|note| [hit(b"a", 1000)].iter().for_each(note));
        insight.age(Now::from_secs(400));
        insight.age(Now::from_secs(700));
        // A clock that is set back takes nothing away.
        insight.age(Now::from_secs(600));
        assert_eq!(insight.hot_keys().total_reads, 500);
        insight.reset();
        assert_eq!(insight.hot_keys(), HotKeys { sampled_one_in: 1, ..HotKeys::default() });
        assert!(insight.families(&Census::default()).is_empty());
        insight.note_batch(|note| [hit(b"a", 1000)].iter().for_each(note));
        insight.age(Now::from_secs(600));
        assert_eq!(insight.hot_keys().total_reads, 1000);
    }

    #[test]
    fn memory_is_bounded_by_the_longest_keys() {
        let insight = Insight::new(Now::from_secs(100));
        let kinds = [SeenKind::Hit, SeenKind::Store, SeenKind::Eviction];
        for number in 0..100_000 {
            let key = format!("{number:x>250}");
            let seen = Seen { kind: kinds[number % 3], ..hit(key.as_bytes(), 1 + number as u32) };
            insight.note_batch(|note| [seen].iter().for_each(note));
        }
        assert!(insight.own_bytes() < 420 << 10, "{}", insight.own_bytes());
    }
}

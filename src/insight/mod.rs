//! What the cache knows of its own traffic: hot keys, families of keys, latency.
//!
//! A leaf: it is told of a sample of operations and of walks over the items, and answers with plain figures. It knows
//! no store and no wire, reads no clock, and its memory is bounded whatever the keys.
//!
//! [`Insight`] holds the sketches that workers share, behind one lock that is taken once for a batch of samples;
//! [`Latencies`] takes no lock.

mod families;
pub mod figures;
mod hot_keys;
mod latency;
mod pace;
mod survey;

pub use families::{Census, FamiliesSketch};
pub use hot_keys::HotKeysSketch;
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

    /// Takes in a batch of samples, under one lock. The iterator must not come back here.
    pub fn note_all<'a>(&self, seen: impl IntoIterator<Item = Seen<'a>>) {
        let mut sketches = self.sketches.lock();
        for seen in seen {
            sketches.hot_keys.note(&seen);
            sketches.families.note(&seen);
        }
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

//! What the hit ratio would be with less or more memory.
//!
//! A leaf: it is told of every operation on a fixed share of all keys (spatial sampling: SHARDS, Waldspurger et al.,
//! FAST 2015), and predicts. It knows no store and no wire, and reads no clock.
//!
//! Five miniature runs of larder's policy, at 1/4 to 4 times the limit, see the sampled keys (Waldspurger et al.,
//! "Cache Modeling and Optimization using Miniature Simulations", ATC 2017). A client is taken to store what it has
//! missed: a run that does not hold what the cache itself has found takes it in. `sample.rs` has the keys and bounds
//! their number, `miniature.rs` one run, `forecast.rs` the way from their misses to the cache's, `sentence.rs` the
//! words. `benches/advisor` measures how far the predictions are off.
//!
//! Why so, and what was measured: decision note
//! [`d14`](crate::decisions::d14_the_advisor_runs_miniature_simulations).

pub mod figures;
mod forecast;
mod miniature;
mod sample;
mod sentence;
mod shared;

pub use shared::SharedAdvisor;

use crate::clock::Now;
use figures::{Access, AccessKind, Advice, Live, Prediction};
use forecast::{PERCENTS, Tallies};
use miniature::Miniature;
use sample::{SIZES, Sample, Slot};

/// Where there are more keys than places, the threshold falls by one part in so many.
const FALL_ONE_IN: u64 = 8;

/// Sampled reads below which nothing is predicted.
const READS_NEEDED: u64 = 10_000;

/// Bytes that a cache takes per byte of its items: at the most that is believed, while it is filling, and at the
/// least.
const COST_MAX: f64 = 1.5;
const COST_FILLING: f64 = 1.1;
const COST_MIN: f64 = 1.085;

/// What a cache takes beyond that, whatever its size: the free chunks of classes, in bytes.
const FIXED_BYTES_MAX: f64 = (512 << 10) as f64;

/// Predicts. Not shared: one thread feeds it and asks it.
pub struct Advisor {
    sample: Sample,
    runs: [Miniature; SIZES],
    tallies: Tallies,
    live: Live,
    /// When the last operation was done.
    now: Now,
    /// The counters of the cache are known from here on.
    observed: bool,
}

impl Advisor {
    /// For a cache of this limit. Takes `own_bytes_max` at once and never more (but 2 KiB at least), and follows no
    /// more than `share_max` of all keys, 0 to 1: each operation on a key that is followed costs its sender a little.
    pub fn new(limit_bytes: u64, own_bytes_max: u64, share_max: f64) -> Advisor {
        let fixed = size_of::<Advisor>() as u64;
        let threshold = ((share_max * u64::MAX as f64) as u64).max(1);
        let mut advisor = Advisor {
            sample: Sample::new(own_bytes_max.saturating_sub(fixed), threshold),
            runs: std::array::from_fn(|run| Miniature::new(run as u32)),
            tallies: Tallies::default(),
            live: Live { limit_bytes, evicts: true, ..Live::default() },
            now: Now::from_secs(0),
            observed: false,
        };
        advisor.resize_runs();
        advisor
    }

    /// Keys whose hash is below this are sampled. It may fall with every operation, and never rises; operations on
    /// keys that are not below it any more are ignored.
    pub fn threshold(&self) -> u64 {
        self.sample.threshold()
    }

    /// Follows half as many keys, because operations on them are too many.
    pub fn follow_half(&mut self) {
        self.follow_below(self.sample.threshold() / 2);
    }

    /// Sees an operation on a sampled key. All of them in order.
    pub fn note(&mut self, access: &Access) {
        if access.hash >= self.sample.threshold() {
            return;
        }
        self.now = access.now;
        let slot = self.sample.find(access.hash);
        match access.kind {
            AccessKind::Hit => self.read(access, slot, true),
            AccessKind::Miss => self.read(access, slot, false),
            AccessKind::Store => self.stored(access, slot),
            AccessKind::Delete => {
                if let Some(slot) = slot {
                    self.forget(slot);
                }
            }
        }
    }

    /// Sees how the cache stands; after each batch of operations. A new limit makes what was counted worthless.
    pub fn observe(&mut self, live: &Live) {
        if live.limit_bytes != self.live.limit_bytes {
            self.tallies = Tallies::default();
        }
        // Counters that fell were reset.
        let since = |now: u64, before: u64| if now >= before { now - before } else { now };
        if self.observed {
            let (hits, misses) = (since(live.hits, self.live.hits), since(live.misses, self.live.misses));
            self.tallies.count_all(hits, misses);
        }
        self.observed = true;
        self.live = *live;
        self.resize_runs();
    }

    /// Everything was flushed.
    pub fn flush(&mut self) {
        self.sample.clear();
        self.runs.iter_mut().for_each(Miniature::clear);
    }

    /// Bytes of memory that it takes.
    pub fn own_bytes(&self) -> u64 {
        self.sample.own_bytes() + size_of::<Advisor>() as u64
    }

    /// What it has to say.
    pub fn advise(&self) -> Advice {
        let reads = self.tallies.sampled_reads();
        let enough = reads >= READS_NEEDED;
        let predictions = if enough { self.predictions() } else { Vec::new() };
        let sentence = match enough {
            true => sentence::of(&predictions, &self.live),
            false => sentence::too_few(reads, READS_NEEDED),
        };
        Advice {
            predictions,
            measured_hit_ratio: 1.0 - self.tallies.measured(),
            reads,
            keys: self.sample.count() as u64,
            share: self.sample.share(),
            own_bytes: self.own_bytes(),
            sentence,
        }
    }

    fn predictions(&self) -> Vec<Prediction> {
        let ratios = self.tallies.hit_ratios(self.live.is_full(), self.runs[SIZES - 1].is_full());
        let prediction =
            |(percent, hit_ratio)| Prediction { percent, limit_bytes: self.limit_at(percent), hit_ratio };
        PERCENTS.into_iter().zip(ratios).map(prediction).collect()
    }

    fn limit_at(&self, percent: u32) -> u64 {
        (self.live.limit_bytes as f64 * f64::from(percent) / 100.0) as u64
    }

    fn read(&mut self, access: &Access, slot: Option<Slot>, hit: bool) {
        let now = access.now;
        let mut hits = [false; SIZES];
        if let Some(slot) = slot {
            self.sample.hold(slot);
            for (hit, run) in hits.iter_mut().zip(&mut self.runs) {
                *hit = run.read(&mut self.sample, slot, now);
            }
        }
        self.tallies.count_read(hit, hits, self.sample.share());
        if hit {
            // Where it missed, the client stores it now.
            self.take_in(access, slot);
        } else if let Some(slot) = slot {
            self.sample.let_go(slot);
        }
    }

    fn stored(&mut self, access: &Access, slot: Option<Slot>) {
        if let Some(slot) = slot {
            self.sample.hold(slot);
        }
        self.take_in(access, slot);
    }

    /// The item is in the cache as `access` says: it is in every run as well, or comes into it.
    fn take_in(&mut self, access: &Access, slot: Option<Slot>) {
        let Some(slot) = slot.or_else(|| self.follow(access.hash)) else { return };
        let bytes = u32::try_from(access.bytes).unwrap_or(u32::MAX);
        for run in &mut self.runs {
            if run.holds(&self.sample, slot) {
                run.will_take(&self.sample, slot, bytes);
            }
        }
        self.sample.set_item(slot, bytes, access.deadline);
        for run in &mut self.runs {
            if run.holds(&self.sample, slot) {
                run.make_room(&mut self.sample, 0, access.now);
            } else {
                run.admit(&mut self.sample, slot, self.live.evicts, access.now);
            }
        }
        self.sample.let_go(slot);
    }

    /// A place for a key, which is held there; makes one by sampling fewer, so the key itself may be out.
    fn follow(&mut self, hash: u64) -> Option<Slot> {
        while self.sample.is_full() {
            let threshold = self.sample.threshold();
            self.follow_below(threshold - threshold.div_ceil(FALL_ONE_IN));
        }
        (hash < self.sample.threshold()).then(|| self.sample.insert(hash))
    }

    fn follow_below(&mut self, threshold: u64) {
        self.sample.lower_threshold(threshold);
        for slot in 0..self.sample.places() as Slot {
            if self.sample.is_above(slot) {
                self.forget(slot);
            }
        }
        self.resize_runs();
    }

    fn forget(&mut self, slot: Slot) {
        self.sample.hold(slot);
        for run in &mut self.runs {
            run.forget(&mut self.sample, slot);
        }
        self.sample.let_go(slot);
    }

    #[cfg(test)]
    fn check_invariants(&self) {
        self.sample.check_invariants();
        self.runs.iter().for_each(|run| run.check_invariants(&self.sample));
    }

    /// Gives each run its share of what the cache would have room for.
    fn resize_runs(&mut self) {
        let (charged, items) = (self.live.charged_bytes as f64, self.live.item_bytes as f64);
        let fixed = (charged - COST_MIN * items).clamp(0.0, FIXED_BYTES_MAX);
        let full = self.live.is_full() && items > 0.0;
        let cost = if full { (charged - fixed) / items } else { COST_FILLING };
        let share = self.sample.share();
        for (run, percent) in self.runs.iter_mut().zip(PERCENTS) {
            let limit = self.live.limit_bytes as f64 * f64::from(percent) / 100.0;
            let room = (limit - fixed).max(limit / 4.0) / cost.clamp(1.0, COST_MAX);
            run.resize(&mut self.sample, room as u64, share, self.now);
        }
    }
}

#[cfg(test)]
mod tests;

//! What the hit ratio would be with less or more memory.
//!
//! A leaf: it is told of every operation on a fixed share of all keys (spatial sampling: SHARDS, Waldspurger et al.,
//! FAST 2015), and predicts. It knows no store and no wire, and reads no clock.
//!
//! Five miniature runs of larder's policy, at 1/4 to 4 times the limit, see the sampled keys (Waldspurger et al.,
//! "Cache Modeling and Optimization using MiniatureCache Simulations", ATC 2017). A client is taken to store what it has
//! missed: a run that does not hold what the cache itself has found takes it in. `sample.rs` has the keys and bounds
//! their number, `miniature_cache.rs` one run, `forecast.rs` the way from their misses to the cache's, `recommendation.rs` the
//! words. `benches/advisor` measures how far the predictions are off.
//!
//! Why so, and what was measured: decision note
//! [`d14`](crate::decisions::d14_the_advisor_runs_miniature_simulations).

mod advice;
mod forecast;
mod key_sample;
mod miniature_cache;
mod recommendation;
mod shared;

pub use shared::SharedAdvisor;

use crate::clock::Now;
pub use advice::{Access, AccessKind, Advice, CacheState, Prediction};
use forecast::{PERCENTS, ReadCounts};
use key_sample::{KeySample, SIZES, Slot};
use miniature_cache::MiniatureCache;

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
    sample: KeySample,
    runs: [MiniatureCache; SIZES],
    counts: ReadCounts,
    state: CacheState,
    /// When the last operation was done.
    now: Now,
    /// The counters of the cache are known from here on.
    observed: bool,
}

impl Advisor {
    /// For a cache of this limit. Takes `memory_bytes_max` at once and never more (but 2 KiB at least), and follows no
    /// more than `share_max` of all keys, 0 to 1: each operation on a key that is followed costs its sender a little.
    pub fn new(limit_bytes: u64, memory_bytes_max: u64, share_max: f64) -> Advisor {
        let fixed = size_of::<Advisor>() as u64;
        let threshold = ((share_max * u64::MAX as f64) as u64).max(1);
        let mut advisor = Advisor {
            sample: KeySample::new(memory_bytes_max.saturating_sub(fixed), threshold),
            runs: std::array::from_fn(|run| MiniatureCache::new(run as u32)),
            counts: ReadCounts::default(),
            state: CacheState { limit_bytes, evicts: true, ..CacheState::default() },
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
    pub fn halve_sample(&mut self) {
        self.lower_threshold_to(self.sample.threshold() / 2);
    }

    /// Sees an operation on a sampled key. All of them in order.
    pub fn record(&mut self, access: &Access) {
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
    pub fn observe(&mut self, state: &CacheState) {
        if state.limit_bytes != self.state.limit_bytes {
            self.counts = ReadCounts::default();
        }
        // Counters that fell were reset.
        let since = |now: u64, before: u64| if now >= before { now - before } else { now };
        if self.observed {
            let (hits, misses) = (since(state.hits, self.state.hits), since(state.misses, self.state.misses));
            self.counts.count_all(hits, misses);
        }
        self.observed = true;
        self.state = *state;
        self.resize_runs();
    }

    /// Everything was flushed.
    pub fn flush(&mut self) {
        self.sample.clear();
        self.runs.iter_mut().for_each(MiniatureCache::clear);
    }

    /// Bytes of memory that it takes.
    pub fn memory_bytes(&self) -> u64 {
        self.sample.memory_bytes() + size_of::<Advisor>() as u64
    }

    /// What it has to say.
    pub fn advise(&self) -> Advice {
        let reads = self.counts.sampled_reads();
        let enough = reads >= READS_NEEDED;
        let predictions = if enough { self.predictions() } else { Vec::new() };
        let recommendation = match enough {
            true => recommendation::recommend(&predictions, &self.state),
            false => recommendation::too_few(reads, READS_NEEDED),
        };
        Advice {
            predictions,
            measured_hit_ratio: 1.0 - self.counts.measured(),
            reads,
            keys: self.sample.count() as u64,
            share: self.sample.share(),
            memory_bytes: self.memory_bytes(),
            recommendation,
        }
    }

    fn predictions(&self) -> Vec<Prediction> {
        let ratios = self.counts.hit_ratios(self.state.is_full(), self.runs[SIZES - 1].is_full());
        let prediction =
            |(percent, hit_ratio)| Prediction { percent, limit_bytes: self.limit_at(percent), hit_ratio };
        PERCENTS.into_iter().zip(ratios).map(prediction).collect()
    }

    fn limit_at(&self, percent: u32) -> u64 {
        (self.state.limit_bytes as f64 * f64::from(percent) / 100.0) as u64
    }

    fn read(&mut self, access: &Access, slot: Option<Slot>, hit: bool) {
        let now = access.now;
        let mut hits = [false; SIZES];
        if let Some(slot) = slot {
            self.sample.pin(slot);
            for (hit, run) in hits.iter_mut().zip(&mut self.runs) {
                *hit = run.read(&mut self.sample, slot, now);
            }
        }
        self.counts.count_read(hit, hits, self.sample.share());
        if hit {
            // Where it missed, the client stores it now.
            self.admit_to_runs(access, slot);
        } else if let Some(slot) = slot {
            self.sample.unpin(slot);
        }
    }

    fn stored(&mut self, access: &Access, slot: Option<Slot>) {
        if let Some(slot) = slot {
            self.sample.pin(slot);
        }
        self.admit_to_runs(access, slot);
    }

    /// The item is in the cache as `access` says: it is in every run as well, or comes into it.
    fn admit_to_runs(&mut self, access: &Access, slot: Option<Slot>) {
        let Some(slot) = slot.or_else(|| self.follow(access.hash)) else { return };
        let bytes = u32::try_from(access.bytes).unwrap_or(u32::MAX);
        for run in &mut self.runs {
            if run.contains(&self.sample, slot) {
                run.resize_item(&self.sample, slot, bytes);
            }
        }
        self.sample.set_item(slot, bytes, access.deadline);
        for run in &mut self.runs {
            if run.contains(&self.sample, slot) {
                run.evict_to_fit(&mut self.sample, 0, access.now);
            } else {
                run.admit(&mut self.sample, slot, self.state.evicts, access.now);
            }
        }
        self.sample.unpin(slot);
    }

    /// A place for a key, which is held there; makes one by sampling fewer, so the key itself may be out.
    fn follow(&mut self, hash: u64) -> Option<Slot> {
        while self.sample.is_full() {
            let threshold = self.sample.threshold();
            self.lower_threshold_to(threshold - threshold.div_ceil(FALL_ONE_IN));
        }
        (hash < self.sample.threshold()).then(|| self.sample.insert(hash))
    }

    fn lower_threshold_to(&mut self, threshold: u64) {
        self.sample.lower_threshold(threshold);
        for slot in 0..self.sample.places() as Slot {
            if self.sample.is_above(slot) {
                self.forget(slot);
            }
        }
        self.resize_runs();
    }

    fn forget(&mut self, slot: Slot) {
        self.sample.pin(slot);
        for run in &mut self.runs {
            run.forget(&mut self.sample, slot);
        }
        self.sample.unpin(slot);
    }

    #[cfg(test)]
    fn check_invariants(&self) {
        self.sample.check_invariants();
        self.runs.iter().for_each(|run| run.check_invariants(&self.sample));
    }

    /// Gives each run its share of what the cache would have room for.
    fn resize_runs(&mut self) {
        let (charged, items) = (self.state.charged_bytes as f64, self.state.item_bytes as f64);
        let fixed = (charged - COST_MIN * items).clamp(0.0, FIXED_BYTES_MAX);
        let full = self.state.is_full() && items > 0.0;
        let cost = if full { (charged - fixed) / items } else { COST_FILLING };
        let share = self.sample.share();
        for (run, percent) in self.runs.iter_mut().zip(PERCENTS) {
            let limit = self.state.limit_bytes as f64 * f64::from(percent) / 100.0;
            let room = (limit - fixed).max(limit / 4.0) / cost.clamp(1.0, COST_MAX);
            run.resize(&mut self.sample, room as u64, share, self.now);
        }
    }
}

#[cfg(test)]
mod tests;

//! Predicts the hit ratio with less or more memory.
//!
//! The advisor receives every operation on a fixed share of all keys (spatial sampling: SHARDS, Waldspurger et al.,
//! FAST 2015). It depends on no other module of the crate but the clock's types, and it reads no clock.
//!
//! Five miniature caches, at 1/4 to 4 times the limit, simulate larder's policy on the sampled keys (Waldspurger et
//! al., "Cache Modeling and Optimization using Miniature Simulations", ATC 2017). Clients are assumed to store what
//! they missed: a hit of the real cache that a miniature cache misses is stored there.
//!
//! `key_sample.rs` contains the keys and bounds their number, `miniature_cache.rs` one cache. `forecast.rs` converts
//! the misses, `recommendation.rs` words the result. `benches/advisor` measures the errors of the predictions. Reasons
//! and measurements: decision note [`d14`](crate::decisions::d14_the_advisor_runs_miniature_simulations).

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

/// When the sample is full, the threshold falls by one part in this many.
const FALL_ONE_IN: u64 = 8;

/// Sampled reads that a prediction needs at least.
const READS_NEEDED: u64 = 10_000;

/// Charged bytes per byte of items: the largest plausible value, the estimate for a cache that is filling, and the
/// smallest value.
const COST_MAX: f64 = 1.5;
const COST_FILLING: f64 = 1.1;
const COST_MIN: f64 = 1.085;

/// Charged bytes beyond that at every size: the free chunks of all classes, in bytes.
const FIXED_BYTES_MAX: f64 = (512 << 10) as f64;

/// The advisor of one cache. [`SharedAdvisor`] shares it between threads.
pub struct Advisor {
    sample: KeySample,
    runs: [MiniatureCache; SIZES],
    counts: ReadCounts,
    state: CacheState,
    /// Time of the last operation.
    now: Now,
    /// True once the counters of the cache are known.
    observed: bool,
}

impl Advisor {
    /// An advisor for a cache with this limit. It allocates at most `memory_bytes_max` (but at least 2 KiB), all at the
    /// start. It tracks at most `share_max` of all keys, from 0 to 1, because every tracked operation costs its client
    /// a little time.
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

    /// Keys with a hash below this are sampled. The threshold may fall with every operation and never rises. Operations
    /// on other keys are ignored.
    pub fn threshold(&self) -> u64 {
        self.sample.threshold()
    }

    /// Tracks half as many keys, because there are too many operations on them.
    pub fn halve_sample(&mut self) {
        self.lower_threshold_to(self.sample.threshold() / 2);
    }

    /// Records an operation on a sampled key. The caller passes all of them, in order.
    pub fn record(&mut self, access: &Access) {
        if access.hash >= self.sample.threshold() {
            return;
        }
        self.now = access.now;
        let slot = self.sample.find(access.hash);
        match access.kind {
            AccessKind::Hit => self.read(access, slot, true),
            AccessKind::Miss => self.read(access, slot, false),
            AccessKind::Store => self.record_store(access, slot),
            AccessKind::Delete => {
                if let Some(slot) = slot {
                    self.forget(slot);
                }
            }
        }
    }

    /// Updates the state of the cache, after each batch of operations. A new limit resets the counts.
    pub fn observe(&mut self, state: &CacheState) {
        if state.limit_bytes != self.state.limit_bytes {
            self.counts = ReadCounts::default();
        }
        // Counters that fell have been reset.
        let since = |now: u64, before: u64| if now >= before { now - before } else { now };
        if self.observed {
            let (hits, misses) = (since(state.hits, self.state.hits), since(state.misses, self.state.misses));
            self.counts.count_all(hits, misses);
        }
        self.observed = true;
        self.state = *state;
        self.resize_runs();
    }

    /// Removes all keys after a flush.
    pub fn flush(&mut self) {
        self.sample.clear();
        self.runs.iter_mut().for_each(MiniatureCache::clear);
    }

    /// Memory of the advisor, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.sample.memory_bytes() + size_of::<Advisor>() as u64
    }

    /// The predictions and the recommendation.
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
            // A miniature cache that missed stores the item now, as the client would.
            self.admit_to_runs(access, slot);
        } else if let Some(slot) = slot {
            self.sample.unpin(slot);
        }
    }

    fn record_store(&mut self, access: &Access, slot: Option<Slot>) {
        if let Some(slot) = slot {
            self.sample.pin(slot);
        }
        self.admit_to_runs(access, slot);
    }

    /// The real cache contains this item now: updates it in every miniature cache, or stores it there.
    fn admit_to_runs(&mut self, access: &Access, slot: Option<Slot>) {
        let Some(slot) = slot.or_else(|| self.insert_key(access.hash)) else { return };
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

    /// Allocates a pinned slot for a key. A full sample lowers its threshold first, so that the key itself may be
    /// excluded.
    fn insert_key(&mut self, hash: u64) -> Option<Slot> {
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

    /// Gives each miniature cache its share of the memory that the real cache would have for items.
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

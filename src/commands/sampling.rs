//! Passes samples of operations and items from the store to the advisor and to insight.
//!
//! The thread that advances the clock calls this about ten times a second; a report calls it first. Requests on items
//! never do. The work of a call is bounded.

use super::Engine;
use crate::advisor::{Access, AccessKind, CacheState};
use crate::clock::Now;
use crate::insight::{Coverage, OperationKind, OperationSample, next_sampling_interval};
use crate::store::{self, SampleKind, SampleRule, Sampled};
use std::sync::atomic::Ordering;

/// Operations on the advisor's sample of keys between two calls, above which the sample is halved. More would cost the
/// clients too much, and the store drops them.
const BY_KEY_MAX: u64 = 250;

/// Buckets of the index per step of the census.
const BUCKETS_PER_STEP: u32 = 8;

/// Steps of a census: it covers all items of a small store, and about 10,000 of a large one.
pub(super) const CENSUS_STEPS: u32 = 128;

/// Steps before a report, if the first census is not complete.
const STEPS_PER_ANSWER: u32 = 16;

/// Largest number of items that a report covers completely.
const ITEMS_FEW: u64 = 4096;

/// The sample for the sketches; `None` if they do not count it.
fn seen<'a>(sampled: &Sampled<'a>) -> Option<OperationSample<'a>> {
    let kind = match sampled.kind {
        SampleKind::Hit => OperationKind::Hit,
        SampleKind::Miss => OperationKind::Miss,
        SampleKind::Store => OperationKind::Store,
        SampleKind::Delete => OperationKind::Delete,
        SampleKind::Evict => OperationKind::Eviction,
        SampleKind::Expire => OperationKind::Expiry,
        SampleKind::Touch => return None,
    };
    let Sampled { key, value_bytes, weight, .. } = *sampled;
    (weight > 0).then_some(OperationSample { kind, key, value_bytes, weight })
}

/// The sample for the advisor; `None` if it does not simulate the operation.
fn access(sampled: &Sampled<'_>) -> Option<Access> {
    let kind = match sampled.kind {
        SampleKind::Hit => AccessKind::Hit,
        SampleKind::Miss => AccessKind::Miss,
        SampleKind::Store | SampleKind::Touch => AccessKind::Store,
        SampleKind::Delete => AccessKind::Delete,
        SampleKind::Evict | SampleKind::Expire => return None,
    };
    let Sampled { hash, item_bytes: bytes, deadline, now, .. } = *sampled;
    sampled.by_key.then_some(Access { kind, hash, bytes, deadline, now })
}

impl Engine {
    /// Processes the operations since the last call and runs a step of the census. Called about ten times a second.
    pub fn run_sampling(&self) {
        let now = self.clock.now();
        self.take_samples(now);
        self.run_census_step(now);
        self.insight.age(now);
    }

    pub(super) fn take_samples(&self, now: Now) {
        let one_in = self.insight.sampling_interval();
        let rule = SampleRule { hash_below: self.advisor.threshold(), one_in };
        self.forward_flush(now);
        let drained = self.advisor.record_batch(|record_access| {
            self.insight.record_batch(|record_operation| {
                self.store.drain_samples(rule, |sampled| {
                    access(sampled).iter().for_each(&mut *record_access);
                    seen(sampled).iter().for_each(&mut *record_operation);
                })
            })
        });
        self.insight.set_sampling_interval(next_sampling_interval(one_in, drained.operations));
        if drained.by_key > BY_KEY_MAX {
            self.advisor.halve_sample();
        }
        self.advisor.observe(&self.cache_state());
    }

    /// Passes a flush to the advisor at its time.
    fn forward_flush(&self, now: Now) {
        let Some(flushed) = self.store.flushed().filter(|flushed| *flushed <= now) else { return };
        if self.advisor_flush_secs.swap(flushed.secs(), Ordering::Relaxed) != flushed.secs() {
            self.advisor.flush();
        }
    }

    fn run_census_step(&self, now: Now) {
        self.census.advance(|step, census| {
            let store::Surveyed { visited, total } =
                self.store.survey(step, CENSUS_STEPS, BUCKETS_PER_STEP, now, &mut |key, hit| {
                    let stored = self.store.stored_at(hit.cas);
                    census.record(key, hit.item_bytes, stored.map(|stored| now.secs_since(stored)));
                });
            Coverage { visited, total }
        });
    }

    /// The state of the cache, for the advisor.
    fn cache_state(&self) -> CacheState {
        let (totals, sums) = (self.store.totals(), self.counters.totals());
        CacheState {
            limit_bytes: totals.limit_bytes,
            charged_bytes: totals.charged_bytes,
            item_bytes: totals.item_bytes,
            hits: sums.get_hits,
            misses: sums.get_misses,
            evicts: self.settings.evict,
        }
    }

    /// Updates insight before a report: with the latest operations, and with all items if there are few.
    pub(super) fn refresh_insight(&self, now: Now) {
        self.take_samples(now);
        let few = self.store.totals().items <= ITEMS_FEW;
        if few {
            self.census.restart();
        }
        let steps = if few { CENSUS_STEPS } else { STEPS_PER_ANSWER };
        for _ in 0..steps {
            if few || self.census.is_first_round() {
                self.run_census_step(now);
            }
        }
    }
}

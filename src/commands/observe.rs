//! What the cache is told about itself: samples of operations and of items go from the store to what explains it.
//!
//! Called by the thread that moves the clock, about ten times a second, and before an answer; never by a request that
//! only uses the cache. Bounded work per call.

use super::Engine;
use crate::advisor::StoreSize;
use crate::advisor::figures::{Access, AccessKind};
use crate::clock::Now;
use crate::insight::Surveyed;
use crate::insight::figures::{Seen, SeenKind};
use crate::store::{self, SampleKind, SampleRule, Sampled};
use std::sync::atomic::Ordering;

/// Buckets of the index that one step of the census looks at.
const BUCKETS_PER_STEP: u32 = 16;

/// Steps of a census: it looks at all items of a small store, and at some 20,000 of a large one.
const STEPS_PER_ROUND: u32 = 128;

/// Steps that an answer takes at most, where there has not been a whole round.
const STEPS_PER_ANSWER: u32 = 16;

/// How a sampled operation is told to the sketches; `None` if they do not count it.
fn seen<'a>(sampled: &Sampled<'a>) -> Option<Seen<'a>> {
    let kind = match sampled.kind {
        SampleKind::Hit => SeenKind::Hit,
        SampleKind::Miss => SeenKind::Miss,
        SampleKind::Store => SeenKind::Store,
        SampleKind::Delete => SeenKind::Delete,
        SampleKind::Evict => SeenKind::Eviction,
        SampleKind::Expire => SeenKind::Expiry,
        SampleKind::Touch => return None,
    };
    let Sampled { key, value_bytes, weight, .. } = *sampled;
    (weight > 0).then_some(Seen { kind, key, value_bytes, weight })
}

/// How it is told to the advisor; `None` if that is about clients alone.
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
    /// Takes in what was done since the last call, and a step of the census.
    pub(super) fn observe(&self, now: Now) {
        self.take_samples(now);
        self.take_census(now);
        self.insight.age(now);
    }

    pub(super) fn take_samples(&self, now: Now) {
        let pace = self.insight.pace();
        let hash_below = self.advisor.threshold().min(pace.hash_ceiling);
        let rule = SampleRule { hash_below, one_in: pace.one_in };
        self.note_flush(now);
        let drained = self.advisor.note_batch(|note_access| {
            self.insight.note_batch(|note_seen| {
                self.store.drain_samples(rule, |sampled| {
                    access(sampled).iter().for_each(&mut *note_access);
                    seen(sampled).iter().for_each(&mut *note_seen);
                })
            })
        });
        self.insight.set_pace(pace.after(drained.operations, drained.dropped));
    }

    /// Tells the advisor of a flush once its time has come.
    fn note_flush(&self, now: Now) {
        let Some(flushed) = self.store.flushed().filter(|flushed| *flushed <= now) else { return };
        if self.flush_told_secs.swap(flushed.secs(), Ordering::Relaxed) != flushed.secs() {
            self.advisor.flush();
        }
    }

    fn take_census(&self, now: Now) {
        self.survey.go_on(|step, census| {
            let store::Surveyed { looked_at, of } =
                self.store.survey(step, STEPS_PER_ROUND, BUCKETS_PER_STEP, now, &mut |key, hit| {
                    let stored = self.store.stored_at(hit.cas);
                    census.note(key, hit.item_bytes, stored.map(|stored| now.secs_since(stored)));
                });
            Surveyed { looked_at, of, last: step + 1 == STEPS_PER_ROUND }
        });
    }

    /// The store as the advisor needs to know it.
    pub(super) fn store_size(&self) -> StoreSize {
        let totals = self.store.totals();
        StoreSize {
            limit_bytes: totals.limit_bytes,
            charged_bytes: totals.charged_bytes,
            items: totals.items,
            item_bytes: totals.item_bytes,
            evictions: totals.evictions,
        }
    }

    /// Makes sure that an answer rests on what has just been done.
    pub(super) fn observe_for_an_answer(&self, now: Now) {
        self.take_samples(now);
        for _ in 0..STEPS_PER_ANSWER {
            if !self.survey.is_first() {
                break;
            }
            self.take_census(now);
        }
    }
}

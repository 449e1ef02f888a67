//! Queries of records: evicted items, the removal log, sampled operations, times of CAS draws.

use super::Store;
use crate::clock::Now;
use crate::store::outcome::{Evicted, KeyHistory};
use crate::store::statistics::{Drained, SampleRule, Sampled};
use std::sync::atomic::Ordering;

impl Store {
    /// Switches the record of evicted items on or off. [`Store::drain_evicted`] empties it; items that exceed its bound
    /// until then are only counted.
    pub fn record_evictions(&self, on: bool) {
        self.rules.recording.on.store(on, Ordering::Relaxed);
        if !on {
            self.drain_evicted();
        }
    }

    /// The recorded evictions since the last call, and the number of those that exceeded the bound.
    pub fn drain_evicted(&self) -> (Vec<Evicted>, u64) {
        let (mut evicted, mut dropped) = (Vec::new(), 0);
        if !self.rules.recording.some.swap(false, Ordering::Relaxed) {
            return (evicted, dropped);
        }
        for shard in &self.shards {
            let mut shard = Self::lock(shard);
            evicted.append(&mut shard.recorders.evictions.items);
            dropped += std::mem::take(&mut shard.recorders.evictions.dropped);
        }
        (evicted, dropped)
    }

    /// The recorded removal of a key. Removes an expired item first.
    pub fn key_history(&self, key: &[u8], now: Now) -> KeyHistory {
        let key = self.key(key);
        let (removed, known_since) = {
            let mut shard = self.shard_of(key);
            let _ = shard.find_live(key, now);
            (shard.recorders.removal_log.find(key.hash), shard.recorders.removal_log.complete_since())
        };
        KeyHistory { removed, known_since, flushed: self.flushed() }
    }

    /// The time of the latest flush, past or pending.
    pub fn flushed(&self) -> Option<Now> {
        let secs = self.flushed_secs.load(Ordering::Relaxed);
        (secs > 0).then(|| Now::from_secs(secs))
    }

    /// When the value with this CAS unique was stored. The result is early by at most a second or 1/256 of the age.
    /// `None` if the store keeps no CAS uniques or a client chose some.
    pub fn stored_at(&self, cas: u64) -> Option<Now> {
        if self.rules.cas.is_in_storage_order() { self.cas_timestamps.drawn_at(cas) } else { None }
    }

    /// Records the time for the CAS uniques drawn from now on. Called by [`Store::maintain`] and when the clock is set.
    pub fn record_cas_time(&self, now: Now) {
        self.cas_timestamps.record(self.rules.cas.next(), now);
    }

    /// Passes the sampled operations to `each`, per shard in the order of execution, and samples by `rule` from now on.
    pub fn drain_samples(&self, rule: SampleRule, mut each: impl FnMut(&Sampled<'_>)) -> Drained {
        let mut drained = Drained::default();
        let mut samples = self.samples.lock();
        for shard in &self.shards {
            samples.clear();
            drained.operations += Self::lock(shard).swap_samples(rule, &mut samples);
            drained.by_key += samples.by_key();
            samples.iter().for_each(|sampled| each(&sampled));
        }
        drained
    }
}

//! What the store recorded: evictions, removal_log, sampled operations, when values were stored.

use super::Store;
use crate::clock::Now;
use crate::store::outcome::{Evicted, KeyHistory};
use crate::store::statistics::{Drained, SampleRule, Sampled};
use std::sync::atomic::Ordering;

impl Store {
    /// Keeps a record of evicted items from here on, or no longer. [`Store::drain_evicted`] empties it; what is too much for
    /// it meanwhile is counted.
    pub fn record_evictions(&self, on: bool) {
        self.rules.recording.on.store(on, Ordering::Relaxed);
        if !on {
            self.drain_evicted();
        }
    }

    /// The items evicted since the last call while a record was kept, and how many more there were.
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

    /// What is known of the end of a key that is not there. An item whose time is over is removed first.
    pub fn key_history(&self, key: &[u8], now: Now) -> KeyHistory {
        let key = self.key(key);
        let (removed, known_since) = {
            let mut shard = self.shard_of(key);
            let _ = shard.find_alive(key, now);
            (shard.recorders.removal_log.find(key.hash), shard.recorders.removal_log.complete_since())
        };
        KeyHistory { removed, known_since, flushed: self.flushed() }
    }

    /// When everything was flushed the last time, or will be.
    pub fn flushed(&self) -> Option<Now> {
        let secs = self.flushed_secs.load(Ordering::Relaxed);
        (secs > 0).then(|| Now::from_secs(secs))
    }

    /// When the value with this CAS unique was stored, by the marks that [`Store::maintain`] sets: not later than it
    /// was, and off by a second or one in 256 of its age. `None` where no uniques are kept, or clients choose them.
    pub fn stored_at(&self, cas: u64) -> Option<Now> {
        if self.rules.cas.is_orderly() { self.cas_timestamps.drawn_at(cas) } else { None }
    }

    /// Dates the CAS uniques that are drawn from here on; called by [`Store::maintain`], and where the clock jumps.
    pub fn record_cas_time(&self, now: Now) {
        self.cas_timestamps.mark(self.rules.cas.next(), now);
    }

    /// Hands the sampled operations to `each`, in the order in which each shard saw them, and samples by `rule` from
    /// here on.
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

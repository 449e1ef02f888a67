//! What a shard samples of its operations; see `store/sample.rs`.

use super::{Key, Shard};
use crate::clock::{Deadline, Now};
use crate::store::handle::Handle;
use crate::store::hash::KeyHash;
use crate::store::item::Item;
use crate::store::sample::{SampleKind, SampleRule, Sampled, Samples};

/// What is to be sampled, and what was.
#[derive(Debug)]
pub(in crate::store) struct Sampler {
    rule: SampleRule,
    /// Operations up to the next one that is sampled by its turn; not reached in practice where none is.
    left: u64,
    /// State of the generator that draws the distances.
    state: u64,
    /// `seq` of the shard when its samples were taken the last time.
    seq_before: u64,
    pub(in crate::store) samples: Samples,
}

impl Default for Sampler {
    fn default() -> Sampler {
        Sampler {
            rule: SampleRule::NONE,
            left: u64::MAX,
            state: 1,
            seq_before: 0,
            samples: Samples::default(),
        }
    }
}

impl Sampler {
    /// True if an operation on a key of this hash is to be sampled. To be asked once per operation.
    #[inline(always)]
    pub(super) fn wants(&mut self, hash: KeyHash) -> bool {
        self.left -= 1;
        self.left == 0 || hash.0 < self.rule.hash_below
    }

    /// Draws the distance to the next operation that is sampled by its turn: `one_in` on the average, never the same
    /// twice running for long, so that no rhythm of the clients is met.
    fn draw_distance(&mut self) {
        let one_in = u64::from(self.rule.one_in);
        // Knuth's MMIX generator; its high bits are fit for use.
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.left = if one_in == 0 { u64::MAX } else { 1 + (self.state >> 33) % (2 * one_in - 1) };
    }

    /// Begins to sample by `rule`.
    fn follow(&mut self, rule: SampleRule) {
        if rule != self.rule {
            self.rule = rule;
            self.draw_distance();
        }
    }
}

/// What is known of the item of a sampled operation. The default is no item.
#[derive(Clone, Copy, Debug)]
struct Facts {
    item_bytes: u64,
    value_bytes: u64,
    deadline: Deadline,
}

impl Facts {
    /// There is no item.
    const NONE: Facts = Facts { item_bytes: 0, value_bytes: 0, deadline: Deadline::NEVER };
}

impl Shard {
    /// Hands the samples over in exchange for an empty buffer, and samples by `rule` from here on. Returns how many
    /// operations there were since the last time.
    pub(in crate::store) fn exchange_samples(&mut self, rule: SampleRule, room: &mut Samples) -> u64 {
        std::mem::swap(&mut self.sampler.samples, room);
        self.sampler.follow(rule);
        let before = std::mem::replace(&mut self.sampler.seq_before, self.seq);
        self.seq - before
    }

    /// Samples an operation on a key if [`Sampler::wants`] says so; on its item, if it has one.
    #[inline(always)]
    pub(super) fn sample(&mut self, kind: SampleKind, key: Key<'_>, handle: Option<Handle>, now: Now) {
        if self.sampler.wants(key.hash) {
            let facts = handle.map_or(Facts::NONE, |handle| self.facts(handle));
            self.keep_sample(kind, key, facts, now);
        }
    }

    /// Samples what happens to an item without a request for its key.
    pub(super) fn sample_item(&mut self, kind: SampleKind, hash: KeyHash, handle: Handle, now: Now) {
        if self.sampler.wants(hash) {
            let bytes = self.key_of(handle).to_vec();
            self.keep_sample(kind, Key { bytes: &bytes, hash }, self.facts(handle), now);
        }
    }

    /// As [`Shard::sample_item`], where the page of the item has left its class already.
    pub(super) fn sample_left_behind(&mut self, kind: SampleKind, hash: KeyHash, item: Item<'_>, now: Now) {
        if self.sampler.wants(hash) {
            let facts = Facts {
                item_bytes: item.bytes() as u64,
                value_bytes: item.value().len() as u64,
                deadline: item.deadline(),
            };
            self.keep_sample(kind, Key { bytes: item.key(), hash }, facts, now);
        }
    }

    /// Keeps the operation at hand in the sample.
    #[cold]
    #[inline(never)]
    fn keep_sample(&mut self, kind: SampleKind, key: Key<'_>, facts: Facts, now: Now) {
        let Sampler { rule, left, .. } = self.sampler;
        let weight = if left == 0 { rule.one_in } else { 0 };
        if left == 0 {
            self.sampler.draw_distance();
        }
        let Facts { item_bytes, value_bytes, deadline } = facts;
        self.sampler.samples.push(&Sampled {
            kind,
            key: key.bytes,
            hash: key.hash.0,
            by_key: key.hash.0 < rule.hash_below,
            weight,
            item_bytes,
            value_bytes,
            deadline,
            now,
        });
    }

    #[cold]
    #[inline(never)]
    fn facts(&self, handle: Handle) -> Facts {
        let shown = self.shown(handle);
        Facts {
            item_bytes: self.bytes_of(handle),
            value_bytes: shown.value.len() as u64,
            deadline: shown.deadline,
        }
    }
}

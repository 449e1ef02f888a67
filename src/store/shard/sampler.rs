//! Which operations of a shard are sampled, and the samples until they are drained (`statistics/samples.rs`).

use super::removal::Removal;
use crate::clock::{Deadline, Now};
use crate::store::item::KeyHash;
use crate::store::outcome::Cause;
use crate::store::statistics::{SampleKind, SampleRule, Sampled, Samples};

/// The sampler of a shard.
#[derive(Debug)]
pub(in crate::store) struct Sampler {
    rule: SampleRule,
    /// Operations up to the next one that is sampled by count; never reached in practice where the rule has no count.
    left: u64,
    /// State of the generator that draws the distances.
    state: u64,
    /// Operations of the shard when the samples were swapped last.
    seq_before: u64,
    samples: Samples,
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

/// The item of a sampled operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct SampledItem {
    pub(super) item_bytes: u64,
    pub(super) value_bytes: u64,
    pub(super) deadline: Deadline,
}

impl SampledItem {
    /// The key has no item.
    pub(super) const NONE: SampledItem =
        SampledItem { item_bytes: 0, value_bytes: 0, deadline: Deadline::NEVER };
}

impl Sampler {
    /// True if an operation on a key of this hash is sampled. Called once per operation.
    #[inline(always)]
    pub(super) fn selects(&mut self, hash: KeyHash) -> bool {
        self.left -= 1;
        self.left == 0 || hash.0 < self.rule.hash_below
    }

    /// Draws the distance to the next operation that is sampled by count: `one_in` on average. The distances vary, so
    /// that no rhythm of the clients coincides with them.
    fn draw_distance(&mut self) {
        let one_in = u64::from(self.rule.one_in);
        // Knuth's MMIX generator, of which the high bits are used.
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.left = if one_in == 0 { u64::MAX } else { 1 + (self.state >> 33) % (2 * one_in - 1) };
    }

    /// Swaps the samples for an empty buffer and samples by `rule` from now on; `seq` counts the operations of the
    /// shard so far. Returns the number of operations since the last call.
    pub(super) fn swap(&mut self, rule: SampleRule, empty: &mut Samples, seq: u64) -> u64 {
        std::mem::swap(&mut self.samples, empty);
        if rule != self.rule {
            self.rule = rule;
            self.draw_distance();
        }
        seq - std::mem::replace(&mut self.seq_before, seq)
    }

    /// Samples a removal if the rule selects its key.
    pub(super) fn note_removal(&mut self, removal: &Removal<'_>) {
        if !self.selects(removal.hash) {
            return;
        }
        let kind = match removal.cause {
            Cause::Expired | Cause::PassedTime { .. } => SampleKind::Expire,
            Cause::Deleted => SampleKind::Delete,
            Cause::Evicted | Cause::OutOfMemory | Cause::TooLarge => SampleKind::Evict,
        };
        let item = SampledItem {
            item_bytes: removal.item_bytes,
            value_bytes: removal.value_len as u64,
            deadline: removal.deadline,
        };
        self.keep(kind, removal.key, removal.hash, item, removal.now);
    }

    /// Keeps an operation that [`Sampler::selects`] selected.
    #[cold]
    #[inline(never)]
    pub(super) fn keep(&mut self, kind: SampleKind, key: &[u8], hash: KeyHash, item: SampledItem, now: Now) {
        let by_count = self.left == 0;
        let weight = if by_count { self.rule.one_in } else { 0 };
        if by_count {
            self.draw_distance();
        }
        let SampledItem { item_bytes, value_bytes, deadline } = item;
        self.samples.push(&Sampled {
            kind,
            key,
            hash: hash.0,
            by_key: hash.0 < self.rule.hash_below,
            weight,
            item_bytes,
            value_bytes,
            deadline,
            now,
        });
    }

    /// Bytes of memory of the samples.
    pub(super) fn samples_bytes(&self) -> u64 {
        self.samples.memory_bytes()
    }
}

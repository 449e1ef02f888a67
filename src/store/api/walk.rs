//! Walks over all items and surveys of some items.
//!
//! Each lock covers a few buckets of the index, so that no request waits for a walk.

use super::Store;
use crate::clock::Now;
use crate::store::outcome::Hit;
use crate::store::shard::Visited;

/// Buckets of the index that a walk visits under one lock.
const WALK_BUCKETS: u32 = 32;

/// The position of a walk over all items. The default is the start.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct WalkPosition {
    shard: usize,
    bucket: u32,
}

/// The coverage of one step of [`Store::survey`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Surveyed {
    /// Buckets of the index that the step visited.
    pub visited: u64,
    /// Buckets that these represent.
    pub total: u64,
}

/// The start of part number `part` of `parts`.
fn part(all: u32, part: u32, parts: u32) -> u32 {
    (u64::from(all) * u64::from(part.min(parts)) / u64::from(parts)) as u32
}

impl Store {
    /// Visits every live item, a few under each lock. An item that is stored or moved meanwhile may be visited twice or
    /// not at all. Stops when `visit` returns false.
    pub fn walk(&self, now: Now, mut visit: impl FnMut(&[u8], Hit<'_>) -> bool) {
        let mut position = WalkPosition::default();
        while let Some(next) = self.walk_step(position, now, &mut |key, hit| visit(key, hit)) {
            position = next;
        }
    }

    /// Visits the items of a few buckets from `position` on. Returns the next position, or `None` at the end or if
    /// `visit` returned false.
    pub fn walk_step(
        &self,
        position: WalkPosition,
        now: Now,
        visit: &mut dyn FnMut(&[u8], Hit<'_>) -> bool,
    ) -> Option<WalkPosition> {
        let shard = self.shards.get(position.shard)?;
        match Self::lock(shard).visit(position.bucket, WALK_BUCKETS, now, visit) {
            Visited::UpTo(bucket) => Some(WalkPosition { bucket, ..position }),
            Visited::All => Some(WalkPosition { shard: position.shard + 1, bucket: 0 }),
            Visited::Stopped => None,
        }
    }

    /// Visits the items of some buckets of the index, spread over the store. This is step number `step` of `steps`,
    /// each of which visits about `buckets` buckets; together they visit every item of a store that has no more
    /// buckets.
    pub fn survey(
        &self,
        step: u32,
        steps: u32,
        buckets: u32,
        now: Now,
        visit: &mut dyn FnMut(&[u8], Hit<'_>),
    ) -> Surveyed {
        let mut surveyed = Surveyed::default();
        // Consecutive steps visit different shards, so that each shard gets the same number of steps.
        let shard = &self.shards[step as usize % self.shards.len()];
        let (turn, turns) = (step / self.shards.len() as u32, (steps / self.shards.len() as u32).max(1));
        let all = Self::lock(shard).index.buckets();
        let (from, end) = (part(all, turn, turns), part(all, turn + 1, turns));
        let stride = (end - from).div_ceil(buckets).max(1);
        for bucket in (from..end).step_by(stride as usize) {
            Self::lock(shard).visit(bucket, 1, now, &mut |key, hit| {
                visit(key, hit);
                true
            });
            surveyed.visited += 1;
        }
        surveyed.total = u64::from(end - from);
        surveyed
    }
}

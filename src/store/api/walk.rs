//! Walks over all items, and surveys of some of them.
//!
//! A few buckets of the index are seen under each lock, so that no request waits for a walk.

use super::Store;
use crate::clock::Now;
use crate::store::outcome::Hit;
use crate::store::shard::Visited;

/// Buckets of the index whose items a walk sees under one lock.
const WALK_BUCKETS: u32 = 32;

/// Where a walk over all items stands. The default is the start.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct WalkPosition {
    shard: usize,
    bucket: u32,
}

/// What a step of [`Store::survey`] saw.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Surveyed {
    /// Buckets of the index that were looked at.
    pub looked_at: u64,
    /// Buckets that these stand for.
    pub of: u64,
}

/// Where part number `part` of `parts` begins.
fn part(all: u32, part: u32, parts: u32) -> u32 {
    (u64::from(all) * u64::from(part.min(parts)) / u64::from(parts)) as u32
}

impl Store {
    /// Lets `visit` see every item that is alive, a few under each lock. An item that is stored or moved meanwhile may
    /// be seen twice or not at all. Stops when `visit` says false.
    pub fn walk(&self, now: Now, mut visit: impl FnMut(&[u8], Hit<'_>) -> bool) {
        let mut place = WalkPosition::default();
        while let Some(next) = self.walk_step(place, now, &mut |key, hit| visit(key, hit)) {
            place = next;
        }
    }

    /// Lets `visit` see the items of a few buckets from `place` on; returns where to go on, or `None` at the end or
    /// when `visit` said false.
    pub fn walk_step(
        &self,
        place: WalkPosition,
        now: Now,
        visit: &mut dyn FnMut(&[u8], Hit<'_>) -> bool,
    ) -> Option<WalkPosition> {
        let shard = self.shards.get(place.shard)?;
        match Self::lock(shard).visit(place.bucket, WALK_BUCKETS, now, visit) {
            Visited::UpTo(bucket) => Some(WalkPosition { bucket, ..place }),
            Visited::All => Some(WalkPosition { shard: place.shard + 1, bucket: 0 }),
            Visited::Stopped => None,
        }
    }

    /// Lets `visit` see the items of some buckets of the index, spread over the store: step number `step` of `steps`,
    /// which together look at `buckets` each and see all items of a store that has no more. Says how many buckets were
    /// looked at and how many these stand for.
    pub fn survey(
        &self,
        step: u32,
        steps: u32,
        buckets: u32,
        now: Now,
        visit: &mut dyn FnMut(&[u8], Hit<'_>),
    ) -> Surveyed {
        let mut surveyed = Surveyed::default();
        // Steps go over the shards in turn, so that each has its share of them.
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
            surveyed.looked_at += 1;
        }
        surveyed.of = u64::from(end - from);
        surveyed
    }
}

//! The table: linear hashing (Litwin, VLDB 1980).
//!
//! The table grows and shrinks by one bucket at a time: the entries of one bucket are split over two. No request waits
//! for a rehash of the whole table, and memory follows the number of entries within a few per cent. Decision note
//! [`d05`](crate::decisions::d05_the_index_grows_by_one_bucket) compares it with a conventional hash table.
//!
//! The table knows hashes and handles; its caller compares keys. Invariants:
//! - an entry is in the chain of its hash;
//! - only the last bucket of a chain has free slots;
//! - `entries` counts all entries;
//! - every overflow bucket is in one chain or in the free list.

use super::bucket::{Bucket, EMPTY, GHOSTS, GHOSTS_BYTES, NONE, SLOTS};
use super::segments::Segments;
use crate::store::item::{Handle, KeyHash};
use crate::store::memory::pool::PoolPage;

/// The table grows above this many entries per primary bucket on average.
const GROW_ABOVE: usize = SLOTS;

/// The table may shrink below this many entries per primary bucket on average.
const SHRINK_BELOW: usize = 6;

/// The number of a bucket, either primary or overflow (a continuation of a chain).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum BucketNumber {
    Primary(u32),
    Overflow(u32),
}

/// The kind of segment that the index needs before it can take another entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::store) enum SegmentNeeded {
    /// Primary buckets.
    Primary,
    /// Overflow buckets.
    Overflow,
}

/// The index of a shard.
#[derive(Debug)]
pub(in crate::store) struct Index {
    primary: Segments,
    overflow: Segments,
    /// Primary buckets in use; 0 until the first segment is added.
    buckets: u32,
    /// The next power of two, less one.
    mask: u32,
    /// Overflow buckets ever used, and the free ones among them, linked by `next`.
    overflow_used: u32,
    overflow_free: u32,
    overflow_free_count: usize,
    entries: usize,
}

impl Index {
    /// An index without memory. Its segments have `segment_bytes`, a power of two.
    pub(in crate::store) fn new(segment_bytes: usize) -> Index {
        let log_per_segment = (segment_bytes / size_of::<Bucket>()).ilog2();
        let segments = || Segments { segments: Vec::new(), log_per_segment };
        Index {
            primary: segments(),
            overflow: segments(),
            buckets: 0,
            mask: 0,
            overflow_used: 0,
            overflow_free: NONE,
            overflow_free_count: 0,
            entries: 0,
        }
    }

    /// Bytes of the ghosts in a segment of this size.
    pub(in crate::store) fn ghosts_bytes(segment_bytes: usize) -> u64 {
        (segment_bytes / size_of::<Bucket>() * GHOSTS_BYTES) as u64
    }

    /// Number of segments.
    pub(in crate::store) fn segments(&self) -> usize {
        self.primary.segments.len() + self.overflow.segments.len()
    }

    /// Drops all entries and returns the segments.
    pub(in crate::store) fn into_pages(self) -> impl Iterator<Item = PoolPage> {
        self.primary.segments.into_iter().chain(self.overflow.segments)
    }

    fn set_buckets(&mut self, buckets: u32) {
        self.buckets = buckets;
        self.mask = buckets.next_power_of_two() - 1;
    }

    fn bucket_of(&self, hash: KeyHash) -> u32 {
        let at = hash.bucket_bits() & self.mask;
        if at < self.buckets { at } else { at & (self.mask >> 1) }
    }

    fn bucket(&self, number: BucketNumber) -> &Bucket {
        match number {
            BucketNumber::Primary(at) => self.primary.get(at),
            BucketNumber::Overflow(at) => self.overflow.get(at),
        }
    }

    fn bucket_mut(&mut self, number: BucketNumber) -> &mut Bucket {
        match number {
            BucketNumber::Primary(at) => self.primary.get_mut(at),
            BucketNumber::Overflow(at) => self.overflow.get_mut(at),
        }
    }

    fn chain(&self, first: u32) -> impl Iterator<Item = BucketNumber> {
        let start = (self.buckets > 0).then_some(BucketNumber::Primary(first));
        std::iter::successors(start, |number| match self.bucket(*number).next {
            NONE => None,
            next => Some(BucketNumber::Overflow(next)),
        })
    }

    fn locate(&self, hash: KeyHash, mut accept: impl FnMut(Handle) -> bool) -> Option<(BucketNumber, usize)> {
        let tag = hash.tag();
        self.chain(if self.buckets > 0 { self.bucket_of(hash) } else { 0 }).find_map(|number| {
            let bucket = self.bucket(number);
            let at = bucket
                .slots_tagged(tag)
                .find(|at| bucket.handles[*at].map(Handle::from_stored_bits).is_some_and(&mut accept))?;
            Some((number, at))
        })
    }

    /// The entries that may have this hash.
    #[inline(always)]
    pub(in crate::store) fn candidates(&self, hash: KeyHash) -> impl Iterator<Item = Handle> {
        let tag = hash.tag();
        let mut bucket = if self.buckets > 0 { self.primary.get(self.bucket_of(hash)) } else { &EMPTY };
        let mut slots = bucket.slots_tagged(tag);
        std::iter::from_fn(move || {
            loop {
                match slots.next() {
                    Some(at) => {
                        // The tag of an empty slot means nothing.
                        if let Some(bits) = bucket.handles[at] {
                            return Some(Handle::from_stored_bits(bits));
                        }
                    }
                    None => {
                        bucket = self.next_in_chain(bucket)?;
                        slots = bucket.slots_tagged(tag);
                    }
                }
            }
        })
    }

    /// The bucket after this one in its chain. Not inlined, because most lookups end in the first bucket.
    #[inline(never)]
    fn next_in_chain(&self, bucket: &Bucket) -> Option<&Bucket> {
        (bucket.next != NONE).then(|| self.overflow.get(bucket.next))
    }

    /// The segment that must be added ([`Index::add_segment`]) before one more entry can be inserted.
    pub(in crate::store) fn segment_needed(&self) -> Option<SegmentNeeded> {
        if self.wants_to_grow() && self.buckets as usize == self.primary.capacity() {
            return Some(SegmentNeeded::Primary);
        }
        (self.overflow_left() == 0).then_some(SegmentNeeded::Overflow)
    }

    fn overflow_left(&self) -> usize {
        self.overflow.capacity() - self.overflow_used as usize + self.overflow_free_count
    }

    fn wants_to_grow(&self) -> bool {
        self.entries + 1 > self.buckets as usize * GROW_ABOVE
    }

    /// Adds a page as a segment.
    pub(in crate::store) fn add_segment(&mut self, needed: SegmentNeeded, page: PoolPage) {
        match needed {
            SegmentNeeded::Primary => self.primary.add(page),
            SegmentNeeded::Overflow => self.overflow.add(page),
        }
    }

    /// Adds an entry. The caller has added the segment that [`Index::segment_needed`] names; `hash_of` returns the hash
    /// of an entry's key.
    pub(in crate::store) fn insert(
        &mut self,
        hash: KeyHash,
        handle: Handle,
        hash_of: impl Fn(Handle) -> KeyHash,
    ) {
        if self.wants_to_grow() {
            self.grow(hash_of);
        }
        let first = self.bucket_of(hash);
        self.push(first, hash.tag(), handle);
        self.entries += 1;
    }

    /// Appends to the chain of a primary bucket.
    fn push(&mut self, first: u32, tag: u8, handle: Handle) {
        let mut number = BucketNumber::Primary(first);
        while self.bucket(number).next != NONE {
            number = BucketNumber::Overflow(self.bucket(number).next);
        }
        if self.bucket(number).is_full() {
            let fresh = self.take_overflow();
            self.bucket_mut(number).next = fresh;
            number = BucketNumber::Overflow(fresh);
        }
        let bucket = self.bucket_mut(number);
        let at = bucket.len();
        bucket.handles[at] = Some(handle.bits());
        bucket.tags[at] = tag;
    }

    fn take_overflow(&mut self) -> u32 {
        if self.overflow_free != NONE {
            let at = self.overflow_free;
            self.overflow_free = self.overflow.get(at).next;
            self.overflow_free_count -= 1;
            *self.overflow.get_mut(at) = EMPTY;
            return at;
        }
        self.overflow_used += 1;
        self.overflow_used - 1
    }

    fn free_overflow(&mut self, at: u32) {
        let next = self.overflow_free;
        *self.overflow.get_mut(at) = Bucket { next, ..EMPTY };
        self.overflow_free = at;
        self.overflow_free_count += 1;
    }

    /// Empties a chain except for its ghosts and returns its entries. Reads every entry before the first change.
    fn drain(&mut self, first: u32, hash_of: impl Fn(Handle) -> KeyHash) -> Vec<(KeyHash, Handle)> {
        let numbers: Vec<BucketNumber> = self.chain(first).collect();
        let handles = numbers.iter().flat_map(|number| self.bucket(*number).handles).flatten();
        let handles = handles.map(Handle::from_stored_bits);
        let held: Vec<_> = handles.map(|handle| (hash_of(handle), handle)).collect();
        for number in numbers {
            match number {
                BucketNumber::Primary(at) => {
                    let ghosts = self.primary.get(at).ghosts;
                    *self.primary.get_mut(at) = Bucket { ghosts, ..EMPTY };
                }
                BucketNumber::Overflow(at) => self.free_overflow(at),
            }
        }
        held
    }

    /// Adds one primary bucket and moves its share of the entries of the bucket that it splits.
    fn grow(&mut self, hash_of: impl Fn(Handle) -> KeyHash) {
        let fresh = self.buckets;
        debug_assert!((fresh as usize) < self.primary.capacity(), "the segment was added before");
        if fresh == 0 {
            self.set_buckets(1);
            return;
        }
        let split = fresh - (1 << fresh.ilog2());
        let held = self.drain(split, hash_of);
        self.set_buckets(fresh + 1);
        // A fingerprint does not determine which of both buckets its key belongs to.
        *self.primary.get_mut(fresh) = Bucket { ghosts: self.primary.get(split).ghosts, ..EMPTY };
        for (hash, handle) in held {
            self.push(self.bucket_of(hash), hash.tag(), handle);
        }
    }

    /// True if there are far more primary buckets than the entries need and the last bucket can be merged.
    pub(in crate::store) fn is_far_too_large(&self) -> bool {
        self.buckets > 1
            && self.entries < self.buckets as usize * SHRINK_BELOW
            && self.overflow_left() >= self.chain(self.buckets - 1).count()
    }

    /// Merges primary buckets while there are far too many, at most `steps` of them. Returns the segments that are no
    /// longer needed.
    pub(in crate::store) fn shrink(
        &mut self,
        steps: usize,
        hash_of: impl Fn(Handle) -> KeyHash,
    ) -> Vec<PoolPage> {
        for _ in 0..steps {
            if !self.is_far_too_large() {
                break;
            }
            let last = self.buckets - 1;
            let held = self.drain(last, &hash_of);
            self.set_buckets(last);
            for (hash, handle) in held {
                self.push(self.bucket_of(hash), hash.tag(), handle);
            }
        }
        let needed = (self.buckets as usize).div_ceil(1 << self.primary.log_per_segment);
        self.primary.segments.drain(needed.min(self.primary.segments.len())..).collect()
    }

    /// Removes an entry; false if there is none.
    pub(in crate::store) fn remove(&mut self, hash: KeyHash, handle: Handle) -> bool {
        let Some((number, at)) = self.locate(hash, |it| it == handle) else { return false };
        // The last entry of the chain fills the gap, so that only the last bucket has free slots.
        let mut before = None;
        let mut last = BucketNumber::Primary(self.bucket_of(hash));
        while self.bucket(last).next != NONE {
            before = Some(last);
            last = BucketNumber::Overflow(self.bucket(last).next);
        }
        let end = self.bucket(last).len() - 1;
        let (moved, tag) = (self.bucket(last).handles[end], self.bucket(last).tags[end]);
        let bucket = self.bucket_mut(number);
        (bucket.handles[at], bucket.tags[at]) = (moved, tag);
        self.bucket_mut(last).handles[end] = None;
        if let (0, Some(before), BucketNumber::Overflow(emptied)) = (end, before, last) {
            self.bucket_mut(before).next = NONE;
            self.free_overflow(emptied);
        }
        self.entries -= 1;
        true
    }

    /// Replaces the handle of an entry; false if there is none.
    pub(in crate::store) fn redirect(&mut self, hash: KeyHash, from: Handle, to: Handle) -> bool {
        let Some((number, at)) = self.locate(hash, |it| it == from) else { return false };
        self.bucket_mut(number).handles[at] = Some(to.bits());
        true
    }

    /// Records an evicted item as a ghost.
    pub(in crate::store) fn add_ghost(&mut self, hash: KeyHash) {
        let at = self.bucket_of(hash);
        let ghosts = &mut self.primary.get_mut(at).ghosts;
        ghosts.copy_within(..GHOSTS - 1, 1);
        ghosts[0] = hash.fingerprint();
    }

    /// Removes the ghost of a recently evicted item; false if there is none. About one lookup in ten thousand finds the
    /// ghost of another key, which only lets that item skip its probation.
    pub(in crate::store) fn take_ghost(&mut self, hash: KeyHash) -> bool {
        if self.buckets == 0 {
            return false;
        }
        let at = self.bucket_of(hash);
        let ghosts = &mut self.primary.get_mut(at).ghosts;
        let Some(at) = ghosts.iter().position(|ghost| *ghost == hash.fingerprint()) else { return false };
        ghosts.copy_within(at + 1.., at);
        ghosts[GHOSTS - 1] = 0;
        true
    }

    /// Primary buckets in use.
    pub(in crate::store) fn buckets(&self) -> u32 {
        self.buckets
    }

    /// The entries of the chain of a primary bucket.
    pub(in crate::store) fn handles_in(&self, first: u32) -> impl Iterator<Item = Handle> {
        self.chain(first)
            .flat_map(|number| self.bucket(number).handles)
            .flatten()
            .map(Handle::from_stored_bits)
    }

    /// Every entry.
    pub(in crate::store) fn handles(&self) -> impl Iterator<Item = Handle> {
        (0..self.buckets).flat_map(|first| self.handles_in(first))
    }

    /// Asserts the invariants.
    pub(in crate::store) fn check_invariants(&self, hash_of: impl Fn(Handle) -> KeyHash) {
        let (mut entries, mut chained) = (0, 0);
        for first in 0..self.buckets {
            for number in self.chain(first) {
                let bucket = self.bucket(number);
                chained += usize::from(matches!(number, BucketNumber::Overflow(_)));
                assert!(bucket.next == NONE || bucket.is_full(), "S1: only the end of a chain has room");
                let handles = bucket.handles.iter().flatten();
                assert_eq!(handles.count(), bucket.len(), "S1: used slots come first");
                assert!(
                    bucket.len() > 0 || matches!(number, BucketNumber::Primary(_)),
                    "S5: no empty overflow bucket"
                );
                for (handle, tag) in bucket.handles.iter().flatten().zip(bucket.tags) {
                    let hash = hash_of(Handle::from_stored_bits(*handle));
                    assert_eq!(
                        (self.bucket_of(hash), hash.tag()),
                        (first, tag),
                        "S1: an entry is in the chain of its hash"
                    );
                    entries += 1;
                }
            }
        }
        assert_eq!(entries, self.entries, "S1: entries are counted");
        let links = |at: &u32| Some(self.overflow.get(*at).next);
        let free = std::iter::successors(Some(self.overflow_free), |at| (*at != NONE).then(|| links(at))?);
        let free = free.take_while(|at| *at != NONE).count();
        assert_eq!(free, self.overflow_free_count, "S5: free overflow buckets");
        assert_eq!(
            chained + free,
            self.overflow_used as usize,
            "S5: every overflow bucket is chained or free"
        );
    }
}

#[cfg(test)]
mod tests;

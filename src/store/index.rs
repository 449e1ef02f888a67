//! From key hash to handle: linear hashing (Litwin, VLDB 1980) over buckets of one cache line.
//!
//! ```text
//! offset  bytes  field of a bucket
//!      0     40  ten handles, the used ones first
//!     40      4  the next bucket of the chain
//!     44     10  five ghosts: fingerprints of items evicted lately, the latest first
//!     54     10  ten tags: 8 bits of the hash of each entry
//! ```
//! The table grows and shrinks by one bucket at a time: the entries of one bucket are dealt to two, so no request waits
//! for a rehash, and memory follows the number of entries within a few per cent. Each segment of
//! buckets is a page of the pool. Why not the usual table: decision note
//! [`d05`](crate::decisions::d05_the_index_grows_by_one_bucket).
//!
//! Knows hashes and handles; whether two keys are equal its caller says. Invariants: an entry lies in the chain of its
//! hash; only the last bucket of a chain has room; `entries` counts them all; every overflow bucket is in one chain or
//! in the free list.

use super::handle::Handle;
use super::hash::KeyHash;
use super::pool::PoolPage;
use bytemuck::{Pod, Zeroable};
use std::num::NonZeroU32;

/// Entries of a bucket.
const SLOTS: usize = 10;

/// Ghosts of a bucket: one for two items.
const GHOSTS: usize = SLOTS / 2;

/// Entries per bucket, on the average, above which the table grows.
const GROW_ABOVE: usize = SLOTS;

/// Entries per bucket, on the average, below which it may shrink.
const SHRINK_BELOW: usize = 6;

/// Bytes of the ghosts of a bucket.
const GHOSTS_BYTES: usize = GHOSTS * size_of::<u16>();

/// No bucket.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Pod, Zeroable, Debug)]
#[repr(C)]
struct Bucket {
    handles: [Option<NonZeroU32>; SLOTS],
    next: u32,
    ghosts: [u16; GHOSTS],
    tags: [u8; SLOTS],
}

const BUCKET_BYTES: usize = 64;

const _: () = assert!(size_of::<Bucket>() == BUCKET_BYTES);

const EMPTY: Bucket = Bucket { handles: [None; SLOTS], next: NONE, ghosts: [0; GHOSTS], tags: [0; SLOTS] };

impl Bucket {
    fn len(&self) -> usize {
        self.handles.iter().take_while(|handle| handle.is_some()).count()
    }

    fn is_full(&self) -> bool {
        self.handles[SLOTS - 1].is_some()
    }

    /// The slots with this tag.
    #[inline(always)]
    fn slots_tagged(&self, tag: u8) -> Slots {
        const LOW: u64 = 0x0101_0101_0101_0101;
        const SEVEN_BITS: u64 = 0x7f * LOW;
        let [eight @ .., ninth, tenth] = self.tags;
        let differences = u64::from_le_bytes(eight) ^ (u64::from(tag) * LOW);
        // A byte that is equal becomes 0, and a 0 is the only byte that neither is nor becomes large (Warren, Hacker's
        // Delight, 6-1).
        let zeros = !(((differences & SEVEN_BITS) + SEVEN_BITS) | differences | SEVEN_BITS) >> 7;
        Slots(zeros | u64::from(ninth == tag) << 1 | u64::from(tenth == tag) << 9)
    }
}

/// Some slots of a bucket: bits 0, 8 to 56 stand for slots 0 to 7, bits 1 and 9 for slots 8 and 9. So eight tags that
/// were compared in one word need not be gathered.
#[derive(Clone, Copy)]
struct Slots(u64);

impl Iterator for Slots {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit / 8 + bit % 8 * 8)
    }
}

/// Buckets in segments, each of which is a page.
#[derive(Debug, Default)]
struct Segments {
    segments: Vec<PoolPage>,
    /// Logarithm of the buckets of a segment.
    log_per_segment: u32,
}

impl Segments {
    fn capacity(&self) -> usize {
        self.segments.len() << self.log_per_segment
    }

    fn add(&mut self, mut page: PoolPage) {
        bytemuck::cast_slice_mut::<u8, Bucket>(&mut page).fill(EMPTY);
        self.segments.push(page);
    }

    #[inline(always)]
    fn get(&self, at: u32) -> &Bucket {
        let (segment, at) = self.place(at);
        bytemuck::from_bytes(&self.segments[segment][at * BUCKET_BYTES..][..BUCKET_BYTES])
    }

    fn get_mut(&mut self, at: u32) -> &mut Bucket {
        let (segment, at) = self.place(at);
        bytemuck::from_bytes_mut(&mut self.segments[segment][at * BUCKET_BYTES..][..BUCKET_BYTES])
    }

    fn place(&self, at: u32) -> (usize, usize) {
        let within = (1 << self.log_per_segment) - 1;
        ((at >> self.log_per_segment) as usize, (at & within) as usize)
    }
}

/// A bucket by its place: among the primary ones, or among those that continue a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Spot {
    Primary(u32),
    Overflow(u32),
}

/// What the index lacks before it can take another entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lack {
    /// A segment of primary buckets, to grow into.
    Primary,
    /// A segment of buckets that continue chains.
    Overflow,
}

/// All entries of a shard.
#[derive(Debug)]
pub(super) struct Index {
    primary: Segments,
    overflow: Segments,
    /// Primary buckets in use; 0 until the first segment has come.
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
    /// Without any memory; segments will have `segment_bytes`, a power of two.
    pub(super) fn new(segment_bytes: usize) -> Index {
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

    /// Bytes of ghosts in a segment of this size.
    pub(super) fn ghosts_bytes(segment_bytes: usize) -> u64 {
        (segment_bytes / size_of::<Bucket>() * GHOSTS_BYTES) as u64
    }

    /// Segments held.
    pub(super) fn segments(&self) -> usize {
        self.primary.segments.len() + self.overflow.segments.len()
    }

    /// Gives up all segments at once; the entries are forgotten.
    pub(super) fn into_pages(self) -> impl Iterator<Item = PoolPage> {
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

    fn bucket(&self, spot: Spot) -> &Bucket {
        match spot {
            Spot::Primary(at) => self.primary.get(at),
            Spot::Overflow(at) => self.overflow.get(at),
        }
    }

    fn bucket_mut(&mut self, spot: Spot) -> &mut Bucket {
        match spot {
            Spot::Primary(at) => self.primary.get_mut(at),
            Spot::Overflow(at) => self.overflow.get_mut(at),
        }
    }

    fn chain(&self, first: u32) -> impl Iterator<Item = Spot> {
        let start = (self.buckets > 0).then_some(Spot::Primary(first));
        std::iter::successors(start, |spot| match self.bucket(*spot).next {
            NONE => None,
            next => Some(Spot::Overflow(next)),
        })
    }

    fn locate(&self, hash: KeyHash, mut accept: impl FnMut(Handle) -> bool) -> Option<(Spot, usize)> {
        let tag = hash.tag();
        self.chain(if self.buckets > 0 { self.bucket_of(hash) } else { 0 }).find_map(|spot| {
            let bucket = self.bucket(spot);
            let at = bucket
                .slots_tagged(tag)
                .find(|at| bucket.handles[*at].map(Handle::of_bits).is_some_and(&mut accept))?;
            Some((spot, at))
        })
    }

    /// The entries that may have this hash.
    #[inline(always)]
    pub(super) fn candidates(&self, hash: KeyHash) -> impl Iterator<Item = Handle> {
        let tag = hash.tag();
        let mut bucket = if self.buckets > 0 { self.primary.get(self.bucket_of(hash)) } else { &EMPTY };
        let mut slots = bucket.slots_tagged(tag);
        std::iter::from_fn(move || {
            loop {
                match slots.next() {
                    Some(at) => {
                        // The tag of an empty slot means nothing.
                        if let Some(bits) = bucket.handles[at] {
                            return Some(Handle::of_bits(bits));
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

    /// The bucket that continues a chain behind this one. Not part of the code of its caller, which most often finds
    /// its entry in the first bucket.
    #[inline(never)]
    fn next_in_chain(&self, bucket: &Bucket) -> Option<&Bucket> {
        (bucket.next != NONE).then(|| self.overflow.get(bucket.next))
    }

    /// What has to be given ([`Index::add_segment`]) before one more entry can be inserted.
    pub(super) fn lack(&self) -> Option<Lack> {
        if self.wants_to_grow() && self.buckets as usize == self.primary.capacity() {
            return Some(Lack::Primary);
        }
        (self.overflow_left() == 0).then_some(Lack::Overflow)
    }

    fn overflow_left(&self) -> usize {
        self.overflow.capacity() - self.overflow_used as usize + self.overflow_free_count
    }

    fn wants_to_grow(&self) -> bool {
        self.entries + 1 > self.buckets as usize * GROW_ABOVE
    }

    /// Takes a page into use as a segment.
    pub(super) fn add_segment(&mut self, lack: Lack, page: PoolPage) {
        match lack {
            Lack::Primary => self.primary.add(page),
            Lack::Overflow => self.overflow.add(page),
        }
    }

    /// Adds an entry, for which there is room ([`Index::lack`] says so); `hash_of` gives the hash of an entry's key.
    pub(super) fn insert(&mut self, hash: KeyHash, handle: Handle, hash_of: impl Fn(Handle) -> KeyHash) {
        if self.wants_to_grow() {
            self.grow(hash_of);
        }
        let first = self.bucket_of(hash);
        self.push(first, hash.tag(), handle);
        self.entries += 1;
    }

    /// Appends to the chain of a primary bucket.
    fn push(&mut self, first: u32, tag: u8, handle: Handle) {
        let mut spot = Spot::Primary(first);
        while self.bucket(spot).next != NONE {
            spot = Spot::Overflow(self.bucket(spot).next);
        }
        if self.bucket(spot).is_full() {
            let fresh = self.take_overflow();
            self.bucket_mut(spot).next = fresh;
            spot = Spot::Overflow(fresh);
        }
        let bucket = self.bucket_mut(spot);
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

    /// Empties a chain, its ghosts apart; returns what it held. Reads every entry before anything is changed.
    fn drain(&mut self, first: u32, hash_of: impl Fn(Handle) -> KeyHash) -> Vec<(KeyHash, Handle)> {
        let spots: Vec<Spot> = self.chain(first).collect();
        let handles = spots.iter().flat_map(|spot| self.bucket(*spot).handles).flatten();
        let handles = handles.map(Handle::of_bits);
        let held: Vec<_> = handles.map(|handle| (hash_of(handle), handle)).collect();
        for spot in spots {
            match spot {
                Spot::Primary(at) => {
                    let ghosts = self.primary.get(at).ghosts;
                    *self.primary.get_mut(at) = Bucket { ghosts, ..EMPTY };
                }
                Spot::Overflow(at) => self.free_overflow(at),
            }
        }
        held
    }

    /// Adds one primary bucket and deals it its share of the entries of the one it splits.
    fn grow(&mut self, hash_of: impl Fn(Handle) -> KeyHash) {
        let fresh = self.buckets;
        debug_assert!((fresh as usize) < self.primary.capacity(), "room was made before (lack)");
        if fresh == 0 {
            self.set_buckets(1);
            return;
        }
        let split = fresh - (1 << fresh.ilog2());
        let held = self.drain(split, hash_of);
        self.set_buckets(fresh + 1);
        // Nobody knows whose ghosts they are.
        *self.primary.get_mut(fresh) = Bucket { ghosts: self.primary.get(split).ghosts, ..EMPTY };
        for (hash, handle) in held {
            self.push(self.bucket_of(hash), hash.tag(), handle);
        }
    }

    /// True if there are far more primary buckets than the entries need, and the last one can be merged.
    pub(super) fn is_far_too_large(&self) -> bool {
        self.buckets > 1
            && self.entries < self.buckets as usize * SHRINK_BELOW
            && self.overflow_left() >= self.chain(self.buckets - 1).count()
    }

    /// Takes primary buckets out of use while there are far too many, `steps` at most; returns the segments that are no
    /// longer needed.
    pub(super) fn shrink(&mut self, steps: usize, hash_of: impl Fn(Handle) -> KeyHash) -> Vec<PoolPage> {
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

    /// Removes an entry; true if it was there.
    pub(super) fn remove(&mut self, hash: KeyHash, handle: Handle) -> bool {
        let Some((spot, at)) = self.locate(hash, |it| it == handle) else { return false };
        // The last entry of the chain takes the place, so that only the last bucket has room.
        let mut before = None;
        let mut last = Spot::Primary(self.bucket_of(hash));
        while self.bucket(last).next != NONE {
            before = Some(last);
            last = Spot::Overflow(self.bucket(last).next);
        }
        let end = self.bucket(last).len() - 1;
        let (moved, tag) = (self.bucket(last).handles[end], self.bucket(last).tags[end]);
        let bucket = self.bucket_mut(spot);
        (bucket.handles[at], bucket.tags[at]) = (moved, tag);
        self.bucket_mut(last).handles[end] = None;
        if let (0, Some(before), Spot::Overflow(emptied)) = (end, before, last) {
            self.bucket_mut(before).next = NONE;
            self.free_overflow(emptied);
        }
        self.entries -= 1;
        true
    }

    /// Points an entry elsewhere; true if it was there.
    pub(super) fn redirect(&mut self, hash: KeyHash, from: Handle, to: Handle) -> bool {
        let Some((spot, at)) = self.locate(hash, |it| it == from) else { return false };
        self.bucket_mut(spot).handles[at] = Some(to.bits());
        true
    }

    /// Remembers an evicted item.
    pub(super) fn remember_ghost(&mut self, hash: KeyHash) {
        let at = self.bucket_of(hash);
        let ghosts = &mut self.primary.get_mut(at).ghosts;
        ghosts.copy_within(..GHOSTS - 1, 1);
        ghosts[0] = hash.fingerprint();
    }

    /// Forgets an item evicted lately; true if it was known. A stranger is taken for one about once in ten thousand
    /// times, which costs nothing but a place in the main part.
    pub(super) fn recall_ghost(&mut self, hash: KeyHash) -> bool {
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
    pub(super) fn buckets(&self) -> u32 {
        self.buckets
    }

    /// The entries of a primary bucket and of those that continue it.
    pub(super) fn handles_in(&self, first: u32) -> impl Iterator<Item = Handle> {
        self.chain(first).flat_map(|spot| self.bucket(spot).handles).flatten().map(Handle::of_bits)
    }

    /// Every entry.
    pub(super) fn handles(&self) -> impl Iterator<Item = Handle> {
        (0..self.buckets).flat_map(|first| self.handles_in(first))
    }

    /// Asserts the invariants.
    pub(super) fn check_invariants(&self, hash_of: impl Fn(Handle) -> KeyHash) {
        let (mut entries, mut chained) = (0, 0);
        for first in 0..self.buckets {
            for spot in self.chain(first) {
                let bucket = self.bucket(spot);
                chained += usize::from(matches!(spot, Spot::Overflow(_)));
                assert!(bucket.next == NONE || bucket.is_full(), "S1: only the end of a chain has room");
                let handles = bucket.handles.iter().flatten();
                assert_eq!(handles.count(), bucket.len(), "S1: used slots come first");
                assert!(bucket.len() > 0 || matches!(spot, Spot::Primary(_)), "S5: no empty link");
                for (handle, tag) in bucket.handles.iter().flatten().zip(bucket.tags) {
                    let hash = hash_of(Handle::of_bits(*handle));
                    assert_eq!(
                        (self.bucket_of(hash), hash.tag()),
                        (first, tag),
                        "S1: an entry lies by its hash"
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
mod tests {
    use super::*;

    #[test]
    fn every_slot_of_a_tag_is_seen_and_no_other() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..10_000 {
            let among = *random.choice([2u8, 4, 255].as_slice()).unwrap();
            let mut bucket = EMPTY;
            bucket.tags = std::array::from_fn(|_| random.u8(..among).wrapping_mul(127));
            let tag = random.u8(..among).wrapping_mul(127);
            let expected: Vec<usize> = (0..SLOTS).filter(|at| bucket.tags[*at] == tag).collect();
            let mut slots: Vec<usize> = bucket.slots_tagged(tag).collect();
            slots.sort_unstable();
            assert_eq!(slots, expected, "{tag} in {:?}", bucket.tags);
        }
    }
    use crate::store::handle::{ChunkAt, Place};
    use crate::store::pool::Pool;
    use std::sync::Arc;

    fn handle(number: u32) -> Handle {
        ChunkAt { page: number / 1024, chunk: (number % 1024) as u16 }.into()
    }

    /// Spreads numbers as a hash would.
    fn hash(number: u32) -> KeyHash {
        let mixed = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        KeyHash((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9))
    }

    fn hash_of(of: Handle) -> KeyHash {
        match of.place() {
            Place::Chunk(at) => hash(at.page * 1024 + u32::from(at.chunk)),
            Place::Large(_) => panic!("no large values here"),
        }
    }

    fn insert(index: &mut Index, number: u32) {
        while let Some(lack) = index.lack() {
            index.add_segment(lack, Arc::new(Pool::new(u64::MAX, 32 << 10)).take().unwrap());
        }
        index.insert(hash(number), handle(number), hash_of);
    }

    fn found(index: &Index, number: u32) -> bool {
        index.candidates(hash(number)).any(|it| it == handle(number))
    }

    #[test]
    fn entries_are_found_while_the_table_grows_and_shrinks() {
        let mut index = Index::new(32 << 10);
        assert!(!found(&index, 0) && !index.remove(hash(0), handle(0)));
        for number in 0..60_000 {
            insert(&mut index, number);
            if number % 9_973 == 0 {
                index.check_invariants(hash_of);
            }
        }
        assert!((0..60_000).all(|number| found(&index, number)));
        assert!((60_000..70_000).all(|number| !found(&index, number)));
        let grown = index.segments();
        for number in 100..60_000 {
            assert!(index.remove(hash(number), handle(number)));
        }
        assert!(!index.remove(hash(100), handle(100)));
        while !index.shrink(100, hash_of).is_empty() || index.buckets > 20 {}
        index.check_invariants(hash_of);
        assert!(index.segments() < grown / 2, "{} of {grown}", index.segments());
        assert!((0..100).all(|number| found(&index, number)));
    }

    #[test]
    fn memory_per_entry_stays_even_while_the_number_of_entries_doubles_twice() {
        let mut index = Index::new(32 << 10);
        let mut per_entry = Vec::new();
        for number in 0..400_000 {
            insert(&mut index, number);
            if number >= 100_000 && number % 10_000 == 0 {
                per_entry.push((index.segments() << 15) as f64 / f64::from(number));
            }
        }
        let (least, most) = per_entry.iter().fold((f64::MAX, 0f64), |(a, b), x| (a.min(*x), b.max(*x)));
        assert!(most < 10.0 && most / least < 1.15, "{least:.2} to {most:.2} bytes");
    }

    #[test]
    fn coming_and_going_at_one_size_takes_no_more_memory() {
        let mut index = Index::new(32 << 10);
        (0..50_000).for_each(|number| insert(&mut index, number));
        let settled = index.segments();
        for number in 50_000..200_000 {
            assert!(index.remove(hash(number - 50_000), handle(number - 50_000)));
            insert(&mut index, number);
        }
        assert!(index.segments() <= settled + 1, "{settled} to {}", index.segments());
        index.check_invariants(hash_of);
    }

    #[test]
    fn an_entry_can_be_pointed_elsewhere() {
        let mut index = Index::new(32 << 10);
        insert(&mut index, 1);
        assert!(index.redirect(hash(1), handle(1), handle(9)));
        assert!(!index.redirect(hash(1), handle(1), handle(9)));
        assert_eq!(index.candidates(hash(1)).next(), Some(handle(9)));
    }

    #[test]
    fn the_last_evicted_are_known_once_and_older_ones_are_forgotten() {
        let mut index = Index::new(32 << 10);
        assert!(!index.recall_ghost(hash(1)), "without room nothing is known");
        (0..10_000).for_each(|number| insert(&mut index, number));
        (0..100_000).for_each(|number| index.remember_ghost(hash(number)));
        let known = (0..100_000).filter(|number| index.recall_ghost(hash(*number))).collect::<Vec<_>>();
        assert!((4_900..5_100).contains(&known.len()), "{}: one for two entries", known.len());
        let late = known.iter().filter(|number| **number >= 80_000).count();
        assert!(late * 100 > known.len() * 98, "{late} late ones");
        assert!(!known.iter().any(|number| index.recall_ghost(hash(*number))), "each only once");
    }

    #[test]
    fn growing_keeps_the_ghosts() {
        let mut index = Index::new(32 << 10);
        (0..1000).for_each(|number| insert(&mut index, number));
        (0..100).for_each(|number| index.remember_ghost(hash(number)));
        (1000..20_000).for_each(|number| insert(&mut index, number));
        assert!((0..100).filter(|number| index.recall_ghost(hash(*number))).count() > 95);
    }
}

//! Predictions compared with a naive reference on several kinds of streams, and invariants under random operations.

use super::*;
use crate::clock::Deadline;
use std::collections::{HashMap, VecDeque};

const MB: u64 = 1 << 20;
const MEMORY_BYTES: u64 = 64 * MB / 200;

/// Largest accepted error of a prediction in percentage points. The streams of these tests reach two thirds of it.
const ERROR_MAX: f64 = 0.6;
/// Largest accepted error where items expire, which the cache sees at one size only.
const ERROR_MAX_EXPIRING: f64 = 1.2;
/// Largest accepted error where one item takes a fourth of the smallest cache, and a sixteenth of its miniature.
const ERROR_MAX_GIANT: f64 = 1.9;

/// A naive reference: larder's policy on all keys, for items without overhead. An advisor receives its operations.
struct SecondChance {
    limit_bytes: u64,
    /// The ring; a new item takes the slot that was freed last.
    places: Vec<Option<Item>>,
    free: Vec<usize>,
    index_of: HashMap<u64, usize>,
    /// Positions of the two hands: of the main part and of the probation part.
    hands: [usize; 2],
    on_probation: usize,
    /// Keys that were evicted from probation, oldest first, each with its number.
    ghosts: VecDeque<(u64, u64)>,
    ghost_of: HashMap<u64, u64>,
    ghosts_ever: u64,
    used_bytes: u64,
    hits: u64,
    misses: u64,
    /// Hits and reads; older ones weigh less.
    weighted: [f64; 2],
}

/// An item.
#[derive(Clone, Copy)]
struct Item {
    key: u64,
    bytes: u64,
    deadline: Deadline,
    uses: u32,
    probation: bool,
}

impl SecondChance {
    fn new(limit_bytes: u64) -> SecondChance {
        SecondChance {
            limit_bytes,
            places: Vec::new(),
            free: Vec::new(),
            index_of: HashMap::new(),
            hands: [0; 2],
            on_probation: 0,
            ghosts: VecDeque::new(),
            ghost_of: HashMap::new(),
            ghosts_ever: 0,
            used_bytes: 0,
            hits: 0,
            misses: 0,
            weighted: [0.0; 2],
        }
    }

    fn item(&self, key: u64) -> Option<Item> {
        self.places[*self.index_of.get(&key)?]
    }

    /// A read, and a store after a miss.
    fn read(&mut self, key: u64, bytes: u64, deadline: Deadline, now: Now) -> bool {
        let place = self.index_of.get(&key).copied();
        let found = place.filter(|place| self.places[*place].is_some_and(|item| !item.deadline.is_over(now)));
        match found.and_then(|place| self.places[place].as_mut()) {
            Some(item) => item.uses = (item.uses + 1).min(3),
            None => {
                place.iter().for_each(|place| self.remove(*place));
                self.insert(Item { key, bytes, deadline, uses: 0, probation: true }, now);
            }
        }
        self.hits += u64::from(found.is_some());
        self.misses += u64::from(found.is_none());
        self.weighted[0] += if found.is_some() { 1.0 } else { 0.0 };
        self.weighted[1] += 1.0;
        found.is_some()
    }

    fn insert(&mut self, item: Item, now: Now) {
        while self.used_bytes + item.bytes > self.limit_bytes {
            self.evict(now);
        }
        let probation = self.ghost_of.remove(&item.key).is_none();
        let place = self.free.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
        }
        self.places[place] = Some(Item { probation, ..item });
        self.index_of.insert(item.key, place);
        self.on_probation += usize::from(probation);
        self.used_bytes += item.bytes;
    }

    fn remove(&mut self, place: usize) {
        let item = self.places[place].take().expect("there is an item");
        self.index_of.remove(&item.key);
        self.free.push(place);
        self.on_probation -= usize::from(item.probation);
        self.used_bytes -= item.bytes;
    }

    fn advance(&mut self, probation: bool) -> usize {
        let hand = &mut self.hands[usize::from(probation)];
        loop {
            let place = *hand;
            *hand = (place + 1) % self.places.len();
            if self.places[place].is_some_and(|item| item.probation == probation) {
                return place;
            }
        }
    }

    fn evict(&mut self, now: Now) {
        let mut least_used: Option<(u32, usize)> = None;
        for scanned in 1.. {
            let items = self.index_of.len();
            let probation = self.on_probation * 10 > items || self.on_probation == items;
            let place = self.advance(probation);
            let item = self.places[place].as_mut().expect("there is an item");
            let (key, uses, dead, last) = (item.key, item.uses, item.deadline.is_over(now), scanned == 16);
            if dead || uses == 0 || probation && last {
                self.remove(place);
                if probation && !dead {
                    self.remove_to_ghost(key);
                }
                return;
            }
            if probation {
                item.probation = false;
                self.on_probation -= 1;
                continue;
            }
            let least = least_used.filter(|(least, _)| *least <= uses).unwrap_or((uses, place));
            if last {
                return self.remove(least.1);
            }
            item.uses -= 1;
            least_used = Some(least);
        }
    }

    fn remove_to_ghost(&mut self, key: u64) {
        self.ghosts_ever += 1;
        self.ghosts.push_back((key, self.ghosts_ever));
        self.ghost_of.insert(key, self.ghosts_ever);
        while self.ghost_of.len() > self.index_of.len() / 2 + 1 {
            let (key, number) = self.ghosts.pop_front().expect("every ghost is in the queue");
            if self.ghost_of.get(&key) == Some(&number) {
                self.ghost_of.remove(&key);
            }
        }
    }
}

/// A read: key, bytes, seconds until expiry (0: never).
type Read = (u64, u64, u32);

/// Mixes a key, as the keyed hash of the caller does.
fn hash_of(key: u64) -> u64 {
    let mixed = key.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 29
}

/// Passes the operations of a cache of `limit_bytes` to an advisor, a thousand reads per second. Returns the advisor
/// and the hit ratios of caches of all five sizes over the same reads, with the same weights.
fn replay(limit_bytes: u64, reads: impl Iterator<Item = Read>) -> (Advisor, [f64; SIZES]) {
    let mut advisor = Advisor::new(limit_bytes, MEMORY_BYTES, 1.0);
    let mut caches = PERCENTS.map(|percent| SecondChance::new(limit_bytes * u64::from(percent) / 100));
    let (mut threshold, mut last_reads) = (advisor.threshold(), 0);
    for (at, (key, bytes, ttl)) in reads.enumerate() {
        let now = Now::from_secs(100 + at as u32 / 1000);
        let deadline = if ttl == 0 { Deadline::NEVER } else { Deadline::from_secs(now.secs() + ttl) };
        let mut hit = false;
        for (size, cache) in caches.iter_mut().enumerate() {
            let found = cache.read(key, bytes, deadline, now);
            hit = if size == 2 { found } else { hit };
        }
        let cache = &caches[2];
        let (bytes, deadline) = cache.item(key).map_or((bytes, deadline), |item| (item.bytes, item.deadline));
        let access = Access { kind: AccessKind::Hit, hash: hash_of(key), bytes, deadline, now };
        if hit {
            advisor.record(&access);
        } else {
            advisor.record(&Access { kind: AccessKind::Miss, bytes: 0, ..access });
            advisor.record(&Access { kind: AccessKind::Store, ..access });
        }
        if at % 1000 == 0 {
            advisor.observe(&CacheState {
                limit_bytes,
                charged_bytes: cache.used_bytes,
                item_bytes: cache.used_bytes,
                hits: cache.hits,
                misses: cache.misses,
                evicts: true,
            });
            assert!(advisor.threshold() <= threshold, "the threshold only falls");
            threshold = advisor.threshold();
            let reads = advisor.advise().reads;
            if reads < last_reads {
                caches.iter_mut().flat_map(|cache| &mut cache.weighted).for_each(|count| *count /= 2.0);
            }
            last_reads = reads;
        }
    }
    advisor.check_invariants();
    assert!(advisor.advise().memory_bytes <= MEMORY_BYTES);
    let ratios = caches.map(|cache| cache.weighted[0] / cache.weighted[1]);
    (advisor, ratios)
}

/// A Zipf distribution with exponent 1: the logarithm of the rank is uniform.
fn skewed(random: &mut fastrand::Rng, keys: u64) -> u64 {
    hash_of((keys as f64).powf(random.f64()) as u64)
}

/// Largest difference between prediction and reference, in percentage points.
fn error(advisor: &Advisor, reference: &[f64; SIZES]) -> f64 {
    let predictions = advisor.advise().predictions;
    assert_eq!(predictions.len(), SIZES, "{}", advisor.advise().recommendation);
    let errors =
        predictions.iter().zip(reference).map(|(size, ratio)| 100.0 * (size.hit_ratio - ratio).abs());
    errors.fold(0.0, f64::max)
}

#[test]
fn skewed_reads_are_predicted() {
    let mut random = fastrand::Rng::with_seed(1);
    let reads = (0..400_000).map(move |_| {
        let key = skewed(&mut random, 200_000);
        (key, 100 + hash_of(key) % 400, 0)
    });
    let (advisor, reference) = replay(4 * MB, reads);
    let error = error(&advisor, &reference);
    assert!(error < ERROR_MAX, "{error} points off {reference:?}: {:?}", advisor.advise());
    assert!(advisor.advise().share < 1.0);
}

#[test]
fn uniform_reads_are_predicted() {
    let mut random = fastrand::Rng::with_seed(2);
    let reads = (0..400_000).map(move |_| (random.u64(..100_000), 300, 0));
    let (advisor, reference) = replay(8 * MB, reads);
    let error = error(&advisor, &reference);
    assert!(error < ERROR_MAX, "{error} points off {reference:?}: {:?}", advisor.advise());
}

#[test]
fn a_working_set_that_moves_is_predicted() {
    let mut random = fastrand::Rng::with_seed(5);
    let reads = (0..400_000).map(move |at| (skewed(&mut random, 50_000) ^ (at / 100_000), 300, 0));
    let (advisor, reference) = replay(4 * MB, reads);
    let error = error(&advisor, &reference);
    assert!(error < ERROR_MAX, "{error} points off {reference:?}: {:?}", advisor.advise());
}

#[test]
fn items_that_expire_are_missed_at_every_size() {
    let mut random = fastrand::Rng::with_seed(3);
    let reads = (0..400_000).map(move |_| {
        let key = skewed(&mut random, 50_000);
        (key, 300, 10 + (hash_of(key) % 60) as u32)
    });
    let (advisor, reference) = replay(4 * MB, reads);
    let error = error(&advisor, &reference);
    assert!(error < ERROR_MAX_EXPIRING, "{error} points off {reference:?}: {:?}", advisor.advise());
}

#[test]
fn a_scan_gains_nothing_from_memory() {
    let (advisor, reference) = replay(MB, (0..200_000).map(|key| (key, 200, 0)));
    assert_eq!(reference, [0.0; SIZES]);
    assert!(error(&advisor, &reference) < 0.01);
    assert_eq!(advisor.advise().recommendation, "1 MB is more than needed: 256 KB would keep hits at 0.0 %.");
}

#[test]
fn a_single_key_needs_hardly_any_memory() {
    let (advisor, reference) = replay(MB, (0..50_000).map(|_| (7, 200, 0)));
    assert!(error(&advisor, &reference) < 0.01);
    assert_eq!(advisor.advise().keys, 1);
}

#[test]
fn a_giant_item_leaves_room_for_small_ones() {
    let mut random = fastrand::Rng::with_seed(4);
    let reads = (0..400_000).map(move |at| match at % 50 {
        0 => (1, 512 << 10, 0),
        _ => (2 + skewed(&mut random, 200_000), 200, 0),
    });
    let (advisor, reference) = replay(8 * MB, reads);
    let error = error(&advisor, &reference);
    assert!(error < ERROR_MAX_GIANT, "{error} points off {reference:?}: {:?}", advisor.advise());
}

#[test]
fn counts_and_bounds_hold_under_random_operations() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut advisor = Advisor::new(256 << 10, 8 << 10, 1.0);
        let memory_bytes = advisor.advise().memory_bytes;
        let mut state = CacheState { limit_bytes: 256 << 10, evicts: seed % 4 != 0, ..CacheState::default() };
        let keys = [10, 1000, 100_000][random.usize(..3)];
        let mut threshold = advisor.threshold();
        for at in 0..5000 {
            let now = Now::from_secs(random.u32(..1000));
            let kind = [AccessKind::Hit, AccessKind::Miss, AccessKind::Store, AccessKind::Delete];
            let bytes = 1u64 << random.u32(..if seed % 3 == 0 { 40 } else { 12 });
            let deadline = Deadline::from_secs(random.u32(..2000));
            let hash = hash_of(random.u64(..keys));
            advisor.record(&Access { kind: kind[random.usize(..4)], hash, bytes, deadline, now });
            if random.u32(..100) == 0 {
                state.limit_bytes = 1 << random.u32(..30);
                state.item_bytes = random.u64(..1 << 20);
                state.charged_bytes = random.u64(..1 << 21);
                state.hits = random.u64(..1 << 40);
                state.misses = random.u64(..1 << 40);
                advisor.observe(&state);
            }
            if random.u32(..1000) == 0 {
                advisor.flush();
            }
            assert!(advisor.threshold() <= threshold && advisor.threshold() > 0);
            threshold = advisor.threshold();
            if at % 100 == 0 {
                advisor.check_invariants();
            }
        }
        let advice = advisor.advise();
        assert_eq!(advice.memory_bytes, memory_bytes);
        assert!(advice.predictions.iter().all(|size| (0.0..=1.0).contains(&size.hit_ratio)));
    }
}

#[test]
fn own_bytes_are_within_half_a_per_cent_and_useful_at_64_mb() {
    let advisor = Advisor::new(64 * MB, MEMORY_BYTES, 1.0);
    assert!(advisor.advise().memory_bytes <= MEMORY_BYTES);
    assert!(advisor.sample.places() > 12_000);
}

#[test]
fn an_advisor_reports_too_few_reads() {
    let (advisor, _) = replay(MB, (0..312).map(|key| (key % 10, 200, 0)));
    let advice = advisor.advise();
    assert!(advice.predictions.is_empty());
    assert_eq!(advice.recommendation, "Too few reads so far: 312 of about 10000 sampled reads needed.");
}

#[test]
fn a_new_limit_resets_the_counts() {
    let (mut advisor, _) = replay(MB, (0..50_000).map(|key| (key % 100, 200, 0)));
    assert!(!advisor.advise().predictions.is_empty());
    advisor.observe(&CacheState { limit_bytes: 2 * MB, ..advisor.state });
    assert!(advisor.advise().predictions.is_empty());
    assert_eq!(advisor.advise().keys, 100, "what is followed stays");
}

#[test]
fn a_flush_removes_the_keys() {
    let (mut advisor, _) = replay(MB, (0..50_000).map(|key| (key % 100, 200, 0)));
    advisor.flush();
    advisor.check_invariants();
    assert_eq!(advisor.advise().keys, 0);
}

#[test]
fn a_deleted_key_is_missed_at_every_size() {
    let mut advisor = Advisor::new(MB, MEMORY_BYTES, 1.0);
    let now = Now::from_secs(100);
    let access = Access { kind: AccessKind::Store, hash: 5, bytes: 100, deadline: Deadline::NEVER, now };
    for _ in 0..20_000 {
        advisor.record(&access);
        advisor.record(&Access { kind: AccessKind::Delete, ..access });
        advisor.record(&Access { kind: AccessKind::Miss, bytes: 0, ..access });
    }
    assert!(advisor.advise().predictions.iter().all(|size| size.hit_ratio == 0.0));
}

#[test]
fn a_full_cache_without_eviction_refuses_new_items() {
    let mut advisor = Advisor::new(MB, MEMORY_BYTES, 1.0);
    advisor.observe(&CacheState { limit_bytes: MB, evicts: false, ..CacheState::default() });
    let now = Now::from_secs(100);
    for key in 0..40 {
        let access = Access {
            kind: AccessKind::Store,
            hash: hash_of(key),
            bytes: 100 << 10,
            deadline: Deadline::NEVER,
            now,
        };
        advisor.record(&access);
    }
    advisor.check_invariants();
    let first = advisor.sample.find(hash_of(0)).expect("it was there first");
    assert!(advisor.runs[2].contains(&advisor.sample, first));
    assert_eq!(advisor.sample.find(hash_of(39)), None);
}

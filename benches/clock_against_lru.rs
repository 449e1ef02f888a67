//! Compares the store's second chance eviction with exact LRU, in one thread: nanoseconds per get, nanoseconds per set
//! in a full memory, and the share of gets that hit.
//!
//! Run `cargo bench --bench clock_against_lru`; `-- --test` runs a small size. Both caches have the same number of
//! shards, each under a parking_lot mutex, and the same memory. Exact LRU (the `lru` crate) is charged for keys, values
//! and [`LRU_ITEM_BYTES`] per item, which is less than it allocates. Both receive the same keys with a Zipf
//! distribution; each miss is followed by a set. The two take turns. Each line shows a cache: medians over all batches,
//! and the hit ratio.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use foldhash::quality::FixedState;
use larder::clock::{Deadline, Now};
use larder::store::{Incoming, Settings, Store, StoreMode};
use lru::LruCache;
use parking_lot::Mutex;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Now = Now::from_secs(100);
const VALUE: [u8; 100] = [b'v'; 100];

const MEMORY_BYTES: u64 = 64 << 20;
const SHARDS: usize = 4;

/// Number of distinct keys, as a multiple of those that fit.
const FOOTPRINT: f64 = 4.5;

/// Bytes charged per item of exact LRU in addition to key and value: a header of 26 bytes, and 8 for the index.
const LRU_ITEM_BYTES: u64 = 34;

/// Gets of a batch. The sets of the missed keys follow.
const BATCH: usize = 10_000;

type Key = [u8; 16];

trait Cache {
    fn get(&self, key: &Key, reply: &mut Vec<u8>) -> bool;
    fn set(&self, key: &Key);
}

/// The store of larder.
struct Clock(Store);

impl Cache for Clock {
    fn get(&self, key: &Key, reply: &mut Vec<u8>) -> bool {
        self.0.get(key, NOW, |hit| reply.extend_from_slice(&hit.value.bytes())).is_ok()
    }

    fn set(&self, key: &Key) {
        let value = Incoming::Bytes(&VALUE);
        assert!(self.0.store(StoreMode::Set, key, 0, Deadline::NEVER, value, NOW).is_ok());
    }
}

/// One shard of exact LRU.
struct LruShard {
    items: LruCache<Box<[u8]>, Box<[u8]>, FixedState>,
    used_bytes: u64,
}

/// Exact LRU.
struct ExactLru {
    hasher: FixedState,
    shards: Vec<Mutex<LruShard>>,
}

impl ExactLru {
    fn new() -> ExactLru {
        let hasher = FixedState::with_seed(1);
        let shard = |_| {
            let items = LruCache::unbounded_with_hasher(FixedState::with_seed(2));
            Mutex::new(LruShard { items, used_bytes: 0 })
        };
        ExactLru { hasher, shards: (0..SHARDS).map(shard).collect() }
    }

    fn shard_of(&self, key: &Key) -> &Mutex<LruShard> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

impl Cache for ExactLru {
    fn get(&self, key: &Key, reply: &mut Vec<u8>) -> bool {
        let mut shard = self.shard_of(key).lock();
        let value = shard.items.get(&key[..]);
        value.inspect(|value| reply.extend_from_slice(value)).is_some()
    }

    fn set(&self, key: &Key) {
        let bytes = |key: &[u8], value: &[u8]| (key.len() + value.len()) as u64 + LRU_ITEM_BYTES;
        let mut shard = self.shard_of(key).lock();
        let old = shard.items.put(key[..].into(), VALUE[..].into());
        shard.used_bytes += bytes(key, &VALUE);
        shard.used_bytes -= old.map_or(0, |old| bytes(key, &old));
        while shard.used_bytes > MEMORY_BYTES / SHARDS as u64 {
            let Some((key, value)) = shard.items.pop_lru() else { break };
            shard.used_bytes -= bytes(&key, &value);
        }
    }
}

/// Measurements of one cache.
#[derive(Default)]
struct Measurements {
    get_ns: Vec<f64>,
    set_ns: Vec<f64>,
    hits: usize,
    gets: usize,
}

impl Measurements {
    /// Gets all keys, then sets the missed ones.
    fn batch(&mut self, cache: &impl Cache, keys: &[Key]) {
        let (mut reply, mut missed) = (Vec::with_capacity(VALUE.len()), Vec::with_capacity(keys.len()));
        let started = Instant::now();
        for key in keys {
            reply.clear();
            if !cache.get(key, &mut reply) {
                missed.push(*key);
            }
        }
        self.get_ns.push(nanos_each(started.elapsed(), keys.len()));
        let started = Instant::now();
        missed.iter().for_each(|key| cache.set(key));
        self.set_ns.push(nanos_each(started.elapsed(), missed.len()));
        self.hits += keys.len() - missed.len();
        self.gets += keys.len();
    }

    fn print_line(&mut self, name: &str) {
        let hit_ratio = self.hits as f64 / self.gets as f64;
        let (get_ns, set_ns) = (median(&mut self.get_ns), median(&mut self.set_ns));
        println!("{name:<12} {get_ns:7.0} ns/get {set_ns:7.0} ns/set {hit_ratio:8.4} hit");
    }
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let settings = Settings {
        memory_limit_bytes: MEMORY_BYTES,
        hash_seed: Some(1),
        shards: Some(SHARDS),
        ..Settings::default()
    };
    let (clock, exact) = (Clock(Store::new(settings)), ExactLru::new());
    let fitting = MEMORY_BYTES / (size_of::<Key>() as u64 + VALUE.len() as u64 + LRU_ITEM_BYTES);
    let mut keys = skewed(fitting as f64 * FOOTPRINT);
    let (filling, measured) = if smoke { (1, 1) } else { (600, 400) };
    let (mut clock_results, mut exact_results) = (Measurements::default(), Measurements::default());
    for batch in 0..filling + measured {
        if batch == filling {
            (clock_results, exact_results) = (Measurements::default(), Measurements::default());
        }
        let keys: Vec<Key> = keys.by_ref().take(BATCH).collect();
        clock_results.batch(&clock, &keys);
        exact_results.batch(&exact, &keys);
    }
    assert!(smoke || clock.0.totals().evictions > 0, "memory is full");
    println!("{} gets of {} bytes each, {} MiB", clock_results.gets, VALUE.len(), MEMORY_BYTES >> 20);
    clock_results.print_line("clock");
    exact_results.print_line("exact LRU");
}

/// An endless sequence of keys with a Zipf distribution of exponent 1, from a fixed seed.
fn skewed(keys: f64) -> impl Iterator<Item = Key> {
    let mut random = fastrand::Rng::with_seed(1);
    std::iter::repeat_with(move || {
        let mut key = *b"user:00000000000";
        let text = (keys.powf(random.f64()) as u64).to_string();
        key[16 - text.len()..].copy_from_slice(text.as_bytes());
        key
    })
}

fn nanos_each(time: Duration, operations: usize) -> f64 {
    time.as_nanos() as f64 / operations.max(1) as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

//! Measures the store alone, in one thread: hits, overwrites, and stores into a full store that evicts. Keys have a
//! Zipf distribution, values 100 bytes.
//!
//! Run `cargo bench --bench shard`; `-- --test` runs each load once. The columns are those of divan: time per round of
//! 10,000 operations, with items (operations) per second.

use divan::Bencher;
use divan::counter::ItemsCount;
use larder::clock::{Deadline, Now};
use larder::store::{Incoming, Settings, Store, StoreMode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Now = Now::from_secs(100);
const VALUE: [u8; 100] = [b'v'; 100];

/// Operations of one round.
const ROUND: usize = 10_000;

fn main() {
    divan::main();
}

fn store(memory_limit_bytes: u64) -> Store {
    Store::new(Settings { memory_limit_bytes, hash_seed: Some(1), ..Settings::default() })
}

fn key(number: u32) -> String {
    format!("user:{number:010}")
}

fn set(store: &Store, key: &str) {
    let stored =
        store.store(StoreMode::Set, key.as_bytes(), 0, Deadline::NEVER, Incoming::Bytes(&VALUE), NOW);
    assert!(stored.is_ok());
}

/// Keys of one round with a Zipf distribution of exponent 1, from a fixed seed.
fn skewed(keys: f64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..ROUND).map(|_| key(keys.powf(random.f64()) as u32)).collect()
}

#[divan::bench(args = [10_000, 1_000_000])]
fn hit(bencher: Bencher<'_, '_>, keys: u32) {
    let store = store(1 << 30);
    (0..keys).for_each(|number| set(&store, &key(number)));
    let round = skewed(f64::from(keys));
    bencher.counter(ItemsCount::new(ROUND)).bench(|| {
        let read = |key: &String| store.get(key.as_bytes(), NOW, |hit| hit.value.bytes().len());
        let sum: usize = round.iter().filter_map(|key| read(key).ok()).sum();
        assert_eq!(sum, ROUND * VALUE.len());
    });
}

#[divan::bench]
fn overwrite(bencher: Bencher<'_, '_>) {
    let store = store(1 << 30);
    let round = skewed(1_000_000.0);
    bencher.counter(ItemsCount::new(ROUND)).bench(|| round.iter().for_each(|key| set(&store, key)));
}

#[divan::bench]
fn store_in_a_full_store(bencher: Bencher<'_, '_>) {
    let store = store(64 << 20);
    let mut next = 0;
    while store.totals().evictions == 0 {
        (0..ROUND as u32).for_each(|number| set(&store, &key(next + number)));
        next += ROUND as u32;
    }
    bencher.counter(ItemsCount::new(ROUND)).bench_local(|| {
        (0..ROUND as u32).for_each(|number| set(&store, &key(next + number)));
        next += ROUND as u32;
    });
}

//! The eviction rule against exact LRU (the `lru` crate holding as many items) on loads where LRU is good, and where
//! it is not.

use larder::clock::{Deadline, Now};
use larder::store::{Incoming, Store, StoreMode};
use lru::LruCache;
use std::num::NonZeroUsize;

const NOW: Now = Now::from_secs(100);
const VALUE: [u8; 100] = [b'v'; 100];

/// Misses of the store and of exact LRU with as many items, on the same keys; a miss is followed by a store.
fn misses(store: &Store, keys: impl Iterator<Item = u32>) -> (u32, u32) {
    for number in 0..200_000u32 {
        let key = (u64::from(number) | 1 << 40).to_be_bytes();
        assert!(store.store(StoreMode::Set, &key, 0, Deadline::NEVER, Incoming::Bytes(&VALUE), NOW).is_ok());
    }
    let capacity = NonZeroUsize::new(store.totals().items as usize).expect("it holds something");
    let mut lru = LruCache::new(capacity);
    let (mut ours, mut exact) = (0, 0);
    for key in keys {
        if lru.get(&key).is_none() {
            exact += 1;
            lru.put(key, ());
        }
        let key = u64::from(key).to_be_bytes();
        if store.get(&key, NOW, |_| ()).is_err() {
            ours += 1;
            assert!(
                store.store(StoreMode::Set, &key, 0, Deadline::NEVER, Incoming::Bytes(&VALUE), NOW).is_ok()
            );
        }
    }
    store.check_invariants();
    (ours, exact)
}

/// Skewed choices: the logarithm of the key is uniform, as with a Zipf law of exponent 1.
fn skewed(seed: u64, keys: f64) -> impl FnMut() -> u32 {
    let mut random = fastrand::Rng::with_seed(seed);
    move || keys.powf(random.f64()) as u32
}

#[test]
fn skewed_loads_miss_no_more_often() {
    let store = crate::store(8 << 20, |_| ());
    let mut key = skewed(1, 400_000.0);
    let (ours, exact) = misses(&store, (0..600_000).map(|_| key()));
    assert!(f64::from(ours) < 1.02 * f64::from(exact), "{ours} against {exact}");
}

#[test]
fn a_loop_slightly_too_large_keeps_most_of_what_fits() {
    let store = crate::store(8 << 20, |_| ());
    let (ours, exact) = misses(&store, (0..600_000).map(|step| step % 80_000));
    assert!(exact > 590_000, "exact LRU keeps nothing of a loop");
    assert!(ours < exact, "{ours}");
}

#[test]
fn a_scan_does_not_sweep_out_what_is_in_use() {
    let store = crate::store(8 << 20, |_| ());
    let mut hot = skewed(3, 20_000.0);
    let load = (0..600_000).map(|step| if step % 2 == 0 { hot() } else { 1_000_000 + step });
    let (ours, exact) = misses(&store, load);
    let scanned = 300_000;
    let (ours, exact) = (f64::from(ours - scanned), f64::from(exact - scanned));
    assert!(ours < 1.02 * exact, "{ours} misses of keys in use, exact LRU {exact}");
}

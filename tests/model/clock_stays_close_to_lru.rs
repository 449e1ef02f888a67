//! The eviction policy against exact LRU (the `lru` crate with as many items), on loads that suit LRU and on loads that
//! do not.

use larder::clock::{Deadline, Now};
use larder::store::{Incoming, Store, StoreMode};
use lru::LruCache;
use std::num::NonZeroUsize;

const NOW: Now = Now::from_secs(100);
const VALUE: [u8; 100] = [b'v'; 100];

/// Misses of the store and of exact LRU with as many items, on the same keys. Each miss stores the key.
fn misses(store: &Store, keys: impl Iterator<Item = u32>) -> (u32, u32) {
    for number in 0..200_000u32 {
        let key = (u64::from(number) | 1 << 40).to_be_bytes();
        assert!(store.store(StoreMode::Set, &key, 0, Deadline::NEVER, Incoming::Bytes(&VALUE), NOW).is_ok());
    }
    let capacity = NonZeroUsize::new(store.totals().items as usize).expect("the store is not empty");
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

/// Skewed keys: the logarithm of the key is uniform, as in a Zipf distribution with exponent 1.
fn skewed(seed: u64, keys: f64) -> impl FnMut() -> u32 {
    let mut random = fastrand::Rng::with_seed(seed);
    move || keys.powf(random.f64()) as u32
}

#[test]
fn skewed_loads_miss_no_more_often_than_lru() {
    let store = crate::store(8 << 20, |_| ());
    let mut key = skewed(1, 400_000.0);
    let (ours, exact) = misses(&store, (0..600_000).map(|_| key()));
    assert!(f64::from(ours) < 1.02 * f64::from(exact), "{ours} against {exact}");
}

#[test]
fn a_loop_slightly_larger_than_memory_still_hits() {
    let store = crate::store(8 << 20, |_| ());
    let (ours, exact) = misses(&store, (0..600_000).map(|step| step % 80_000));
    assert!(exact > 590_000, "exact LRU never hits in a loop");
    assert!(ours < exact, "{ours}");
}

#[test]
fn a_scan_does_not_evict_used_items() {
    let store = crate::store(8 << 20, |_| ());
    let mut hot = skewed(3, 20_000.0);
    let load = (0..600_000).map(|step| if step % 2 == 0 { hot() } else { 1_000_000 + step });
    let (ours, exact) = misses(&store, load);
    let scanned = 300_000;
    let (ours, exact) = (f64::from(ours - scanned), f64::from(exact - scanned));
    assert!(ours < 1.02 * exact, "{ours} misses of used keys, exact LRU {exact}");
}

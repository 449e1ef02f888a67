//! Sampling of operations, and surveys.

use crate::clock::{Deadline, Now};
use crate::store::statistics::samples::{KEPT_BY_COUNT_MAX, KEPT_MAX};
use crate::store::{Drained, Incoming, SampleKind, SampleRule, Settings, Store, StoreMode};

const NOW: Now = Now::from_secs(100);

fn set(store: &Store, key: &str) {
    let stored =
        store.store(StoreMode::Set, key.as_bytes(), 0, Deadline::NEVER, Incoming::Bytes(b"value"), NOW);
    assert!(stored.is_ok());
}

/// The drained samples as kind, key and weight, and their number.
fn drain(store: &Store, rule: SampleRule) -> (Vec<(SampleKind, String, u32)>, Drained) {
    let mut seen = Vec::new();
    let drained = store.drain_samples(rule, |sampled| {
        seen.push((sampled.kind, String::from_utf8_lossy(sampled.key).into_owned(), sampled.weight));
    });
    (seen, drained)
}

#[test]
fn nothing_is_sampled_without_a_rule() {
    let store = Store::new(Settings::default());
    set(&store, "k");
    let (seen, drained) = drain(&store, SampleRule::NONE);
    assert!(seen.is_empty());
    assert_eq!(drained, Drained { operations: 1, by_key: 0 });
}

#[test]
fn every_operation_on_a_sampled_key_is_sampled_in_order() {
    let store = Store::new(Settings { shards: Some(1), ..Settings::default() });
    drain(&store, SampleRule { hash_below: u64::MAX, one_in: 0 });
    set(&store, "k");
    assert!(store.get(b"k", NOW, |_| ()).is_ok());
    assert!(store.get(b"absent", NOW, |_| ()).is_err());
    assert!(store.touch(b"k", Deadline::from_secs(110), NOW).is_ok());
    assert!(store.get(b"k", Now::from_secs(110), |_| ()).is_err());
    set(&store, "k");
    store.delete(b"k", NOW);
    let (seen, drained) = drain(&store, SampleRule::NONE);
    let kinds: Vec<_> = seen.iter().map(|(kind, key, weight)| (*kind, &key[..], *weight)).collect();
    let expected = [
        (SampleKind::Store, "k", 0),
        (SampleKind::Hit, "k", 0),
        (SampleKind::Miss, "absent", 0),
        (SampleKind::Touch, "k", 0),
        (SampleKind::Expire, "k", 0),
        (SampleKind::Miss, "k", 0),
        (SampleKind::Store, "k", 0),
        (SampleKind::Delete, "k", 0),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(drained.by_key, expected.len() as u64);
}

#[test]
fn weights_of_samples_by_count_sum_to_the_operations() {
    let store = Store::new(Settings { hash_seed: Some(1), ..Settings::default() });
    set(&store, "k");
    drain(&store, SampleRule { hash_below: 0, one_in: 50 });
    (0..20_000).for_each(|_| assert!(store.get(b"k", NOW, |_| ()).is_ok()));
    let (seen, drained) = drain(&store, SampleRule::NONE);
    let weight: u32 = seen.iter().map(|(_, _, weight)| weight).sum();
    assert_eq!(drained.operations, 20_000);
    assert!((18_000..22_000).contains(&weight), "{weight}");
}

#[test]
fn samples_are_bounded() {
    let store = Store::new(Settings { shards: Some(1), ..Settings::default() });
    drain(&store, SampleRule { hash_below: 0, one_in: 1 });
    (0..5000).for_each(|_| assert!(store.get(b"absent", NOW, |_| ()).is_err()));
    assert_eq!(drain(&store, SampleRule { hash_below: u64::MAX, one_in: 1 }).0.len(), KEPT_BY_COUNT_MAX);
    (0..5000).for_each(|_| assert!(store.get(b"absent", NOW, |_| ()).is_err()));
    let (seen, drained) = drain(&store, SampleRule::NONE);
    assert_eq!((seen.len(), drained.by_key), (KEPT_MAX, 5000));
}

#[test]
fn a_survey_of_a_small_store_visits_every_item_once() {
    let store = Store::new(Settings { shards: Some(4), ..Settings::default() });
    (0..1000).for_each(|number| set(&store, &format!("key{number}")));
    let (steps, mut keys, mut visited, mut total) = (64, Vec::new(), 0, 0);
    for step in 0..steps {
        let surveyed = store.survey(step, steps, 16, NOW, &mut |key, _| keys.push(key.to_vec()));
        visited += surveyed.visited;
        total += surveyed.total;
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 1000);
    assert_eq!(visited, total);
}

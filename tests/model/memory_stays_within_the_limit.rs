//! The memory limit under loads that make slab allocators grow: random sizes, a shift of sizes, growing values, a
//! lowered limit.

use larder::clock::{Deadline, Now};
use larder::store::{FlushAt, Incoming, Refused, Store, StoreMode, Stored};

const NOW: Now = Now::from_secs(100);

fn set(store: &Store, key: &[u8], length: usize) -> Result<Stored, Refused> {
    let value = vec![b'v'; length];
    let incoming = if length > 16 << 10 {
        let mut writer = store.begin_large_value(key, length, NOW)?;
        store.write_large_value(&mut writer, &value, NOW);
        Incoming::Large(writer)
    } else {
        Incoming::Bytes(&value)
    };
    store.store(StoreMode::Set, key, 0, Deadline::NEVER, incoming, NOW)
}

fn assert_within(store: &Store) {
    let totals = store.totals();
    assert!(totals.charged_bytes <= totals.limit_bytes, "{} of {}", totals.charged_bytes, totals.limit_bytes);
}

#[test]
fn values_of_random_sizes_are_stored_within_the_limit() {
    let store = crate::store(16 << 20, |_| ());
    let mut random = fastrand::Rng::with_seed(1);
    for number in 0..30_000u32 {
        let most = 1 << random.u32(4..20);
        let length = random.usize(..most).min(900_000);
        assert!(set(&store, &number.to_be_bytes(), length).is_ok(), "{length} bytes were refused");
        assert_within(&store);
    }
    store.check_invariants();
}

#[test]
fn memory_follows_a_shift_of_the_value_size() {
    let store = crate::store(8 << 20, |_| ());
    (0..100_000u32).for_each(|number| assert!(set(&store, &number.to_be_bytes(), 100).is_ok()));
    let held = |from: u32, to: u32| {
        (from..to).filter(|number| store.get(&number.to_be_bytes(), NOW, |_| ()).is_ok()).count()
    };
    assert!(held(0, 100_000) > 45_000);
    for round in 0..8 {
        for number in 1_000_000..1_006_000u32 {
            if store.get(&number.to_be_bytes(), NOW, |_| ()).is_err() {
                assert!(set(&store, &number.to_be_bytes(), 1000).is_ok(), "round {round}");
            }
        }
        assert_within(&store);
    }
    assert!(held(1_000_000, 1_006_000) > 4500, "{} of 6000 new ones", held(1_000_000, 1_006_000));
    store.check_invariants();
}

#[test]
fn a_growing_value_is_one_item_within_the_limit() {
    let store = crate::store(8 << 20, |_| ());
    (0..=900_000).step_by(997).for_each(|length| {
        assert!(set(&store, b"one", length).is_ok());
        assert_within(&store);
    });
    assert_eq!(store.totals().items, 1);
    for _ in 0..2000 {
        let grown =
            store.store(StoreMode::Append, b"two", 0, Deadline::NEVER, Incoming::Bytes(b"0123456789"), NOW);
        match grown {
            Ok(Stored::NotStored) => assert!(set(&store, b"two", 0).is_ok()),
            grown => assert!(matches!(grown, Ok(Stored::Stored { .. }))),
        }
        assert_within(&store);
    }
    store.check_invariants();
}

#[test]
fn maintenance_enforces_a_lowered_limit_and_a_flush_frees_all_memory() {
    let store = crate::store(32 << 20, |_| ());
    let empty = store.totals();
    (0..300_000u32).for_each(|number| assert!(set(&store, &number.to_be_bytes(), 100).is_ok()));
    let full = store.totals();
    assert!(full.charged_bytes > 30 << 20);
    store.set_memory_limit(8 << 20);
    while store.maintain(NOW) {}
    let lowered = store.totals();
    assert!(lowered.charged_bytes <= 8 << 20 && lowered.items > 40_000, "{lowered:?}");
    assert!(lowered.index_bytes < full.index_bytes * 6 / 10, "{lowered:?} after {full:?}");
    store.set_memory_limit(32 << 20);
    (0..300_000u32).for_each(|number| assert!(set(&store, &number.to_be_bytes(), 100).is_ok()));
    assert!(store.totals().items > full.items * 99 / 100);
    store.flush_all(FlushAt::Immediately, NOW);
    while store.maintain(NOW) {}
    assert_eq!(store.totals().charged_bytes, empty.charged_bytes);
    store.check_invariants();
}

#[test]
fn memory_of_incoming_values_is_bounded_and_returned() {
    let store = crate::store(8 << 20, |_| ());
    assert!(set(&store, b"kept", 100).is_ok());
    let value = vec![b'v'; 1_000_000];
    let begin = || {
        store
            .begin_large_value(b"k", value.len(), NOW)
            .expect("a writer needs little memory before its bytes arrive")
    };
    let mut writers: Vec<_> = (0..200).map(|_| begin()).collect();
    let little = store.incoming_bytes();
    assert!(little < 200 * 2048, "{little} bytes for values without received bytes");
    for writer in &mut writers {
        assert_eq!(store.write_large_value(writer, &value[..900_000], NOW), 900_000);
    }
    let most = store.memory_limit() / 2;
    assert!(store.incoming_bytes() <= most && store.incoming_bytes() > most - (1 << 20));
    assert!(store.get(b"kept", NOW, |_| ()).is_ok(), "half of the memory is for stored items");
    assert!(set(&store, b"other", 1000).is_ok());
    store.check_invariants();
    let stored: Vec<_> = writers
        .into_iter()
        .map(|mut writer| {
            assert_eq!(writer.missing(), 100_000, "bytes without memory are dropped");
            store.write_large_value(&mut writer, &value[..100_000], NOW);
            store.store(StoreMode::Set, b"k", 0, Deadline::NEVER, Incoming::Large(writer), NOW)
        })
        .collect();
    let refused = stored.iter().filter(|stored| **stored == Err(Refused::OutOfMemory)).count();
    assert!((196..=197).contains(&refused) && stored[0].is_ok(), "{refused} refused");
    assert_eq!(store.incoming_bytes(), 0);
    assert!(set(&store, b"k", 1_000_000).is_ok());
    store.check_invariants();
}

#[test]
fn without_eviction_a_full_store_refuses_new_items_and_keeps_the_others() {
    let store = crate::store(2 << 20, |settings| settings.evict = false);
    let taken = (0..100_000u32).take_while(|number| set(&store, &number.to_be_bytes(), 100).is_ok()).count();
    assert!(taken > 10_000, "{taken}");
    assert_eq!(set(&store, b"more", 100), Err(Refused::OutOfMemory));
    assert!((0..taken as u32).all(|number| store.get(&number.to_be_bytes(), NOW, |_| ()).is_ok()));
    assert!(set(&store, &0u32.to_be_bytes(), 99).is_ok(), "the same size again needs no memory");
    assert_eq!(store.touch(&1u32.to_be_bytes(), Deadline::from_secs(500), NOW), Ok(()));
    assert!(store.get(&1u32.to_be_bytes(), Now::from_secs(500), |_| ()).is_err());
    assert!(set(&store, b"more", 100).is_ok(), "in the chunk of the expired item");
    store.check_invariants();
}

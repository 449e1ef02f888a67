//! Several shards and threads under one memory limit.

use larder::clock::{Deadline, Now};
use larder::store::{Incoming, Store, StoreMode};

const NOW: Now = Now::from_secs(100);

fn set(store: &Store, key: &[u8], value: &[u8]) {
    let incoming = if value.len() > 16 << 10 {
        let mut writer = store.begin_large_value(key, value.len(), NOW).expect("other shards donate pages");
        store.write_large_value(&mut writer, value, NOW);
        Incoming::Large(writer)
    } else {
        Incoming::Bytes(value)
    };
    assert!(store.store(StoreMode::Set, key, 0, Deadline::NEVER, incoming, NOW).is_ok());
}

#[test]
fn a_shard_that_fills_late_gets_its_share() {
    let store = crate::store(8 << 20, |settings| settings.shards = Some(8));
    let large = vec![b'l'; 900_000];
    (0..20u32).for_each(|number| set(&store, &number.to_be_bytes(), &large));
    assert!(store.totals().charged_bytes > 6 << 20);
    for number in 1000..9000u32 {
        set(&store, &number.to_be_bytes(), &[b's'; 500]);
    }
    let held = (1000..9000u32).filter(|number| store.get(&number.to_be_bytes(), NOW, |_| ()).is_ok()).count();
    assert!(held > 6000, "{held} of 8000");
    store.check_invariants();
}

#[test]
fn a_value_larger_than_the_share_of_a_shard_is_stored() {
    let store = crate::store(32 << 20, |settings| {
        settings.shards = Some(8);
        settings.item_max_bytes = 16 << 20;
    });
    (0..200_000u32).for_each(|number| set(&store, &number.to_be_bytes(), &[b's'; 100]));
    set(&store, b"huge", &vec![b'h'; 12 << 20]);
    assert_eq!(store.get(b"huge", NOW, |hit| hit.value.bytes().len()), Ok(12 << 20));
    store.check_invariants();
}

#[test]
fn invariants_hold_under_concurrent_threads() {
    let store = crate::store(16 << 20, |settings| settings.shards = Some(4));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(thread);
                for _ in 0..20_000 {
                    let key = random.u32(..5_000).to_be_bytes();
                    let most = 1 << random.u32(2..18);
                    let length = random.usize(..most);
                    let byte = key[3];
                    match random.u8(..10) {
                        0..=4 => {
                            let got =
                                store.get(&key, NOW, |hit| hit.value.bytes().iter().all(|it| *it == byte));
                            assert_ne!(got, Ok(false), "a torn value or another key's");
                        }
                        5 => {
                            store.delete(&key, NOW);
                        }
                        6 => {
                            store.maintain(NOW);
                        }
                        _ => set(store, &key, &vec![byte; length]),
                    }
                }
            });
        }
    });
    store.check_invariants();
    let totals = store.totals();
    assert!(totals.charged_bytes <= totals.limit_bytes && totals.evictions > 0);
}

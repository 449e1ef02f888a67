//! Large values in a whole store: fragments are compacted, pages return to the pool, and no byte changes.

use crate::clock::{Deadline, Now};
use crate::store::{Deleted, FlushAt, Incoming, Miss, Settings, Store, StoreMode, Stored, ValueRef};

const NOW: Now = Now::from_secs(100);

/// Not a multiple of any fragment.
const LEN: usize = 12_001;

fn store() -> Store {
    let settings = Settings::default();
    Store::new(Settings { memory_limit_bytes: 4 << 20, hash_seed: Some(3), shards: Some(1), ..settings })
}

fn key(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

fn value(number: u32) -> Vec<u8> {
    (0..LEN as u32).map(|at| (at * 7 + number) as u8).collect()
}

fn set(store: &Store, key: &[u8], value: &[u8]) {
    let stored = store.store(StoreMode::Set, key, 0, Deadline::NEVER, Incoming::Bytes(value), NOW);
    assert!(matches!(stored, Ok(Stored::Stored { .. })), "{stored:?}");
}

fn read(store: &Store, key: &[u8]) -> Result<Vec<u8>, Miss> {
    store.get(key, NOW, |hit| hit.value.bytes().into_owned())
}

fn fragment_pages(store: &Store) -> usize {
    store.shards[0].lock().large.pages()
}

/// A store with every fourth of `count` large values.
fn sparse(count: u32) -> Store {
    let store = store();
    (0..count).for_each(|number| set(&store, &key(number), &value(number)));
    for number in (0..count).filter(|number| number % 4 != 0) {
        assert_eq!(store.delete(&key(number), NOW), Deleted::Deleted);
    }
    store.check_invariants();
    store
}

fn check_sparse(store: &Store, count: u32) {
    for number in (0..count).step_by(4) {
        assert_eq!(read(store, &key(number)), Ok(value(number)));
    }
    store.check_invariants();
}

#[test]
fn small_items_get_the_pages_of_free_fragments_before_any_eviction() {
    const COUNT: u32 = 240;
    let store = sparse(COUNT);
    let (before, mut number) = (fragment_pages(&store), 1 << 20);
    let large_bytes_of = |store: &Store| store.totals().large_bytes;
    let large_bytes = large_bytes_of(&store);
    while store.totals().evictions == 0 && large_bytes_of(&store) > large_bytes / 3 {
        set(&store, &key(number), &[1; 100]);
        number += 1;
    }
    assert_eq!(store.totals().evictions, 0);
    assert!(fragment_pages(&store) < before / 2, "{} of {before}", fragment_pages(&store));
    check_sparse(&store, COUNT);
}

#[test]
fn free_fragment_pages_are_returned() {
    let store = store();
    (0..100).for_each(|number| set(&store, &key(number), &value(number)));
    (0..100).for_each(|number| assert_eq!(store.delete(&key(number), NOW), Deleted::Deleted));
    while store.maintain(NOW) {}
    assert_eq!((fragment_pages(&store), store.totals().large_bytes), (0, 0));
    store.check_invariants();
}

#[test]
fn a_pinned_value_is_unchanged_and_its_pages_return_after_the_read() {
    let store = store();
    set(&store, b"read", &value(1));
    let read = store.get(b"read", NOW, |hit| match hit.value {
        ValueRef::Large(value) => value.share(),
        ValueRef::Small(_) => panic!("a large value"),
    });
    let read = read.unwrap();
    assert_eq!(store.delete(b"read", NOW), Deleted::Deleted);
    (0..1000).for_each(|number| set(&store, &key(number), &value(number)));
    assert!(store.totals().evictions > 0);
    store.check_invariants();
    assert_eq!((0..).map_while(|number| read.part(number)).collect::<Vec<_>>().concat(), value(1));
    drop(read);
    for number in 0..1000 {
        let _ = store.delete(&key(number), NOW);
    }
    while store.maintain(NOW) {}
    assert_eq!(fragment_pages(&store), 0);
}

#[test]
fn a_value_received_across_a_flush_is_stored_whole() {
    let store = store();
    let mut writer = store.begin_large_value(b"late", LEN, NOW).unwrap();
    assert_eq!(store.write_large_value(&mut writer, &value(1)[..5000], NOW), 5000);
    store.flush_all(FlushAt::Immediately, NOW);
    store.check_invariants();
    store.write_large_value(&mut writer, &value(1)[5000..], NOW);
    let stored = store.store(StoreMode::Set, b"late", 0, Deadline::NEVER, Incoming::Large(writer), NOW);
    assert!(matches!(stored, Ok(Stored::Stored { len: LEN, .. })), "{stored:?}");
    assert_eq!(read(&store, b"late"), Ok(value(1)));
    store.check_invariants();
}

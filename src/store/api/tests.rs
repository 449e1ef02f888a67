//! Tests that need private access: planted faults that the invariants must detect, a panic in the middle of an update,
//! the bound of the sweep, the number of shards.

use super::*;
use crate::clock::{Deadline, Now};
mod large_values;
mod samples;

use crate::store::eviction::Recency;
use crate::store::item::header;
use crate::store::item::{ChunkAt, Handle, KeyHash, Place};
use crate::store::memory::pool::PoolPage;
use crate::store::operation::{Incoming, PagePlace, StoreMode};
use crate::store::outcome::{Miss, NotMoved, Stored};
use std::panic::{AssertUnwindSafe, catch_unwind};

const NOW: Now = Now::from_secs(100);

fn store(change: impl FnOnce(&mut Settings)) -> Store {
    let mut settings =
        Settings { memory_limit_bytes: 2 << 20, hash_seed: Some(3), shards: Some(1), ..Settings::default() };
    change(&mut settings);
    Store::new(settings)
}

fn set(store: &Store, key: &[u8], value: &[u8], deadline: Deadline) {
    let stored = store.store(StoreMode::Set, key, 0, deadline, Incoming::Bytes(value), NOW);
    assert!(matches!(stored, Ok(Stored::Stored { .. })), "{stored:?}");
}

/// Plants `fault` in a store with small and large items and returns the panic message of `check_invariants`.
fn message_of(fault: impl FnOnce(&mut Shard)) -> String {
    let store = store(|_| ());
    for number in 0..50u8 {
        set(&store, &[b'a', number], &[number; 40], Deadline::NEVER);
    }
    set(&store, b"large", &[1; 12_000], Deadline::from_secs(500));
    store.check_invariants();
    fault(&mut store.shards[0].lock());
    let panic = catch_unwind(AssertUnwindSafe(|| store.check_invariants()));
    let panic = panic.expect_err("the fault was not detected");
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).into()))
        .unwrap()
}

fn handle_of(shard: &Shard, key: &[u8]) -> Handle {
    shard.index.handles().find(|handle| shard.key_of(*handle) == key).unwrap()
}

fn chunk_of(shard: &Shard, key: &[u8]) -> ChunkAt {
    match handle_of(shard, key).place() {
        Place::Chunk(at) => at,
        Place::Large(_) => panic!("a small item"),
    }
}

#[test]
fn reassign_page_moves_a_page_and_keeps_used_items() {
    let store = store(|_| ());
    let key = |number: u32| number.to_be_bytes();
    (0..1500).for_each(|number| set(&store, &key(number), &[1; 40], Deadline::NEVER));
    let class = store.peek(&key(0), NOW, |hit| hit.class).unwrap();
    let pages =
        |id: u32| store.classes(NOW).iter().find(|class| class.id == id).map_or(0, |class| class.pages);
    let before = pages(class);
    assert!(before > 2);
    let moved = store.reassign_page(PagePlace::Class(class), PagePlace::Class(class + 5), NOW);
    assert_eq!(moved, Ok(class));
    assert_eq!((pages(class), pages(class + 5)), (before - 1, 1));
    assert_eq!(store.reassign_page(PagePlace::Any, PagePlace::Free, NOW), Ok(class));
    assert_eq!((pages(class), store.totals().free_pages), (before - 2, 1));
    assert_eq!(store.reassign_page(PagePlace::Free, PagePlace::Class(class), NOW), Ok(0));
    assert_eq!(pages(class), before - 1);
    // At most the items of two pages were evicted.
    let totals = store.totals();
    assert_eq!((totals.items + totals.evictions, totals.pages_moved), (1500, 2));
    store.check_invariants();
    for (from, to, why) in [
        (PagePlace::Class(class), PagePlace::Class(class), NotMoved::Same),
        (PagePlace::Class(class + 5), PagePlace::Free, NotMoved::NoSpare),
        (PagePlace::Class(0), PagePlace::Free, NotMoved::BadClass),
        (PagePlace::Free, PagePlace::Class(1000), NotMoved::BadClass),
        (PagePlace::Class(class), PagePlace::Any, NotMoved::BadClass),
    ] {
        assert_eq!(store.reassign_page(from, to, NOW), Err(why));
    }
}

#[test]
fn the_record_of_evictions_is_optional_and_bounded() {
    let store = store(|_| ());
    let fill = |from: u32, to: u32| {
        (from..to).for_each(|number| set(&store, &number.to_be_bytes(), &[1; 40], Deadline::NEVER));
    };
    fill(0, 50_000);
    assert!(store.totals().evictions > 0 && store.drain_evicted().0.is_empty());
    store.record_evictions(true);
    let before = store.totals().evictions;
    fill(50_000, 60_000);
    let (evicted, dropped) = store.drain_evicted();
    assert_eq!(evicted.len() as u64 + dropped, store.totals().evictions - before);
    assert_eq!(evicted.len(), 4096);
    for item in &evicted {
        assert!(store.peek(&item.key, NOW, |_| ()).is_err() && item.value_len == 40);
    }
    store.record_evictions(false);
    fill(60_000, 61_000);
    assert!(store.drain_evicted().0.is_empty());
}

#[test]
fn an_item_without_an_entry_is_detected() {
    let message = message_of(|shard| {
        let handle = handle_of(shard, b"a\x05");
        let hash = shard.rules.hasher.hash(b"a\x05");
        assert!(shard.index.remove(hash, handle));
    });
    assert!(message.contains("S1"), "{message}");
}

#[test]
fn an_entry_under_another_hash_is_detected() {
    let message = message_of(|shard| {
        let handle = handle_of(shard, b"a\x05");
        let hash = shard.rules.hasher.hash(b"a\x05");
        shard.index.remove(hash, handle);
        let wrong = KeyHash(hash.0 ^ 1 << 60);
        shard.index.insert(wrong, handle, |_| hash);
    });
    assert!(message.contains("S1"), "{message}");
}

#[test]
fn a_freed_chunk_with_an_entry_is_detected() {
    let message = message_of(|shard| {
        let at = chunk_of(shard, b"a\x05");
        let _ = shard.slab.free(at);
    });
    assert!(message.contains("S1") || message.contains("S2"), "{message}");
}

#[test]
fn a_wrong_count_of_live_items_is_detected() {
    let message = message_of(|shard| {
        let class = shard.slab.class_at(chunk_of(shard, b"a\x05"));
        shard.slab.class_mut(class).live += 1;
    });
    assert!(message.contains("S2"), "{message}");
}

/// A page of another pool.
fn foreign_page() -> PoolPage {
    Arc::new(Pool::new(1 << 20, PAGE_SMALL_BYTES)).take().unwrap()
}

#[test]
fn an_uncharged_page_is_detected() {
    let message = message_of(|shard| {
        let class = shard.slab.class_at(chunk_of(shard, b"a\x05"));
        shard.slab.add_page(class, foreign_page(), shard.seq);
    });
    assert!(message.contains("S3") || message.contains("S5"), "{message}");
}

#[test]
fn a_large_value_over_its_charge_is_detected() {
    let message = message_of(|shard| {
        let Place::Large(id) = handle_of(shard, b"large").place() else { panic!("a large value") };
        let pages = &mut shard.large.use_item(id).pages;
        Arc::get_mut(pages).unwrap().plant_page(foreign_page());
    });
    assert!(message.contains("S5"), "{message}");
}

#[test]
fn a_charge_over_the_limit_is_detected_unless_the_limit_was_lowered() {
    let message = message_of(|shard| shard.pool.plant_charge_over_the_limit());
    assert!(message.contains("S3"), "{message}");
    let store = store(|_| ());
    set(&store, b"large", &[1; 12_000], Deadline::NEVER);
    store.set_memory_limit(12_000);
    store.check_invariants();
}

#[test]
fn one_request_does_not_evict_for_a_whole_lowered_limit() {
    let store = store(|_| ());
    let value = [1; 100];
    (0..18_000u32).for_each(|number| set(&store, &number.to_be_bytes(), &value, Deadline::NEVER));
    let before = store.totals();
    assert!(before.evictions > 0, "the store is full");
    store.set_memory_limit(1 << 20);
    set(&store, b"large", &[1; 12_000], Deadline::NEVER);
    store.check_invariants();
    let after = store.totals();
    let items_of_a_page = (store.rules.page_bytes / 100) as u64;
    assert!(after.items > before.items - 5 * items_of_a_page, "{} of {}", after.items, before.items);
    assert!(after.charged_bytes > 3 << 19 && after.charged_bytes < before.charged_bytes);
    while store.maintain(NOW) {}
    assert!(store.totals().charged_bytes <= 1 << 20);
    store.check_invariants();
}

#[test]
fn a_hand_out_of_range_is_detected() {
    let message = message_of(|shard| {
        let class = shard.slab.class_at(chunk_of(shard, b"a\x05"));
        shard.slab.plant_hand_out_of_range(class);
    });
    assert!(message.contains("S4"), "{message}");
}

#[test]
fn a_leaked_charge_is_detected() {
    let message = message_of(|shard| std::mem::forget(shard.pool.take()));
    assert!(message.contains("S5"), "{message}");
}

#[test]
fn a_cas_unique_that_was_never_drawn_is_detected() {
    let message = message_of(|shard| {
        let Place::Large(id) = handle_of(shard, b"large").place() else { panic!("a large value") };
        shard.large.use_item(id).cas = u64::MAX;
    });
    assert!(message.contains("S6"), "{message}");
}

#[test]
fn a_shard_is_emptied_after_a_panic_in_an_update_and_works_again() {
    let store = store(|_| ());
    let charged_before = store.pool.charged_bytes();
    set(&store, b"before", b"1", Deadline::NEVER);
    set(&store, b"large", &[1; 12_000], Deadline::NEVER);
    let key = store.key(b"before");
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut shard = store.shard_of(key);
        let at = chunk_of(&shard, b"before");
        let _ = shard.slab.free(at);
        panic!("planted");
    }));
    assert!(panicked.is_err());
    assert_eq!(store.get(b"before", NOW, |_| ()), Err(Miss::Absent));
    assert_eq!(store.pool.charged_bytes(), charged_before, "its memory was freed");
    set(&store, b"after", b"2", Deadline::NEVER);
    assert!(store.get(b"after", NOW, |hit| assert_eq!(*hit.value.bytes(), *b"2")).is_ok());
    store.check_invariants();
}

/// The probation is in order of arrival, so its first value says nothing about idle time. When the first value counted
/// as the coldest, one popular value made the store release pages of small items regardless of their hits.
#[test]
fn a_used_value_on_probation_does_not_hide_the_idle_time_of_others() {
    let store = store(|_| ());
    for key in [b"popular", b"unread1", b"unread2"] {
        set(&store, key, &[1; 12_000], Deadline::NEVER);
    }
    let unread = store.shards[0].lock().seq - 1;
    (0..50).for_each(|_| assert!(store.get(b"popular", NOW, |_| ()).is_ok()));
    assert_eq!(store.shards[0].lock().large.last_use_of_coldest(), Some(unread));
    store.check_invariants();
}

/// Small values that are colder must not hide a large one.
#[test]
fn the_large_value_with_the_most_idle_memory_is_the_victim() {
    let store = store(|_| ());
    let set = |key: &[u8], len| set(&store, key, &vec![1; len], Deadline::NEVER);
    (0..20u8).for_each(|key| set(&[b'a' + key], 10_000));
    set(b"huge", 400_000);
    let mut shard = store.shards[0].lock();
    let seq = shard.seq + 10;
    let recency = Recency::new();
    let (_, victim) = shard.large.next_victim(seq, &recency).unwrap();
    assert_eq!(&*victim.key, b"huge");
}

#[test]
fn storing_over_a_live_item_counts_as_a_use_but_not_as_a_hit() {
    let store = store(|_| ());
    set(&store, b"key", &[1; 40], Deadline::NEVER);
    for uses in [1, 2, 3, 3] {
        set(&store, b"key", &[2; 40], Deadline::NEVER);
        let shard = store.shards[0].lock();
        let item = shard.slab.item(chunk_of(&shard, b"key"));
        assert_eq!((item.uses(), item.fetched()), (uses, false));
    }
}

#[test]
fn append_and_prepend_to_a_large_value_keep_all_bytes() {
    let store = store(|_| ());
    let value: Vec<u8> = (0..60_000u32).map(|at| at as u8).collect();
    for start in [100, 20_000, 40_000] {
        set(&store, b"key", &value[5..start], Deadline::NEVER);
        for (mode, added) in [(StoreMode::Append, &value[start..]), (StoreMode::Prepend, &value[..5])] {
            let joined = store.store(mode, b"key", 0, Deadline::NEVER, Incoming::Bytes(added), NOW);
            assert!(matches!(joined, Ok(Stored::Stored { .. })), "{joined:?}");
        }
        store.check_invariants();
        assert_eq!(store.peek(b"key", NOW, |hit| hit.value.bytes().into_owned()).unwrap(), value);
    }
}

#[test]
fn a_panic_of_the_reader_removes_no_item() {
    let store = store(|_| ());
    set(&store, b"k", b"1", Deadline::NEVER);
    assert!(catch_unwind(AssertUnwindSafe(|| store.get(b"k", NOW, |_| panic!("planted")))).is_err());
    assert!(store.get(b"k", NOW, |_| ()).is_ok());
    store.check_invariants();
}

#[test]
fn a_sweep_ends_within_two_rounds_as_does_maintenance() {
    let fill = || {
        let store = store(|_| ());
        for number in 0..5000u32 {
            let deadline =
                if number % 3 == 0 { Deadline::NEVER } else { Deadline::from_secs(101 + number % 50) };
            set(&store, &number.to_be_bytes(), &[0; 60], deadline);
        }
        set(&store, b"large", &[1; 12_000], Deadline::from_secs(120));
        store
    };
    let later = Now::from_secs(130);
    let store = fill();
    store.shards[0].lock().sweep_two_rounds(later);
    store.check_invariants();
    let swept = store.totals();
    let store = fill();
    for _ in 0..200 {
        store.maintain(later);
    }
    assert_eq!(store.totals().items, swept.items);
    assert!(swept.items < 5000 * 2 / 3 && swept.reclaimed > 1500, "{swept:?}");
}

/// A store of items that are expired at the time of [`store_more`].
fn store_of_expiring_items() -> Store {
    let store = store(|_| ());
    for number in 0..5000u32 {
        set(&store, &number.to_be_bytes(), &[0; 60], Deadline::from_secs(101));
    }
    store
}

/// Stores a few items without deadline many times, when the others are expired.
fn store_more(store: &Store) {
    let later = Now::from_secs(102);
    for number in 0..10_000u32 {
        let key = (number % 100 + 10_000).to_be_bytes();
        assert!(store.store(StoreMode::Set, &key, 0, Deadline::NEVER, Incoming::Bytes(b"v"), later).is_ok());
    }
}

#[test]
fn storage_commands_sweep() {
    let store = store_of_expiring_items();
    store_more(&store);
    assert_eq!(store.totals().items, 100);
}

#[test]
fn storage_commands_sweep_past_a_released_page() {
    let store = store_of_expiring_items();
    let class = store.peek(&0u32.to_be_bytes(), NOW, |hit| hit.class).unwrap();
    assert_eq!(store.reassign_page(PagePlace::Class(class), PagePlace::Free, NOW), Ok(class));
    assert!(store.shards[0].lock().slab.page_at(0).is_none(), "the sweep starts at a missing page");
    store_more(&store);
    assert_eq!(store.totals().items, 100);
}

#[test]
fn a_deadline_that_exceeds_the_largest_chunk_makes_the_value_large() {
    let store = store(|_| ());
    let longest = (PAGE_SMALL_BYTES / LARGE_ABOVE_PAGE_ONE_IN) - header::HEADER_MAX_BYTES - 1;
    for length in longest - 20..longest + 20 {
        let value = vec![7; length];
        set(&store, b"k", b"", Deadline::NEVER);
        let joined = store.store(StoreMode::Append, b"k", 0, Deadline::NEVER, Incoming::Bytes(&value), NOW);
        assert!(matches!(joined, Ok(Stored::Stored { .. })));
        assert_eq!(store.touch(b"k", Deadline::from_secs(500), NOW), Ok(()), "{length}");
        assert_eq!(store.get(b"k", NOW, |hit| *hit.value.bytes() == value), Ok(true));
        store.check_invariants();
    }
}

#[test]
fn the_number_of_shards_depends_on_memory_and_threads() {
    for (mib, threads, shards) in [
        (2, 4, 1),
        (64, 4, 2),
        (64, 1, 1),
        (128, 4, 4),
        (128, 1, 2),
        (256, 4, 4),
        (512, 4, 8),
        (1024, 4, 16),
        (1024, 1, 4),
        (65_536, 4, 16),
    ] {
        let page_bytes = if mib < 256 { PAGE_SMALL_BYTES } else { PAGE_BYTES };
        assert_eq!(shard_count(mib << 20, page_bytes, threads), shards, "-m {mib} -t {threads}");
    }
}

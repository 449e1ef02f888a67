//! The judge itself: each kind of lie a store could tell is planted, as something done behind the back of the map or of
//! the store, and must be seen.

use super::{Deleted, Entry, FlushAt, Incoming, Now, Run};
use larder::clock::Deadline;
use larder::store::{PagePlace, StoreMode, Stored};
use std::panic::{AssertUnwindSafe, catch_unwind};

const KEY: &[u8] = b"key";
const OTHER: &[u8] = b"other";

/// What the judge says when it reads KEY after a fault was planted in a store of two items, one small and one large.
fn complaint(fault: impl Fn(&mut Run), judge: impl Fn(&mut Run)) -> Vec<String> {
    let said = |length: usize| {
        let mut run = Run::new(1, |_| (), |shape| shape.memory_limit_bytes = 2 << 20);
        put(&mut run, KEY, &vec![b'1'; length]);
        put(&mut run, OTHER, &vec![b'2'; length]);
        judge(&mut run);
        fault(&mut run);
        let panic = catch_unwind(AssertUnwindSafe(|| judge(&mut run))).expect_err("the fault was not seen");
        panic.downcast_ref::<String>().cloned().expect("an assertion with its values")
    };
    [40, 40_000].map(said).to_vec()
}

fn assert_read_is_refused(fault: impl Fn(&mut Run)) {
    for said in complaint(fault, |run| run.get(KEY)) {
        assert!(said.contains("S7"), "{said}");
    }
}

/// Stores behind the back of the map; returns what the map has to be told.
fn store(run: &Run, key: &[u8], value: &[u8]) -> Entry {
    let incoming = Incoming::Bytes(value);
    match run.store.store(StoreMode::Set, key, 0, Deadline::NEVER, incoming, run.now) {
        Ok(Stored::Stored { cas, .. }) => {
            Entry { flags: 0, deadline: Deadline::NEVER, cas, value: value.to_vec() }
        }
        other => panic!("{other:?}"),
    }
}

fn put(run: &mut Run, key: &[u8], value: &[u8]) {
    let entry = store(run, key, value);
    run.naive.note_stored(StoreMode::Set, key, entry, run.now);
}

/// The store has this value under KEY, and the map all else of it.
fn replace_value(run: &mut Run, change: impl Fn(&mut Vec<u8>)) {
    let mut value = run.naive.get(KEY, run.now).expect("it was put").value.clone();
    let right = value.clone();
    change(&mut value);
    let entry = store(run, KEY, &value);
    run.naive.note_stored(StoreMode::Set, KEY, Entry { value: right, ..entry }, run.now);
}

#[test]
fn a_stale_value_is_seen() {
    assert_read_is_refused(|run| {
        let known = run.naive.get_mut(KEY, run.now).expect("it was put");
        known.value.fill(b'3');
    });
}

#[test]
fn a_torn_value_is_seen() {
    assert_read_is_refused(|run| {
        replace_value(run, |value| {
            let half = value.len() / 2;
            value[half..].fill(b'0');
        });
    });
}

#[test]
fn a_value_with_one_bit_or_the_last_byte_wrong_is_seen() {
    assert_read_is_refused(|run| replace_value(run, |value| value[7] ^= 1));
    assert_read_is_refused(|run| replace_value(run, |value| value.truncate(value.len() - 1)));
}

#[test]
fn the_value_of_another_key_is_seen() {
    assert_read_is_refused(|run| {
        let other = run.naive.get(OTHER, run.now).expect("it was put").value.clone();
        replace_value(run, |value| value.clone_from(&other));
    });
}

#[test]
fn an_expired_value_is_seen() {
    assert_read_is_refused(|run| {
        run.naive.get_mut(KEY, run.now).expect("it was put").deadline = Deadline::from_secs(run.now.secs());
    });
}

#[test]
fn a_value_that_outlives_its_delete_or_a_late_flush_is_seen() {
    assert_read_is_refused(|run| drop(run.naive.forget(KEY)));
    assert_read_is_refused(|run| {
        run.naive.flush_later(run.now);
        assert!(run.naive.pass(run.now));
    });
}

#[test]
fn a_key_that_is_gone_without_an_eviction_is_seen() {
    let judge = |run: &mut Run| {
        run.get(KEY);
        run.check();
    };
    let deleted = complaint(|run| assert_eq!(run.store.delete(KEY, run.now), Deleted::Deleted), judge);
    let flushed = complaint(|run| run.store.flush_all(FlushAt::Immediately, run.now), judge);
    for said in [deleted, flushed].concat() {
        assert!(said.contains("1 keys lost, 0 evicted"), "{said}");
    }
}

#[test]
fn a_charge_that_grows_over_a_lowered_limit_is_seen() {
    let grow = |run: &mut Run| {
        run.store.set_memory_limit(1 << 10);
        run.charged_bytes -= 1;
    };
    for said in complaint(grow, Run::check) {
        assert!(said.contains("S3"), "{said}");
    }
}

/// An operator's word moves a page although memory is not short, and evicts what finds no free chunk.
#[test]
fn an_eviction_while_there_is_room_is_seen() {
    let mut run = Run::new(1, |_| (), |shape| shape.memory_limit_bytes = 2 << 20);
    for number in 0..1000_u32 {
        put(&mut run, &number.to_be_bytes(), &[0; 100]);
    }
    let before = run.store.totals();
    run.check_evictions(&before);
    let moved = run.store.reassign_page(PagePlace::Any, PagePlace::Free, Now::from_secs(100));
    assert!(moved.is_ok() && run.store.totals().evictions > 0);
    let panic = catch_unwind(AssertUnwindSafe(|| run.check_evictions(&before))).expect_err("it was not seen");
    let said = panic.downcast_ref::<String>().expect("an assertion with its values");
    assert!(said.contains("evicted with"), "{said}");
}

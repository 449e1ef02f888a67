//! Tests of the comparison itself: each kind of fault is planted by a change that the map or the store does not know,
//! and must be detected.

use super::{Deleted, Entry, FlushAt, Incoming, Now, Run};
use larder::clock::Deadline;
use larder::store::{PagePlace, StoreMode, Stored};
use std::panic::{AssertUnwindSafe, catch_unwind};

const KEY: &[u8] = b"key";
const OTHER: &[u8] = b"other";

/// The messages with which `check` fails after a fault was planted, for small and for large items.
fn messages_of(fault: impl Fn(&mut Run), check: impl Fn(&mut Run)) -> Vec<String> {
    let message = |length: usize| {
        let mut run = Run::new(1, |_| (), |setup| setup.memory_limit_bytes = 2 << 20);
        put(&mut run, KEY, &vec![b'1'; length]);
        put(&mut run, OTHER, &vec![b'2'; length]);
        check(&mut run);
        fault(&mut run);
        let panic =
            catch_unwind(AssertUnwindSafe(|| check(&mut run))).expect_err("the fault was not detected");
        panic.downcast_ref::<String>().cloned().expect("an assertion with its values")
    };
    [40, 40_000].map(message).to_vec()
}

fn assert_read_fails(fault: impl Fn(&mut Run)) {
    for message in messages_of(fault, |run| run.get(KEY)) {
        assert!(message.contains("S7"), "{message}");
    }
}

/// Stores without the map; returns the entry for the map.
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

/// Changes the value of KEY in the store only.
fn replace_value(run: &mut Run, change: impl Fn(&mut Vec<u8>)) {
    let mut value = run.naive.get(KEY, run.now).expect("it was put").value.clone();
    let right = value.clone();
    change(&mut value);
    let entry = store(run, KEY, &value);
    run.naive.note_stored(StoreMode::Set, KEY, Entry { value: right, ..entry }, run.now);
}

#[test]
fn a_stale_value_is_detected() {
    assert_read_fails(|run| {
        let known = run.naive.get_mut(KEY, run.now).expect("it was put");
        known.value.fill(b'3');
    });
}

#[test]
fn a_torn_value_is_detected() {
    assert_read_fails(|run| {
        replace_value(run, |value| {
            let half = value.len() / 2;
            value[half..].fill(b'0');
        });
    });
}

#[test]
fn a_wrong_bit_or_a_missing_byte_is_detected() {
    assert_read_fails(|run| replace_value(run, |value| value[7] ^= 1));
    assert_read_fails(|run| replace_value(run, |value| value.truncate(value.len() - 1)));
}

#[test]
fn the_value_of_another_key_is_detected() {
    assert_read_fails(|run| {
        let other = run.naive.get(OTHER, run.now).expect("it was put").value.clone();
        replace_value(run, |value| value.clone_from(&other));
    });
}

#[test]
fn an_expired_value_is_detected() {
    assert_read_fails(|run| {
        run.naive.get_mut(KEY, run.now).expect("it was put").deadline = Deadline::from_secs(run.now.secs());
    });
}

#[test]
fn a_value_that_survives_a_delete_or_a_delayed_flush_is_detected() {
    assert_read_fails(|run| drop(run.naive.remove(KEY)));
    assert_read_fails(|run| {
        run.naive.flush_later(run.now);
        assert!(run.naive.flush_if_due(run.now));
    });
}

#[test]
fn a_key_lost_without_an_eviction_is_detected() {
    let check = |run: &mut Run| {
        run.get(KEY);
        run.check();
    };
    let deleted = messages_of(|run| assert_eq!(run.store.delete(KEY, run.now), Deleted::Deleted), check);
    let flushed = messages_of(|run| run.store.flush_all(FlushAt::Immediately, run.now), check);
    for message in [deleted, flushed].concat() {
        assert!(message.contains("1 keys lost, 0 evicted"), "{message}");
    }
}

#[test]
fn a_charge_that_grows_over_a_lowered_limit_is_detected() {
    let grow = |run: &mut Run| {
        run.store.set_memory_limit(1 << 10);
        run.charged_bytes -= 1;
    };
    for message in messages_of(grow, Run::check) {
        assert!(message.contains("S3"), "{message}");
    }
}

/// A page move by an operator evicts items although memory is not short.
#[test]
fn an_eviction_without_memory_pressure_is_detected() {
    let mut run = Run::new(1, |_| (), |setup| setup.memory_limit_bytes = 2 << 20);
    for number in 0..1000_u32 {
        put(&mut run, &number.to_be_bytes(), &[0; 100]);
    }
    let before = run.store.totals();
    run.check_evictions(&before);
    let moved = run.store.reassign_page(PagePlace::Any, PagePlace::Free, Now::from_secs(100));
    assert!(moved.is_ok() && run.store.totals().evictions > 0);
    let panic = catch_unwind(AssertUnwindSafe(|| run.check_evictions(&before)))
        .expect_err("the fault was not detected");
    let message = panic.downcast_ref::<String>().expect("an assertion with its values");
    assert!(message.contains("evicted with"), "{message}");
}

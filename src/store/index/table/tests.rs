//! The table alone: growing, shrinking, memory per entry, ghosts.

use super::*;
use crate::store::item::{ChunkAt, Place};
use crate::store::memory::pool::Pool;
use std::sync::Arc;

fn handle(number: u32) -> Handle {
    ChunkAt { page: number / 1024, chunk: (number % 1024) as u16 }.into()
}

/// Spreads numbers as a hash would.
fn hash(number: u32) -> KeyHash {
    let mixed = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    KeyHash((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9))
}

fn hash_of(of: Handle) -> KeyHash {
    match of.place() {
        Place::Chunk(at) => hash(at.page * 1024 + u32::from(at.chunk)),
        Place::Large(_) => panic!("no large values here"),
    }
}

fn insert(index: &mut Index, number: u32) {
    while let Some(needed) = index.segment_needed() {
        index.add_segment(needed, Arc::new(Pool::new(u64::MAX, 32 << 10)).take().unwrap());
    }
    index.insert(hash(number), handle(number), hash_of);
}

fn found(index: &Index, number: u32) -> bool {
    index.candidates(hash(number)).any(|it| it == handle(number))
}

#[test]
fn entries_are_found_while_the_table_grows_and_shrinks() {
    let mut index = Index::new(32 << 10);
    assert!(!found(&index, 0) && !index.remove(hash(0), handle(0)));
    for number in 0..60_000 {
        insert(&mut index, number);
        if number % 9_973 == 0 {
            index.check_invariants(hash_of);
        }
    }
    assert!((0..60_000).all(|number| found(&index, number)));
    assert!((60_000..70_000).all(|number| !found(&index, number)));
    let grown = index.segments();
    for number in 100..60_000 {
        assert!(index.remove(hash(number), handle(number)));
    }
    assert!(!index.remove(hash(100), handle(100)));
    while !index.shrink(100, hash_of).is_empty() || index.buckets > 20 {}
    index.check_invariants(hash_of);
    assert!(index.segments() < grown / 2, "{} of {grown}", index.segments());
    assert!((0..100).all(|number| found(&index, number)));
}

#[test]
fn memory_per_entry_stays_constant_while_entries_grow_fourfold() {
    let mut index = Index::new(32 << 10);
    let mut per_entry = Vec::new();
    for number in 0..400_000 {
        insert(&mut index, number);
        if number >= 100_000 && number % 10_000 == 0 {
            per_entry.push((index.segments() << 15) as f64 / f64::from(number));
        }
    }
    let (least, most) = per_entry.iter().fold((f64::MAX, 0f64), |(a, b), x| (a.min(*x), b.max(*x)));
    assert!(most < 10.0 && most / least < 1.15, "{least:.2} to {most:.2} bytes");
}

#[test]
fn replacing_entries_at_constant_count_needs_no_more_memory() {
    let mut index = Index::new(32 << 10);
    (0..50_000).for_each(|number| insert(&mut index, number));
    let settled = index.segments();
    for number in 50_000..200_000 {
        assert!(index.remove(hash(number - 50_000), handle(number - 50_000)));
        insert(&mut index, number);
    }
    assert!(index.segments() <= settled + 1, "{settled} to {}", index.segments());
    index.check_invariants(hash_of);
}

#[test]
fn redirect_replaces_the_handle_of_an_entry() {
    let mut index = Index::new(32 << 10);
    insert(&mut index, 1);
    assert!(index.redirect(hash(1), handle(1), handle(9)));
    assert!(!index.redirect(hash(1), handle(1), handle(9)));
    assert_eq!(index.candidates(hash(1)).next(), Some(handle(9)));
}

#[test]
fn ghosts_of_the_latest_evictions_are_taken_once_and_older_ones_are_lost() {
    let mut index = Index::new(32 << 10);
    assert!(!index.take_ghost(hash(1)), "no memory, no ghosts");
    (0..10_000).for_each(|number| insert(&mut index, number));
    (0..100_000).for_each(|number| index.add_ghost(hash(number)));
    let known = (0..100_000).filter(|number| index.take_ghost(hash(*number))).collect::<Vec<_>>();
    assert!((4_900..5_100).contains(&known.len()), "{}: one ghost per two entries", known.len());
    let late = known.iter().filter(|number| **number >= 80_000).count();
    assert!(late * 100 > known.len() * 98, "{late} of the latest");
    assert!(!known.iter().any(|number| index.take_ghost(hash(*number))), "each is taken once");
}

#[test]
fn growing_keeps_the_ghosts() {
    let mut index = Index::new(32 << 10);
    (0..1000).for_each(|number| insert(&mut index, number));
    (0..100).for_each(|number| index.add_ghost(hash(number)));
    (1000..20_000).for_each(|number| insert(&mut index, number));
    assert!((0..100).filter(|number| index.take_ghost(hash(*number))).count() > 95);
}

//! The pool alone: charging, reuse, refusal and return of pages.

use crate::store::memory::pool::{Pages, Pool};
use std::sync::Arc;

const PAGE_BYTES: usize = 32 << 10;

fn pool(pages: u64) -> Arc<Pool> {
    let pool = Pool::new(0, PAGE_BYTES);
    let limit_bytes = pages * pool.page_charge();
    Arc::new(Pool::new(limit_bytes, PAGE_BYTES))
}

fn take(pool: &Arc<Pool>, count: usize) -> Pages {
    (0..count).map_while(|_| pool.take()).collect::<Vec<_>>().into()
}

#[test]
fn pages_are_taken_up_to_the_limit_and_used_again() {
    let pool = pool(3);
    let mut pages = take(&pool, 10);
    assert_eq!((pages.len(), pool.charged_bytes()), (3, 3 * pool.page_charge()));
    assert!(pages.iter().all(|page| page.len() == PAGE_BYTES && page.iter().all(|byte| *byte == 0)));
    pages[2].fill(7);
    drop(Pages::from(pages.split_off(2)));
    assert_eq!((pool.charged_bytes(), pool.free_bytes()), (2 * pool.page_charge(), PAGE_BYTES as u64));
    assert!(pool.take().unwrap().iter().all(|byte| *byte == 7), "the same page with its old content");
    pool.check();
}

#[test]
fn heap_bytes_are_charged_in_place_of_free_pages() {
    let pool = pool(3);
    let pages = take(&pool, 3);
    assert!(pool.try_charge(1).is_none(), "every page is in use");
    drop(pages);
    let charge = pool.try_charge(100).unwrap();
    assert_eq!((charge.bytes(), pool.heap_bytes(), pool.charged_bytes()), (100, 100, 100));
    assert_eq!(take(&pool, 3).len(), 2, "the charge of one page moved to the heap");
    assert!(!pool.trim(10, false));
    assert_eq!(pool.free_bytes(), 2 * PAGE_BYTES as u64, "and was returned");
    drop(charge);
    assert_eq!(take(&pool, 4).len(), 3, "and moved back");
    pool.check();
}

#[test]
fn a_page_in_use_is_exchanged_for_heap_bytes_over_a_lowered_limit() {
    let pool = pool(3);
    let mut pages = take(&pool, 3);
    pool.set_limit_bytes(pool.page_charge());
    assert!(pool.try_charge(1).is_none());
    let charge = pool.charge_in_place_of(pages.pop().unwrap(), 500).unwrap();
    assert_eq!(pool.charged_bytes(), 2 * pool.page_charge() + charge.bytes());
    assert!(pool.charge_in_place_of(pages.pop().unwrap(), pool.page_charge() + 1).is_none());
}

#[test]
fn over_a_lowered_limit_no_page_is_taken_and_free_pages_are_returned() {
    let pool = pool(4);
    let mut pages = take(&pool, 4);
    pool.set_limit_bytes(2 * pool.page_charge());
    assert_eq!(pool.excess_bytes(), 2 * pool.page_charge());
    drop(Pages::from(pages.split_off(1)));
    assert!(pool.take().is_none(), "free pages are over the limit");
    assert_eq!(pool.excess_bytes(), 0);
    assert!(pool.trim(1, false) && pool.trim(1, false), "in steps");
    assert!(!pool.trim(1, false), "until the limit holds");
    assert_eq!(pool.free_bytes(), PAGE_BYTES as u64);
    assert!(pool.take().is_some() && !pool.trim(9, true));
    assert_eq!(pool.free_bytes(), 0, "all of them when everything was flushed");
    pool.check();
}

#[test]
fn incoming_values_may_take_half_of_the_limit() {
    let pool = pool(4);
    let mut share = pool.reserve_incoming(pool.page_charge()).unwrap();
    assert!(pool.reserve_incoming(pool.page_charge() + 1).is_none());
    share.join(pool.reserve_incoming(pool.page_charge()).unwrap());
    assert_eq!(pool.incoming_bytes(), 2 * pool.page_charge());
    drop(share);
    assert_eq!(pool.incoming_bytes(), 0);
}

#[test]
fn a_page_dropped_by_another_thread_returns_to_the_pool() {
    let pool = pool(2);
    let pages = take(&pool, 1);
    std::thread::spawn(move || drop(pages)).join().unwrap();
    assert_eq!((pool.charged_bytes(), pool.free_bytes()), (0, PAGE_BYTES as u64));
    assert_eq!(take(&pool, 3).len(), 2);
}

#[test]
fn a_page_dropped_alone_is_unmapped_and_uncharged() {
    let pool = pool(2);
    drop(pool.take());
    assert_eq!((pool.charged_bytes(), pool.free_bytes()), (0, 0));
    assert_eq!(take(&pool, 3).len(), 2);
    pool.check();
}

#[test]
#[should_panic(expected = "S3")]
fn check_detects_a_charge_over_the_limit() {
    let pool = pool(2);
    pool.plant_charge_over_the_limit();
    pool.check();
}

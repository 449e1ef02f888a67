//! What all shards and workers share, under the orders in which a few threads can meet: the pool of pages, the sequence
//! of CAS uniques, the counters of requests, the right to run a task, the scheduler of the event loop.
//! [shuttle](https://docs.rs/shuttle) runs each test once per order, and prints the order that fails.
//!
//! The files are larder's own, built here with the types of `tests/schedules/sync.rs`. Not tried: a thread that sees
//! the stores of another in another order than they were made. Nothing here rests on the order of two atomic values
//! outside of a lock.

#[path = "../../src/store/item/cas.rs"]
mod cas;
#[path = "../../src/telemetry/counters.rs"]
#[expect(dead_code, reason = "larder has more counters than are looked at")]
mod counters;
mod event_loop;
#[path = "../../src/store/memory/pool.rs"]
#[expect(dead_code, reason = "the store uses more of it")]
mod pool;
mod sync;

use cas::CasSequence;
use counters::Counters;
use pool::{Pages, Pool};
use shuttle::scheduler::{DfsScheduler, PctScheduler, Scheduler};
use shuttle::{Config, Runner, thread};
use std::sync::Arc;
use sync::Mutex;

const PAGE_BYTES: usize = 4096;

/// Orders tried where there are too many for all of them, and the switches at bad moments that these are chosen for.
const ORDERS: usize = 5000;
const BAD_SWITCHES: usize = 3;

fn run(scheduler: impl Scheduler + 'static, test: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::new();
    // That all orderings are taken for the strictest one is said above.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(test)
}

/// Every order there is.
fn every_order(test: impl Fn() + Send + Sync + 'static) {
    assert!(run(DfsScheduler::new(None, false), test) > 1);
}

/// Many orders, the same ones each time.
fn many_orders(test: impl Fn() + Send + Sync + 'static) {
    run(PctScheduler::new_from_seed(1, BAD_SWITCHES, ORDERS), test);
}

/// A pool with room for so many pages.
fn pool(pages: u64) -> Arc<Pool> {
    let charge = Pool::new(0, PAGE_BYTES).page_charge();
    Arc::new(Pool::new(pages * charge, PAGE_BYTES))
}

#[test]
fn of_two_that_want_the_last_page_one_gets_it() {
    every_order(|| {
        let pool = pool(1);
        let takers = [0, 1].map(|_| {
            let pool = pool.clone();
            thread::spawn(move || pool.take())
        });
        let taken: Vec<_> = takers.into_iter().filter_map(|taker| taker.join().unwrap()).collect();
        let taken = Pages::from(taken);
        assert_eq!((taken.len(), pool.charged_bytes()), (1, pool.page_charge()));
        drop(taken);
        assert_eq!((pool.charged_bytes(), pool.free_bytes()), (0, PAGE_BYTES as u64));
        pool.check();
    });
}

#[test]
fn a_page_dropped_by_a_reader_is_charged_until_then_and_free_afterwards() {
    every_order(|| {
        let pool = pool(1);
        let page = Pages::from(vec![pool.take().unwrap()]);
        let reader = thread::spawn(move || drop(page));
        let taken = pool.take();
        assert!(taken.is_none() || pool.charged_bytes() == pool.page_charge(), "there is only one");
        reader.join().unwrap();
        assert!(taken.is_some() || pool.take().is_some());
        pool.check();
    });
}

#[test]
fn pages_and_bytes_on_the_heap_never_pass_the_limit_together() {
    every_order(|| {
        let pool = pool(2);
        drop(pool.take().map(|page| Pages::from(vec![page])));
        let pages = {
            let pool = pool.clone();
            thread::spawn(move || [pool.take(), pool.take()])
        };
        let heap = pool.try_charge(100);
        let pages = pages.join().unwrap();
        let count = pages.iter().flatten().count();
        assert!(count == 2 && heap.is_none() || count == 1 && heap.is_some(), "one of the two is refused");
        pool.check();
        drop((pages, heap));
        assert_eq!(pool.charged_bytes(), 0);
    });
}

#[test]
fn a_limit_lowered_beside_takers_is_met_once_they_let_go() {
    every_order(|| {
        let pool = pool(3);
        let held = pool.take();
        let taker = {
            let pool = pool.clone();
            thread::spawn(move || pool.take())
        };
        pool.set_limit_bytes(pool.page_charge());
        assert!(pool.take().is_none(), "who lowered it is bound by it");
        while pool.trim(1, false) {}
        let taken = taker.join().unwrap();
        assert_eq!(pool.excess_bytes(), if taken.is_some() { pool.page_charge() } else { 0 });
        pool.check();
        drop([held, taken].map(|page| Pages::from(Vec::from_iter(page))));
        while pool.trim(1, false) {}
        assert!(pool.free_bytes() <= PAGE_BYTES as u64);
    });
}

#[test]
fn uniques_drawn_at_once_differ_and_grow() {
    every_order(|| {
        let sequence = Arc::new(CasSequence::new(true));
        let threads = [0, 1].map(|_| {
            let sequence = sequence.clone();
            thread::spawn(move || [sequence.draw(), sequence.draw()])
        });
        let drawn = threads.map(|it| it.join().unwrap());
        assert!(drawn.iter().all(|[first, second]| first < second));
        let mut all = drawn.concat();
        all.sort_unstable();
        assert_eq!(all, [2, 3, 4, 5], "none twice, none left out");
        assert!(sequence.next() == 6 && sequence.is_in_storage_order());
    });
}

/// As in a shard: the unique is drawn under the lock that the item lies under.
#[test]
fn the_unique_of_an_item_grows_and_was_drawn_or_chosen() {
    every_order(|| {
        let shared = Arc::new((CasSequence::new(true), Mutex::new(1)));
        let writers = [None, Some(900)].map(|chosen| {
            let shared = shared.clone();
            thread::spawn(move || {
                let (sequence, item) = &*shared;
                let mut cas = item.lock();
                let drawn = sequence.draw_or(chosen);
                assert!(drawn > *cas || *cas == 900, "S6: it grows");
                *cas = drawn;
            })
        });
        let (sequence, item) = &*shared;
        let seen = *item.lock();
        if seen != 1 {
            sequence.check(seen);
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert!(!sequence.is_in_storage_order(), "one was chosen");
    });
}

/// Sums were once read before the baseline: a reset in between made them less than nothing, which wraps.
#[test]
fn counts_survive_a_reset_and_never_fall_below_it() {
    many_orders(|| {
        let counters = Arc::new(Counters::new(1));
        let worker = {
            let counters = counters.clone();
            thread::spawn(move || {
                counters.worker(0).get_hits.add(1);
                counters.worker(0).get_hits.add(1);
            })
        };
        let reset = {
            let counters = counters.clone();
            thread::spawn(move || counters.reset())
        };
        let seen = counters.totals().get_hits;
        assert!(seen <= 2, "{seen} of 2 requests");
        worker.join().unwrap();
        reset.join().unwrap();
        assert!(counters.totals().get_hits <= 2);
    });
}

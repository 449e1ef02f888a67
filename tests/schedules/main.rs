//! Data shared between threads, under the orders in which a few threads can interleave: the pool of pages, the sequence
//! of CAS uniques, the counters of requests, the right to run a task, the scheduler of the event loop.
//!
//! [shuttle](https://docs.rs/shuttle) runs each test once per order, and prints the order of a failure. The files are
//! larder's own, built here with the types of `tests/schedules/sync.rs`. Weak memory orderings are not modelled: no
//! invariant depends on the order of two atomic values outside of a lock.

#[path = "../../src/store/item/cas.rs"]
mod cas;
#[path = "../../src/telemetry/counters.rs"]
#[expect(dead_code, reason = "the tests read few of the counters")]
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

/// Orders that are run where there are too many to run all, and the context switches for which these are chosen.
const ORDERS: usize = 5000;
const BAD_SWITCHES: usize = 3;

fn run(scheduler: impl Scheduler + 'static, test: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::new();
    // shuttle warns that it treats all orderings as sequentially consistent; see the module documentation.
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(test)
}

/// Runs a test in every order.
fn every_order(test: impl Fn() + Send + Sync + 'static) {
    assert!(run(DfsScheduler::new(None, false), test) > 1);
}

/// Runs a test in many orders, the same ones each time.
fn many_orders(test: impl Fn() + Send + Sync + 'static) {
    run(PctScheduler::new_from_seed(1, BAD_SWITCHES, ORDERS), test);
}

/// A pool with this many pages.
fn pool(pages: u64) -> Arc<Pool> {
    let charge = Pool::new(0, PAGE_BYTES).page_charge();
    Arc::new(Pool::new(pages * charge, PAGE_BYTES))
}

#[test]
fn one_of_two_threads_gets_the_last_page() {
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
fn a_page_is_charged_until_its_reader_drops_it() {
    every_order(|| {
        let pool = pool(1);
        let page = Pages::from(vec![pool.take().unwrap()]);
        let reader = thread::spawn(move || drop(page));
        let taken = pool.take();
        assert!(taken.is_none() || pool.charged_bytes() == pool.page_charge(), "there is only one page");
        reader.join().unwrap();
        assert!(taken.is_some() || pool.take().is_some());
        pool.check();
    });
}

#[test]
fn pages_and_heap_bytes_together_never_exceed_the_limit() {
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
        assert!(
            count == 2 && heap.is_none() || count == 1 && heap.is_some(),
            "exactly one of them is refused"
        );
        pool.check();
        drop((pages, heap));
        assert_eq!(pool.charged_bytes(), 0);
    });
}

#[test]
fn a_lowered_limit_holds_once_concurrent_takers_drop_their_pages() {
    every_order(|| {
        let pool = pool(3);
        let held = pool.take();
        let taker = {
            let pool = pool.clone();
            thread::spawn(move || pool.take())
        };
        pool.set_limit_bytes(pool.page_charge());
        assert!(pool.take().is_none(), "a page beyond the lowered limit");
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
fn concurrently_drawn_uniques_differ_and_grow() {
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
        assert_eq!(all, [2, 3, 4, 5], "a unique is drawn twice or skipped");
        assert!(sequence.next() == 6 && sequence.is_in_storage_order());
    });
}

/// As in a shard, the unique is drawn under the lock of the item.
#[test]
fn the_unique_of_an_item_grows_unless_a_client_sets_it() {
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
        assert!(!sequence.is_in_storage_order(), "a client set one");
    });
}

/// Regression test: totals that were read before the baseline wrapped below 0 after a reset in between.
#[test]
fn totals_never_wrap_below_0_after_a_reset() {
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

//! What all shards and workers share, under the orders in which a few threads can meet: the budget, the sequence of CAS
//! uniques, the counters of requests, the right to run a task,
//! the scheduler of the event loop. [shuttle](https://docs.rs/shuttle) runs each test once per order, and prints the
//! order that fails.
//!
//! The files are larder's own, built here with the types of `tests/schedules/sync.rs`. Not tried: a thread that sees
//! the stores of another in another order than they were made. Nothing here rests on the order of two atomic values
//! outside of a lock.

#[path = "../../src/store/budget.rs"]
#[expect(dead_code, reason = "the store uses more of it")]
mod budget;
#[path = "../../src/store/cas.rs"]
mod cas;
#[path = "../../src/telemetry/counters.rs"]
#[expect(dead_code, reason = "larder has more counters than are looked at")]
mod counters;
mod event_loop;
mod sync;

use budget::{Account, Budget};
use cas::CasSequence;
use counters::Counters;
use shuttle::scheduler::{DfsScheduler, PctScheduler, Scheduler};
use shuttle::{Config, Runner, thread};
use std::sync::Arc;
use sync::Mutex;

const LIMIT_BYTES: u64 = 100;

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

#[test]
fn charges_at_once_never_pass_the_limit_together() {
    every_order(|| {
        let budget = Arc::new(Budget::new(LIMIT_BYTES));
        let charges = [60, 50].map(|bytes| {
            let budget = budget.clone();
            thread::spawn(move || budget.try_charge(bytes).then_some(bytes))
        });
        assert!(budget.charged_bytes() <= LIMIT_BYTES);
        let taken: Vec<u64> = charges.into_iter().filter_map(|it| it.join().unwrap()).collect();
        assert_eq!(taken.len(), 1, "one of them, and never none");
        assert_eq!(budget.charged_bytes(), taken[0]);
    });
}

#[test]
fn charges_and_refunds_at_once_are_all_counted() {
    every_order(|| {
        let budget = Arc::new(Budget::new(LIMIT_BYTES));
        let owners = [30, 20].map(|bytes| {
            let mut account = Account::new(budget.clone());
            thread::spawn(move || {
                assert!(account.try_charge(bytes) && account.try_charge(5));
                account.refund(bytes);
                account
            })
        });
        let [mut one, mut other] = owners.map(|owner| owner.join().unwrap());
        assert_eq!((one.charged_bytes(), other.charged_bytes()), (5, 5));
        assert_eq!(budget.charged_bytes(), 10);
        one.take_over(&mut other);
        drop((one, other));
        assert_eq!(budget.charged_bytes(), 0);
    });
}

#[test]
fn a_charge_beside_a_lowered_limit_stays_within_the_old_one() {
    every_order(|| {
        let budget = Arc::new(Budget::new(LIMIT_BYTES));
        let charge = {
            let budget = budget.clone();
            thread::spawn(move || budget.try_charge(60))
        };
        budget.set_limit_bytes(50);
        assert!(!budget.try_charge(51), "who lowered it is bound by it");
        let charged = charge.join().unwrap();
        assert_eq!(budget.excess_bytes(), if charged { 10 } else { 0 });
        budget.check();
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
        assert!(sequence.next() == 6 && sequence.is_orderly());
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
        assert!(!sequence.is_orderly(), "one was chosen");
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
        let seen = counters.sums().get_hits;
        assert!(seen <= 2, "{seen} of 2 requests");
        worker.join().unwrap();
        reset.join().unwrap();
        assert!(counters.sums().get_hits <= 2);
    });
}

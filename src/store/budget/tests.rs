//! Charges, refusals and refunds in one thread; `tests/schedules` has several.

use super::budget::{Account, Budget, allocated_bytes};
use std::sync::Arc;

#[test]
fn a_charge_over_the_limit_is_refused_and_leaves_nothing_behind() {
    let budget = Budget::new(100);
    assert!(budget.try_charge(60));
    assert!(!budget.try_charge(41));
    assert!(budget.try_charge(40));
    assert_eq!(budget.left_bytes(), 0);
    budget.refund(60);
    assert_eq!(budget.charged_bytes(), 40);
    assert!(!budget.try_charge(u64::MAX));
}

#[test]
fn an_account_gives_back_what_it_holds() {
    let budget = Arc::new(Budget::new(100));
    let mut one = Account::new(budget.clone());
    let mut other = Account::new(budget.clone());
    assert!(one.try_charge(30) && other.try_charge(20) && !other.try_charge(51));
    one.take_over(&mut other);
    drop(other);
    assert_eq!((one.charged_bytes(), budget.charged_bytes()), (50, 50));
    one.refund(10);
    drop(one);
    assert_eq!(budget.charged_bytes(), 0);
}

#[test]
fn allocations_are_rounded_to_four_sizes_per_doubling() {
    for (bytes, taken) in [
        (1, 8),
        (64, 64),
        (65, 80),
        (1024, 1024),
        (1025, 1280),
        (5136, 6144),
        (10_256, 12_288),
        (65_537, 69_632),
    ] {
        assert_eq!(allocated_bytes(bytes), taken, "{bytes}");
    }
}

#[test]
fn a_lowered_limit_shows_the_excess() {
    let budget = Budget::new(100);
    assert!(budget.try_charge(80));
    budget.set_limit_bytes(50);
    assert_eq!((budget.excess_bytes(), budget.left_bytes()), (30, 0));
    assert!(!budget.try_charge(1));
}

#[test]
fn over_a_lowered_limit_who_has_given_back_twice_what_it_needs_may_have_it_once() {
    let budget = Arc::new(Budget::new(100));
    let mut account = Account::new(budget.clone());
    assert!(account.try_charge(100));
    account.refund(20);
    let mut other = Account::new(budget.clone());
    assert!(other.try_charge(20) && !account.try_charge(10), "the limit holds where it was not lowered");
    budget.set_limit_bytes(50);
    assert!(!account.try_charge(11) && account.try_charge(10) && !account.try_charge(1));
    assert_eq!((account.charged_bytes(), budget.charged_bytes()), (90, 110));
    assert!(!other.try_charge(1), "who has given nothing back gets nothing");
}

#[test]
fn what_is_withheld_is_forgotten_with_the_limit_that_it_was_of() {
    let budget = Budget::new(10_000);
    budget.withhold(600);
    assert_eq!(budget.chargeable_bytes(), 9400);
    budget.set_limit_bytes(500);
    assert_eq!((budget.withheld_bytes(), budget.chargeable_bytes()), (0, 500));
    assert!(budget.try_charge(500));
}

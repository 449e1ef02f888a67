//! Totals in one thread; `tests/schedules` has several.

use super::Counters;

#[test]
fn sums_run_over_all_workers_and_start_anew_at_a_reset() {
    let counters = Counters::new(2);
    counters.worker(0).get_hits.add(3);
    counters.worker(1).get_hits.add(4);
    assert_eq!(counters.totals().get_hits, 7);
    counters.reset();
    assert_eq!(counters.totals().get_hits, 0);
    counters.worker(1).get_hits.add(1);
    assert_eq!(counters.totals().get_hits, 1);
}

//! Totals in one thread; `tests/schedules` checks several threads.

use super::Counters;

#[test]
fn totals_include_all_workers_and_start_at_0_after_a_reset() {
    let counters = Counters::new(2);
    counters.worker(0).get_hits.add(3);
    counters.worker(1).get_hits.add(4);
    assert_eq!(counters.totals().get_hits, 7);
    counters.reset();
    assert_eq!(counters.totals().get_hits, 0);
    counters.worker(1).get_hits.add(1);
    assert_eq!(counters.totals().get_hits, 1);
}

//! Rates of the last ten minutes, in steps of two seconds.

use super::snapshot::Stats;
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// Length of a step in seconds.
pub(super) const STEP_SECS: u32 = 2;

/// Steps that are kept: ten minutes.
const STEPS_MAX: usize = 300;

/// The series: a name, and the stats that it sums up.
const SERIES: [(&str, &[&str]); 6] = [
    ("reads", &["get_hits", "get_misses"]),
    ("hits", &["get_hits"]),
    ("writes", &["cmd_set"]),
    ("evictions", &["evictions"]),
    ("bytes_in", &["bytes_read"]),
    ("bytes_out", &["bytes_written"]),
];

/// Rates per second, in the order of [`SERIES`].
type Rates = [f64; SERIES.len()];

/// The steps, oldest first.
#[derive(Default)]
pub(super) struct History {
    /// Totals at the last step, and its time in microseconds.
    last: Option<(Rates, u64)>,
    steps: VecDeque<Rates>,
}

impl History {
    /// Adds a step from the present `stats`.
    pub(super) fn record(&mut self, stats: &Stats, now_micros: u64) {
        let totals = SERIES.map(|(_, names)| names.iter().map(|name| stats.get(name).unwrap_or(0.0)).sum());
        if let Some((before, then_micros)) = self.last.replace((totals, now_micros)) {
            let secs = now_micros.saturating_sub(then_micros) as f64 / 1e6;
            if secs > 0.0 {
                self.push(rates(&totals, &before, secs));
            }
        }
    }

    fn push(&mut self, rates: Rates) {
        if self.steps.len() == STEPS_MAX {
            self.steps.pop_front();
        }
        self.steps.push_back(rates);
    }

    /// As JSON: one list per series.
    pub(super) fn json(&self) -> Value {
        let mut lists = Map::new();
        lists.insert("step_secs".to_owned(), STEP_SECS.into());
        for (at, (name, _)) in SERIES.iter().enumerate() {
            let rates: Value = self.steps.iter().map(|rates| (rates[at] * 10.0).round() / 10.0).collect();
            lists.insert((*name).to_owned(), rates);
        }
        Value::Object(lists)
    }
}

fn rates(totals: &Rates, before: &Rates, secs: f64) -> Rates {
    std::array::from_fn(|at| {
        // After `stats reset` the total itself is the increase.
        let since = if totals[at] < before[at] { totals[at] } else { totals[at] - before[at] };
        since / secs
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record_at(stats: &[(&'static str, f64)], at_secs: u64, history: &mut History) {
        history.record(&stats.iter().copied().collect(), at_secs * 1_000_000);
    }

    #[test]
    fn a_step_is_the_rate_per_second() {
        let mut history = History::default();
        record_at(&[("get_hits", 5.0), ("get_misses", 1.0)], 1, &mut history);
        assert_eq!(history.json()["reads"], serde_json::json!([]));
        record_at(&[("get_hits", 11.0), ("get_misses", 5.0)], 3, &mut history);
        assert_eq!(history.json()["reads"], serde_json::json!([5.0]));
        assert_eq!(history.json()["hits"], serde_json::json!([3.0]));
        record_at(&[("get_hits", 2.0)], 4, &mut history);
        assert_eq!(history.json()["hits"], serde_json::json!([3.0, 2.0]));
    }

    #[test]
    fn ten_minutes_are_kept() {
        let mut history = History::default();
        for step in 0..STEPS_MAX as u64 + 10 {
            record_at(&[("cmd_set", (step * step) as f64)], step, &mut history);
        }
        let writes = history.json()["writes"].as_array().unwrap().clone();
        assert_eq!(writes.len(), STEPS_MAX);
        assert_eq!(writes[0], serde_json::json!(19.0));
    }
}

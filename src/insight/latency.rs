//! Latency of requests by command family: one set of histograms per worker, which only that worker writes. A report
//! sums them up.
//!
//! The histograms of the `histogram` crate have log-linear buckets. A quantile is the middle of its bucket, so its
//! error is at most 1/32 of its value. Times below 32 ns are exact; longer times than [`NANOS_MAX`] count as that.
//!
//! Invariants: `record` takes no lock and allocates nothing; `reset` moves a baseline and does not write to the
//! workers' histograms.

use super::report::Latency;
use crate::sync::Mutex;
use histogram::{AtomicHistogram, Bucket, Config, Histogram};

/// The longest time that a histogram distinguishes, in nanoseconds: about 69 seconds.
pub const NANOS_MAX: u64 = (1 << NANOS_MAX_POWER) - 1;

const NANOS_MAX_POWER: u8 = 36;

/// There are 2 to this power of buckets between a time and its double.
const GROUPING_POWER: u8 = 4;

const CONFIG: Config = match Config::new(GROUPING_POWER, NANOS_MAX_POWER) {
    Ok(config) => config,
    Err(_) => panic!("more powers for grouping than for values"),
};

/// Commands whose latency is counted together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandFamily {
    /// get, gets, gat, gats.
    Get,
    /// set, add, replace, append, prepend, cas.
    Set,
    /// delete.
    Delete,
    /// incr, decr.
    Arithmetic,
    /// touch.
    Touch,
    /// The meta commands.
    Meta,
    /// All others.
    Other,
}

impl CommandFamily {
    /// All families, in the order of their numbers.
    pub const ALL: [CommandFamily; 7] = [
        CommandFamily::Get,
        CommandFamily::Set,
        CommandFamily::Delete,
        CommandFamily::Arithmetic,
        CommandFamily::Touch,
        CommandFamily::Meta,
        CommandFamily::Other,
    ];

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            CommandFamily::Get => "get",
            CommandFamily::Set => "set",
            CommandFamily::Delete => "delete",
            CommandFamily::Arithmetic => "arithmetic",
            CommandFamily::Touch => "touch",
            CommandFamily::Meta => "meta",
            CommandFamily::Other => "other",
        }
    }
}

/// The histograms of one worker, one per family.
type WorkerLatencies = [AtomicHistogram; CommandFamily::ALL.len()];

/// The histograms of all workers.
#[derive(Debug)]
pub struct Latencies {
    workers: Box<[WorkerLatencies]>,
    /// Per family, the counts of all workers at the last reset.
    baseline: Mutex<Vec<Histogram>>,
}

impl Latencies {
    /// Histograms for this many workers.
    pub fn new(workers: usize) -> Latencies {
        let worker = |_| CommandFamily::ALL.map(|_| AtomicHistogram::with_config(&CONFIG));
        let baseline = CommandFamily::ALL.map(|_| Histogram::with_config(&CONFIG));
        Latencies { workers: (0..workers).map(worker).collect(), baseline: Mutex::new(baseline.into()) }
    }

    /// Records a request that a worker has answered. The number of a worker that does not exist is ignored.
    pub fn record(&self, worker: usize, family: CommandFamily, nanos: u64) {
        if let Some(worker) = self.workers.get(worker) {
            // Never out of range: `NANOS_MAX` is the largest value of a histogram.
            let _ = worker[family as usize].increment(nanos.min(NANOS_MAX));
        }
    }

    /// The latency of each family with requests since the last reset.
    pub fn report(&self) -> Vec<Latency> {
        // The lock comes first: a baseline that is set after the totals were read would exceed them.
        let baseline = self.baseline.lock();
        let families = CommandFamily::ALL.into_iter().zip(baseline.iter());
        families
            .filter_map(|(family, baseline)| {
                let since = self.total(family).wrapping_sub(baseline).ok()?;
                figures_of(family, &since)
            })
            .collect()
    }

    /// Starts counting again.
    pub fn reset(&self) {
        let mut baseline = self.baseline.lock();
        *baseline = CommandFamily::ALL.map(|family| self.total(family)).into();
    }

    /// Memory of the histograms, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let histograms = (self.workers.len() + 1) * CommandFamily::ALL.len();
        (histograms * (CONFIG.total_buckets() * size_of::<u64>() + size_of::<Histogram>())) as u64
    }

    fn total(&self, family: CommandFamily) -> Histogram {
        let mut total = Histogram::with_config(&CONFIG);
        for worker in &self.workers {
            let counts = worker[family as usize].load();
            for (sum, count) in total.as_mut_slice().iter_mut().zip(counts.as_slice()) {
                *sum = sum.wrapping_add(*count);
            }
        }
        total
    }
}

/// The sum of all counted times, as if each were in the middle of its bucket.
fn sum_nanos(counted: &Histogram) -> u64 {
    let middle = |bucket: &Bucket| bucket.start().midpoint(bucket.end());
    counted
        .into_iter()
        .fold(0, |sum, bucket| sum.saturating_add(middle(&bucket).saturating_mul(bucket.count())))
}

/// `None` if nothing was counted.
fn figures_of(family: CommandFamily, counted: &Histogram) -> Option<Latency> {
    let quantiles = counted.quantiles(&[0.5, 0.99, 0.999]).ok()??;
    let mut nanos = quantiles.entries().values().map(|bucket| bucket.start().midpoint(bucket.end()));
    Some(Latency {
        commands: family.as_str(),
        count: u64::try_from(quantiles.total_count()).unwrap_or(u64::MAX),
        sum_nanos: sum_nanos(counted),
        p50_nanos: nanos.next()?,
        p99_nanos: nanos.next()?,
        p999_nanos: nanos.next()?,
        max_nanos: quantiles.max().end(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative error of a quantile, at most: half the widest bucket divided by its start.
    const ERROR_MAX: f64 = 1.0 / 32.0;

    /// The smallest value that at least `share` of the sorted values do not exceed.
    fn exact(sorted: &[u64], share: f64) -> u64 {
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted[rank.clamp(1, sorted.len()) - 1]
    }

    fn off_by(estimate: u64, exact: u64) -> f64 {
        (estimate as f64 - exact as f64).abs() / exact as f64
    }

    #[test]
    fn quantiles_of_any_distribution_are_within_the_error() {
        let mut random = fastrand::Rng::with_seed(1);
        for case in 0..40 {
            let latencies = Latencies::new(3);
            let (from, to) = (random.f64() * 20.0 + 6.6, random.f64() * 20.0 + 6.6);
            let mut all: Vec<u64> = (0..random.usize(1..5000))
                .map(|_| 2f64.powf(from + (to - from) * random.f64()) as u64)
                .collect();
            all.iter().for_each(|nanos| latencies.record(random.usize(..3), CommandFamily::Meta, *nanos));
            all.sort_unstable();
            let report = latencies.report();
            let [report] = report[..] else { panic!("one family: {report:?}") };
            assert_eq!((report.commands, report.count), ("meta", all.len() as u64));
            for (share, estimate) in
                [(0.5, report.p50_nanos), (0.99, report.p99_nanos), (0.999, report.p999_nanos)]
            {
                assert!(off_by(estimate, exact(&all, share)) <= ERROR_MAX, "case {case}, {share}");
            }
            assert!(off_by(report.sum_nanos, all.iter().sum()) <= ERROR_MAX, "case {case}");
            let max = all[all.len() - 1];
            assert!(report.max_nanos >= max && off_by(report.max_nanos, max) <= 2.0 * ERROR_MAX);
        }
    }

    #[test]
    fn longer_times_than_the_maximum_count_as_the_maximum() {
        let latencies = Latencies::new(1);
        latencies.record(0, CommandFamily::Get, u64::MAX);
        let [report] = latencies.report()[..] else { panic!("one family") };
        assert_eq!(report.max_nanos, NANOS_MAX);
        assert!(report.p50_nanos > 60_000_000_000 && report.p50_nanos <= NANOS_MAX);
    }

    #[test]
    fn families_are_counted_separately_and_unused_ones_are_left_out() {
        let latencies = Latencies::new(2);
        assert!(latencies.report().is_empty());
        for (count, family) in CommandFamily::ALL.into_iter().enumerate() {
            (0..count).for_each(|_| latencies.record(1, family, 1000));
        }
        let counts: Vec<(&str, u64)> =
            latencies.report().iter().map(|row| (row.commands, row.count)).collect();
        let expected =
            [("set", 1), ("delete", 2), ("arithmetic", 3), ("touch", 4), ("meta", 5), ("other", 6)];
        assert_eq!(counts, expected);
    }

    #[test]
    fn a_reset_starts_counts_and_maximum_again() {
        let latencies = Latencies::new(1);
        latencies.record(0, CommandFamily::Get, 1_000_000_000);
        latencies.reset();
        assert!(latencies.report().is_empty());
        latencies.record(0, CommandFamily::Get, 1000);
        let [report] = latencies.report()[..] else { panic!("one family") };
        assert_eq!(report.count, 1);
        assert!(report.max_nanos < 1100);
    }

    #[test]
    fn an_unknown_worker_is_ignored() {
        let latencies = Latencies::new(1);
        latencies.record(1, CommandFamily::Get, 1000);
        assert!(latencies.report().is_empty());
    }

    #[test]
    fn reports_are_complete_while_workers_record() {
        let latencies = Latencies::new(2);
        std::thread::scope(|scope| {
            for worker in 0..2 {
                let latencies = &latencies;
                scope.spawn(move || {
                    (0..20_000).for_each(|nanos| latencies.record(worker, CommandFamily::Set, nanos))
                });
            }
            let mut before = 0;
            for _ in 0..50 {
                let count = latencies.report().first().map_or(0, |row| row.count);
                assert!(count >= before);
                before = count;
            }
        });
        assert_eq!(latencies.report()[0].count, 40_000);
    }

    #[test]
    fn a_worker_takes_thirty_kilobytes() {
        let one = Latencies::new(1).memory_bytes();
        assert!(Latencies::new(2).memory_bytes() - one < 32 << 10);
    }
}

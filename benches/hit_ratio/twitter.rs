//! Synthetic load from the published statistics of six of Twitter's production cache clusters.
//!
//! Source: twitter/cache-trace on GitHub (CC-BY-4.0), statistics by cluster; Yang, Yue, Rashmi: "A large scale analysis
//! of hundreds of in-memory cache clusters at Twitter", OSDI 2020. The skew of cluster 46 is not published; 0.7 is
//! assumed.
//!
//! The footprint is a multiple of the memory. The number of requests follows from the mean requests per key, up to a
//! bound. Times to live range from minutes to days, so time is scaled: a trace lasts twice the median time to live of
//! its row.

use super::trace::{Extent, Item, Request, Trace, Zipf, median_of_mean, mixed_share, value_bytes};

/// Default for the largest number of requests of a trace.
pub const REQUESTS: usize = 10_000_000;

/// The keys in use change over time: this share of the keys with several requests exists at the start.
const FROM_THE_START: f64 = 0.7;

/// One cluster.
pub struct Row {
    pub number: u32,
    key_bytes: usize,
    /// Mean.
    value_bytes: f64,
    /// Requests per key.
    frequency: f64,
    /// Share of keys with one request.
    once: f64,
    /// Seconds, and the share of keys with this time to live.
    ttls: &'static [(u32, f64)],
    /// Share of requests that are writes.
    writes: f64,
    skew: f64,
}

const H: u32 = 3600;
const DAY: u32 = 24 * H;

/// The clusters.
pub const ROWS: [Row; 6] = [
    Row {
        number: 4,
        key_bytes: 67,
        value_bytes: 2439.0,
        frequency: 26.5,
        once: 0.2933,
        ttls: &[(60, 0.39), (300, 0.24), (H, 0.13), (600, 0.12), (4 * H, 0.09), (DAY, 0.03)],
        writes: 0.07,
        skew: 1.1004,
    },
    Row {
        number: 19,
        key_bytes: 42,
        value_bytes: 101.0,
        frequency: 4.7,
        once: 0.0746,
        ttls: &[
            (27_000, 0.08),
            (26_640, 0.07),
            (23_760, 0.07),
            (25_920, 0.07),
            (24_120, 0.07),
            (25_200, 0.07),
            (25_560, 0.07),
            (24_480, 0.07),
            (24_840, 0.07),
            (26_280, 0.06),
        ],
        writes: 0.25,
        skew: 0.735,
    },
    Row {
        number: 29,
        key_bytes: 36,
        value_bytes: 799.0,
        frequency: 22.5,
        once: 0.2304,
        ttls: &[(H, 0.67), (2 * H, 0.33)],
        writes: 0.13,
        skew: 1.2323,
    },
    Row {
        number: 34,
        key_bytes: 33,
        value_bytes: 322.0,
        frequency: 49.4,
        once: 0.0026,
        ttls: &[
            (38_160, 0.04),
            (37_800, 0.04),
            (39_960, 0.04),
            (35_280, 0.04),
            (36_000, 0.04),
            (38_520, 0.04),
            (34_920, 0.04),
            (36_000, 0.04),
            (36_360, 0.03),
            (37_440, 0.03),
        ],
        writes: 0.06,
        skew: 1.1401,
    },
    Row {
        number: 46,
        key_bytes: 44,
        value_bytes: 928.0,
        frequency: 5.2,
        once: 0.0012,
        ttls: &[(12 * H, 0.58), (H, 0.41)],
        writes: 0.32,
        skew: 0.7,
    },
    Row {
        number: 52,
        key_bytes: 20,
        value_bytes: 273.0,
        frequency: 32.6,
        once: 0.1936,
        ttls: &[(DAY, 0.65), (14 * DAY, 0.27), (12 * H, 0.07)],
        writes: 0.05,
        skew: 1.2117,
    },
];

impl Row {
    /// A trace with this footprint in bytes.
    pub fn trace(&self, footprint_bytes: u64, extent: Extent) -> Trace {
        let keys = footprint_bytes as f64 / (self.key_bytes as f64 + self.value_bytes);
        let count = ((keys * self.frequency) as usize).min(extent.requests);
        let (requests, keys) = self.requests(keys, count);
        let median_bytes = median_of_mean(self.value_bytes);
        let stretch =
            count as f64 / f64::from(extent.requests_per_sec) / f64::from(2 * self.median_ttl_secs());
        let items = (0..keys).map(|key| Item {
            value_bytes: value_bytes(key, median_bytes),
            ttl_secs: (f64::from(self.ttl_secs(key)) * stretch).round().max(1.0) as u32,
        });
        Trace {
            name: format!("cluster {}", self.number),
            key_bytes: self.key_bytes,
            requests,
            items: items.collect(),
            requests_per_sec: extent.requests_per_sec,
        }
    }

    /// `count` requests of about `keys` keys, and the exact number of keys.
    fn requests(&self, keys: f64, count: usize) -> (Vec<Request>, u32) {
        let mut random = fastrand::Rng::with_seed(u64::from(self.number));
        let core = keys * (1.0 - self.once);
        let mut in_use: Vec<u32> = (0..(core * FROM_THE_START) as u32).collect();
        let choice = Zipf::new(in_use.len(), self.skew);
        let once = keys * self.once / count as f64;
        let replaced = core * (1.0 - FROM_THE_START) / count as f64;
        let mut next = in_use.len() as u32;
        let requests = (0..count).map(|_| {
            let mut fresh = || {
                next += 1;
                next - 1
            };
            let write = random.f64() < self.writes;
            let chance = random.f64();
            if chance < once {
                return Request { key: fresh(), write };
            }
            if chance < once + replaced {
                let leaving = random.usize(..in_use.len());
                in_use[leaving] = fresh();
            }
            Request { key: in_use[choice.draw(&mut random) as usize], write }
        });
        (requests.collect(), next)
    }

    fn ttl_secs(&self, key: u32) -> u32 {
        let total: f64 = self.ttls.iter().map(|(_, share)| share).sum();
        self.ttl_at(total * mixed_share(u64::from(key) << 32))
    }

    fn median_ttl_secs(&self) -> u32 {
        let mut sorted = self.ttls.to_vec();
        sorted.sort_by_key(|(secs, _)| *secs);
        let total: f64 = sorted.iter().map(|(_, share)| share).sum();
        let mut sum = 0.0;
        let middle = sorted.iter().find(|(_, share)| {
            sum += share;
            sum >= total / 2.0
        });
        middle.map_or(1, |(secs, _)| *secs)
    }

    fn ttl_at(&self, mut place: f64) -> u32 {
        for (secs, share) in self.ttls {
            if place < *share {
                return *secs;
            }
            place -= share;
        }
        self.ttls[0].0
    }
}

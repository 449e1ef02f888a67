//! Request traces: their sources, and value size and time to live of each key.
//!
//! Published traces contain only ids. The value size of a key is then log-normal (sigma 1) around a given median, as in
//! most measurements of caches, and depends on the id alone.

use std::f64::consts::PI;
use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// Value sizes are limited to this range, in bytes.
const VALUE_BYTES: (f64, f64) = (8.0, 500_000.0);

/// Spread of the logarithm of value sizes.
const SIGMA: f64 = 1.0;

/// One request. A read that misses is followed by a write of the same key.
#[derive(Clone, Copy)]
pub struct Request {
    pub key: u32,
    pub write: bool,
}

/// Properties of a key.
#[derive(Clone, Copy)]
pub struct Item {
    pub value_bytes: u32,
    /// Seconds in the time of the trace; 0: never expires.
    pub ttl_secs: u32,
}

/// Misses and reads.
#[derive(Clone, Default)]
pub struct Misses {
    pub misses: u64,
    pub reads: u64,
}

impl Misses {
    pub fn ratio(&self) -> f64 {
        self.misses as f64 / self.reads.max(1) as f64
    }

    pub fn count(&mut self, hit: bool) {
        self.misses += u64::from(!hit);
        self.reads += 1;
    }
}

/// Default requests per second.
pub const REQUESTS_PER_SEC: u32 = 100_000;

/// Largest number of requests, and their rate.
#[derive(Clone, Copy)]
pub struct Extent {
    pub requests: usize,
    pub requests_per_sec: u32,
}

/// A trace. Time passes at [`Trace::requests_per_sec`].
pub struct Trace {
    pub name: String,
    pub key_bytes: usize,
    pub requests: Vec<Request>,
    /// By key: keys are numbered from 0.
    pub items: Vec<Item>,
    pub requests_per_sec: u32,
}

impl Trace {
    /// Bytes of all keys and values.
    pub fn footprint_bytes(&self) -> u64 {
        self.items.iter().map(|item| self.key_bytes as u64 + u64::from(item.value_bytes)).sum()
    }

    /// Writes the key with this number: its decimal digits in reverse order, padded to the key length.
    pub fn write_key(&self, key: u32, into: &mut Vec<u8>) {
        let start = into.len();
        let mut digits = key;
        for _ in 0..10 {
            into.push(b'0' + (digits % 10) as u8);
            digits /= 10;
        }
        into.resize(start + self.key_bytes, b'k');
    }

    /// The number of a key.
    pub fn key_number(key: &[u8]) -> u32 {
        key[..10].iter().rev().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    }

    /// Reads a published trace: object ids as 32-bit big-endian numbers, or, if the file name ends with `.lis`, lines
    /// with a first block and a count.
    pub fn read(path: &Path, extent: Extent, median_bytes: f64) -> Result<Trace> {
        let ids = if path.extension().is_some_and(|it| it == "lis") {
            blocks(&fs::read_to_string(path)?, extent.requests)?
        } else {
            let words = fs::read(path)?;
            let ids =
                words.chunks_exact(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
            ids.take(extent.requests).collect()
        };
        let mut numbers = std::collections::HashMap::new();
        let mut items = Vec::new();
        let mut requests = Vec::with_capacity(ids.len());
        for id in ids {
            let key = *numbers.entry(id).or_insert_with(|| {
                items.push(Item { value_bytes: value_bytes(id, median_bytes), ttl_secs: 0 });
                items.len() as u32 - 1
            });
            requests.push(Request { key, write: false });
        }
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok(Trace { name, key_bytes: 20, requests, items, requests_per_sec: extent.requests_per_sec })
    }

    /// A working set of small values, then one of large values, or the reverse: all keys once, then reads with a Zipf
    /// distribution. Also returns the number of requests before the change.
    pub fn size_change(from_bytes: f64, to_bytes: f64) -> (Trace, usize) {
        const WARM_UP: usize = 1_000_000;
        const AFTER: usize = 2_000_000;
        let working_set = |value_bytes: f64| if value_bytes < 500.0 { 1_000_000 } else { 200_000 };
        let (before, after) = (working_set(from_bytes), working_set(to_bytes));
        let mut random = fastrand::Rng::with_seed(5);
        let mut requests: Vec<Request> = (0..before).map(|key| Request { key, write: false }).collect();
        let (old, new) = (Zipf::new(before as usize, 0.9), Zipf::new(after as usize, 0.9));
        requests.extend((0..WARM_UP).map(|_| Request { key: old.draw(&mut random), write: false }));
        let changes_at = requests.len();
        requests.extend((0..AFTER).map(|_| Request { key: before + new.draw(&mut random), write: false }));
        let size = |key| value_bytes(key, if key < before { from_bytes } else { to_bytes });
        let items = (0..before + after).map(|key| Item { value_bytes: size(key), ttl_secs: 0 }).collect();
        let name = format!("shift from {from_bytes} to {to_bytes} bytes");
        (Trace { name, key_bytes: 20, requests, items, requests_per_sec: REQUESTS_PER_SEC }, changes_at)
    }
}

/// The ids from lines `first count _ _`.
fn blocks(text: &str, limit: usize) -> Result<Vec<u32>> {
    let mut ids = Vec::new();
    for line in text.lines() {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let (Some(Ok(first)), Some(Ok(count))) = (numbers.next(), numbers.next()) else {
            return Err(Error::new(ErrorKind::InvalidData, format!("not a line of block numbers: {line}")));
        };
        ids.extend(first..first + count);
        if ids.len() >= limit {
            break;
        }
    }
    ids.truncate(limit);
    Ok(ids)
}

/// A pseudo-random number from another number.
pub fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 29
}

/// The same between 0 and 1, exclusive.
pub fn mixed_share(number: u64) -> f64 {
    ((mixed(number) >> 12) as f64 + 0.5) / (1u64 << 52) as f64
}

/// The size of a key's value.
pub fn value_bytes(id: u32, median_bytes: f64) -> u32 {
    let (radius, angle) = (mixed_share(2 * u64::from(id)), mixed_share(2 * u64::from(id) + 1));
    let normal = (-2.0 * radius.ln()).sqrt() * (2.0 * PI * angle).cos();
    (median_bytes * (SIGMA * normal).exp()).clamp(VALUE_BYTES.0, VALUE_BYTES.1) as u32
}

/// The median of a log-normal size with this mean.
pub fn median_of_mean(mean: f64) -> f64 {
    mean / (SIGMA * SIGMA / 2.0).exp()
}

/// A Zipf distribution over choices in random order.
pub struct Zipf {
    /// Cumulative weights.
    sums: Vec<f64>,
    order: Vec<u32>,
}

impl Zipf {
    pub fn new(choices: usize, exponent: f64) -> Zipf {
        let mut sum = 0.0;
        let weights = (1..=choices).map(|rank| (rank as f64).powf(-exponent));
        let sums = weights
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        let mut order: Vec<u32> = (0..choices as u32).collect();
        fastrand::Rng::with_seed(4).shuffle(&mut order);
        Zipf { sums, order }
    }

    pub fn draw(&self, random: &mut fastrand::Rng) -> u32 {
        let at = random.f64() * self.sums.last().copied().unwrap_or(0.0);
        let rank = self.sums.partition_point(|sum| *sum < at);
        self.order[rank.min(self.order.len() - 1)]
    }
}

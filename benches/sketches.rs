//! Measures cost and accuracy of the traffic sketches: nanoseconds per sample, memory, and the reported hot keys and
//! families compared with exact counts.
//!
//! Run `cargo bench --bench sketches`; `-- --test` runs a small size. The streams have a fixed seed:
//! - `zipf 0.8`, `zipf 1.0`, `zipf 1.2`: Zipf distributions with this exponent over a million keys in 64 families;
//! - `even`: a uniform distribution; there are no hot keys;
//! - `scan`: half `zipf 1.0`, half keys that occur once, each with a shape of its own;
//! - `shift`: `zipf 1.0` with other keys in the second half, which lasts two half-lives;
//! - `hammer`: twenty keys with 2 % of all operations, among keys in a cyclic order that return just after losing their
//!   slot.
//!
//! Columns: `one in` is the sampling interval; `ns/sample` the time per sample; `KiB` the memory of the sketches;
//! `found` the number of the true top twenty keys that are listed; `off by` the mean error of their counts; `stated`
//! the mean of the reported error bounds; `sampling` the error to be expected from sampling alone; `families` the
//! number of the 64 families that are reported; the last `off by` the mean error of their reads. One key in 2,600 ends
//! with eight letters, which no rule distinguishes from a word; it counts for no family.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use larder::clock::Now;
use larder::insight::{Census, CommandFamily, Insight, LISTED_MAX, Latencies};
use larder::insight::{Family, HotKey, OperationKind, OperationSample};
use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEYS: usize = 1_000_000;

/// Sampling intervals: one operation in this many is sampled.
const SHARES: [u32; 3] = [1, 16, 256];

/// Samples per call of [`Insight::record_batch`].
const BATCH: usize = 16;

/// Duration of a stream in seconds.
const STREAM_SECS: usize = 2400;

const HALF_LIFE_SECS: f64 = 600.0;

/// Numbers below a bound by Zipf's law: smaller ones are more frequent.
struct Zipf {
    cumulative: Vec<f64>,
}

impl Zipf {
    fn new(skew: f64) -> Zipf {
        let mut sum = 0.0;
        let cumulative = (1..=KEYS).map(|rank| {
            sum += (rank as f64).powf(-skew);
            sum
        });
        Zipf { cumulative: cumulative.collect() }
    }

    fn draw(&self, random: &mut fastrand::Rng) -> usize {
        let point = random.f64() * self.cumulative[KEYS - 1];
        self.cumulative.partition_point(|sum| *sum < point)
    }
}

/// A word of letters for a number.
fn word(mut number: usize) -> String {
    let mut word = String::new();
    loop {
        word.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return word;
        }
    }
}

const FAMILIES: usize = 64;

/// A key of one of the families, in the form that applications use.
fn key(number: usize) -> String {
    format!(":1:app.{}:{:08x}:row", word(700 + number % FAMILIES), number.wrapping_mul(0x9e37_79b9) as u32)
}

/// The shape of the keys of a family.
fn shape(family: usize) -> String {
    format!(":1:app.{}:*:row", word(700 + family))
}

/// The keys of a stream, as numbers; those from [`KEYS`] on belong to no family.
fn stream(name: &str, len: usize) -> Vec<usize> {
    let skew = name.strip_prefix("zipf ").map_or(1.0, |skew| skew.parse().expect("a number"));
    let zipf = Zipf::new(skew);
    let mut random = fastrand::Rng::with_seed(17);
    let one = |at: usize| match name {
        "even" => random.usize(..KEYS),
        "scan" if at.is_multiple_of(2) => KEYS + at,
        "shift" if at >= len / 2 => KEYS - 1 - zipf.draw(&mut random),
        "hammer" => match at % 50 {
            0 => at / 50 % 20,
            _ => 1000 + at % 3001,
        },
        _ => zipf.draw(&mut random),
    };
    (0..len).map(one).collect()
}

fn text(number: usize) -> String {
    if number < KEYS { key(number) } else { format!("scan/{}", word(20_000 + number)) }
}

/// Exact weights of the keys at the end of a stream.
fn exact(numbers: &[usize]) -> HashMap<usize, f64> {
    let mut weights = HashMap::new();
    for (at, number) in numbers.iter().enumerate() {
        let age_secs = STREAM_SECS - at * STREAM_SECS / numbers.len();
        *weights.entry(*number).or_insert(0.0) += (-(age_secs as f64) / HALF_LIFE_SECS).exp2();
    }
    weights
}

/// Records a stream; returns nanoseconds per sample.
fn feed(insight: &Insight, numbers: &[usize], share: u32) -> f64 {
    let mut random = fastrand::Rng::with_seed(23);
    let (mut nanos, mut samples) = (0, 0);
    for second in 0..STREAM_SECS {
        let part = &numbers[second * numbers.len() / STREAM_SECS..(second + 1) * numbers.len() / STREAM_SECS];
        let sampled = part.iter().filter(|_| random.u32(..share) == 0);
        let keys: Vec<String> = sampled.map(|number| text(*number)).collect();
        let started = Instant::now();
        for batch in keys.chunks(BATCH) {
            insight.record_batch(|record| {
                batch.iter().for_each(|key| {
                    record(&OperationSample {
                        kind: OperationKind::Hit,
                        key: key.as_bytes(),
                        value_bytes: 100,
                        weight: share,
                    })
                })
            });
        }
        nanos += started.elapsed().as_nanos();
        samples += keys.len();
        insight.age(Now::from_secs(1 + second as u32));
    }
    nanos as f64 / samples as f64
}

/// How many of the true top keys are listed, the mean error of their counts, and the mean of their reported bounds.
fn accuracy(list: &[HotKey], exact: &[(String, f64)]) -> (usize, f64, f64) {
    let counts: HashMap<&[u8], &HotKey> = list.iter().map(|key| (&*key.key, key)).collect();
    let found = exact.iter().filter_map(|(key, weight)| Some((counts.get(key.as_bytes())?, weight)));
    let off: Vec<(f64, f64)> = found
        .map(|(reported, exact)| {
            ((reported.count as f64 - exact).abs() / exact, reported.error as f64 / exact)
        })
        .collect();
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (off, stated): (Vec<f64>, Vec<f64>) = off.into_iter().unzip();
    (off.len(), mean(off), mean(stated))
}

/// How many families are reported, and the mean error of their reads.
fn families(reported: &[Family], exact: &HashMap<usize, f64>) -> (usize, f64) {
    let mut reads = [0.0; FAMILIES];
    exact.iter().filter(|(key, _)| **key < KEYS).for_each(|(key, weight)| reads[key % FAMILIES] += weight);
    let off = reads.iter().enumerate().filter(|(_, reads)| **reads > 0.0).filter_map(|(family, reads)| {
        let reported = reported.iter().find(|reported| *reported.shape == *shape(family))?;
        Some((reported.reads as f64 - reads).abs() / reads)
    });
    let off: Vec<f64> = off.collect();
    (off.len(), off.iter().sum::<f64>() / off.len().max(1) as f64)
}

fn row(name: &str, numbers: &[usize], share: u32) {
    let exact = exact(numbers);
    let mut weights: Vec<_> = exact.iter().collect();
    weights.sort_by(|a, b| b.1.total_cmp(a.1));
    weights.truncate(LISTED_MAX);
    let top: Vec<(String, f64)> = weights.iter().map(|(number, weight)| (text(**number), **weight)).collect();
    let insight = Insight::new(Now::from_secs(0));
    let nanos = feed(&insight, numbers, share);
    let (found, off, stated) = accuracy(&insight.hot_keys().reads, &top);
    let mean_weight = top.iter().map(|(_, weight)| weight).sum::<f64>() / top.len() as f64;
    let by_sampling = (f64::from(share - 1) / mean_weight).sqrt() * (2.0 / std::f64::consts::PI).sqrt();
    let (known, known_off) = families(&insight.families(&Census::default()), &exact);
    println!(
        "{name:>9} {share:>7} {nanos:>10.0} {:>8} {found:>7} {:>7.1} % {:>7.1} % {:>9.1} % {known:>9} {:>7.1} %",
        insight.memory_bytes() >> 10,
        100.0 * off,
        100.0 * stated,
        100.0 * by_sampling,
        100.0 * known_off,
    );
}

fn latency_note_nanos(count: u64) -> f64 {
    let latencies = Latencies::new(1);
    let started = Instant::now();
    (0..count).for_each(|at| latencies.record(0, CommandFamily::Get, black_box(at * 37 % 1_000_000)));
    let nanos = started.elapsed().as_nanos() as f64 / count as f64;
    assert_eq!(latencies.report()[0].count, count);
    nanos
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let operations = if smoke { 50_000 } else { 4_000_000 };
    println!("{operations} operations a stream, {KEYS} keys, top {LISTED_MAX}, {FAMILIES} families");
    println!(
        "{:>9} {:>7} {:>10} {:>8} {:>7} {:>9} {:>9} {:>11} {:>9} {:>9}",
        "stream", "one in", "ns/sample", "KiB", "found", "off by", "stated", "sampling", "families", "off by"
    );
    for name in ["zipf 0.8", "zipf 1.0", "zipf 1.2", "even", "scan", "shift", "hammer"] {
        let numbers = stream(name, operations);
        SHARES.iter().for_each(|share| row(name, &numbers, *share));
    }
    println!("a latency: {:.1} ns", latency_note_nanos(operations as u64));
}

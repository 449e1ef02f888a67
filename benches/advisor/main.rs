//! How far the advisor's predictions are off. A trace is replayed on five stores, with 1/4, 1/2, 1, 2 and 4 times the
//! memory; the advisor of the middle one predicts, and that stands beside what the five have hit. The stores are in
//! this process, or real servers.
//!
//! `cargo bench --bench advisor` replays the synthetic load of `benches/hit_ratio`. With arguments after `--`:
//! - `--memory 64` in MiB, of the middle store;
//! - `--requests 10000000` of a trace at most;
//! - `--pace 100000` requests a second on servers, by which a trace's time passes;
//! - `--cluster 4` only this one of Twitter's clusters (may be repeated);
//! - `--trace FILE` a published trace instead (may be repeated), with values so large that keys and values are
//!   [`FOOTPRINT`] times the memory, as those of the synthetic load are;
//! - `--share 1.0` the share of keys that is sampled at the most (inside this process);
//! - `--daemon COMMAND` replays on servers instead, one after the other, for example
//!   `"target/release/larder -t 1 -m {memory} -p {port}"`.
//!
//! Both are of the same reads, with the same weights: all from the start, older ones halved when the advisor halves
//! its own. A difference is predicted hits less real hits, in percentage points.

mod daemons;
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
mod stores;
#[path = "../support/mod.rs"]
mod support;
#[path = "../hit_ratio/trace.rs"]
#[expect(dead_code, reason = "used in part")]
mod trace;
#[path = "../hit_ratio/twitter.rs"]
mod twitter;
#[path = "../hit_ratio/wire.rs"]
mod wire;

use clap::{Arg, ArgAction, Command, value_parser};
use std::path::{Path, PathBuf};
use support::Failure;
use trace::{Extent, REQUESTS_PER_SEC, Trace};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of keys and values, by the memory there is for them.
const FOOTPRINT: f64 = 4.5;

/// Sizes of the stores in quarters of the memory.
const QUARTERS: [u64; 5] = [1, 2, 4, 8, 16];

/// Which of them the advisor hears of.
const PRESENT: usize = 2;

/// Requests of a published trace at most, if nothing else is said.
const PUBLISHED_REQUESTS: usize = 3_000_000;

/// A published trace lasts so many seconds at least, or a daemon would see too little of it at a time: what it samples
/// in a second is bounded.
const PUBLISHED_SECS_MIN: usize = 30;

/// What came of a trace, by size.
struct Outcome {
    /// Hits per read as predicted; nothing if too little was seen.
    predicted: Vec<f64>,
    real: [f64; 5],
    /// What else there is to say.
    told: String,
}

fn main() -> Result<(), Failure> {
    let arguments = Command::new("advisor")
        .arg(Arg::new("memory").long("memory").value_parser(value_parser!(u64)).default_value("64"))
        .arg(Arg::new("requests").long("requests").value_parser(value_parser!(usize)))
        .arg(Arg::new("pace").long("pace").value_parser(value_parser!(u32)).default_value("100000"))
        .arg(Arg::new("cluster").long("cluster").value_parser(value_parser!(u32)).action(ArgAction::Append))
        .arg(Arg::new("trace").long("trace").value_parser(value_parser!(PathBuf)).action(ArgAction::Append))
        .arg(Arg::new("share").long("share").value_parser(value_parser!(f64)).default_value("1.0"))
        .arg(Arg::new("daemon").long("daemon"))
        .arg(Arg::new("test").long("test").action(ArgAction::SetTrue))
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true))
        .get_matches();
    let test = arguments.get_flag("test");
    let memory_mib = if test { 2 } else { arguments.get_one("memory").copied().unwrap_or(64) };
    let memory_bytes = memory_mib << 20;
    let share_max = arguments.get_one("share").copied().unwrap_or(1.0);
    let wanted: Vec<u32> = arguments.get_many("cluster").into_iter().flatten().copied().collect();
    let paths: Vec<&PathBuf> = arguments.get_many("trace").into_iter().flatten().collect();
    let requests_max = arguments.get_one("requests").copied();
    let pace = arguments.get_one("pace").copied().unwrap_or(REQUESTS_PER_SEC);
    let extent = |requests| Extent { requests: requests_max.unwrap_or(requests), requests_per_sec: pace };
    let footprint_bytes = memory_bytes as f64 * FOOTPRINT;
    println!("trace              memory  predicted   real    off");
    let daemon = arguments.get_one::<String>("daemon");
    let show = |trace: &Trace| -> Result<f64, Failure> {
        let outcome = match daemon {
            Some(command) => daemons::outcome(command, trace, memory_mib)?,
            None => stores::outcome(trace, memory_bytes, share_max),
        };
        Ok(outcome.show(&trace.name, memory_bytes))
    };
    let mut worst = 0.0;
    for path in &paths {
        worst = f64::max(worst, show(&sized(path, footprint_bytes, extent(PUBLISHED_REQUESTS))?)?);
    }
    let rows = twitter::ROWS.iter().filter(|row| wanted.is_empty() || wanted.contains(&row.number));
    for row in rows.filter(|_| paths.is_empty() || !wanted.is_empty()) {
        worst = f64::max(worst, show(&row.trace(footprint_bytes as u64, extent(twitter::REQUESTS)))?);
    }
    println!("largest difference {worst:.2} points");
    Ok(())
}

/// A published trace with values that add up to about this much.
fn sized(path: &Path, footprint_bytes: f64, mut extent: Extent) -> Result<Trace, Failure> {
    const MEDIAN_BYTES: f64 = 300.0;
    let trace = Trace::read(path, extent, MEDIAN_BYTES)?;
    let keys_bytes = (trace.items.len() * trace.key_bytes) as f64;
    let scale = (footprint_bytes - keys_bytes) / (trace.footprint_bytes() as f64 - keys_bytes);
    let pace = trace.requests.len().div_ceil(PUBLISHED_SECS_MIN);
    extent.requests_per_sec = extent.requests_per_sec.min(u32::try_from(pace)?);
    Ok(Trace::read(path, extent, MEDIAN_BYTES * scale.max(0.1))?)
}

impl Outcome {
    /// Prints the rows of a trace; returns the largest difference.
    fn show(&self, name: &str, memory_bytes: u64) -> f64 {
        let mut worst = 0.0;
        for (size, real) in self.real.iter().enumerate() {
            let mib = (memory_bytes * QUARTERS[size] / 4) >> 20;
            let real = 100.0 * real;
            let Some(predicted) = self.predicted.get(size).map(|ratio| 100.0 * ratio) else {
                println!("{name:16} {mib:5} MB          - {real:6.2}      -");
                continue;
            };
            let off = predicted - real;
            println!("{name:16} {mib:5} MB     {predicted:6.2} {real:6.2}  {off:+5.2}");
            worst = f64::max(worst, off.abs());
        }
        println!("  {}", self.told);
        worst
    }
}

//! Measures the errors of the advisor's predictions. A trace is replayed on five stores with 1/4, 1/2, 1, 2 and 4 times
//! the memory. The advisor of the middle store predicts the hit ratios of all five, which are compared with the real
//! ones. The stores are in this process, or are real servers.
//!
//! `cargo bench --bench advisor` replays the synthetic load of `benches/hit_ratio`; `-- --test` runs a small size.
//! Arguments after `--`:
//! - `--memory 64`: memory of the middle store in MiB;
//! - `--requests 10000000`: largest number of requests of a trace;
//! - `--pace 100000`: requests per second; this determines how fast the time of a trace passes;
//! - `--cluster 4`: only this one of Twitter's clusters (may be repeated);
//! - `--trace FILE`: a published trace instead (may be repeated). Values are scaled so that keys and values have
//!   [`FOOTPRINT`] times the memory, as in the synthetic load;
//! - `--share 1.0`: largest share of keys that is sampled (for stores in this process);
//! - `--daemon COMMAND`: replays on servers, one after the other, for example `"target/release/larder -t 1 -m {memory}
//!   -p {port}"`.
//!
//! Columns: `memory`; `predicted` and `real`, the hit ratio in per cent of the same reads with the same weights, where
//! older reads are halved whenever the advisor halves its counts; `error`, predicted less real, in percentage points.

mod daemons;
mod outcome;
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

/// Bytes of all keys and values, relative to the memory.
const FOOTPRINT: f64 = 4.5;

/// Default for the largest number of requests of a published trace.
const PUBLISHED_REQUESTS: usize = 3_000_000;

/// Shortest duration of a published trace in seconds. A daemon samples a bounded number of operations per second, so it
/// would sample too few of a shorter trace.
const PUBLISHED_SECS_MIN: usize = 30;

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
    let mut error_max = 0.0;
    for path in &paths {
        error_max =
            f64::max(error_max, show(&scaled_trace(path, footprint_bytes, extent(PUBLISHED_REQUESTS))?)?);
    }
    let rows = twitter::ROWS.iter().filter(|row| wanted.is_empty() || wanted.contains(&row.number));
    for row in rows.filter(|_| paths.is_empty() || !wanted.is_empty()) {
        error_max = f64::max(error_max, show(&row.trace(footprint_bytes as u64, extent(twitter::REQUESTS)))?);
    }
    println!("largest error {error_max:.2} points");
    Ok(())
}

/// A published trace with values scaled to this footprint.
fn scaled_trace(path: &Path, footprint_bytes: f64, mut extent: Extent) -> Result<Trace, Failure> {
    const MEDIAN_BYTES: f64 = 300.0;
    let trace = Trace::read(path, extent, MEDIAN_BYTES)?;
    let keys_bytes = (trace.items.len() * trace.key_bytes) as f64;
    let scale = (footprint_bytes - keys_bytes) / (trace.footprint_bytes() as f64 - keys_bytes);
    let pace = trace.requests.len().div_ceil(PUBLISHED_SECS_MIN);
    extent.requests_per_sec = extent.requests_per_sec.min(u32::try_from(pace)?);
    Ok(Trace::read(path, extent, MEDIAN_BYTES * scale.max(0.1))?)
}

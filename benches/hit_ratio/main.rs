//! Measures the miss ratio: replays traces in this process, on the store and on exact LRU with the same memory, or over
//! TCP on real servers. A miss is followed by a store of the value. The first three tenths of a trace only fill the
//! memory.
//!
//! `cargo bench --bench hit_ratio` replays a synthetic load; `-- --test` runs a small size. Arguments after `--`:
//! - `--memory 64`: memory in MiB;
//! - `--requests 10000000`: largest number of requests of a trace; a larger memory needs more;
//! - `--pace 100000`: requests per second; this determines how fast the time of a trace passes;
//! - `--cluster 4`: only this one of Twitter's clusters (may be repeated);
//! - `--trace FILE --median 300`: a published trace with values around this median (both may be repeated);
//! - `--size_change`: the value size changes from 100 to 1000 bytes, and back;
//! - `NAME=COMMAND ...`: replays on these servers, for example `larder="target/release/larder -t 1 -m {memory} -p
//!   {port}" memcached="memcached -t 1 -m {memory} -p {port}"`.
//!
//! Each line shows misses per read. `ratio` divides the first line of a trace by the second, and the last line is the
//! geometric mean of these ratios.

mod in_process;
#[path = "../support/mod.rs"]
mod support;
mod trace;
mod twitter;
mod wire;

use clap::{Arg, ArgAction, Command, value_parser};
use in_process::{Cache, ExactLru, Larder, replay};
use std::path::PathBuf;
use support::Failure;
use trace::{Extent, Trace};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of all keys and values of the synthetic load, relative to the memory.
const FOOTPRINT: f64 = 4.5;

/// Defaults for a published trace: largest number of requests, and median value size.
const PUBLISHED_REQUESTS: usize = 1_500_000;
const MEDIAN_BYTES: f64 = 300.0;

/// Bytes charged per item of exact LRU in addition to key and value: a header of 26 bytes, and 8 for the index.
const LRU_ITEM_BYTES: u64 = 34;

fn main() -> Result<(), Failure> {
    let arguments = Command::new("hit_ratio")
        .arg(Arg::new("memory").long("memory").value_parser(value_parser!(u64)).default_value("64"))
        .arg(Arg::new("requests").long("requests").value_parser(value_parser!(usize)))
        .arg(Arg::new("pace").long("pace").value_parser(value_parser!(u32)).default_value("100000"))
        .arg(Arg::new("cluster").long("cluster").value_parser(value_parser!(u32)).action(ArgAction::Append))
        .arg(Arg::new("trace").long("trace").value_parser(value_parser!(PathBuf)).action(ArgAction::Append))
        .arg(Arg::new("median").long("median").value_parser(value_parser!(f64)).action(ArgAction::Append))
        .arg(Arg::new("shift").long("shift").action(ArgAction::SetTrue))
        .arg(Arg::new("test").long("test").action(ArgAction::SetTrue))
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true))
        .arg(Arg::new("servers").action(ArgAction::Append))
        .get_matches();
    let test = arguments.get_flag("test");
    let memory_mib = if test { 2 } else { arguments.get_one("memory").copied().unwrap_or(64) };
    if arguments.get_flag("shift") {
        size_change(100.0, 1000.0, memory_mib << 20);
        size_change(1000.0, 100.0, memory_mib << 20);
        return Ok(());
    }
    let requests_max = arguments.get_one("requests").copied();
    let pace = arguments.get_one("pace").copied().unwrap_or(trace::REQUESTS_PER_SEC);
    let extent = |requests| Extent { requests: requests_max.unwrap_or(requests), requests_per_sec: pace };
    let servers = support::named(arguments.get_many::<String>("servers").into_iter().flatten())?;
    let mut ratios = Vec::new();
    let mut show = |trace: &Trace| -> Result<(), Failure> {
        println!(
            "{}: {} requests of {} keys, {} MiB, memory {memory_mib} MiB",
            trace.name,
            trace.requests.len(),
            trace.items.len(),
            trace.footprint_bytes() >> 20
        );
        let misses =
            if servers.is_empty() { beside_lru(trace, memory_mib) } else { on(&servers, trace, memory_mib)? };
        if let [first, second, ..] = misses[..] {
            println!("  ratio {:.3}", first / second);
            ratios.push(first / second);
        }
        Ok(())
    };
    let paths: Vec<&PathBuf> = arguments.get_many("trace").into_iter().flatten().collect();
    let mut medians = arguments.get_many("median").into_iter().flatten();
    for path in &paths {
        let median_bytes = medians.next().copied().unwrap_or(MEDIAN_BYTES);
        show(&Trace::read(path, extent(PUBLISHED_REQUESTS), median_bytes)?)?;
    }
    let wanted: Vec<u32> = arguments.get_many("cluster").into_iter().flatten().copied().collect();
    let rows = twitter::ROWS.iter().filter(|row| wanted.is_empty() || wanted.contains(&row.number));
    for row in rows.filter(|_| paths.is_empty() || !wanted.is_empty()) {
        show(&row.trace(((memory_mib << 20) as f64 * FOOTPRINT) as u64, extent(twitter::REQUESTS)))?;
    }
    let mean = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
    println!("geometric mean {:.3}", mean.exp());
    Ok(())
}

/// Number of requests that only fill the memory.
fn warm_up_requests(trace: &Trace) -> usize {
    trace.requests.len() * 3 / 10
}

/// Miss ratios of the store, of exact LRU with and without a header per item, and of an unbounded memory, where only
/// first reads and expired items miss.
fn beside_lru(trace: &Trace, memory_mib: u64) -> Vec<f64> {
    fn ratio(mut cache: impl Cache, trace: &Trace) -> f64 {
        replay(&mut cache, trace, 0, warm_up_requests(trace));
        replay(&mut cache, trace, warm_up_requests(trace), trace.requests.len()).ratio()
    }
    let bytes = memory_mib << 20;
    let misses = vec![
        ratio(Larder::new(bytes), trace),
        ratio(ExactLru::new(bytes, LRU_ITEM_BYTES), trace),
        ratio(ExactLru::new(bytes, 0), trace),
        ratio(ExactLru::new(u64::MAX, 0), trace),
    ];
    for (name, misses) in ["larder", "exact LRU", "exact LRU without headers", "no bound"].iter().zip(&misses)
    {
        println!("  {name:26} {:.4}", misses);
    }
    misses
}

/// Miss ratios of servers, one after the other.
fn on(servers: &[(String, String)], trace: &Trace, memory_mib: u64) -> Result<Vec<f64>, Failure> {
    let mut ratios = Vec::new();
    for (name, command) in servers {
        let mut player = wire::Player::start(command, memory_mib, trace)?;
        player.play(0, warm_up_requests(trace))?;
        let misses = player.play(warm_up_requests(trace), trace.requests.len())?;
        let stats = player.stats("")?;
        let items = stats.get("curr_items").map_or("?", String::as_str);
        let delay_max = player.delay_max.as_secs_f64();
        println!(
            "  {name:26} {:.4}  {items} items, at most {delay_max:.1} s behind the pace",
            misses.ratio()
        );
        ratios.push(misses.ratio());
    }
    Ok(ratios)
}

/// Misses in blocks of 100,000 requests after a change of the value size.
fn size_change(from_bytes: f64, to_bytes: f64, memory_bytes: u64) {
    const BLOCK: usize = 100_000;
    fn blocks(mut cache: impl Cache, trace: &Trace, changes_at: usize) -> Vec<f64> {
        replay(&mut cache, trace, 0, changes_at);
        let starts = (changes_at..trace.requests.len()).step_by(BLOCK);
        starts.map(|from| 100.0 * replay(&mut cache, trace, from, from + BLOCK).ratio()).collect()
    }
    let (trace, changes_at) = Trace::size_change(from_bytes, to_bytes);
    let larder = blocks(Larder::new(memory_bytes), &trace, changes_at);
    let exact = blocks(ExactLru::new(memory_bytes, LRU_ITEM_BYTES), &trace, changes_at);
    println!("{}: misses in each 100,000 requests, %, and the ratio", trace.name);
    for (at, (larder, exact)) in (1..).zip(larder.iter().zip(&exact)) {
        println!("  {at:4}: larder {larder:5.1}  exact LRU {exact:5.1}  {:.2}", larder / exact);
    }
}

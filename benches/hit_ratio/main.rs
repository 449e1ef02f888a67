//! How often the store misses: traces replayed inside this process beside exact LRU holding the same bytes, or over a
//! socket against real servers side by side. A miss is followed by a store of the value; the first three tenths of a
//! trace only fill the memory.
//!
//! `cargo bench --bench hit_ratio` replays generated load. With arguments after `--`:
//! - `--memory 64` in MiB;
//! - `--requests 10000000` of a trace at most: a larger memory wants more;
//! - `--pace 100000` requests a second over a socket, by which a trace's time passes;
//! - `--cluster 4` only this one of Twitter's clusters (may be repeated);
//! - `--trace FILE --median 300` a published trace, with values around this median (both may be repeated);
//! - `--shift` the value size shifts from 100 to 1000 bytes, and back;
//! - `NAME=COMMAND ...` replays on these servers instead, for example
//!   `larder="target/release/larder -t 1 -m {memory} -p {port}" memcached="memcached -t 1 -m {memory} -p {port}"`.
//!
//! The last line is the geometric mean of the first column's misses over the second's.

mod inside;
#[path = "../support/mod.rs"]
mod support;
mod trace;
mod twitter;
mod wire;

use clap::{Arg, ArgAction, Command, value_parser};
use inside::{Cache, ExactLru, Larder, replay};
use std::path::PathBuf;
use support::Failure;
use trace::{Extent, Trace};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of keys and values of the synthetic load, by the memory there is for them.
const FOOTPRINT: f64 = 4.5;

/// Requests of a published trace at most, and the median of its values, if nothing else is said.
const PUBLISHED_REQUESTS: usize = 1_500_000;
const MEDIAN_BYTES: f64 = 300.0;

/// Bytes that an item of exact LRU takes beyond its key and value: a header of 26 bytes, and 8 for the index.
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
        shift(100.0, 1000.0, memory_mib << 20);
        shift(1000.0, 100.0, memory_mib << 20);
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

/// Requests that only fill the memory.
fn warm(trace: &Trace) -> usize {
    trace.requests.len() * 3 / 10
}

/// Miss ratios of the store, of exact LRU with a header per item and with none, and of a memory without bound: first
/// reads, and reads of what has expired.
fn beside_lru(trace: &Trace, memory_mib: u64) -> Vec<f64> {
    fn ratio(mut cache: impl Cache, trace: &Trace) -> f64 {
        replay(&mut cache, trace, 0, warm(trace));
        replay(&mut cache, trace, warm(trace), trace.requests.len()).ratio()
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
        player.play(0, warm(trace))?;
        let misses = player.play(warm(trace), trace.requests.len())?;
        let stats = player.stats("")?;
        let items = stats.get("curr_items").map_or("?", String::as_str);
        let late = player.late.as_secs_f64();
        println!("  {name:26} {:.4}  {items} items, {late:.1} s behind at the most", misses.ratio());
        ratios.push(misses.ratio());
    }
    Ok(ratios)
}

/// Misses in blocks of 100,000 requests after the value size has shifted.
fn shift(from_bytes: f64, to_bytes: f64, memory_bytes: u64) {
    const BLOCK: usize = 100_000;
    fn blocks(mut cache: impl Cache, trace: &Trace, shifts_at: usize) -> Vec<f64> {
        replay(&mut cache, trace, 0, shifts_at);
        let starts = (shifts_at..trace.requests.len()).step_by(BLOCK);
        starts.map(|from| 100.0 * replay(&mut cache, trace, from, from + BLOCK).ratio()).collect()
    }
    let (trace, shifts_at) = Trace::shift(from_bytes, to_bytes);
    let ours = blocks(Larder::new(memory_bytes), &trace, shifts_at);
    let exact = blocks(ExactLru::new(memory_bytes, LRU_ITEM_BYTES), &trace, shifts_at);
    println!("{}: misses in each 100,000 requests, %, and the ratio", trace.name);
    for (at, (ours, exact)) in (1..).zip(ours.iter().zip(&exact)) {
        println!("  {at:4}: larder {ours:5.1}  exact LRU {exact:5.1}  {:.2}", ours / exact);
    }
}

//! How far the advisor's predictions are off. A trace is replayed inside this process on five stores at once, with 1/4,
//! 1/2, 1, 2 and 4 times the memory; an advisor sees the sampled operations of the middle one, and what it predicts
//! stands beside what the five stores have hit.
//!
//! `cargo bench --bench advisor` replays the synthetic load of `benches/hit_ratio`. With arguments after `--`:
//! - `--memory 64` in MiB, of the middle store;
//! - `--cluster 4` only this one of Twitter's clusters (may be repeated);
//! - `--trace FILE` a published trace instead (may be repeated), with values so large that keys and values are
//!   [`FOOTPRINT`] times the memory, as those of the synthetic load are;
//! - `--share 1.0` the share of keys that is sampled at the most.
//!
//! Both are of the same reads, with the same weights: all from the start, older ones halved when the advisor halves
//! its own. A difference is predicted hits less real hits, in percentage points.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../hit_ratio/trace.rs"]
#[expect(dead_code, reason = "used in part")]
mod trace;
#[path = "../hit_ratio/twitter.rs"]
mod twitter;

use clap::{Arg, ArgAction, Command, value_parser};
use foldhash::quality::FixedState;
use larder::advisor::Advisor;
use larder::advisor::figures::{Access, AccessKind, Advice, Live};
use larder::clock::{Deadline, Now};
use larder::store::{Incoming, Settings, Store, StoreMode};
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::Failure;
use trace::{Item, Trace};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of keys and values, by the memory there is for them.
const FOOTPRINT: f64 = 4.5;

/// Sizes of the stores in quarters of the memory.
const QUARTERS: [u64; 5] = [1, 2, 4, 8, 16];

/// Which of them the advisor hears of.
const PRESENT: usize = 2;

/// The advisor may take one part in so many of the memory, and this much anyway.
const OWN_PART: u64 = 200;
const OWN_BYTES_MIN: u64 = 64 << 10;

/// Requests of a published trace at most.
const REQUESTS_MAX: usize = 3_000_000;

/// Requests between two batches for the advisor, and between two calls of the stores' upkeep, which a daemon makes ten
/// times a second.
const BATCH: usize = 1000;
const UPKEEP_EVERY: usize = 10_000;

/// When a trace starts.
const START_SECS: u32 = 100;

/// Bytes of an item's header, without flags; the deadline's are its last.
const HEADER_BYTES: u64 = 21;
const DEADLINE_BYTES: u64 = 4;

/// Bytes of a value; all values are parts of it.
static VALUE: [u8; 1 << 19] = [b'v'; 1 << 19];

fn main() -> Result<(), Failure> {
    let arguments = Command::new("advisor")
        .arg(Arg::new("memory").long("memory").value_parser(value_parser!(u64)).default_value("64"))
        .arg(Arg::new("cluster").long("cluster").value_parser(value_parser!(u32)).action(ArgAction::Append))
        .arg(Arg::new("trace").long("trace").value_parser(value_parser!(PathBuf)).action(ArgAction::Append))
        .arg(Arg::new("share").long("share").value_parser(value_parser!(f64)).default_value("1.0"))
        .arg(Arg::new("test").long("test").action(ArgAction::SetTrue))
        .arg(Arg::new("bench").long("bench").action(ArgAction::SetTrue).hide(true))
        .get_matches();
    let test = arguments.get_flag("test");
    let memory_mib = if test { 2 } else { arguments.get_one("memory").copied().unwrap_or(64) };
    let memory_bytes = memory_mib << 20;
    let share_max = arguments.get_one("share").copied().unwrap_or(1.0);
    let wanted: Vec<u32> = arguments.get_many("cluster").into_iter().flatten().copied().collect();
    let paths: Vec<&PathBuf> = arguments.get_many("trace").into_iter().flatten().collect();
    let footprint_bytes = memory_bytes as f64 * FOOTPRINT;
    println!("trace              memory  predicted   real    off");
    let mut worst = 0.0;
    for path in &paths {
        worst = f64::max(worst, show(&sized(path, footprint_bytes)?, memory_bytes, share_max));
    }
    let rows = twitter::ROWS.iter().filter(|row| wanted.is_empty() || wanted.contains(&row.number));
    for row in rows.filter(|_| paths.is_empty() || !wanted.is_empty()) {
        worst = f64::max(worst, show(&row.trace(footprint_bytes as u64), memory_bytes, share_max));
    }
    println!("largest difference {worst:.2} points");
    Ok(())
}

/// A published trace with values that add up to about this much.
fn sized(path: &Path, footprint_bytes: f64) -> Result<Trace, Failure> {
    const MEDIAN_BYTES: f64 = 300.0;
    let trace = Trace::read(path, REQUESTS_MAX, MEDIAN_BYTES)?;
    let keys_bytes = (trace.items.len() * trace.key_bytes) as f64;
    let scale = (footprint_bytes - keys_bytes) / (trace.footprint_bytes() as f64 - keys_bytes);
    Ok(Trace::read(path, REQUESTS_MAX, MEDIAN_BYTES * scale.max(0.1))?)
}

/// Replays a trace and prints its rows; returns the largest difference.
fn show(trace: &Trace, memory_bytes: u64, share_max: f64) -> f64 {
    let mut replay = Replay::new(memory_bytes, share_max);
    replay.run(trace);
    let advice = replay.advisor.advise();
    let mut worst = 0.0;
    for (size, missed) in advice.predictions.iter().zip(replay.missed) {
        let real = 1.0 - missed / replay.reads;
        let off = 100.0 * (size.hit_ratio - real);
        let mib = size.limit_bytes >> 20;
        let (predicted, real) = (100.0 * size.hit_ratio, 100.0 * real);
        println!("{:16} {mib:5} MB     {predicted:6.2} {real:6.2}  {off:+5.2}", trace.name);
        worst = f64::max(worst, off.abs());
    }
    let Advice { reads, keys, share, own_bytes, sentence, .. } = advice;
    let nanos = replay.spent.as_nanos() as f64 / replay.noted.max(1) as f64;
    println!(
        "  {sentence}\n  {reads} reads, {keys} keys, share {share:.3}, {own_bytes} bytes, {nanos:.0} ns/operation"
    );
    worst
}

/// Five stores and an advisor.
struct Replay {
    stores: [Store; 5],
    advisor: Advisor,
    hasher: FixedState,
    batch: Vec<Access>,
    /// Reads, and those that each of the stores missed, weighing as the advisor weighs them.
    reads: f64,
    missed: [f64; 5],
    live: Live,
    /// What the advisor rested on after the last batch; less means that it has halved its counts.
    rested_on: u64,
    noted: u64,
    spent: Duration,
}

impl Replay {
    fn new(memory_bytes: u64, share_max: f64) -> Replay {
        let store = |quarters| {
            Store::new(Settings {
                memory_limit_bytes: memory_bytes * quarters / 4,
                hash_seed: Some(1),
                ..Settings::default()
            })
        };
        let own_bytes = (memory_bytes / OWN_PART).max(OWN_BYTES_MIN);
        Replay {
            stores: QUARTERS.map(store),
            advisor: Advisor::new(memory_bytes, own_bytes, share_max),
            hasher: FixedState::default(),
            batch: Vec::new(),
            reads: 0.0,
            missed: [0.0; 5],
            live: Live { limit_bytes: memory_bytes, evicts: true, ..Live::default() },
            rested_on: 0,
            noted: 0,
            spent: Duration::ZERO,
        }
    }

    fn run(&mut self, trace: &Trace) {
        let mut key = Vec::new();
        self.advisor.observe(&self.live);
        for (at, request) in trace.requests.iter().enumerate() {
            let now = Now::from_secs(START_SECS + (at / trace.requests_per_sec as usize) as u32);
            if at % UPKEEP_EVERY == 0 {
                self.stores.iter().for_each(|store| {
                    store.maintain(now);
                });
            }
            key.clear();
            trace.write_key(request.key, &mut key);
            let item = trace.items[request.key as usize];
            if request.write {
                self.stores.iter().for_each(|store| put(store, &key, item, now));
                self.sample(AccessKind::Store, &key, item, deadline(item, now), now);
            } else {
                self.read(&key, item, now);
            }
            if at % BATCH == BATCH - 1 || at + 1 == trace.requests.len() {
                self.advise();
            }
        }
    }

    fn read(&mut self, key: &[u8], item: Item, now: Now) {
        self.reads += 1.0;
        for size in 0..self.stores.len() {
            let found = self.stores[size].get(key, now, |hit| hit.deadline);
            if found.is_err() {
                self.missed[size] += 1.0;
                put(&self.stores[size], key, item, now);
            }
            if size != PRESENT {
                continue;
            }
            match found {
                Ok(deadline) => {
                    self.live.hits += 1;
                    self.sample(AccessKind::Hit, key, item, deadline, now);
                }
                Err(_) => {
                    self.live.misses += 1;
                    self.sample(AccessKind::Miss, key, item, Deadline::NEVER, now);
                    self.sample(AccessKind::Store, key, item, deadline(item, now), now);
                }
            }
        }
    }

    /// Keeps an operation for the advisor if the key is sampled.
    fn sample(&mut self, kind: AccessKind, key: &[u8], item: Item, deadline: Deadline, now: Now) {
        let hash = self.hasher.hash_one(key);
        if hash >= self.advisor.threshold() {
            return;
        }
        let header_bytes = HEADER_BYTES - if deadline.is_never() { DEADLINE_BYTES } else { 0 };
        let bytes = header_bytes + key.len() as u64 + u64::from(item.value_bytes);
        let bytes = if kind == AccessKind::Miss { 0 } else { bytes };
        self.batch.push(Access { kind, hash, bytes, deadline, now });
    }

    /// Gives the advisor its batch.
    fn advise(&mut self) {
        let totals = self.stores[PRESENT].totals();
        self.live.charged_bytes = totals.charged_bytes;
        self.live.item_bytes = totals.item_bytes;
        let started = Instant::now();
        self.batch.iter().for_each(|access| self.advisor.note(access));
        self.advisor.observe(&self.live);
        self.spent += started.elapsed();
        self.noted += self.batch.len() as u64;
        self.batch.clear();
        let rests_on = self.advisor.advise().reads;
        if rests_on < self.rested_on {
            self.reads /= 2.0;
            self.missed.iter_mut().for_each(|missed| *missed /= 2.0);
        }
        self.rested_on = rests_on;
    }
}

/// The deadline of an item stored now.
fn deadline(item: Item, now: Now) -> Deadline {
    if item.ttl_secs == 0 { Deadline::NEVER } else { Deadline::from_secs(now.secs() + item.ttl_secs) }
}

fn put(store: &Store, key: &[u8], item: Item, now: Now) {
    let value = Incoming::Bytes(&VALUE[..item.value_bytes as usize]);
    let stored = store.store(StoreMode::Set, key, 0, deadline(item, now), value, now);
    assert!(stored.is_ok(), "{} bytes: {stored:?}", item.value_bytes);
}

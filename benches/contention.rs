//! How far threads get in each other's way: 90 % gets and 10 % sets of 100 bytes on skewed keys, by one, two and four
//! threads on one store, which has the shards of a daemon with so many threads (`-t`) and so much memory (`-m`).
//!
//! `cargo bench --bench contention`; `-- --test` is one short round. Rounds of all thread counts take turns. Columns:
//! - `good` is a round that other processes disturbed little, faster than nine in ten; `median` is the middle one; the
//!   ratios are to one thread;
//! - `machine` is the ratio of good rounds that share nothing: what the processors had to give to so many threads;
//! - `cpu ns` is the processor time of an operation over all rounds; waiting asleep is not in it;
//! - `taken %` is the share of tries that should find the lock taken, by the time that the other running threads spend
//!   under it, if shards are used evenly. That time is one thread's without making the hash and taking a free lock;
//! - `sleeps` is how often a thread went to sleep, per million operations: only a lock can send it there.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use foldhash::quality::FixedState;
use larder::clock::{Deadline, Now};
use larder::store::{Incoming, Settings, Store, StoreMode};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use parking_lot::Mutex;
use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Now = Now::from_secs(100);
const VALUE: [u8; 100] = [b'v'; 100];
const THREADS: [usize; 3] = [1, 2, 4];

/// Memory in MiB, and the keys in it: all of them fit.
const LOADS: [(u64, u32); 2] = [(64, 200_000), (1024, 1_000_000)];

/// How often a round apart goes over its operations: it should take about as long as one on the store, because a short
/// one may find a processor that a long one has to share with other processes.
const APART_REPEATS: usize = 10;

type Key = [u8; 16];

/// What one thread does: reads or overwrites these keys, some of them in each round.
struct Stream(Vec<(Key, bool)>);

type Operations = [(Key, bool)];

/// One round of all threads together.
struct Round {
    wall: Duration,
    cpu: Duration,
    sleeps: i64,
}

/// The rounds of one thread count.
struct Rounds {
    threads: usize,
    store: Store,
    /// Rounds on the store.
    shared: Vec<Round>,
    /// Rounds in which no thread touches what another does.
    apart: Vec<Round>,
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let (rounds, operations) = if smoke { (1, 1000) } else { (300, 20_000) };
    for (memory_mib, keys) in LOADS {
        let keys = if smoke { keys / 100 } else { keys };
        let stream = |thread| Stream::skewed(thread, f64::from(keys), 10 * operations);
        let streams: Vec<Stream> = (0..4).map(stream).collect();
        compare(memory_mib, keys, rounds, operations, &streams);
    }
}

/// Rounds of all thread counts by turns; prints a line for each.
fn compare(memory_mib: u64, keys: u32, rounds: usize, operations: usize, streams: &[Stream]) {
    let mut all = THREADS.map(|threads| {
        let store = filled(memory_mib << 20, threads, keys);
        Rounds { threads, store, shared: Vec::new(), apart: Vec::new() }
    });
    for number in 0..rounds {
        let chunk = |stream| Stream::chunk(stream, number, operations);
        let chunks: Vec<&Operations> = streams.iter().map(chunk).collect();
        for Rounds { threads, store, shared, apart } in &mut all {
            apart.push(round(&chunks[..*threads], hash_and_lock));
            shared.push(round(&chunks[..*threads], |operations| run(operations, store)));
        }
    }
    for of_threads in &mut all {
        of_threads.shared.sort_by_key(|round| round.wall);
        of_threads.apart.sort_by_key(|round| round.wall);
    }
    let (good, median) = (rounds / 10, rounds / 2);
    let alone = &all[0];
    let alone_ns = nanos_each(alone.shared[good].wall, operations);
    let locked_ns = (alone_ns - nanos_each(alone.apart[good].wall, APART_REPEATS * operations)).max(0.0);
    println!(
        "-m {memory_mib}, {keys} keys: one thread takes {alone_ns:.0} ns, {locked_ns:.0} of them under the lock"
    );
    println!("threads shards  good Mop/s ratio  median Mop/s ratio  machine  cpu ns  taken %  sleeps");
    let ratio = |of_one: &[Round], rounds: &[Round], at: usize, threads| {
        threads as f64 * of_one[at].wall.as_secs_f64() / rounds[at].wall.as_secs_f64()
    };
    for Rounds { threads, store, shared, apart } in &all {
        let mops = |at: usize| 1e3 * *threads as f64 / nanos_each(shared[at].wall, operations);
        let all_operations = rounds * threads * operations;
        let cpu_ns = nanos_each(shared.iter().map(|round| round.cpu).sum(), all_operations);
        let sleeps: i64 = shared.iter().map(|round| round.sleeps).sum();
        let others = processors().min(*threads) - 1;
        println!(
            "{threads:7} {:6} {:11.2} {:5.2} {:13.2} {:5.2} {:8.2} {cpu_ns:7.0} {:8.1} {:7.0}",
            store.shards(),
            mops(good),
            ratio(&alone.shared, shared, good, *threads),
            mops(median),
            ratio(&alone.shared, shared, median, *threads),
            ratio(&alone.apart, apart, good, *threads),
            100.0 * others as f64 * locked_ns / alone_ns / store.shards() as f64,
            sleeps as f64 * 1e6 / all_operations as f64,
        );
    }
}

fn nanos_each(time: Duration, operations: usize) -> f64 {
    time.as_nanos() as f64 / operations as f64
}

/// A store as a daemon has it, with all keys in it.
fn filled(memory_limit_bytes: u64, threads: usize, keys: u32) -> Store {
    let settings = Settings { memory_limit_bytes, threads, hash_seed: Some(1), ..Settings::default() };
    let store = Store::new(settings);
    (0..keys).for_each(|number| set(&store, &key(number)));
    assert_eq!(store.totals().evictions, 0, "all keys fit");
    store
}

fn key(number: u32) -> Key {
    let mut key = *b"user:00000000000";
    let text = number.to_string();
    key[16 - text.len()..].copy_from_slice(text.as_bytes());
    key
}

fn set(store: &Store, key: &Key) {
    let stored = store.store(StoreMode::Set, key, 0, Deadline::NEVER, Incoming::Bytes(&VALUE), NOW);
    assert!(stored.is_ok());
}

impl Stream {
    /// Skewed as by a Zipf law of exponent 1; every tenth operation overwrites.
    fn skewed(seed: u64, keys: f64, operations: usize) -> Stream {
        let mut random = fastrand::Rng::with_seed(seed);
        let operation = |_| (key(keys.powf(random.f64()) as u32), random.u8(..10) == 0);
        Stream((0..operations).map(operation).collect())
    }

    /// The operations of one round; another part of the stream in the next.
    fn chunk(&self, number: usize, operations: usize) -> &Operations {
        let start = number * operations % self.0.len();
        &self.0[start..start + operations]
    }
}

fn run(operations: &Operations, store: &Store) {
    let mut reply = Vec::with_capacity(VALUE.len());
    let mut read_bytes = 0;
    for (key, overwrites) in operations {
        if *overwrites {
            set(store, key);
            continue;
        }
        reply.clear();
        // As a connection does: the copy is made under the lock.
        let found = store.get(key, NOW, |hit| reply.extend_from_slice(&hit.value.bytes()));
        assert!(found.is_ok());
        read_bytes += reply.len();
    }
    let reads = operations.iter().filter(|(_, overwrites)| !overwrites).count();
    assert_eq!(read_bytes, reads * VALUE.len());
}

/// What an operation costs outside of the lock, and the lock itself while nobody else wants it.
fn hash_and_lock(operations: &Operations) {
    let hasher = FixedState::with_seed(1);
    let shards: Vec<Mutex<u64>> = (0..4).map(Mutex::new).collect();
    for (key, _) in std::iter::repeat_n(operations, APART_REPEATS).flatten() {
        let hash = hasher.hash_one(key);
        *shards[hash as usize % shards.len()].lock() += hash >> 32;
    }
    black_box(shards);
}

/// All of it at once, a thread for each. Rounds are too short for the system to spread threads by itself.
fn round(chunks: &[&Operations], work: impl Fn(&Operations) + Sync) -> Round {
    let ready = Barrier::new(chunks.len());
    let timed = |cpu: usize, operations: &Operations| {
        hold_on(cpu);
        ready.wait();
        let (started, (cpu, sleeps)) = (Instant::now(), used_by_this_thread());
        work(operations);
        let (cpu_after, sleeps_after) = used_by_this_thread();
        (started, Instant::now(), cpu_after - cpu, sleeps_after - sleeps)
    };
    let timed = &timed;
    let of_threads: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            chunks.iter().enumerate().map(|(cpu, chunk)| scope.spawn(move || timed(cpu, chunk))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let first = of_threads.iter().map(|(started, ..)| *started).min();
    let last = of_threads.iter().map(|(_, ended, ..)| *ended).max();
    Round {
        wall: last.zip(first).map_or(Duration::ZERO, |(last, first)| last - first),
        cpu: of_threads.iter().map(|(_, _, cpu, _)| *cpu).sum(),
        sleeps: of_threads.iter().map(|(.., sleeps)| sleeps).sum(),
    }
}

/// Holds this thread on one processor, counted around.
fn hold_on(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu % processors()).expect("a set has room for so few");
    // Where the system forbids it, threads run where it puts them.
    let _ = sched_setaffinity(Pid::from_raw(0), &set);
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Processor time so far, and how often the thread went to sleep.
fn used_by_this_thread() -> (Duration, i64) {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("Linux knows what a thread used");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    (Duration::from_micros(micros.unsigned_abs()), usage.voluntary_context_switches())
}

//! Measures how much threads slow each other down on one store. Load: 90 % gets and 10 % sets of 100 bytes, keys with a
//! Zipf distribution, one, two and four threads. The store has as many shards as a daemon with this number of threads
//! (`-t`) and this memory limit (`-m`).
//!
//! Run `cargo bench --bench contention`; `-- --test` runs one short round. The thread counts take turns. Columns:
//! - `good`: throughput of a round that is faster than nine in ten, which other processes hardly disturbed; `median`:
//!   throughput of the median round; in million operations per second, with the ratio to one thread;
//! - `machine`: the same ratio for rounds in which the threads share nothing, which is what the processors allow;
//! - `cpu ns`: processor time per operation over all rounds; it does not include sleep;
//! - `taken %`: the expected share of lock attempts that find the lock taken, if shards are used evenly. It is computed
//!   from the time that the other threads spend under the lock, which is the time of one thread without hashing and
//!   without taking a free lock;
//! - `sleeps`: how often a thread went to sleep per million operations; only a contended lock causes this.

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

/// Memory limit in MiB, and number of keys. All keys fit.
const LOADS: [(u64, u32); 2] = [(64, 200_000), (1024, 1_000_000)];

/// Repetitions of the operations in a round without sharing. Such a round should take as long as one on the store,
/// because a short round is less likely to share its processor with other processes.
const UNSHARED_REPEATS: usize = 10;

type Key = [u8; 16];

/// The operations of one thread: a key, and whether it is overwritten. Each round uses a part of them.
struct Stream(Vec<(Key, bool)>);

type Operations = [(Key, bool)];

/// Result of one round of all threads.
struct Round {
    wall: Duration,
    cpu: Duration,
    sleeps: i64,
}

/// The rounds with one number of threads.
struct Rounds {
    threads: usize,
    store: Store,
    /// Rounds on the store.
    shared: Vec<Round>,
    /// Rounds in which the threads share nothing.
    unshared: Vec<Round>,
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

/// Runs the rounds of all thread counts in turn and prints a line for each.
fn compare(memory_mib: u64, keys: u32, rounds: usize, operations: usize, streams: &[Stream]) {
    let mut all = THREADS.map(|threads| {
        let store = filled(memory_mib << 20, threads, keys);
        Rounds { threads, store, shared: Vec::new(), unshared: Vec::new() }
    });
    for number in 0..rounds {
        let chunk = |stream| Stream::chunk(stream, number, operations);
        let chunks: Vec<&Operations> = streams.iter().map(chunk).collect();
        for Rounds { threads, store, shared, unshared } in &mut all {
            unshared.push(round(&chunks[..*threads], hash_and_lock));
            shared.push(round(&chunks[..*threads], |operations| run(operations, store)));
        }
    }
    for results in &mut all {
        results.shared.sort_by_key(|round| round.wall);
        results.unshared.sort_by_key(|round| round.wall);
    }
    let (good, median) = (rounds / 10, rounds / 2);
    let alone = &all[0];
    let alone_ns = nanos_each(alone.shared[good].wall, operations);
    let locked_ns =
        (alone_ns - nanos_each(alone.unshared[good].wall, UNSHARED_REPEATS * operations)).max(0.0);
    println!(
        "-m {memory_mib}, {keys} keys: one thread takes {alone_ns:.0} ns, {locked_ns:.0} of them under the lock"
    );
    println!("threads shards  good Mop/s ratio  median Mop/s ratio  machine  cpu ns  taken %  sleeps");
    let ratio = |of_one: &[Round], rounds: &[Round], at: usize, threads| {
        threads as f64 * of_one[at].wall.as_secs_f64() / rounds[at].wall.as_secs_f64()
    };
    for Rounds { threads, store, shared, unshared } in &all {
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
            ratio(&alone.unshared, unshared, good, *threads),
            100.0 * others as f64 * locked_ns / alone_ns / store.shards() as f64,
            sleeps as f64 * 1e6 / all_operations as f64,
        );
    }
}

fn nanos_each(time: Duration, operations: usize) -> f64 {
    time.as_nanos() as f64 / operations as f64
}

/// A store with the settings of a daemon, filled with all keys.
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
    /// Keys with a Zipf distribution of exponent 1; one operation in ten overwrites.
    fn skewed(seed: u64, keys: f64, operations: usize) -> Stream {
        let mut random = fastrand::Rng::with_seed(seed);
        let operation = |_| (key(keys.powf(random.f64()) as u32), random.u8(..10) == 0);
        Stream((0..operations).map(operation).collect())
    }

    /// The operations of one round; the next round uses another part of the stream.
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
        // The copy is made under the lock, as for a connection.
        let found = store.get(key, NOW, |hit| reply.extend_from_slice(&hit.value.bytes()));
        assert!(found.is_ok());
        read_bytes += reply.len();
    }
    let reads = operations.iter().filter(|(_, overwrites)| !overwrites).count();
    assert_eq!(read_bytes, reads * VALUE.len());
}

/// The cost of an operation outside the lock, and of a lock without contention.
fn hash_and_lock(operations: &Operations) {
    let hasher = FixedState::with_seed(1);
    let shards: Vec<Mutex<u64>> = (0..4).map(Mutex::new).collect();
    for (key, _) in std::iter::repeat_n(operations, UNSHARED_REPEATS).flatten() {
        let hash = hasher.hash_one(key);
        *shards[hash as usize % shards.len()].lock() += hash >> 32;
    }
    black_box(shards);
}

/// Runs all parts at the same time, each in a thread. Rounds are too short for the scheduler to distribute threads.
fn round(chunks: &[&Operations], work: impl Fn(&Operations) + Sync) -> Round {
    let ready = Barrier::new(chunks.len());
    let timed = |cpu: usize, operations: &Operations| {
        pin_to(cpu);
        ready.wait();
        let (started, (cpu, sleeps)) = (Instant::now(), used_by_this_thread());
        work(operations);
        let (cpu_after, sleeps_after) = used_by_this_thread();
        (started, Instant::now(), cpu_after - cpu, sleeps_after - sleeps)
    };
    let timed = &timed;
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            chunks.iter().enumerate().map(|(cpu, chunk)| scope.spawn(move || timed(cpu, chunk))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let first = results.iter().map(|(started, ..)| *started).min();
    let last = results.iter().map(|(_, ended, ..)| *ended).max();
    Round {
        wall: last.zip(first).map_or(Duration::ZERO, |(last, first)| last - first),
        cpu: results.iter().map(|(_, _, cpu, _)| *cpu).sum(),
        sleeps: results.iter().map(|(.., sleeps)| sleeps).sum(),
    }
}

/// Pins this thread to a processor, modulo their number.
fn pin_to(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu % processors()).expect("a set has room for so few");
    // If the system does not permit it, the scheduler places the thread.
    let _ = sched_setaffinity(Pid::from_raw(0), &set);
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Processor time of this thread so far, and how often it went to sleep.
fn used_by_this_thread() -> (Duration, i64) {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("Linux knows what a thread used");
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    (Duration::from_micros(micros.unsigned_abs()), usage.voluntary_context_switches())
}

//! Five stores in this process, and an advisor that receives the sampled operations of the middle one.

use super::outcome::{Outcome, PRESENT, QUARTERS};
use super::trace::{Item, Trace};
use foldhash::quality::FixedState;
use larder::advisor::Advisor;
use larder::advisor::{Access, AccessKind, Advice, CacheState};
use larder::clock::{Deadline, Now};
use larder::store::{Incoming, Settings, Store, StoreMode};
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

/// The advisor may take one part in this many of the memory, and at least this many bytes.
const MEMORY_PART: u64 = 200;
const MEMORY_BYTES_MIN: u64 = 64 << 10;

/// Requests between two batches for the advisor, and between two maintenance calls of the stores, which a daemon makes
/// ten times a second.
const BATCH: usize = 1000;
const MAINTENANCE_INTERVAL: usize = 10_000;

/// Time at the start of a trace.
const START_SECS: u32 = 100;

/// Bytes of an item header without flags; its last ones are the deadline.
const HEADER_BYTES: u64 = 21;
const DEADLINE_BYTES: u64 = 4;

/// All values are parts of this.
static VALUE: [u8; 1 << 19] = [b'v'; 1 << 19];

/// Replays a trace on stores of all five sizes.
pub fn outcome(trace: &Trace, memory_bytes: u64, share_max: f64) -> Outcome {
    let mut replay = Replay::new(memory_bytes, share_max);
    replay.run(trace);
    let Advice { predictions, reads, keys, share, memory_bytes, recommendation, .. } =
        replay.advisor.advise();
    let nanos = replay.spent.as_nanos() as f64 / replay.noted.max(1) as f64;
    Outcome {
        predicted: predictions.iter().map(|size| size.hit_ratio).collect(),
        real: replay.missed.map(|missed| 1.0 - missed / replay.reads),
        notes: format!(
            "{recommendation}\n  {reads} reads, {keys} keys, share {share:.3}, {memory_bytes} bytes, \
            {nanos:.0} ns/operation"
        ),
    }
}

/// Five stores and an advisor.
struct Replay {
    stores: [Store; 5],
    advisor: Advisor,
    hasher: FixedState,
    batch: Vec<Access>,
    /// Reads, and misses of each store, with the advisor's weights.
    reads: f64,
    missed: [f64; 5],
    state: CacheState,
    /// Sampled reads of the advisor after the last batch; fewer mean that it has halved its counts.
    sampled_reads: u64,
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
        let advisor_bytes = (memory_bytes / MEMORY_PART).max(MEMORY_BYTES_MIN);
        Replay {
            stores: QUARTERS.map(store),
            advisor: Advisor::new(memory_bytes, advisor_bytes, share_max),
            hasher: FixedState::default(),
            batch: Vec::new(),
            reads: 0.0,
            missed: [0.0; 5],
            state: CacheState { limit_bytes: memory_bytes, evicts: true, ..CacheState::default() },
            sampled_reads: 0,
            noted: 0,
            spent: Duration::ZERO,
        }
    }

    fn run(&mut self, trace: &Trace) {
        let mut key = Vec::new();
        self.advisor.observe(&self.state);
        for (at, request) in trace.requests.iter().enumerate() {
            let now = Now::from_secs(START_SECS + (at / trace.requests_per_sec as usize) as u32);
            if at % MAINTENANCE_INTERVAL == 0 {
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
                    self.state.hits += 1;
                    self.sample(AccessKind::Hit, key, item, deadline, now);
                }
                Err(_) => {
                    self.state.misses += 1;
                    self.sample(AccessKind::Miss, key, item, Deadline::NEVER, now);
                    self.sample(AccessKind::Store, key, item, deadline(item, now), now);
                }
            }
        }
    }

    /// Adds an operation to the batch if its key is sampled.
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

    /// Passes the batch to the advisor.
    fn advise(&mut self) {
        let totals = self.stores[PRESENT].totals();
        self.state.charged_bytes = totals.charged_bytes;
        self.state.item_bytes = totals.item_bytes;
        let started = Instant::now();
        self.batch.iter().for_each(|access| self.advisor.record(access));
        self.advisor.observe(&self.state);
        self.spent += started.elapsed();
        self.noted += self.batch.len() as u64;
        self.batch.clear();
        let reads = self.advisor.advise().reads;
        if reads < self.sampled_reads {
            self.reads /= 2.0;
            self.missed.iter_mut().for_each(|missed| *missed /= 2.0);
        }
        self.sampled_reads = reads;
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

//! S8: memory pressure never evicts a recently used item, of any size and used by any command, also while pages move
//! between classes.
//!
//! The oracle records when each key was last used or stored. For every evicted item it sums the bytes of the remaining
//! items of the shard that were used later. Items that were not used since they were stored may be evicted at any time.

use larder::clock::{Deadline, Now};
use larder::store::{
    Access, DeleteOptions, Incoming, Miss, PagePlace, Settings, Step, Store, StoreMode, Stored,
};
use std::collections::HashMap;

/// Uses and stores in one run, at most.
const STEPS: usize = 1 << 18;

/// Every hot item is used once in this many rounds. Each round also reads one other item.
const ROUNDS_BETWEEN_USES: usize = 16;

/// Rounds of one run, and rounds with the same distribution of sizes.
const ROUNDS: usize = 16_000;
const ROUNDS_PER_PHASE: usize = 2000;

/// At least one in this many of the remaining bytes was used after an evicted item. The store guarantees a quarter of
/// its chunks and pages, which are larger than the items in them.
const USED_AFTER_ONE_IN: u64 = 6;

/// Approximate bytes of an item besides key and value.
const ITEM_BYTES: u64 = 32;

/// Bytes by the step of their last use, as a Fenwick tree.
struct UsedBytes {
    sums: Vec<u64>,
    all: u64,
}

impl UsedBytes {
    fn new() -> UsedBytes {
        UsedBytes { sums: vec![0; STEPS + 1], all: 0 }
    }

    fn add(&mut self, step: usize, bytes: u64) {
        self.all += bytes;
        self.change(step, |sum| *sum += bytes);
    }

    fn take(&mut self, step: usize, bytes: u64) {
        self.all -= bytes;
        self.change(step, |sum| *sum -= bytes);
    }

    fn change(&mut self, step: usize, change: impl Fn(&mut u64)) {
        let mut at = step + 1;
        while at <= STEPS {
            change(&mut self.sums[at]);
            at += at & at.wrapping_neg();
        }
    }

    /// Bytes whose last use is after a step.
    fn after(&self, step: usize) -> u64 {
        let (mut at, mut until) = (step + 1, 0);
        while at > 0 {
            until += self.sums[at];
            at &= at - 1;
        }
        self.all - until
    }
}

/// The record of the oracle for a key.
#[derive(Clone, Copy)]
struct Known {
    /// The step of its last use or store.
    step: usize,
    /// It was used since it was stored.
    used: bool,
    bytes: u64,
}

/// The store and the oracle.
struct Watched {
    store: Store,
    now: Now,
    step: usize,
    keys: HashMap<Vec<u8>, Known>,
    /// For each shard.
    used: Vec<UsedBytes>,
    /// Used items that were evicted.
    evicted: usize,
}

impl Watched {
    fn new(limit_bytes: u64, shards: usize) -> Watched {
        let store = crate::store(limit_bytes, |settings: &mut Settings| settings.shards = Some(shards));
        store.record_evictions(true);
        Watched {
            store,
            now: Now::from_secs(100),
            step: 0,
            keys: HashMap::new(),
            used: (0..shards).map(|_| UsedBytes::new()).collect(),
            evicted: 0,
        }
    }

    fn remove(&mut self, key: &[u8]) -> Option<Known> {
        let known = self.keys.remove(key)?;
        let shard = self.store.shard_number(key);
        self.used[shard].take(known.step, known.bytes);
        Some(known)
    }

    fn note(&mut self, key: &[u8], used: bool, len: usize) {
        self.remove(key);
        self.step += 1;
        let known = Known { step: self.step, used, bytes: (key.len() + len) as u64 + ITEM_BYTES };
        let shard = self.store.shard_number(key);
        self.used[shard].add(self.step, known.bytes);
        self.keys.insert(key.to_vec(), known);
    }

    /// Checks the evicted items; asserts S8 if `must_hold`, which is false after the limit was lowered.
    fn check_evicted(&mut self, must_hold: bool) {
        let (evicted, dropped) = self.store.drain_evicted();
        assert_eq!(dropped, 0, "the record holds the evictions of one step");
        for item in evicted {
            let Some(Known { used: true, step, .. }) = self.remove(&item.key) else { continue };
            self.evicted += 1;
            let shard = self.store.shard_number(&item.key);
            let (after, all) = (self.used[shard].after(step), self.used[shard].all);
            assert!(
                !must_hold || after >= all / USED_AFTER_ONE_IN,
                "{} of {} bytes, used {} steps ago, {after} of {all} bytes since",
                String::from_utf8_lossy(&item.key),
                item.value_len,
                self.step - step,
            );
        }
    }

    fn set(&mut self, mode: StoreMode, key: &[u8], len: usize) {
        let value = vec![b'1'; len];
        let incoming = if len > 16 << 10 {
            let mut writer = self.store.begin_large_value(key, len, self.now).expect("there is memory");
            self.store.write_large_value(&mut writer, &value, self.now);
            Incoming::Large(writer)
        } else {
            Incoming::Bytes(&value)
        };
        let stored = self.store.store(mode, key, 0, Deadline::NEVER, incoming, self.now);
        // The old item may have been evicted for the new one.
        self.check_evicted(true);
        assert!(matches!(stored, Ok(Stored::Stored { .. } | Stored::NotStored)), "{stored:?}");
        let known = self.keys.contains_key(key);
        if known || matches!(stored, Ok(Stored::Stored { .. })) {
            self.note(key, known, len);
        }
    }

    /// Reads a key and stores it if it is absent; true if it was present.
    fn read(&mut self, key: &[u8], len: usize) -> bool {
        let found = self.store.get(key, self.now, |_| ()).is_ok();
        if found {
            self.note(key, true, len)
        } else {
            self.set(StoreMode::Set, key, len)
        }
        found
    }

    /// Uses a key by one of the commands; false if it was absent.
    fn use_by(&mut self, command: u32, key: &[u8], len: usize) -> bool {
        let never = Deadline::NEVER;
        let short = Deadline::from_secs(self.now.secs() + 100_000);
        let access = |deadline| Access { deadline, ..Access::default() };
        let found = match command {
            0 => self.store.fetch(key, &access(Some(short)), self.now, |_| ()) == Ok(Ok(())),
            1 => self.store.fetch(key, &access(None), self.now, |_| ()) == Ok(Ok(())),
            2 => self.store.touch(key, short, self.now) != Err(Miss::Absent),
            3 if len < 20 => {
                self.store.arithmetic(key, Step::Up(1), self.now) != Ok(larder::store::Counted::NotFound)
            }
            4 => {
                let unique = self.store.peek(key, self.now, |hit| hit.cas);
                unique.is_ok_and(|unique| {
                    self.set(StoreMode::Cas(unique), key, len);
                    true
                })
            }
            5 | 6 => {
                let mode = if command == 5 { StoreMode::Append } else { StoreMode::Prepend };
                let joined = self.store.store(mode, key, 0, never, Incoming::Bytes(b""), self.now);
                matches!(joined, Ok(Stored::Stored { .. }))
            }
            7 | 8 if self.store.peek(key, self.now, |_| ()).is_ok() => {
                self.set(
                    if command == 7 { StoreMode::Set } else { StoreMode::Add },
                    key,
                    len.min(15 << 10).max(len),
                );
                true
            }
            7 | 8 => false,
            _ => self.store.get(key, self.now, |_| ()).is_ok(),
        };
        self.check_evicted(true);
        if found {
            self.note(key, true, len);
        }
        found
    }
}

/// Hot items: a few of every size that is a small part of a shard.
fn hot_items(limit_bytes: u64, shards: usize) -> Vec<(Vec<u8>, usize)> {
    let share = limit_bytes / shards as u64;
    let sizes = [1, 10, 100, 600, 2000, 7000, 12_000, 20_000, 60_000, 200_000, 900_000];
    let few = |len: usize| if len < 1000 { 40 } else { 1 };
    let small = sizes.into_iter().filter(|len| *len as u64 * 16 < share);
    small
        .flat_map(|len| (0..few(len)).map(move |number| (format!("hot:{len}:{number}").into_bytes(), len)))
        .collect()
}

/// Another key by a skewed choice, with a size by the distribution of the phase.
fn other_item(random: &mut fastrand::Rng, phase: usize) -> (Vec<u8>, usize) {
    let number = 30_000f64.powf(random.f64()) as u64;
    let mut sizes = fastrand::Rng::with_seed(number + 1000 * phase as u64);
    let len = match phase % 4 {
        0 => sizes.usize(300..6000),
        1 => sizes.usize(10..200),
        2 => 1 << sizes.u32(6..18),
        _ => sizes.usize(12_000..100_000),
    };
    (format!("page:{phase}:{number}").into_bytes(), len)
}

fn move_page(watched: &mut Watched, random: &mut fastrand::Rng) {
    let to = PagePlace::Class(random.u32(1..50));
    let from = if random.bool() { PagePlace::Any } else { PagePlace::Class(random.u32(1..50)) };
    let _ = watched.store.reassign_page(from, to, watched.now);
    watched.check_evicted(true);
    watched.store.maintain(watched.now);
    watched.check_evicted(true);
}

/// A run. Returns how many uses of hot items missed, and how many used items were evicted.
fn run(seed: u64, limit_bytes: u64, shards: usize, moving_clock: bool) -> (u32, usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut watched = Watched::new(limit_bytes, shards);
    let hot = hot_items(limit_bytes, shards);
    hot.iter().for_each(|(key, len)| watched.set(StoreMode::Set, key, *len));
    hot.iter().for_each(|(key, len)| assert!(watched.read(key, *len)));
    let mut lost = 0;
    for round in 1..=ROUNDS {
        if moving_clock && round % 500 == 0 {
            watched.now = Now::from_secs(watched.now.secs() + 1);
        }
        let (key, len) = other_item(&mut random, round / ROUNDS_PER_PHASE);
        if random.u8(..50) == 0 {
            watched.store.delete_with(&key, &DeleteOptions::default(), watched.now).ok();
            watched.remove(&key);
        } else {
            watched.read(&key, len);
        }
        for (key, len) in hot.iter().skip(round % ROUNDS_BETWEEN_USES).step_by(ROUNDS_BETWEEN_USES) {
            if !watched.use_by(random.u32(..10), key, *len) {
                lost += 1;
                watched.set(StoreMode::Set, key, *len);
            }
        }
        if round % 100 == 0 {
            move_page(&mut watched, &mut random);
        }
    }
    watched.store.check_invariants();
    (lost, watched.evicted)
}

#[test]
fn no_recently_used_item_is_evicted() {
    let mut evicted_in_all = 0;
    for seed in crate::seeds(2) {
        for (limit_mib, shards) in [(8, 1), (16, 4), (64, 4)] {
            for moving_clock in [false, true] {
                let (lost, evicted) = run(seed, limit_mib << 20, shards, moving_clock);
                evicted_in_all += evicted;
                assert_eq!(lost, 0, "LARDER_SEED={seed}, {limit_mib} MiB, {shards} shards");
            }
        }
    }
    assert!(evicted_in_all > 100, "only {evicted_in_all} used items were evicted");
}

#[test]
fn a_lowered_limit_evicts_the_oldest_first() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut watched = Watched::new(64 << 20, 2);
    let hot = hot_items(8 << 20, 2);
    (0..40_000).for_each(|_| {
        let (key, len) = other_item(&mut random, 0);
        watched.read(&key, len);
    });
    hot.iter().for_each(|(key, len)| {
        watched.set(StoreMode::Set, key, *len);
        assert!(watched.read(key, *len));
    });
    for limit_mib in [32, 16, 8] {
        watched.store.set_memory_limit(limit_mib << 20);
        while watched.store.maintain(watched.now) {}
        watched.check_evicted(false);
        assert!(watched.store.charged_bytes() <= limit_mib << 20);
        assert!(hot.iter().all(|(key, len)| watched.use_by(9, key, *len)), "{limit_mib} MiB");
    }
    watched.store.check_invariants();
}

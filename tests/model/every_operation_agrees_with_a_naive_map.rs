//! Random operations on the store and on a naive map. The store may lose a key only by an eviction that it counts, and
//! evict only if memory is short. It never returns a wrong, stale, expired or torn value (S7), and its invariants hold
//! after every operation. The module `faults` plants faults that these tests must detect.

mod faults;
mod operations;

use crate::naive::{Entry, Naive};
use larder::clock::{Deadline, Now};
use larder::store::{
    Deleted, FlushAt, Hit, Incoming, Miss, Refused, Settings, Store, StoreMode, Stored, Totals,
};

/// The setup of a run, drawn from its seed.
struct Setup {
    memory_limit_bytes: u64,
    keys: usize,
    value_max: usize,
    /// Most values are short and a few are as long as possible, so that all classes and large values need memory.
    skewed_sizes: bool,
    operations: usize,
    /// The kinds of operation of this run. Some are left out, so that others follow each other more often.
    kinds: Vec<u8>,
}

const KINDS: u8 = 21;

/// Changes of the memory limit, which some tests leave out.
const LIMIT_CHANGE: u8 = 13;

/// Page moves by an operator, which some tests leave out.
const PAGE_MOVE: u8 = 19;

/// Charge for a page, rounded up.
const PAGE_CHARGE_BYTES: u64 = 33 << 10;

/// Pages that one operation may need besides those of its value.
const PAGES_NEEDED_MAX: u64 = 3;

/// Events of a run. The test of memory pressure asserts that there were enough.
#[derive(Default, Debug)]
struct Events {
    classes_that_evicted: usize,
    large_evictions: u64,
    pages_traded: u64,
    expired: u64,
    limits_lowered: u64,
    limits_raised: u64,
    late_flushes: u64,
}

struct Run {
    store: Store,
    naive: Naive,
    random: fastrand::Rng,
    setup: Setup,
    now: Now,
    evict: bool,
    /// Charged bytes at the last check of the invariants.
    charged_bytes: u64,
    /// Bytes of values for which the current operation may need memory.
    value_bytes: u64,
    lost: u64,
    last_cas: u64,
    pages_moved: u64,
    events: Events,
}

impl Run {
    fn new(seed: u64, change: impl FnOnce(&mut Settings), adjust: impl FnOnce(&mut Setup)) -> Run {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut setup = Setup {
            memory_limit_bytes: random.choice([1 << 20, 2 << 20, 4 << 20]).unwrap_or(1 << 20),
            keys: random.choice([20, 300, 2000]).unwrap_or(300),
            value_max: random.choice([20, 600, 9_000, 40_000, 200_000]).unwrap_or(600),
            skewed_sizes: random.bool(),
            operations: 1500,
            kinds: (0..KINDS).filter(|_| random.u8(..4) > 0).collect(),
        };
        setup.kinds.push(0);
        adjust(&mut setup);
        let mut evict = true;
        let store = crate::store(setup.memory_limit_bytes, |settings| {
            change(settings);
            evict = settings.evict;
        });
        Run {
            store,
            naive: Naive::default(),
            random,
            setup,
            now: Now::from_secs(100),
            evict,
            charged_bytes: 0,
            value_bytes: 0,
            lost: 0,
            last_cas: 0,
            pages_moved: 0,
            events: Events::default(),
        }
    }

    fn run(mut self, seed: u64) -> Run {
        for step in 0..self.setup.operations {
            let kind = self.random.choice(&self.setup.kinds).copied().unwrap_or(0);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.events.late_flushes += u64::from(self.naive.flush_if_due(self.now));
                let before = self.store.totals();
                self.operate(kind);
                self.check();
                if !matches!(kind, LIMIT_CHANGE | PAGE_MOVE) {
                    self.check_evictions(&before);
                }
            }));
            if let Err(panic) = outcome {
                eprintln!("seed {seed}, step {step}, kind {kind}");
                std::panic::resume_unwind(panic);
            }
        }
        for key in self.naive.keys() {
            self.get(&key);
        }
        self.check();
        let totals = self.store.totals();
        (self.events.expired, self.events.pages_traded) =
            (totals.reclaimed, totals.pages_moved - self.pages_moved);
        for class in self.store.classes(self.now).iter().filter(|class| class.evicted > 0) {
            self.events.classes_that_evicted += usize::from(!class.large);
            self.events.large_evictions += if class.large { class.evicted } else { 0 };
        }
        self
    }

    fn operate(&mut self, kind: u8) {
        let key = self.key();
        self.value_bytes = self.naive.get(&key, self.now).map_or(0, |entry| entry.value.len() as u64);
        match kind {
            0 => self.set(StoreMode::Set, &key),
            1 => self.set(StoreMode::Add, &key),
            2 => self.set(StoreMode::Replace, &key),
            3 => self.set(StoreMode::Append, &key),
            4 => self.set(StoreMode::Prepend, &key),
            5 => self.compare_and_set(&key),
            6 => self.delete(&key),
            7 => self.arithmetic(&key),
            8 => self.touch(&key),
            9 => self.get_and_touch(&key),
            10 if self.random.u8(..40) == 0 => self.flush(),
            11 => self.now = Now::from_secs(self.now.secs() + self.random.u32(..5)),
            12 => {
                self.store.maintain(self.now);
            }
            LIMIT_CHANGE if self.random.u8(..20) == 0 => self.change_limit(),
            14 => self.read_or_create(&key),
            15 => self.invalidate(&key),
            16 => self.drop_value(&key),
            17 => self.store_older(&key),
            18 => self.walk(),
            PAGE_MOVE => self.move_page(),
            _ => self.get(&key),
        }
    }

    fn check(&mut self) {
        self.store.check_invariants();
        let totals = self.store.totals();
        assert!(self.lost <= totals.evictions, "{} keys lost, {} evicted", self.lost, totals.evictions);
        // Over a lowered limit, charges may only fall.
        let most = totals.limit_bytes.max(self.charged_bytes);
        assert!(totals.charged_bytes <= most, "S3: {} of {most} bytes charged", totals.charged_bytes);
        self.charged_bytes = totals.charged_bytes;
    }

    /// Asserts that memory was short if an item was evicted since `before`.
    fn check_evictions(&self, before: &Totals) {
        let evicted = self.store.totals().evictions - before.evictions;
        let left = before.limit_bytes.saturating_sub(before.charged_bytes);
        let value = self.value_bytes + self.value_bytes / 16 + 4096;
        let short = left < PAGES_NEEDED_MAX * PAGE_CHARGE_BYTES + value;
        assert!(evicted == 0 || short, "{evicted} evicted with {left} bytes left for a value of {value}");
    }

    fn key(&mut self) -> Vec<u8> {
        let number = self.random.usize(..self.setup.keys);
        // Keys of every length; a number always has the same length.
        let length = 1 + number * 7 % 250;
        let mut key = number.to_string().into_bytes();
        key.resize(key.len().max(length), b'k');
        key
    }

    fn value(&mut self) -> Vec<u8> {
        if self.random.u8(..4) == 0 {
            return self.random.u64(..10_000).to_string().into_bytes();
        }
        let length = if self.setup.skewed_sizes {
            (self.setup.value_max as f64).powf(self.random.f64()) as usize
        } else {
            self.random.usize(..=self.setup.value_max)
        };
        let start = self.random.u8(..);
        (0..length).map(|at| start.wrapping_add(at as u8)).collect()
    }

    fn deadline(&mut self) -> Deadline {
        match self.random.u8(..5) {
            0 => Deadline::PAST,
            1 | 2 => Deadline::from_secs(self.now.secs() + self.random.u32(1..20)),
            _ => Deadline::NEVER,
        }
    }

    /// Notes that the store does not have a key that the map has.
    fn lose(&mut self, key: &[u8]) {
        self.naive.remove(key);
        self.lost += 1;
    }

    fn entry_of(hit: Hit<'_>) -> Entry {
        Entry {
            flags: hit.flags,
            deadline: hit.deadline,
            cas: hit.cas,
            value: hit.value.bytes().into_owned(),
        }
    }
}

#[test]
fn with_enough_memory_no_key_is_lost() {
    for seed in crate::seeds(12) {
        let change = |settings: &mut Settings| settings.shards = Some(2);
        let run = Run::new(seed, change, |setup| {
            setup.memory_limit_bytes = 64 << 20;
            setup.keys = setup.keys.min(300);
            setup.value_max = setup.value_max.min(40_000);
            setup.kinds.retain(|kind| !matches!(*kind, LIMIT_CHANGE | PAGE_MOVE));
        });
        let run = run.run(seed);
        assert_eq!((run.lost, run.store.totals().evictions), (0, 0), "seed {seed}");
    }
}

#[test]
fn under_memory_pressure_only_evicted_keys_are_lost() {
    let seeds = crate::seeds(40);
    let mut all = Events::default();
    for &seed in &seeds {
        let Events {
            classes_that_evicted,
            large_evictions,
            pages_traded,
            expired,
            limits_lowered,
            limits_raised,
            late_flushes,
        } = Run::new(seed, |_| (), |_| ()).run(seed).events;
        all.classes_that_evicted = all.classes_that_evicted.max(classes_that_evicted);
        all.large_evictions += large_evictions;
        all.pages_traded += pages_traded;
        all.expired += expired;
        all.limits_lowered += limits_lowered;
        all.limits_raised += limits_raised;
        all.late_flushes += late_flushes;
    }
    let classes_competed =
        all.classes_that_evicted > 10 && all.pages_traded > 100 && all.large_evictions > 200;
    let limits_changed = all.limits_lowered > 10 && all.limits_raised > 10;
    let time_passed = all.expired > 1000 && all.late_flushes > 10;
    let is_full_run = seeds.len() >= 40;
    assert!(!is_full_run || classes_competed && limits_changed && time_passed, "too few events: {all:?}");
}

#[test]
fn several_shards_agree_under_memory_pressure() {
    for seed in crate::seeds(12) {
        Run::new(seed, |settings| settings.shards = Some(4), |setup| setup.memory_limit_bytes = 4 << 20)
            .run(seed);
    }
}

#[test]
fn without_eviction_no_key_is_lost() {
    for seed in crate::seeds(12) {
        let run = Run::new(
            seed,
            |settings| settings.evict = false,
            |setup| setup.kinds.retain(|kind| *kind != LIMIT_CHANGE),
        );
        run.run(seed);
    }
}

#[test]
fn the_longest_key_and_the_largest_value_are_read_back_whole() {
    let store = crate::store(8 << 20, |_| ());
    let now = Now::from_secs(100);
    let key = [b'k'; 250];
    let value: Vec<u8> = (0..(1 << 20) - 48 - 8 - 250 - 1 - 2).map(|at| at as u8).collect();
    let set = |value: &[u8]| {
        let mut draft = store.begin_large_value(&key, value.len(), now)?;
        store.write_large_value(&mut draft, value, now);
        store.store(StoreMode::Set, &key, 0, Deadline::NEVER, Incoming::Large(draft), now)
    };
    assert!(matches!(set(&value), Ok(Stored::Stored { .. })));
    assert_eq!(store.get(&key, now, |hit| *hit.value.bytes() == *value), Ok(true));
    assert_eq!(set(&[value, vec![0]].concat()), Err(Refused::TooLarge));
    assert_eq!(store.get(b"other", now, |_| ()), Err(Miss::Absent));
    store.check_invariants();
}

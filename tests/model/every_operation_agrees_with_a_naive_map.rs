//! Random operations on the store and on a naive map. The store may forget a key only by an eviction that it counts,
//! and evict only when memory is short; it never returns a wrong, stale, expired or torn value (S7), and its laws hold
//! after every operation. That this judge sees faults is shown in `faults`.

mod faults;

use crate::naive::{Entry, Naive};
use larder::clock::{Deadline, Now};
use larder::store::{
    Access, Counted, Create, DeleteOptions, Deleted, FlushAt, Hit, Incoming, ItemMarks, Miss, PagePlace,
    Refused, Settings, Step, Store, StoreMode, StoreOptions, Stored, Totals,
};

/// How a run is set up, drawn from its seed.
struct Shape {
    memory_limit_bytes: u64,
    keys: usize,
    value_max: usize,
    /// Most values are short and a few are as long as they get, so that all classes and large values want memory.
    skewed_sizes: bool,
    operations: usize,
    /// Which kinds of operation this run uses; some are left out so that others meet more often.
    kinds: Vec<u8>,
}

const KINDS: u8 = 21;

/// Kinds that are left out in some tests: changes of the limit, and pages moved by an operator's word.
const LIMITS: u8 = 13;
const MOVES: u8 = 19;

/// What a store of these sizes charges for a page or a segment of its index, rounded up.
const PAGE_CHARGE_BYTES: u64 = 33 << 10;

/// Those that one operation may need beyond its value.
const PAGES_NEEDED_MAX: u64 = 3;

/// What runs met; a test that is about pressure asserts that there was some.
#[derive(Default, Debug)]
struct Met {
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
    shape: Shape,
    now: Now,
    evict: bool,
    /// What was charged when the laws were checked last.
    charged_bytes: u64,
    /// The longest value that the operation at hand may have to find room for.
    value_bytes: u64,
    lost: u64,
    last_cas: u64,
    pages_moved: u64,
    met: Met,
}

impl Run {
    fn new(seed: u64, change: impl FnOnce(&mut Settings), shape: impl FnOnce(&mut Shape)) -> Run {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut wanted = Shape {
            memory_limit_bytes: random.choice([1 << 20, 2 << 20, 4 << 20]).unwrap_or(1 << 20),
            keys: random.choice([20, 300, 2000]).unwrap_or(300),
            value_max: random.choice([20, 600, 9_000, 40_000, 200_000]).unwrap_or(600),
            skewed_sizes: random.bool(),
            operations: 1500,
            kinds: (0..KINDS).filter(|_| random.u8(..4) > 0).collect(),
        };
        wanted.kinds.push(0);
        shape(&mut wanted);
        let mut evict = true;
        let store = crate::store(wanted.memory_limit_bytes, |settings| {
            change(settings);
            evict = settings.evict;
        });
        Run {
            store,
            naive: Naive::default(),
            random,
            shape: wanted,
            now: Now::from_secs(100),
            evict,
            charged_bytes: 0,
            value_bytes: 0,
            lost: 0,
            last_cas: 0,
            pages_moved: 0,
            met: Met::default(),
        }
    }

    fn go(mut self, seed: u64) -> Run {
        for step in 0..self.shape.operations {
            let kind = self.random.choice(&self.shape.kinds).copied().unwrap_or(0);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.met.late_flushes += u64::from(self.naive.pass(self.now));
                let before = self.store.totals();
                self.operate(kind);
                self.check();
                if !matches!(kind, LIMITS | MOVES) {
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
        (self.met.expired, self.met.pages_traded) = (totals.reclaimed, totals.pages_moved - self.pages_moved);
        for class in self.store.classes(self.now).iter().filter(|class| class.evicted > 0) {
            self.met.classes_that_evicted += usize::from(!class.large);
            self.met.large_evictions += if class.large { class.evicted } else { 0 };
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
            7 => self.count(&key),
            8 => self.touch(&key),
            9 => self.get_and_touch(&key),
            10 if self.random.u8(..40) == 0 => self.flush(),
            11 => self.now = Now::from_secs(self.now.secs() + self.random.u32(..5)),
            12 => {
                self.store.maintain(self.now);
            }
            LIMITS if self.random.u8(..20) == 0 => self.change_limit(),
            14 => self.read_or_create(&key),
            15 => self.invalidate(&key),
            16 => self.drop_value(&key),
            17 => self.store_older(&key),
            18 => self.walk(),
            MOVES => self.move_page(),
            _ => self.get(&key),
        }
    }

    fn check(&mut self) {
        self.store.check_invariants();
        let totals = self.store.totals();
        assert!(self.lost <= totals.evictions, "{} keys lost, {} evicted", self.lost, totals.evictions);
        // Over a limit that was lowered, charges can only fall.
        let most = totals.limit_bytes.max(self.charged_bytes);
        assert!(totals.charged_bytes <= most, "S3: {} of {most} bytes charged", totals.charged_bytes);
        self.charged_bytes = totals.charged_bytes;
    }

    /// Asserts that what was evicted since then had to make room.
    fn check_evictions(&self, before: &Totals) {
        let evicted = self.store.totals().evictions - before.evictions;
        let left = before.limit_bytes.saturating_sub(before.charged_bytes);
        let value = self.value_bytes + self.value_bytes / 16 + 4096;
        let short = left < PAGES_NEEDED_MAX * PAGE_CHARGE_BYTES + value;
        assert!(evicted == 0 || short, "{evicted} evicted with {left} bytes left for a value of {value}");
    }

    fn key(&mut self) -> Vec<u8> {
        let number = self.random.usize(..self.shape.keys);
        // Keys of every length, each number always with the same one.
        let length = 1 + number * 7 % 250;
        let mut key = number.to_string().into_bytes();
        key.resize(key.len().max(length), b'k');
        key
    }

    fn value(&mut self) -> Vec<u8> {
        if self.random.u8(..4) == 0 {
            return self.random.u64(..10_000).to_string().into_bytes();
        }
        let length = if self.shape.skewed_sizes {
            (self.shape.value_max as f64).powf(self.random.f64()) as usize
        } else {
            self.random.usize(..=self.shape.value_max)
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

    /// The store does not have a key that the map has.
    fn lose(&mut self, key: &[u8]) {
        self.naive.forget(key);
        self.lost += 1;
    }

    fn seen(hit: Hit<'_>) -> Entry {
        Entry {
            flags: hit.flags,
            deadline: hit.deadline,
            cas: hit.cas,
            value: hit.value.bytes().into_owned(),
        }
    }

    fn get(&mut self, key: &[u8]) {
        let peeked = self.store.peek(key, self.now, Run::seen);
        let got = self.store.get(key, self.now, Run::seen);
        assert_eq!(peeked, got, "a look sees what a read gets");
        match (got, self.naive.get(key, self.now)) {
            (Ok(got), expected) => assert_eq!(Some(&got), expected, "S7"),
            (Err(_), Some(_)) => self.lose(key),
            (Err(_), None) => {}
        }
    }

    fn set(&mut self, mode: StoreMode, key: &[u8]) {
        let (value, flags, deadline) =
            (self.value(), self.random.choice([0, 0, 9]).unwrap_or(0), self.deadline());
        self.value_bytes += value.len() as u64;
        let incoming = if value.len() > 16 << 10 {
            // What is joined to a value lies in memory twice.
            self.value_bytes += value.len() as u64;
            match self.store.begin_large_value(key, value.len(), self.now) {
                Ok(mut draft) => {
                    let taken = self.store.write_large_value(&mut draft, &value, self.now);
                    assert_eq!(taken, value.len());
                    Incoming::Received(draft)
                }
                Err(refused) => return self.refused(refused),
            }
        } else {
            Incoming::Bytes(&value)
        };
        let expected = self.naive.expect_store(mode, key, value.len(), self.now);
        match self.store.store(mode, key, flags, deadline, incoming, self.now) {
            Err(refused) => self.refused(refused),
            Ok(stored) => {
                let plain = match stored {
                    Stored::Stored { .. } => Stored::Stored { cas: 0, len: 0 },
                    other => other,
                };
                if plain != expected {
                    assert!(self.naive.get(key, self.now).is_some(), "{mode:?}: {stored:?} of an absent key");
                    self.lose(key);
                    assert_eq!(plain, self.naive.expect_store(mode, key, value.len(), self.now), "{mode:?}");
                }
                if let Stored::Stored { cas, .. } = stored {
                    assert!(cas > self.last_cas, "S6: {cas} after {}", self.last_cas);
                    self.last_cas = cas;
                    self.naive.note_stored(mode, key, Entry { flags, deadline, cas, value }, self.now);
                }
            }
        }
    }

    fn refused(&mut self, refused: Refused) {
        assert_eq!(refused, Refused::OutOfMemory);
        let tight = self.value_bytes > self.store.memory_limit() / 4;
        assert!(!self.evict || tight, "{} bytes refused although items may be evicted", self.value_bytes);
    }

    fn compare_and_set(&mut self, key: &[u8]) {
        let present = self.naive.get(key, self.now).map_or(1, |entry| entry.cas);
        let unique = if self.random.u8(..3) == 0 { present + 1 } else { present };
        self.set(StoreMode::Cas(unique), key);
    }

    fn delete(&mut self, key: &[u8]) {
        let deleted = self.store.delete(key, self.now);
        match (deleted, self.naive.get(key, self.now).is_some()) {
            (Deleted::Deleted, true) => {
                self.naive.forget(key);
            }
            (Deleted::Deleted, false) | (Deleted::Exists, _) => panic!("{deleted:?} of an absent key"),
            (Deleted::NotFound, true) => self.lose(key),
            (Deleted::NotFound, false) => {}
        }
    }

    fn count(&mut self, key: &[u8]) {
        let by = self.random.choice([1, 99, u64::MAX]).unwrap_or(1);
        let step = if self.random.bool() { Step::Up(by) } else { Step::Down(by) };
        let counted = match self.store.arithmetic(key, step, self.now) {
            Ok(counted) => counted,
            Err(refused) => return self.refused(refused),
        };
        let Some(entry) = self.naive.get_mut(key, self.now) else {
            return assert_eq!(counted, Counted::NotFound);
        };
        match (counted, Naive::expect_number(entry, step)) {
            (Counted::Number { value, cas, .. }, Some((expected, text))) => {
                assert_eq!(value, expected);
                assert!(cas > self.last_cas, "S6");
                let grown = text.len() > entry.value.len();
                (entry.cas, entry.value, self.last_cas) = (cas, text, cas);
                if grown {
                    self.naive.set_marks(key, ItemMarks::default());
                }
            }
            (Counted::NotNumeric, None) => {}
            (Counted::NotFound, _) => self.lose(key),
            (counted, expected) => panic!("{counted:?}, expected {expected:?}"),
        }
    }

    fn touch(&mut self, key: &[u8]) {
        let deadline = self.deadline();
        match (self.store.touch(key, deadline, self.now), self.naive.get_mut(key, self.now)) {
            (Ok(()), Some(entry)) => entry.deadline = deadline,
            (Ok(()), None) => panic!("touched what was not there"),
            (Err(_), Some(_)) => self.lose(key),
            (Err(_), None) => {}
        }
    }

    fn get_and_touch(&mut self, key: &[u8]) {
        let deadline = self.deadline();
        let access = Access { deadline: Some(deadline), ..Access::default() };
        let got = self.store.fetch(key, &access, self.now, Run::seen).expect("nothing is made");
        match (got, self.naive.get_mut(key, self.now)) {
            (Ok(got), expected) => {
                let expected = expected.map(|entry| {
                    entry.deadline = deadline;
                    entry.clone()
                });
                assert_eq!(Some(got), expected, "S7");
            }
            (Err(_), Some(_)) => self.lose(key),
            (Err(_), None) => {}
        }
    }

    /// What meta's `mg` does with N: the one who makes the item wins, later ones do not.
    fn read_or_create(&mut self, key: &[u8]) {
        let deadline = Deadline::from_secs(self.now.secs() + 30);
        let create = Some(Create { deadline, cas: None, binary_key: false });
        let access = Access { create, may_win: true, ..Access::default() };
        let read = |hit: Hit<'_>| (hit.created, hit.wins, hit.marks, Run::seen(hit));
        let got = match self.store.fetch(key, &access, self.now, read) {
            Ok(got) => got.expect("found or made"),
            Err(refused) => return self.refused(refused),
        };
        let (created, wins, marks, seen) = got;
        if created {
            if self.naive.get(key, self.now).is_some() {
                self.lose(key);
            }
            assert!(wins && seen.value.is_empty() && seen.deadline == deadline);
            self.last_cas = seen.cas;
            self.naive.note_stored(StoreMode::Set, key, seen, self.now);
            self.naive.set_marks(key, ItemMarks { won: true, ..ItemMarks::default() });
        } else {
            assert_eq!(self.naive.get(key, self.now), Some(&seen), "S7");
            let known = self.naive.marks(key);
            assert_eq!((marks, wins), (known, known.stale && !known.won));
            self.naive.set_marks(key, ItemMarks { won: known.won || wins, ..known });
        }
    }

    fn invalidate(&mut self, key: &[u8]) {
        let deadline = if self.random.bool() { Some(self.deadline()) } else { None };
        let options = DeleteOptions { invalidate: true, deadline, ..DeleteOptions::default() };
        if self.change(key, &options, |entry| entry.deadline = deadline.unwrap_or(entry.deadline)) {
            self.naive.set_marks(key, ItemMarks { stale: true, ..ItemMarks::default() });
        }
    }

    fn drop_value(&mut self, key: &[u8]) {
        let options = DeleteOptions { drop_value: Some(3), ..DeleteOptions::default() };
        self.change(key, &options, |entry| {
            entry.value.clear();
            (entry.flags, entry.deadline) = (3, Deadline::NEVER);
        });
    }

    /// Applies a delete that keeps its item; the map takes over the unique that the store then has. True if it was done.
    fn change(&mut self, key: &[u8], options: &DeleteOptions, change: impl FnOnce(&mut Entry)) -> bool {
        let deleted = match self.store.delete_with(key, options, self.now) {
            Ok(deleted) => deleted,
            Err(refused) => {
                self.refused(refused);
                return false;
            }
        };
        match (deleted, self.naive.get_mut(key, self.now)) {
            (Deleted::Deleted, Some(entry)) => {
                change(entry);
                if options.invalidate {
                    let access = Access { unseen: true, ..Access::default() };
                    if let Ok(Ok(cas)) = self.store.fetch(key, &access, self.now, |hit| hit.cas) {
                        assert!(cas > self.last_cas, "S6");
                        (entry.cas, self.last_cas) = (cas, cas);
                    }
                }
            }
            (Deleted::NotFound, Some(_)) => self.lose(key),
            (Deleted::NotFound, None) => {}
            (deleted, _) => panic!("{deleted:?}"),
        }
        deleted == Deleted::Deleted
    }

    /// What meta's `ms` does with C and I: an older unique stores, the deadline stays, the item is stale.
    fn store_older(&mut self, key: &[u8]) {
        let Some(present) = self.naive.get(key, self.now).cloned() else { return };
        let mode = StoreMode::Cas(present.cas - 1);
        let options = StoreOptions { accept_older: true, ..StoreOptions::default() };
        let incoming = Incoming::Bytes(b"older");
        match self.store.store_with(mode, &options, key, 1, Deadline::NEVER, incoming, self.now) {
            Ok(Stored::Stored { cas, len: 5 }) => {
                let won = self.naive.marks(key).won;
                let entry = Entry { flags: 1, cas, value: b"older".to_vec(), ..present };
                self.naive.note_stored(mode, key, entry, self.now);
                self.naive.set_marks(key, ItemMarks { stale: true, won, binary_key: false });
                self.last_cas = cas;
            }
            Ok(Stored::NotFound) => self.lose(key),
            Ok(other) => panic!("{other:?}"),
            Err(refused) => self.refused(refused),
        }
    }

    fn move_page(&mut self) {
        let mut place = || match self.random.u32(..8) {
            0 => PagePlace::Free,
            1 => PagePlace::Any,
            _ => PagePlace::Class(self.random.u32(1..50)),
        };
        let (from, to) = (place(), place());
        let before = self.store.totals();
        let moved = self.store.reassign_page(from, to, self.now);
        let after = self.store.totals();
        self.pages_moved += after.pages_moved - before.pages_moved;
        match moved {
            Ok(0) => assert_eq!(after.pages_moved, before.pages_moved),
            Ok(_) => assert_eq!(after.pages_moved, before.pages_moved + 1),
            Err(_) => {
                assert_eq!((after.items, after.evictions), (before.items, before.evictions), "{moved:?}")
            }
        }
    }

    fn walk(&mut self) {
        let mut seen = Vec::new();
        self.store.walk(self.now, |key, hit| {
            seen.push((key.to_vec(), Run::seen(hit)));
            true
        });
        for (key, entry) in &seen {
            assert_eq!(self.naive.get(key, self.now), Some(entry), "S7");
        }
        seen.sort_by(|(a, _), (b, _)| a.cmp(b));
        assert!(seen.windows(2).all(|pair| pair[0].0 != pair[1].0), "each once while nothing changes");
        for key in self.naive.keys() {
            let known = self.naive.get(&key, self.now).is_some();
            if known && seen.binary_search_by(|(it, _)| it.cmp(&key)).is_err() {
                self.lose(&key);
            }
        }
    }

    fn flush(&mut self) {
        if self.random.bool() {
            self.store.flush_all(FlushAt::Immediately, self.now);
            self.naive.flush();
            assert_eq!(self.store.totals().items, 0);
        } else {
            let at = Now::from_secs(self.now.secs() + self.random.u32(1..10));
            self.store.flush_all(FlushAt::At(at), self.now);
            self.naive.flush_later(at);
        }
    }

    /// Up or down; over a lowered limit the next operations may come before upkeep is done.
    fn change_limit(&mut self) {
        let limit = self.random.choice([1 << 20, 3 << 20, self.shape.memory_limit_bytes]).unwrap_or(1 << 20);
        self.met.limits_lowered += u64::from(limit < self.store.memory_limit());
        self.met.limits_raised += u64::from(limit > self.store.memory_limit());
        self.store.set_memory_limit(limit);
        if self.random.bool() {
            while self.store.maintain(self.now) {}
            let charged = self.store.totals().charged_bytes;
            assert!(charged <= limit, "given back: {charged} bytes are charged of {limit}");
        }
    }
}

#[test]
fn with_room_for_everything_nothing_is_ever_forgotten() {
    for seed in crate::seeds(12) {
        let change = |settings: &mut Settings| settings.shards = Some(2);
        let run = Run::new(seed, change, |shape| {
            shape.memory_limit_bytes = 64 << 20;
            shape.keys = shape.keys.min(300);
            shape.value_max = shape.value_max.min(40_000);
            shape.kinds.retain(|kind| !matches!(*kind, LIMITS | MOVES));
        });
        let run = run.go(seed);
        assert_eq!((run.lost, run.store.totals().evictions), (0, 0), "seed {seed}");
    }
}

#[test]
fn under_pressure_only_evictions_are_forgotten() {
    let seeds = crate::seeds(40);
    let mut all = Met::default();
    for &seed in &seeds {
        let Met {
            classes_that_evicted,
            large_evictions,
            pages_traded,
            expired,
            limits_lowered,
            limits_raised,
            late_flushes,
        } = Run::new(seed, |_| (), |_| ()).go(seed).met;
        all.classes_that_evicted = all.classes_that_evicted.max(classes_that_evicted);
        all.large_evictions += large_evictions;
        all.pages_traded += pages_traded;
        all.expired += expired;
        all.limits_lowered += limits_lowered;
        all.limits_raised += limits_raised;
        all.late_flushes += late_flushes;
    }
    let classes_fought = all.classes_that_evicted > 10 && all.pages_traded > 100 && all.large_evictions > 200;
    let limits_moved = all.limits_lowered > 10 && all.limits_raised > 10;
    let time_passed = all.expired > 1000 && all.late_flushes > 10;
    let is_whole = seeds.len() >= 40;
    assert!(!is_whole || classes_fought && limits_moved && time_passed, "too little was met: {all:?}");
}

#[test]
fn several_shards_under_pressure_agree_as_well() {
    for seed in crate::seeds(12) {
        Run::new(seed, |settings| settings.shards = Some(4), |shape| shape.memory_limit_bytes = 4 << 20)
            .go(seed);
    }
}

#[test]
fn where_nothing_may_be_evicted_nothing_is_lost() {
    for seed in crate::seeds(12) {
        let run = Run::new(
            seed,
            |settings| settings.evict = false,
            |shape| shape.kinds.retain(|kind| *kind != LIMITS),
        );
        run.go(seed);
    }
}

#[test]
fn the_longest_key_and_the_largest_value_come_back_whole() {
    let store = crate::store(8 << 20, |_| ());
    let now = Now::from_secs(100);
    let key = [b'k'; 250];
    let value: Vec<u8> = (0..(1 << 20) - 48 - 8 - 250 - 1 - 2).map(|at| at as u8).collect();
    let set = |value: &[u8]| {
        let mut draft = store.begin_large_value(&key, value.len(), now)?;
        store.write_large_value(&mut draft, value, now);
        store.store(StoreMode::Set, &key, 0, Deadline::NEVER, Incoming::Received(draft), now)
    };
    assert!(matches!(set(&value), Ok(Stored::Stored { .. })));
    assert_eq!(store.get(&key, now, |hit| *hit.value.bytes() == *value), Ok(true));
    assert_eq!(set(&[value, vec![0]].concat()), Err(Refused::TooLarge));
    assert_eq!(store.get(b"other", now, |_| ()), Err(Miss::Absent));
    store.check_invariants();
}

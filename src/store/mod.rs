//! Keys, values and time in; outcomes out. Synchronous, without IO; knows nothing of any wire.
//!
//! A [`Store`] is a set of shards, each under one mutex, chosen by the key's hash, and one pool of pages for all memory
//! that grows with items. Only one shard is locked at a time. Large values leave as references. `shard.rs` has the operations and the laws, `slab/` the chunks of small items, `large.rs` the large ones,
//! `index.rs` the way from key to item; `room.rs` lets shards give way to each other, `upkeep.rs` is called by time and
//! not by clients, `walk.rs` goes over all items.

mod ages;
mod cas;
pub mod decimal;
mod expiry;
mod figures;
mod handle;
mod hash;
mod index;
mod item;
mod large;
mod outcome;
mod pool;
mod reassign;
mod recency;
mod room;
mod sample;
mod settings;
mod shard;
mod slab;
mod upkeep;
mod walk;

pub use figures::{ClassFigures, Totals};
pub use item::Marks;
use large::Layout;
pub use large::{LargeDraft, LargeRef, LargeValue};
pub use outcome::*;
pub use pool::PAGE_OVERHEAD_BYTES;
pub use sample::{Drained, SampleKind, SampleRule, Sampled};
pub use settings::Settings;
pub use shard::counted_bytes;
pub use walk::{Surveyed, WalkPlace};

use crate::clock::{Deadline, Now};
use ages::Ages;
use cas::CasSequence;
use hash::KeyHasher;
use parking_lot::{Mutex, MutexGuard};
use pool::{Charge, Pages, Pool};
use sample::Samples;
use shard::{Key, NeedRoom, NewItem, Received, Rules, Shard, Value};
use slab::ClassSizes;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// Limits below this get small pages, so that there are enough of them, in bytes.
const SMALL_PAGES_BELOW_BYTES: u64 = 256 << 20;

/// Page sizes, in bytes.
const PAGE_SMALL_BYTES: usize = 32 << 10;
const PAGE_BYTES: usize = 64 << 10;

/// An item larger than this part of a page is a large value.
const LARGE_ABOVE_PAGE_PART: usize = 4;

/// Shards at most; a hash tells no more apart.
const SHARDS_MAX: usize = 16;

/// Shards per worker thread, at most.
const SHARDS_PER_THREAD: usize = 4;

/// Pages that every shard must be able to have: below that, a page cut for each class begins to cost hits.
const PAGES_PER_SHARD_MIN: u64 = 1000;

/// The same for one thread, which has no other to wait for.
const PAGES_PER_LONE_SHARD_MIN: u64 = 2000;

/// At most one in this many bytes of the limit is charged for the process itself.
const PROCESS_ONE_IN: u64 = 16;

/// When a `flush_all` takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushAt {
    /// Now: everything stored before the call is gone, everything stored after it stays.
    Immediately,
    /// With the beginning of this second, and what is stored in it is gone as well; replaces an earlier delayed flush.
    At(Now),
}

/// The value of a storage command.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// Still in the connection's buffer; copied.
    Bytes(&'a [u8]),
    /// Received in place; must be complete (`missing() == 0`).
    Draft(LargeDraft),
}

impl Incoming<'_> {
    /// Length of the value in bytes.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether a value is empty")]
    pub fn len(&self) -> usize {
        match self {
            Incoming::Bytes(bytes) => bytes.len(),
            Incoming::Draft(draft) => draft.len(),
        }
    }
}

/// The store. Shared by all workers.
pub struct Store {
    rules: Rules,
    pool: Arc<Pool>,
    /// What the process takes beside the items and beyond what it is allowed.
    process: Option<Charge>,
    shards: Box<[Mutex<Shard>]>,
    /// The shard that is asked first to give way.
    turn: AtomicUsize,
    /// [`Store::maintain`] looks for items whose time is over.
    sweeping: AtomicBool,
    /// When CAS uniques were drawn.
    ages: Ages,
    /// When everything was flushed the last time, or will be, in seconds; 0 for never.
    flushed_secs: AtomicU32,
    /// The buffer that is exchanged for a shard's.
    samples: Mutex<Samples>,
    /// Everything was flushed, and not all of its pages have been returned yet.
    returning: AtomicBool,
}

/// A locked shard in the middle of an operation. Says so until it is dropped in order; should the operation panic,
/// the shard stays marked and is emptied when it is locked next.
struct Working<'a> {
    shard: MutexGuard<'a, Shard>,
    /// Pages that the operation did not use. Behind `shard`, so that they go to the pool after the lock.
    unused: Option<Pages>,
}

impl Deref for Working<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.shard
    }
}

impl DerefMut for Working<'_> {
    fn deref_mut(&mut self) -> &mut Shard {
        &mut self.shard
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        self.shard.mid_update = false;
        if !self.shard.in_hand.is_empty() {
            self.unused = Some(std::mem::take(&mut self.shard.in_hand));
        }
    }
}

/// The number of shards for this much memory and so many threads: a power of two.
fn shard_count(limit_bytes: u64, page_bytes: usize, threads: usize) -> usize {
    let pages = limit_bytes / page_bytes as u64;
    let pages_min = if threads > 1 { PAGES_PER_SHARD_MIN } else { PAGES_PER_LONE_SHARD_MIN };
    let by_memory = (pages / pages_min).min(SHARDS_MAX as u64) as usize;
    let most = by_memory.min(threads.saturating_mul(SHARDS_PER_THREAD)).max(1);
    1 << most.ilog2()
}

impl Store {
    /// An empty store.
    pub fn new(settings: Settings) -> Store {
        let limit_bytes = settings.memory_limit_bytes;
        let page_bytes = if limit_bytes < SMALL_PAGES_BELOW_BYTES { PAGE_SMALL_BYTES } else { PAGE_BYTES };
        let shards =
            settings.shards.unwrap_or_else(|| shard_count(limit_bytes, page_bytes, settings.threads));
        let rules = Rules {
            evict: settings.evict,
            cas: Arc::new(CasSequence::new(settings.cas)),
            hasher: KeyHasher::new(settings.hash_seed),
            page_bytes,
            sizes: ClassSizes::new(
                page_bytes,
                settings.chunk_min_bytes as usize,
                settings.growth_factor,
                page_bytes / LARGE_ABOVE_PAGE_PART,
            ),
            shards,
            item_max_bytes: settings.item_max_bytes,
            recording: Arc::default(),
        };
        let pool = Arc::new(Pool::new(limit_bytes, page_bytes));
        let shard = |_| Mutex::new(Shard::new(rules.clone(), pool.clone()));
        Store {
            shards: (0..shards).map(shard).collect(),
            turn: AtomicUsize::new(0),
            sweeping: AtomicBool::new(true),
            returning: AtomicBool::new(false),
            ages: Ages::default(),
            flushed_secs: AtomicU32::new(0),
            samples: Mutex::default(),
            rules,
            process: None,
            pool,
        }
    }

    /// Charges what the process takes beside the items and beyond what it is allowed, in bytes, but a sixteenth of the
    /// limit at most.
    pub fn with_process_charged(self, bytes: u64) -> Store {
        let process = self.pool.try_charge(bytes.min(self.memory_limit() / PROCESS_ONE_IN));
        Store { process, ..self }
    }

    /// Looks a key up; `hit` runs under the shard's lock and must only copy. Counts as an access.
    pub fn get<R>(&self, key: &[u8], now: Now, hit: impl FnOnce(Hit<'_>) -> R) -> Result<R, Miss> {
        let key = self.key(key);
        self.shard_of(key).get(key, now, hit)
    }

    /// As [`Store::get`], and does to the item what `access` says. A CAS unique stays. `Ok(Err(_))` is a miss;
    /// [`Refused::NoRoom`] can only come where an item was to be made.
    pub fn fetch<R>(
        &self,
        key: &[u8],
        access: &Access,
        now: Now,
        mut hit: impl FnMut(Hit<'_>) -> R,
    ) -> Result<Result<R, Miss>, Refused> {
        let key = self.key(key);
        let fetched = self.with_room(key, now, |shard| shard.fetch(key, access, now, &mut hit));
        if fetched.is_err() && access.deadline.is_some() {
            self.shard_of(key).evict_key(key, now);
        }
        if access.create.is_none() { Ok(fetched.unwrap_or(Err(Miss::Absent))) } else { fetched }
    }

    /// Looks a key up without a trace: nothing is counted, nothing moves, an item whose time is over stays.
    pub fn peek<R>(&self, key: &[u8], now: Now, hit: impl FnOnce(Hit<'_>) -> R) -> Result<R, Miss> {
        let key = self.key(key);
        self.shard_of(key).peek(key, now, hit)
    }

    /// The slab class, as `stats` numbers it, of a new item of these measures.
    pub fn class_for(&self, key_len: usize, flags: u32, deadline: Deadline, value_len: usize) -> u32 {
        let cas = u64::from(self.rules.cas.is_enabled());
        let fields = item::Fields::newcomer(flags, cas, deadline, !self.rules.evict, Now::from_secs(0));
        let class = self.rules.sizes.class_of(fields.item_bytes(key_len, value_len));
        class.map_or(self.rules.sizes.len() as u32, u32::from) + 1
    }

    /// Keeps a record of evicted items from here on, or no longer. [`Store::evicted`] empties it; what is too much for
    /// it meanwhile is counted.
    pub fn record_evictions(&self, on: bool) {
        self.rules.recording.on.store(on, Ordering::Relaxed);
        if !on {
            self.evicted();
        }
    }

    /// The items evicted since the last call while a record was kept, and how many more there were.
    pub fn evicted(&self) -> (Vec<Evicted>, u64) {
        let (mut evicted, mut dropped) = (Vec::new(), 0);
        if !self.rules.recording.some.swap(false, Ordering::Relaxed) {
            return (evicted, dropped);
        }
        for shard in &self.shards {
            let mut shard = Self::lock(shard);
            evicted.append(&mut shard.evicted.items);
            dropped += std::mem::take(&mut shard.evicted.dropped);
        }
        (evicted, dropped)
    }

    /// Gives an item a new deadline. The CAS unique stays.
    pub fn touch(&self, key: &[u8], deadline: Deadline, now: Now) -> Result<(), Miss> {
        let key = self.key(key);
        let touched = self.with_room(key, now, |shard| shard.touch(key, deadline, now));
        touched.unwrap_or_else(|_| {
            self.shard_of(key).evict_key(key, now);
            Err(Miss::Absent)
        })
    }

    /// Stores by the rule of `mode`. Takes a CAS unique even if it does not store, as memcached does.
    ///
    /// Nothing is changed if it is refused: [`Refused::TooLarge`] over the item limit, [`Refused::NoRoom`] if there is
    /// no memory and nothing may be evicted for it.
    pub fn store(
        &self,
        mode: StoreMode,
        key: &[u8],
        flags: u32,
        deadline: Deadline,
        value: Incoming<'_>,
        now: Now,
    ) -> Result<Stored, Refused> {
        self.store_with(mode, &StoreOptions::default(), key, flags, deadline, value, now)
    }

    /// As [`Store::store`], with options.
    #[expect(clippy::too_many_arguments, reason = "a storage command has as many")]
    pub fn store_with(
        &self,
        mode: StoreMode,
        options: &StoreOptions,
        key: &[u8],
        flags: u32,
        deadline: Deadline,
        value: Incoming<'_>,
        now: Now,
    ) -> Result<Stored, Refused> {
        if !self.fits(key.len(), flags, value.len()) {
            return Err(Refused::TooLarge);
        }
        let value = match value {
            Incoming::Bytes(bytes) if self.is_large(mode, key.len(), bytes.len()) => {
                let mut draft = self.begin_draft(key, bytes.len(), now)?;
                self.fill_draft(&mut draft, bytes, now);
                Incoming::Draft(draft)
            }
            value => value,
        };
        let mut value = match value {
            Incoming::Bytes(bytes) => Value::Bytes(bytes),
            Incoming::Draft(draft) => {
                let len = draft.len();
                let (pages, tail, charge) = draft.into_parts().ok_or(Refused::NoRoom)?;
                Value::Received(Received { pages, tail, len, charge: Some(charge) })
            }
        };
        let key = self.key(key);
        let new = NewItem { flags, deadline, options: *options };
        self.with_room(key, now, |shard| shard.store(mode, key, &new, &mut value, now))
    }

    /// True if the value goes into pages of its own, by the longest header it may get.
    fn is_large(&self, mode: StoreMode, key_len: usize, value_len: usize) -> bool {
        let joined = matches!(mode, StoreMode::Append | StoreMode::Prepend);
        !joined && self.rules.sizes.class_of(item::HEADER_MAX_BYTES + key_len + value_len).is_none()
    }

    /// True if an item of these measures is within the item limit (`-I`), counted as memcached counts it.
    pub fn fits(&self, key_len: usize, flags: u32, value_len: usize) -> bool {
        self.rules.fits(key_len, flags, value_len)
    }

    /// Begins a large value whose bytes are about to come. It has no room for them yet, see [`Store::extend_draft`].
    pub fn begin_draft(&self, key: &[u8], value_len: usize, now: Now) -> Result<LargeDraft, Refused> {
        let page_bytes = self.rules.page_bytes;
        let layout = Layout::of(page_bytes, value_len);
        // One that can never be stored is refused before its bytes come.
        if layout.taken_bytes(key.len()) > self.pool.receiving_max_bytes() {
            return Err(Refused::NoRoom);
        }
        let heap_bytes = Layout::heap_bytes(key.len());
        let share = self.pool.try_receive(heap_bytes).ok_or(Refused::NoRoom)?;
        let key = self.key(key);
        let charge =
            self.with_room_asking(Self::coldest_shard, key, now, |shard| shard.charge_heap(heap_bytes, now))?;
        Ok(LargeDraft::new(page_bytes, layout, charge, share, key.hash))
    }

    /// Gives a draft room for its next bytes, making it by eviction where that is allowed. Where there is none
    /// the draft drops its bytes, and storing it is refused.
    pub fn extend_draft(&self, draft: &mut LargeDraft, now: Now) {
        if !draft.needs_room() {
            return;
        }
        let Some(share) = self.pool.try_receive(self.pool.page_charge()) else { return draft.fail() };
        // Its pages come from one shard.
        let key = Key { bytes: &[], hash: draft.hash() };
        let page = self.pool.take().map_or_else(
            || {
                self.with_room_asking(Self::coldest_shard, key, now, |shard| {
                    shard.take_page().ok_or(NeedRoom(1))
                })
            },
            Ok,
        );
        match page {
            Ok(page) => draft.add_page(page, share),
            Err(_) => draft.fail(),
        }
    }

    /// Takes the next bytes of a large value, at most those that are missing, and makes room for them; returns how many
    /// were taken.
    pub fn fill_draft(&self, draft: &mut LargeDraft, bytes: &[u8], now: Now) -> usize {
        let mut taken = 0;
        loop {
            taken += draft.push(&bytes[taken..]);
            if taken == bytes.len() || draft.missing() == 0 {
                return taken;
            }
            self.extend_draft(draft, now);
        }
    }

    /// Removes an item.
    pub fn delete(&self, key: &[u8], now: Now) -> Deleted {
        // Removing needs no room.
        self.delete_with(key, &DeleteOptions::default(), now).unwrap_or(Deleted::NotFound)
    }

    /// Removes an item, or does to it what `options` say instead. [`Refused::NoRoom`] can only come where it is kept.
    pub fn delete_with(&self, key: &[u8], options: &DeleteOptions, now: Now) -> Result<Deleted, Refused> {
        let key = self.key(key);
        self.with_room(key, now, |shard| shard.delete(key, options, now))
    }

    /// Removes an item because a new value of so many bytes could not be stored; remembers that even if there was none.
    pub fn fail_store(&self, key: &[u8], refused: Refused, bytes: u64, now: Now) {
        let cause = match refused {
            Refused::TooLarge => Cause::TooLarge,
            Refused::NoRoom => Cause::NoMemory,
        };
        let key = self.key(key);
        let mut shard = self.shard_of(key);
        // Removing needs no room.
        let _ = shard.delete(key, &DeleteOptions::default(), now);
        shard.note_failed_store(cause, key.hash, bytes, now);
    }

    /// What is known of the end of a key that is not there. An item whose time is over is removed first.
    pub fn fate(&self, key: &[u8], now: Now) -> Fate {
        let key = self.key(key);
        let (removed, known_since) = {
            let mut shard = self.shard_of(key);
            let _ = shard.find_alive(key, now);
            (shard.removals.find(key.hash), shard.removals.reaches_back_to())
        };
        Fate { removed, known_since, flushed: self.flushed() }
    }

    /// When everything was flushed the last time, or will be.
    pub fn flushed(&self) -> Option<Now> {
        let secs = self.flushed_secs.load(Ordering::Relaxed);
        (secs > 0).then(|| Now::from_secs(secs))
    }

    /// When the value with this CAS unique was stored, by the marks that [`Store::maintain`] sets: not later than it
    /// was, and off by a second or one in 256 of its age. `None` where no uniques are kept, or clients choose them.
    pub fn stored_at(&self, cas: u64) -> Option<Now> {
        if self.rules.cas.is_orderly() { self.ages.drawn_at(cas) } else { None }
    }

    /// Dates the CAS uniques that are drawn from here on; called by [`Store::maintain`], and where the clock jumps.
    pub fn mark_time(&self, now: Now) {
        self.ages.mark(self.rules.cas.next(), now);
    }

    /// Hands the sampled operations to `each`, in the order in which each shard saw them, and samples by `rule` from
    /// here on.
    pub fn drain_samples(&self, rule: SampleRule, mut each: impl FnMut(&Sampled<'_>)) -> Drained {
        let mut drained = Drained::default();
        let mut samples = self.samples.lock();
        for shard in &self.shards {
            samples.clear();
            drained.operations += Self::lock(shard).exchange_samples(rule, &mut samples);
            drained.by_key += samples.by_key();
            samples.iter().for_each(|sampled| each(&sampled));
        }
        drained
    }

    /// Adds to or subtracts from a number held as decimal text.
    pub fn arithmetic(&self, key: &[u8], step: Step, now: Now) -> Result<Counted, Refused> {
        self.arithmetic_with(key, step, &CountOptions::default(), now)
    }

    /// As [`Store::arithmetic`], with options.
    pub fn arithmetic_with(
        &self,
        key: &[u8],
        step: Step,
        options: &CountOptions,
        now: Now,
    ) -> Result<Counted, Refused> {
        let key = self.key(key);
        self.with_room(key, now, |shard| shard.arithmetic(key, step, options, now))
    }

    /// Forgets everything, now or later.
    pub fn flush_all(&self, at: FlushAt, now: Now) {
        let due = if let FlushAt::At(at) = at { at } else { now };
        self.returning.store(true, Ordering::Relaxed);
        self.flushed_secs.store(due.secs(), Ordering::Relaxed);
        for shard in &self.shards {
            let mut shard = Self::lock(shard);
            match at {
                FlushAt::Immediately => shard.flush(),
                FlushAt::At(at) => shard.flush_later(at, now),
            }
        }
    }

    /// Bytes of values that are being received.
    pub fn receiving_bytes(&self) -> u64 {
        self.pool.receiving_bytes()
    }

    /// Bytes of pages that readers hold, whether or not the values are still stored.
    pub fn pinned_bytes(&self) -> u64 {
        self.pool.pinned_bytes()
    }

    /// Bytes of pages in no use.
    pub fn free_page_bytes(&self) -> u64 {
        self.pool.free_bytes()
    }

    /// Number of shards.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The shard of a key, from 0.
    #[doc(hidden)]
    pub fn shard_number(&self, key: &[u8]) -> usize {
        self.key(key).hash.shard(self.shards.len())
    }

    /// Bytes of a page.
    pub fn page_bytes(&self) -> usize {
        self.rules.page_bytes
    }

    /// What is charged against the limit, in bytes.
    pub fn charged_bytes(&self) -> u64 {
        self.pool.charged_bytes()
    }

    /// The memory limit, in bytes.
    pub fn memory_limit(&self) -> u64 {
        self.pool.limit_bytes()
    }

    /// Figures over the whole store.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            charged_bytes: self.pool.charged_bytes(),
            limit_bytes: self.pool.limit_bytes(),
            free_pages: self.pool.free_bytes() / self.rules.page_bytes as u64,
            ..Totals::default()
        };
        let mut held = self.unsharded_bytes();
        for shard in &self.shards {
            let shard = Self::lock(shard);
            shard.add_totals(&mut totals);
            held += shard.charged_bytes();
        }
        totals.detached_bytes = totals.charged_bytes.saturating_sub(held);
        totals
    }

    /// Figures per slab class, those without pages left out; large values last, if there are any.
    pub fn classes(&self, now: Now) -> Vec<ClassFigures> {
        let mut sums = vec![ClassFigures::default(); self.rules.sizes.len() + 1];
        for shard in &self.shards {
            Self::lock(shard).add_classes(&mut sums, now);
        }
        for (id, sum) in (1..).zip(&mut sums) {
            sum.id = id;
            if sum.large {
                sum.chunk_bytes = sum.chunk_bytes.checked_div(sum.used_chunks).unwrap_or(0);
            }
        }
        sums.retain(|sum| sum.pages > 0 || sum.used_chunks > 0);
        sums
    }

    /// Zeroes the counters that `stats reset` zeroes (not items, bytes, limits).
    pub fn reset_counters(&self) {
        for shard in &self.shards {
            Self::lock(shard).reset_counters();
        }
    }

    /// Asserts the store's laws; nobody may use it meanwhile.
    #[doc(hidden)]
    pub fn check_invariants(&self) {
        let mut held = self.unsharded_bytes();
        for shard in &self.shards {
            let shard = Self::lock(shard);
            shard.check_invariants();
            held += shard.charged_bytes();
        }
        let charged = self.pool.charged_bytes();
        let most = held + self.pool.pinned_bytes();
        assert!((held..=most).contains(&charged), "S5: {charged} charged, {held} to {most} counted");
    }

    /// What is charged and in no shard: values being received, and the process itself.
    fn unsharded_bytes(&self) -> u64 {
        self.pool.receiving_bytes() + self.process.as_ref().map_or(0, Charge::bytes)
    }

    fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: self.rules.hasher.hash(bytes) }
    }

    #[inline(always)]
    fn shard_of(&self, key: Key<'_>) -> Working<'_> {
        Self::lock(&self.shards[key.hash.shard(self.shards.len())])
    }

    #[inline(always)]
    fn lock(shard: &Mutex<Shard>) -> Working<'_> {
        let mut shard = shard.lock();
        if shard.mid_update {
            Self::empty_broken(&mut shard);
        }
        shard.mid_update = true;
        Working { shard, unused: None }
    }

    /// A panic left this shard in the middle of something: nothing in it is to be trusted any more.
    #[cold]
    fn empty_broken(shard: &mut Shard) {
        *shard = Shard::new(shard.rules.clone(), shard.pool.clone());
    }
}

#[cfg(test)]
mod tests;

// Not a part of `pool.rs`, which `tests/schedules` takes in as it is.
#[cfg(test)]
#[path = "pool/tests.rs"]
mod pool_tests;

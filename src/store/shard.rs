//! One shard: every operation on the keys whose hash it is given.
//!
//! A shard has no lock of its own; [`super::Store`] keeps each under one mutex. It reads no clock. Memory comes from
//! the store's budget through its account; how it makes room is in `shard/room.rs`, what it does in the background in
//! `expiry.rs`.
//!
//! # Laws
//! Asserted by [`Shard::check_invariants`], by number:
//! - S1 index entries and live items pair one to one, with equal hashes;
//! - S2 in every page, live + free = chunks, and no chunk is free twice;
//! - S3 pages, large values and index lie within the budget: what is held was charged, and no charge passes the limit;
//! - S4 hands stand within their class, and a sweep ends within two rounds;
//! - S5 what is charged equals a recount;
//! - S6 CAS uniques grow, and none is 0 while the store keeps them;
//! - S7 a read gives the last stored value of its key or nothing (the model test asserts it).
//!
//! Reserve, then commit: whatever can fail comes before the first change that could be seen half done. Should code
//! panic in between all the same, `mid_update` stays set and the store empties the shard when it is locked next: a
//! cache may forget, but not lie.

mod blocks;
mod checks;
mod evictions;
mod removals;
mod room;
mod sampling;

pub(super) use blocks::BlocksSeen;
pub(super) use checks::Visited;
use evictions::{EvictionRecord, Recording};
use removals::Removals;
use sampling::Sampler;

use super::budget::Account;
use super::cas::CasSequence;
use super::decimal::{self, Digits};
use super::expiry::Sweep;
use super::figures::{ClassFigures, Totals};
use super::handle::{ChunkAt, Handle, Place};
use super::hash::{KeyHash, KeyHasher};
use super::index::Index;
use super::item::{Fields, Item, Marks};
use super::large::{Blocks, Large, LargeItem, charge_for, into_blocks};
use super::outcome::{
    Access, Cause, CountOptions, Counted, Create, DeleteOptions, Deleted, Hit, Miss, Recache, Step,
    StoreMode, StoreOptions, Stored, ValueRef,
};
use super::sample::SampleKind;
use super::slab::{ClassSizes, Slab};
use crate::clock::{Deadline, Now};
use std::borrow::Cow;
use std::sync::Arc;

/// Values longer than this are no numbers, in bytes (as memcached, whose chunked items are not).
const NUMBER_MAX_BYTES: usize = 512 << 10;

/// What all shards of a store have in common.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) evict: bool,
    pub(super) cas: Arc<CasSequence>,
    pub(super) hasher: KeyHasher,
    pub(super) page_bytes: usize,
    pub(super) sizes: ClassSizes,
    pub(super) shards: usize,
    pub(super) recording: Arc<Recording>,
    /// Bytes that memcached's item of a key, flags and a value takes must not pass this.
    pub(super) item_max_bytes: u64,
}

impl Rules {
    /// True if memcached's item of these measures is within the limit (`-I`), so that the largest value that fits is
    /// the same to the byte.
    pub(super) fn fits(&self, key_len: usize, flags: u32, value_len: usize) -> bool {
        counted_bytes(key_len, flags, value_len, self.cas.is_enabled()) <= self.item_max_bytes
    }
}

/// Bytes that memcached's item of these measures takes, and by which items are reported and limited: 48 of header, 8
/// of CAS if uniques are kept, the key and a NUL, 4 of flags if there are any, the value and its line end.
pub fn counted_bytes(key_len: usize, flags: u32, value_len: usize, cas_enabled: bool) -> u64 {
    let header = 48 + if cas_enabled { 8 } else { 0 } + if flags == 0 { 0 } else { 4 };
    header + key_len as u64 + 1 + value_len as u64 + 2
}

/// The shard has not got so many bytes and may not or cannot make room for them by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NeedRoom(pub(super) u64);

/// A key and its hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) hash: KeyHash,
}

/// What is to be stored beside key and value.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewItem {
    pub(super) flags: u32,
    pub(super) deadline: Deadline,
    pub(super) options: StoreOptions,
}

/// A value to be stored.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// To be copied.
    Bytes(&'a [u8]),
    /// A large value in its own blocks.
    Received {
        /// The value.
        blocks: Blocks,
        /// Its length in bytes.
        len: usize,
        /// What it is charged with.
        charge: Account,
    },
}

impl Value<'_> {
    fn len(&self) -> usize {
        match self {
            Value::Bytes(bytes) => bytes.len(),
            Value::Received { len, .. } => *len,
        }
    }

    fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Value::Bytes(bytes) => Cow::Borrowed(bytes),
            Value::Received { blocks, .. } => Cow::Owned(blocks.concat()),
        }
    }
}

/// One shard.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) rules: Rules,
    pub(super) account: Account,
    pub(super) slab: Slab,
    pub(super) index: Index,
    pub(super) large: Large,
    /// Operations so far: the time by which hands are compared.
    pub(super) seq: u64,
    pub(super) flush_at: Option<Now>,
    pub(super) sweep: Sweep,
    /// Pages that a crawl has still to look at.
    pub(super) crawl_left: usize,
    /// Set while an operation is at work; found set by the next one only after a panic.
    pub(super) mid_update: bool,
    /// Large items that left, to be freed after the lock.
    pub(super) left: Vec<LargeItem>,
    /// What was evicted, while somebody wants to know.
    pub(super) evicted: EvictionRecord,
    /// What was removed lately.
    pub(super) removals: Removals,
    /// A sample of what was done.
    pub(super) sampler: Sampler,
    /// The part of the figures that is counted as things happen.
    pub(super) totals: Totals,
}

impl Shard {
    /// An empty shard that charges to `account`.
    pub(super) fn new(rules: Rules, account: Account) -> Shard {
        let mut shard = Shard {
            slab: Slab::new(rules.page_bytes, rules.sizes.clone()),
            index: Index::new(rules.page_bytes),
            large: Large::new(),
            account,
            rules,
            seq: 0,
            flush_at: None,
            sweep: Sweep::default(),
            crawl_left: 0,
            mid_update: false,
            left: Vec::new(),
            evicted: EvictionRecord::default(),
            removals: Removals::default(),
            sampler: Sampler::default(),
            totals: Totals::default(),
        };
        shard.draw_removals();
        shard
    }

    /// Looks a key up and lets `hit` see it. Counts as an access.
    pub(super) fn get<R>(
        &mut self,
        key: Key<'_>,
        now: Now,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Result<R, Miss> {
        self.seq += 1;
        self.flush_if_due(now);
        let Some(handle) = self.find(key) else {
            self.sample(SampleKind::Miss, key, None, now);
            return Err(Miss::Absent);
        };
        // Nothing is half done while `hit` looks, so a panic there costs nothing.
        self.mid_update = false;
        let shown = self.shown(handle);
        if shown.deadline.is_over(now) {
            self.mid_update = true;
            self.reclaim(key.hash, handle, now);
            self.sample(SampleKind::Miss, key, None, now);
            return Err(Miss::Expired);
        }
        let result = hit(shown);
        self.mid_update = true;
        self.sample(SampleKind::Hit, key, Some(handle), now);
        self.note_hit(handle, now).get_hits += 1;
        Ok(result)
    }

    /// Lets `hit` see an item as it is, and leaves no trace.
    pub(super) fn peek<R>(
        &mut self,
        key: Key<'_>,
        now: Now,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Result<R, Miss> {
        self.flush_if_due(now);
        let handle = self.find(key).ok_or(Miss::Absent)?;
        if self.deadline_of(handle).is_over(now) {
            return Err(Miss::Expired);
        }
        Ok(self.show(handle, hit, |hit| hit))
    }

    /// Gives an item another deadline.
    pub(super) fn touch(&mut self, key: Key<'_>, deadline: Deadline, now: Now) -> Result<(), Miss> {
        let handle = self.find_alive(key, now)?;
        let handle = self.set_deadline(key, handle, deadline, now)?;
        self.figures(handle).touch_hits += 1;
        self.note_hit(handle, now);
        self.sample(SampleKind::Touch, key, Some(handle), now);
        Ok(())
    }

    /// Looks a key up, does to the item what `access` says, and lets `hit` see it. `hit` is not called if there is no
    /// room for an item to be made.
    pub(super) fn fetch<R>(
        &mut self,
        key: Key<'_>,
        access: &Access,
        now: Now,
        hit: &mut impl FnMut(Hit<'_>) -> R,
    ) -> Result<Result<R, Miss>, NeedRoom> {
        let mut created = false;
        let mut handle = match (self.find_alive(key, now), access.create) {
            (Ok(handle), _) => handle,
            (Err(miss), None) => {
                self.sample(SampleKind::Miss, key, None, now);
                return Ok(Err(miss));
            }
            (Err(_), Some(create)) => {
                created = true;
                self.create(key, create, b"", now)?
            }
        };
        let mut deadline_before = None;
        if let Some(deadline) = access.deadline.filter(|_| !created) {
            deadline_before = Some(self.deadline_of(handle));
            handle = match self.set_deadline(key, handle, deadline, now) {
                Ok(handle) => handle,
                Err(miss) => return Ok(Err(miss)),
            };
            self.figures(handle).touch_hits += 1;
        } else {
            self.figures(handle).get_hits += u64::from(!access.uncounted);
        }
        let (mut marks, mut wins) = (Marks::default(), false);
        let result = self.show(handle, hit, |shown| {
            let deadline_before = deadline_before.unwrap_or(shown.deadline);
            let near_its_end = access.recache.is_some_and(|Recache { below_secs, after_touch }| {
                let reckoned = if after_touch { shown.deadline } else { deadline_before };
                !reckoned.is_never() && reckoned.secs().saturating_sub(now.secs()) < below_secs
            });
            marks = shown.marks;
            wins = created || access.may_win && !marks.won && (marks.stale || near_its_end);
            Hit { deadline_before, wins, created, ..shown }
        });
        if wins {
            self.set_marks(handle, Marks { won: true, ..marks });
        }
        self.sample(if created { SampleKind::Miss } else { SampleKind::Hit }, key, Some(handle), now);
        if !access.unseen {
            self.note_hit(handle, now);
        }
        Ok(Ok(result))
    }

    /// Makes an item of which a client has been told to replace it.
    fn create(&mut self, key: Key<'_>, create: Create, value: &[u8], now: Now) -> Result<Handle, NeedRoom> {
        let cas = self.rules.cas.draw_or(create.cas);
        let mut fields = self.fields(0, cas, create.deadline, now);
        fields.marks.binary_key = create.binary_key;
        let handle = self.put(key, None, fields, value, now)?;
        self.count_store(handle);
        Ok(handle)
    }

    fn count_store(&mut self, handle: Handle) {
        self.figures(handle).stores += 1;
        self.totals.items_ever += 1;
    }

    /// Stores by the rule of `mode`. Leaves `value` as it was if there is no room.
    pub(super) fn store(
        &mut self,
        mode: StoreMode,
        key: Key<'_>,
        new: &NewItem,
        value: &mut Value<'_>,
        now: Now,
    ) -> Result<Stored, NeedRoom> {
        let stored = self.store_if(mode, key, new, value, now)?;
        if !matches!(stored, Stored::Stored { .. }) {
            // It counts for the class that it would have come to.
            let fields = self.fields(new.flags, 1, new.deadline, now);
            let figures = match self.rules.sizes.class_of(fields.item_bytes(key.bytes.len(), value.len())) {
                Some(class) => &mut self.slab.class_mut(class).figures,
                None => &mut self.large.figures,
            };
            figures.stores += 1;
        }
        Ok(stored)
    }

    fn store_if(
        &mut self,
        mode: StoreMode,
        key: Key<'_>,
        new: &NewItem,
        value: &mut Value<'_>,
        now: Now,
    ) -> Result<Stored, NeedRoom> {
        let cas = self.rules.cas.draw_or(new.options.cas);
        self.sweep_by_the_way(now);
        let old = self.find_alive(key, now).ok();
        let mut fields = self.fields(new.flags, cas, new.deadline, now);
        fields.marks.binary_key = new.options.binary_key;
        match (mode, old) {
            (StoreMode::Set, _) | (StoreMode::Add, None) | (StoreMode::Replace, Some(_)) => {}
            (StoreMode::Add, Some(old)) => {
                self.note_access(old, now);
                return Ok(Stored::NotStored);
            }
            (StoreMode::Cas(_), None) => return Ok(Stored::NotFound),
            (StoreMode::Append | StoreMode::Prepend, None) if new.options.create.is_some() => {
                fields.deadline = new.options.create.unwrap_or(Deadline::NEVER);
            }
            (StoreMode::Replace | StoreMode::Append | StoreMode::Prepend, None) => {
                return Ok(Stored::NotStored);
            }
            (StoreMode::Cas(unique), Some(old)) => {
                let present = self.cas_of(old);
                if unique != 0 && unique < present && new.options.accept_older {
                    fields.deadline = self.deadline_of(old);
                    fields.marks.won = self.marks_of(old).won;
                    fields.marks.stale = true;
                } else if unique == 0 || present != unique {
                    self.figures(old).cas_badval += 1;
                    return Ok(Stored::Exists);
                }
            }
            (StoreMode::Append | StoreMode::Prepend, Some(old)) => {
                if new.options.compare.is_some_and(|unique| unique != self.cas_of(old)) {
                    self.figures(old).cas_badval += 1;
                    return Ok(Stored::Exists);
                }
                return self.join(mode, key, old, &value.bytes(), fields, now);
            }
        }
        let len = value.len();
        let handle = match value {
            Value::Bytes(bytes) => self.put(key, old, fields, bytes, now)?,
            Value::Received { blocks, len, charge } => {
                self.index_room(now)?;
                let charged_bytes = charge.charged_bytes();
                self.account.take_over(charge);
                self.put_large(key, &fields, blocks.clone(), *len, charged_bytes)
            }
        };
        if let (Some(_), Place::Chunk(at)) = (old, handle.place()) {
            self.slab.note_rewrite(at);
        }
        self.count_store(handle);
        self.sample(SampleKind::Store, key, Some(handle), now);
        self.figures(handle).cas_hits += u64::from(matches!(mode, StoreMode::Cas(_)));
        Ok(Stored::Stored { cas, len })
    }

    /// Removes an item, or does to it what `options` say instead.
    pub(super) fn delete(
        &mut self,
        key: Key<'_>,
        options: &DeleteOptions,
        now: Now,
    ) -> Result<Deleted, NeedRoom> {
        let Ok(handle) = self.find_alive(key, now) else { return Ok(Deleted::NotFound) };
        if options.compare.is_some_and(|unique| unique != self.cas_of(handle)) {
            return Ok(Deleted::Exists);
        }
        if !options.invalidate && options.drop_value.is_none() {
            self.figures(handle).delete_hits += 1;
            self.note_removal(Cause::Deleted, key.hash, handle, now);
            self.sample(SampleKind::Delete, key, Some(handle), now);
            self.unlink(key.hash, handle);
            return Ok(Deleted::Deleted);
        }
        let mut fields = self.fields_of(handle);
        let mut value = self.value_of(handle).into_owned();
        if let Some(flags) = options.drop_value {
            value.clear();
            (fields.flags, fields.deadline) = (flags, Deadline::NEVER);
        }
        fields.deadline = options.deadline.unwrap_or(fields.deadline);
        if options.invalidate {
            fields.marks = Marks { stale: true, won: false, ..fields.marks };
        }
        if options.invalidate || options.cas.is_some() {
            fields.cas = self.rules.cas.draw_or(options.cas);
        }
        let handle = self.put(key, Some(handle), fields, &value, now)?;
        self.figures(handle).delete_hits += u64::from(options.drop_value.is_some());
        Ok(Deleted::Deleted)
    }

    /// Adds to or subtracts from a number held as text. A result that is not longer than the old text is padded with
    /// spaces to its length.
    pub(super) fn arithmetic(
        &mut self,
        key: Key<'_>,
        step: Step,
        options: &CountOptions,
        now: Now,
    ) -> Result<Counted, NeedRoom> {
        let old = match (self.find_alive(key, now), options.create) {
            (Ok(old), _) => old,
            (Err(_), None) => return Ok(Counted::NotFound),
            (Err(_), Some((value, create))) => return self.start_counting(key, value, create, now),
        };
        let text = self.value_of(old);
        // As memcached: what cannot be a number by its length is told before another unique is.
        if text.is_empty() || text.len() > NUMBER_MAX_BYTES {
            return Ok(Counted::NotNumeric);
        }
        if options.compare.is_some_and(|unique| unique != self.cas_of(old)) {
            return Ok(Counted::Exists);
        }
        let Some(number) = decimal::parse(&text) else { return Ok(Counted::NotNumeric) };
        let value = match step {
            Step::Up(by) => number.wrapping_add(by),
            Step::Down(by) => number.saturating_sub(by),
        };
        let mut padded = Digits::of(value).as_bytes().to_vec();
        padded.resize(padded.len().max(text.len()), b' ');
        let mut fields = self.fields_of(old);
        let deadline_before = fields.deadline;
        let deadline = options.deadline.unwrap_or(deadline_before);
        let cas = self.rules.cas.draw_or(options.cas);
        (fields.cas, fields.last_access, fields.deadline) = (cas, now, deadline);
        if padded.len() > text.len() {
            // As memcached, for which a longer number is another item.
            fields.marks = Marks { binary_key: fields.marks.binary_key, ..Marks::default() };
        }
        let handle = self.put(key, Some(old), fields, &padded, now)?;
        let figures = self.figures(handle);
        match step {
            Step::Up(_) => figures.incr_hits += 1,
            Step::Down(_) => figures.decr_hits += 1,
        }
        self.note_use(handle, now);
        self.sample(SampleKind::Store, key, Some(handle), now);
        Ok(Counted::Number { value, cas, deadline, deadline_before, created: false })
    }

    fn start_counting(
        &mut self,
        key: Key<'_>,
        value: u64,
        create: Create,
        now: Now,
    ) -> Result<Counted, NeedRoom> {
        let handle = self.create(key, create, Digits::of(value).as_bytes(), now)?;
        let deadline = create.deadline;
        let cas = self.cas_of(handle);
        Ok(Counted::Number { value, cas, deadline, deadline_before: deadline, created: true })
    }

    /// Joins a value to a present one, whose flags and deadline stay.
    fn join(
        &mut self,
        mode: StoreMode,
        key: Key<'_>,
        old: Handle,
        added: &[u8],
        new: Fields,
        now: Now,
    ) -> Result<Stored, NeedRoom> {
        let Fields { flags, deadline, marks: present_marks, .. } = self.fields_of(old);
        let present = self.pieces_of(old);
        let len = present.iter().map(|piece| piece.len()).sum::<usize>() + added.len();
        if !self.rules.fits(key.bytes.len(), flags, len) {
            return Ok(Stored::NotStored);
        }
        // A key that was once named in plain is fit for a line.
        let mut marks = new.marks;
        marks.binary_key &= present_marks.binary_key;
        let fields = Fields { flags, deadline, marks, ..new };
        let joined = match mode {
            StoreMode::Append => [present, vec![added]].concat(),
            _ => [vec![added], present].concat(),
        };
        let handle = if self.slab.class_of(fields.item_bytes(key.bytes.len(), len)).is_none() {
            // Straight into its blocks: a value in one piece would leave a hole of its length in the allocator.
            let blocks = into_blocks(self.rules.page_bytes, len, joined);
            self.keep_large(key, &fields, blocks, len, now)?
        } else {
            let joined = joined.concat();
            self.put(key, Some(old), fields, &joined, now)?
        };
        self.count_store(handle);
        self.sample(SampleKind::Store, key, Some(handle), now);
        Ok(Stored::Stored { cas: new.cas, len })
    }

    /// Stores a value: over the old one if that has the same chunk size, else in a new chunk, or as a large one.
    fn put(
        &mut self,
        key: Key<'_>,
        old: Option<Handle>,
        mut fields: Fields,
        value: &[u8],
        now: Now,
    ) -> Result<Handle, NeedRoom> {
        let class = self.slab.class_of(fields.item_bytes(key.bytes.len(), value.len()));
        let Some(class) = class else {
            let blocks = into_blocks(self.rules.page_bytes, value.len(), [value]);
            return self.keep_large(key, &fields, blocks, value.len(), now);
        };
        if let Some(Place::Chunk(at)) = old.map(Handle::place)
            && self.slab.class_at(at) == class
        {
            let item = self.slab.item(at);
            (fields.uses, fields.probation) = (item.uses(), item.probation());
            self.slab.overwrite(at, &fields, key.bytes, value);
            return Ok(at.into());
        }
        self.index_room(now)?;
        let vacant = self.chunk_room(class, now)?;
        // Making room may have moved the old item, or evicted it.
        let old = self.find(key);
        match old.map(Handle::place) {
            Some(Place::Chunk(at)) => {
                let item = self.slab.item(at);
                (fields.uses, fields.probation) = (item.uses(), item.probation());
            }
            Some(Place::Large(_)) => {}
            None if self.index.recall_ghost(key.hash) => {
                // With more memory this would have been a hit.
                fields.probation = false;
                self.slab.count_near_miss(class);
            }
            None => {}
        }
        let at = self.slab.fill(vacant, &fields, key.bytes, value);
        self.link(key, old, at.into());
        Ok(at.into())
    }

    /// Stores a large value that has not been charged yet.
    fn keep_large(
        &mut self,
        key: Key<'_>,
        fields: &Fields,
        blocks: Blocks,
        len: usize,
        now: Now,
    ) -> Result<Handle, NeedRoom> {
        let charged_bytes = charge_for(self.rules.page_bytes, key.bytes.len(), len);
        self.charge(charged_bytes, now)?;
        if let Err(need) = self.index_room(now) {
            self.account.refund(charged_bytes);
            return Err(need);
        }
        Ok(self.put_large(key, fields, blocks, len, charged_bytes))
    }

    /// Stores a large value whose charge the account has, in place of what the key had. There is room in the index.
    fn put_large(
        &mut self,
        key: Key<'_>,
        fields: &Fields,
        value: Blocks,
        value_len: usize,
        charged_bytes: u64,
    ) -> Handle {
        let old = self.find(key);
        let probation = match old.map(Handle::place) {
            Some(Place::Chunk(at)) => self.slab.item(at).probation(),
            Some(Place::Large(id)) => self.large.item(id).probation,
            None => !self.index.recall_ghost(key.hash),
        };
        let id = self.large.insert(LargeItem {
            key: key.bytes.into(),
            value,
            value_len,
            charged_bytes,
            flags: fields.flags,
            cas: fields.cas,
            deadline: fields.deadline,
            last_access: fields.last_access,
            fetched: fields.fetched,
            marks: fields.marks,
            used: self.seq,
            probation,
        });
        self.link(key, old, id.into());
        id.into()
    }

    fn link(&mut self, key: Key<'_>, old: Option<Handle>, new: Handle) {
        match old {
            Some(old) => {
                self.index.redirect(key.hash, old, new);
                self.discard(old);
            }
            None => {
                let (slab, large, hasher) = (&self.slab, &self.large, &self.rules.hasher);
                self.index.insert(key.hash, new, |handle| hasher.hash(key_of(slab, large, handle)));
            }
        }
    }

    /// Removes an item and its index entry.
    pub(super) fn unlink(&mut self, hash: KeyHash, handle: Handle) {
        self.index.remove(hash, handle);
        self.discard(handle);
    }

    /// Removes an item whose index entry is gone already.
    fn discard(&mut self, handle: Handle) {
        match handle.place() {
            Place::Chunk(at) => self.slab.free(at),
            Place::Large(id) => {
                if let Some(item) = self.large.remove(id) {
                    self.account.refund(item.charged_bytes);
                    self.left.push(item);
                }
            }
        }
    }

    fn find(&self, key: Key<'_>) -> Option<Handle> {
        self.index.find(key.hash, |handle| self.key_of(handle) == key.bytes)
    }

    /// The item of a key; one whose time is over is removed.
    pub(super) fn find_alive(&mut self, key: Key<'_>, now: Now) -> Result<Handle, Miss> {
        self.seq += 1;
        self.flush_if_due(now);
        let handle = self.find(key).ok_or(Miss::Absent)?;
        if self.deadline_of(handle).is_over(now) {
            self.reclaim(key.hash, handle, now);
            return Err(Miss::Expired);
        }
        Ok(handle)
    }

    /// Removes an item whose time is over.
    pub(super) fn reclaim(&mut self, hash: KeyHash, handle: Handle, now: Now) {
        self.note_removal(Cause::Expired, hash, handle, now);
        self.sample_item(SampleKind::Expire, hash, handle, now);
        let fetched = self.is_fetched(handle);
        let figures = self.figures(handle);
        figures.reclaimed += 1;
        figures.expired_unfetched += u64::from(!fetched);
        self.unlink(hash, handle);
    }

    /// Lets `hit` see an item as `change` has it. Nothing is half done meanwhile, so a panic there costs nothing.
    fn show<R>(
        &mut self,
        handle: Handle,
        hit: impl FnOnce(Hit<'_>) -> R,
        change: impl FnOnce(Hit<'_>) -> Hit<'_>,
    ) -> R {
        self.mid_update = false;
        let result = hit(change(self.shown(handle)));
        self.mid_update = true;
        result
    }

    /// Notes that an item was read. Returns the figures of its class.
    fn note_hit(&mut self, handle: Handle, now: Now) -> &mut ClassFigures {
        match handle.place() {
            Place::Chunk(at) => self.slab.note_use(at, true, now),
            Place::Large(id) => {
                self.large.use_item(id).fetched = true;
                self.note_access(handle, now);
                &mut self.large.figures
            }
        }
    }

    /// Notes that an item was used: it will leave later.
    fn note_use(&mut self, handle: Handle, now: Now) {
        match handle.place() {
            Place::Chunk(at) => {
                self.slab.note_use(at, false, now);
            }
            Place::Large(_) => self.note_access(handle, now),
        }
    }

    #[inline(always)]
    fn shown(&self, handle: Handle) -> Hit<'_> {
        match handle.place() {
            Place::Chunk(at) => {
                let page = self.slab.page(at.page);
                let (fields, value) = Item(page.chunk(at.chunk)).read();
                Hit {
                    flags: fields.flags,
                    cas: fields.cas,
                    deadline: fields.deadline,
                    deadline_before: fields.deadline,
                    last_access: fields.last_access,
                    fetched: fields.fetched,
                    value: ValueRef::Small(value),
                    marks: fields.marks,
                    wins: false,
                    created: false,
                    class: u32::from(page.class()) + 1,
                    item_bytes: 0,
                }
            }
            Place::Large(id) => {
                let item = self.large.item(id);
                Hit {
                    flags: item.flags,
                    cas: item.cas,
                    deadline: item.deadline,
                    deadline_before: item.deadline,
                    last_access: item.last_access,
                    fetched: item.fetched,
                    value: ValueRef::Large { blocks: &item.value, len: item.value_len },
                    marks: item.marks,
                    wins: false,
                    created: false,
                    class: self.slab.classes().len() as u32 + 1,
                    item_bytes: 0,
                }
            }
        }
    }

    fn note_access(&mut self, handle: Handle, now: Now) {
        match handle.place() {
            Place::Chunk(at) => self.slab.note_access(at, now),
            Place::Large(id) => {
                let seq = self.seq;
                let item = self.large.use_item(id);
                (item.last_access, item.used) = (now, seq);
            }
        }
    }

    /// Gives an item another deadline. One without room for it in its header is written anew; should there be no
    /// memory for that, the item is evicted: a cache may forget, but not keep what it was told to drop.
    fn set_deadline(
        &mut self,
        key: Key<'_>,
        handle: Handle,
        deadline: Deadline,
        now: Now,
    ) -> Result<Handle, Miss> {
        let at = match handle.place() {
            Place::Large(id) => {
                self.large.set_deadline(id, deadline);
                return Ok(handle);
            }
            Place::Chunk(at) => at,
        };
        if self.slab.set_deadline(at, deadline) {
            return Ok(handle);
        }
        let value = self.slab.item(at).value().to_vec();
        let fields = Fields { deadline, ..self.fields_of(handle) };
        match self.put(key, Some(handle), fields, &value, now) {
            Ok(handle) => Ok(handle),
            Err(_) => {
                if let Some(handle) = self.find(key) {
                    self.record_eviction(key.hash, handle, now);
                    self.figures(handle).count_eviction(&fields, now);
                    self.unlink(key.hash, handle);
                }
                Err(Miss::Absent)
            }
        }
    }

    /// Fields of a newcomer. Where nothing may be evicted, room for a deadline is kept from the start, so that `touch`
    /// never needs memory.
    fn fields(&self, flags: u32, cas: u64, deadline: Deadline, now: Now) -> Fields {
        Fields::newcomer(flags, cas, deadline, !self.rules.evict, now)
    }

    fn fields_of(&self, handle: Handle) -> Fields {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).fields(),
            Place::Large(id) => {
                let item = self.large.item(id);
                Fields {
                    fetched: item.fetched,
                    marks: item.marks,
                    ..self.fields(item.flags, item.cas, item.deadline, item.last_access)
                }
            }
        }
    }

    pub(super) fn key_of(&self, handle: Handle) -> &[u8] {
        key_of(&self.slab, &self.large, handle)
    }

    fn value_of(&self, handle: Handle) -> Cow<'_, [u8]> {
        match handle.place() {
            Place::Chunk(at) => Cow::Borrowed(self.slab.item(at).value()),
            Place::Large(id) => Cow::Owned(self.large.item(id).value.concat()),
        }
    }

    /// The value, in one piece or in its blocks.
    fn pieces_of(&self, handle: Handle) -> Vec<&[u8]> {
        match handle.place() {
            Place::Chunk(at) => vec![self.slab.item(at).value()],
            Place::Large(id) => self.large.item(id).value.iter().map(Vec::as_slice).collect(),
        }
    }

    /// Bytes of header, key and value.
    fn bytes_of(&self, handle: Handle) -> u64 {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).bytes() as u64,
            Place::Large(id) => self.large.item(id).bytes(),
        }
    }

    fn cas_of(&self, handle: Handle) -> u64 {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).cas(),
            Place::Large(id) => self.large.item(id).cas,
        }
    }

    fn deadline_of(&self, handle: Handle) -> Deadline {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).deadline(),
            Place::Large(id) => self.large.item(id).deadline,
        }
    }

    fn marks_of(&self, handle: Handle) -> Marks {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).marks(),
            Place::Large(id) => self.large.item(id).marks,
        }
    }

    fn set_marks(&mut self, handle: Handle, marks: Marks) {
        match handle.place() {
            Place::Chunk(at) => self.slab.set_marks(at, marks),
            Place::Large(id) => self.large.use_item(id).marks = marks,
        }
    }

    fn is_fetched(&self, handle: Handle) -> bool {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).fetched(),
            Place::Large(id) => self.large.item(id).fetched,
        }
    }

    pub(super) fn hash_at(&self, at: ChunkAt) -> KeyHash {
        self.rules.hasher.hash(self.slab.item(at).key())
    }

    pub(super) fn figures(&mut self, handle: Handle) -> &mut ClassFigures {
        match handle.place() {
            Place::Chunk(at) => {
                let class = self.slab.class_at(at);
                &mut self.slab.class_mut(class).figures
            }
            Place::Large(_) => &mut self.large.figures,
        }
    }
}

/// The key of an item, for when only the index may change.
pub(super) fn key_of<'a>(slab: &'a Slab, large: &'a Large, handle: Handle) -> &'a [u8] {
    match handle.place() {
        Place::Chunk(at) => slab.item(at).key(),
        Place::Large(id) => &large.item(id).key,
    }
}

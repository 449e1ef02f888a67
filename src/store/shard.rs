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
//! - S3 pages, large values and index lie within the budget;
//! - S4 hands stand within their class, and a sweep ends within two rounds;
//! - S5 what is charged equals a recount;
//! - S6 CAS uniques grow, and none is 0 while the store keeps them;
//! - S7 a read gives the last stored value of its key or nothing (the model test asserts it).
//!
//! Reserve, then commit: whatever can fail comes before the first change that could be seen half done. Should code
//! panic in between all the same, `mid_update` stays set and the store empties the shard when it is locked next: a
//! cache may forget, but not lie.

mod checks;
mod room;

use super::budget::Account;
use super::cas::CasSequence;
use super::decimal::{self, Digits};
use super::expiry::Sweep;
use super::figures::{ClassFigures, Totals};
use super::handle::{ChunkAt, Handle, Place};
use super::hash::{KeyHash, KeyHasher};
use super::index::Index;
use super::item::Fields;
use super::large::{Blocks, Large, LargeItem, charge_for, into_blocks};
use super::outcome::{Counted, Deleted, Hit, Miss, Step, StoreMode, Stored, ValueRef};
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
    /// Bytes that memcached's item of a key, flags and a value takes must not pass this.
    pub(super) item_max_bytes: u64,
}

impl Rules {
    /// True if memcached's item of these measures is within the limit (`-I`), so that the largest value that fits is
    /// the same to the byte: 48 bytes of header, 8 of CAS, the key and a NUL, 4 of flags if there are any, the value
    /// and its line end.
    pub(super) fn fits(&self, key_len: usize, flags: u32, value_len: usize) -> bool {
        let header = 48 + if self.cas.is_enabled() { 8 } else { 0 } + if flags == 0 { 0 } else { 4 };
        header + key_len as u64 + 1 + value_len as u64 + 2 <= self.item_max_bytes
    }
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
    /// Set while an operation is at work; found set by the next one only after a panic.
    pub(super) mid_update: bool,
    /// Large items that left, to be freed after the lock.
    pub(super) left: Vec<LargeItem>,
    /// The part of the figures that is counted as things happen.
    pub(super) totals: Totals,
}

impl Shard {
    /// An empty shard that charges to `account`.
    pub(super) fn new(rules: Rules, account: Account) -> Shard {
        Shard {
            slab: Slab::new(rules.page_bytes, rules.sizes.clone()),
            index: Index::new(rules.page_bytes),
            large: Large::new(),
            account,
            rules,
            seq: 0,
            flush_at: None,
            sweep: Sweep::default(),
            mid_update: false,
            left: Vec::new(),
            totals: Totals::default(),
        }
    }

    /// Looks a key up and lets `hit` see it. Counts as an access.
    pub(super) fn get<R>(
        &mut self,
        key: Key<'_>,
        now: Now,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Result<R, Miss> {
        let handle = self.find_alive(key, now)?;
        let figures = self.figures(handle);
        figures.get_hits += 1;
        Ok(self.hit(handle, now, hit))
    }

    /// As [`Shard::get`], after giving the item another deadline.
    pub(super) fn get_and_touch<R>(
        &mut self,
        key: Key<'_>,
        deadline: Deadline,
        now: Now,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Result<R, Miss> {
        let handle = self.find_alive(key, now)?;
        let handle = self.set_deadline(key, handle, deadline, now)?;
        let figures = self.figures(handle);
        figures.touch_hits += 1;
        figures.get_hits += 1;
        Ok(self.hit(handle, now, hit))
    }

    /// Gives an item another deadline.
    pub(super) fn touch(&mut self, key: Key<'_>, deadline: Deadline, now: Now) -> Result<(), Miss> {
        let handle = self.find_alive(key, now)?;
        let handle = self.set_deadline(key, handle, deadline, now)?;
        self.figures(handle).touch_hits += 1;
        self.hit(handle, now, |_| ());
        Ok(())
    }

    /// Stores by the rule of `mode`. Leaves `value` as it was if there is no room.
    pub(super) fn store(
        &mut self,
        mode: StoreMode,
        key: Key<'_>,
        flags: u32,
        deadline: Deadline,
        value: &mut Value<'_>,
        now: Now,
    ) -> Result<Stored, NeedRoom> {
        let cas = self.rules.cas.draw();
        self.sweep_by_the_way(now);
        let old = self.find_alive(key, now).ok();
        match (mode, old) {
            (StoreMode::Set, _) | (StoreMode::Add, None) | (StoreMode::Replace, Some(_)) => {}
            (StoreMode::Add, Some(old)) => {
                self.note_access(old, now);
                return Ok(Stored::NotStored);
            }
            (StoreMode::Cas(_), None) => return Ok(Stored::NotFound),
            (StoreMode::Replace | StoreMode::Append | StoreMode::Prepend, None) => {
                return Ok(Stored::NotStored);
            }
            (StoreMode::Cas(unique), Some(old)) => {
                if unique == 0 || self.cas_of(old) != unique {
                    self.figures(old).cas_badval += 1;
                    return Ok(Stored::Exists);
                }
            }
            (StoreMode::Append | StoreMode::Prepend, Some(old)) => {
                return self.join(mode, key, old, &value.bytes(), cas, now);
            }
        }
        let fields = self.fields(flags, cas, deadline, now);
        let handle = match value {
            Value::Bytes(bytes) => self.put(key, old, fields, bytes, now)?,
            Value::Received { blocks, len, charge } => {
                self.index_room(now)?;
                let charged_bytes = charge.charged_bytes();
                self.account.take_over(charge);
                self.put_large(key, &fields, blocks.clone(), *len, charged_bytes)
            }
        };
        let figures = self.figures(handle);
        figures.stores += 1;
        figures.cas_hits += u64::from(matches!(mode, StoreMode::Cas(_)));
        self.totals.items_ever += 1;
        Ok(Stored::Stored { cas })
    }

    /// Removes an item.
    pub(super) fn delete(&mut self, key: Key<'_>, now: Now) -> Deleted {
        match self.find_alive(key, now) {
            Ok(handle) => {
                self.figures(handle).delete_hits += 1;
                self.unlink(key.hash, handle);
                Deleted::Deleted
            }
            Err(_) => Deleted::NotFound,
        }
    }

    /// Adds to or subtracts from a number held as text. A result that is not longer than the old text is padded with
    /// spaces to its length.
    pub(super) fn arithmetic(&mut self, key: Key<'_>, step: Step, now: Now) -> Result<Counted, NeedRoom> {
        let Ok(old) = self.find_alive(key, now) else { return Ok(Counted::NotFound) };
        let text = self.value_of(old);
        let number = if text.len() > NUMBER_MAX_BYTES { None } else { decimal::parse(&text) };
        let Some(number) = number else { return Ok(Counted::NotNumeric) };
        let value = match step {
            Step::Up(by) => number.wrapping_add(by),
            Step::Down(by) => number.saturating_sub(by),
        };
        let mut padded = Digits::of(value).as_bytes().to_vec();
        padded.resize(padded.len().max(text.len()), b' ');
        let cas = self.rules.cas.draw();
        let mut fields = self.fields_of(old);
        (fields.cas, fields.last_access) = (cas, now);
        let handle = match old.place() {
            Place::Chunk(_) => self.put(key, Some(old), fields, &padded, now)?,
            Place::Large(_) => self.copy_large(key, &fields, &padded, now)?,
        };
        let figures = self.figures(handle);
        match step {
            Step::Up(_) => figures.incr_hits += 1,
            Step::Down(_) => figures.decr_hits += 1,
        }
        self.hit(handle, now, |_| ());
        Ok(Counted::Number { value, cas })
    }

    /// Joins a value to a present one, whose flags and deadline stay.
    fn join(
        &mut self,
        mode: StoreMode,
        key: Key<'_>,
        old: Handle,
        added: &[u8],
        cas: u64,
        now: Now,
    ) -> Result<Stored, NeedRoom> {
        let present = self.value_of(old);
        let mut fields = self.fields_of(old);
        let length = present.len() + added.len();
        if !self.rules.fits(key.bytes.len(), fields.flags, length) {
            return Ok(Stored::NotStored);
        }
        (fields.cas, fields.last_access, fields.fetched) = (cas, now, false);
        let joined = match mode {
            StoreMode::Append => [&present, added].concat(),
            _ => [added, &present].concat(),
        };
        let handle = self.put(key, Some(old), fields, &joined, now)?;
        self.figures(handle).stores += 1;
        self.totals.items_ever += 1;
        Ok(Stored::Stored { cas })
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
        let Some(class) = class else { return self.copy_large(key, &fields, value, now) };
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
                self.slab.count_first_hit(class);
            }
            None => {}
        }
        let at = self.slab.fill(vacant, &fields, key.bytes, value);
        self.link(key, old, at.into());
        Ok(at.into())
    }

    /// Stores a large value that has no blocks of its own yet.
    fn copy_large(
        &mut self,
        key: Key<'_>,
        fields: &Fields,
        value: &[u8],
        now: Now,
    ) -> Result<Handle, NeedRoom> {
        let page_bytes = self.rules.page_bytes;
        let charged_bytes = charge_for(page_bytes, key.bytes.len(), value.len());
        self.charge(charged_bytes, now)?;
        if let Err(need) = self.index_room(now) {
            self.account.refund(charged_bytes);
            return Err(need);
        }
        Ok(self.put_large(key, fields, into_blocks(page_bytes, value), value.len(), charged_bytes))
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
    fn find_alive(&mut self, key: Key<'_>, now: Now) -> Result<Handle, Miss> {
        self.seq += 1;
        if self.flush_at.is_some_and(|at| now >= at) {
            self.flush();
        }
        let handle = self.find(key).ok_or(Miss::Absent)?;
        if self.deadline_of(handle).is_over(now) {
            self.reclaim(key.hash, handle);
            return Err(Miss::Expired);
        }
        Ok(handle)
    }

    /// Removes an item whose time is over.
    pub(super) fn reclaim(&mut self, hash: KeyHash, handle: Handle) {
        let fetched = self.is_fetched(handle);
        let figures = self.figures(handle);
        figures.reclaimed += 1;
        figures.expired_unfetched += u64::from(!fetched);
        self.unlink(hash, handle);
    }

    /// Shows an item to `hit` and notes the access. Nothing is half done while `hit` runs, so a panic there costs
    /// nothing.
    fn hit<R>(&mut self, handle: Handle, now: Now, hit: impl FnOnce(Hit<'_>) -> R) -> R {
        self.mid_update = false;
        let result = hit(self.shown(handle));
        self.mid_update = true;
        match handle.place() {
            Place::Chunk(at) => {
                if self.slab.item(at).probation() {
                    self.figures(handle).hits_probation += 1;
                }
                self.slab.note_hit(at, now);
            }
            Place::Large(id) => {
                let seq = self.seq;
                let item = self.large.use_item(id);
                (item.last_access, item.fetched, item.used) = (now, true, seq);
            }
        }
        result
    }

    fn shown(&self, handle: Handle) -> Hit<'_> {
        match handle.place() {
            Place::Chunk(at) => {
                let item = self.slab.item(at);
                Hit {
                    flags: item.flags(),
                    cas: item.cas(),
                    deadline: item.deadline(),
                    last_access: item.last_access(),
                    fetched: item.fetched(),
                    value: ValueRef::Small(item.value()),
                }
            }
            Place::Large(id) => {
                let item = self.large.item(id);
                Hit {
                    flags: item.flags,
                    cas: item.cas,
                    deadline: item.deadline,
                    last_access: item.last_access,
                    fetched: item.fetched,
                    value: ValueRef::Large { blocks: &item.value, len: item.value_len },
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
        Fields {
            flags,
            cas,
            deadline,
            keep_deadline: !self.rules.evict,
            last_access: now,
            fetched: false,
            uses: 0,
            probation: true,
        }
    }

    fn fields_of(&self, handle: Handle) -> Fields {
        match handle.place() {
            Place::Chunk(at) => self.slab.item(at).fields(),
            Place::Large(id) => {
                let item = self.large.item(id);
                Fields {
                    fetched: item.fetched,
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

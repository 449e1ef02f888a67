//! Keys, values and time in; outcomes out. First simple version behind the final interface.

pub mod decimal;
mod figures;
mod outcome;
mod settings;

use crate::clock::{Deadline, Now};
use bytes::buf::Limit;
use bytes::{BufMut, Bytes, BytesMut};
pub use figures::{ClassFigures, Totals};
pub use outcome::*;
use parking_lot::Mutex;
pub use settings::Settings;
use std::collections::HashMap;

/// When a `flush_all` takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushAt {
    /// Now: everything stored before the call is gone, everything stored after it stays.
    Immediately,
    /// At the first operation at or after this moment; replaces an earlier deadline.
    At(Now),
}

#[derive(Clone)]
struct Item {
    flags: u32,
    cas: u64,
    deadline: Deadline,
    last_access: Now,
    fetched: bool,
    value: Bytes,
}

struct Inner {
    items: HashMap<Vec<u8>, Item>,
    totals: Totals,
    large: ClassFigures,
    cas: u64,
    flush_at: Option<Now>,
    limit: u64,
}

/// The store.
pub struct Store {
    settings: Settings,
    inner: Mutex<Inner>,
}

/// A charged buffer for a large value that is still being received. Dropping it gives the charge back.
#[derive(Debug)]
pub struct LargeDraft {
    buffer: BytesMut,
    length: usize,
}

impl LargeDraft {
    /// Bytes still missing.
    pub fn missing(&self) -> usize {
        self.length - self.buffer.len()
    }
    /// Where the missing bytes go; never grows beyond the declared length. Only to be written to while
    /// [`LargeDraft::missing`] is not 0.
    pub fn spare(&mut self) -> Limit<&mut BytesMut> {
        let missing = self.missing();
        (&mut self.buffer).limit(missing)
    }
    /// Appends at most `missing()` bytes of `data`; returns how many were taken.
    pub fn push(&mut self, data: &[u8]) -> usize {
        let taken = data.len().min(self.missing());
        self.buffer.extend_from_slice(&data[..taken]);
        taken
    }
}

/// The value of a storage command.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// Still in the connection's buffer; copied.
    Bytes(&'a [u8]),
    /// Received in place; must be complete (`missing() == 0`).
    Draft(LargeDraft),
}

impl Inner {
    fn prelude(&mut self, now: Now) {
        if self.flush_at.is_some_and(|at| now >= at) {
            self.flush_at = None;
            self.items.clear();
            self.totals.item_bytes = 0;
        }
    }
    fn find(&mut self, key: &[u8], now: Now) -> Result<&mut Item, Miss> {
        self.prelude(now);
        if self.items.get(key).is_some_and(|item| item.deadline.is_over(now)) {
            self.totals.reclaimed += 1;
            self.remove(key);
            return Err(Miss::Expired);
        }
        self.items.get_mut(key).ok_or(Miss::Absent)
    }
    fn remove(&mut self, key: &[u8]) {
        if let Some(old) = self.items.remove(key) {
            self.totals.item_bytes -= (key.len() + old.value.len() + 25) as u64;
        }
    }
    fn insert(&mut self, evict: bool, key: &[u8], item: Item) -> Result<(), Refused> {
        let size = (key.len() + item.value.len() + 25) as u64;
        let old = self.items.get(key).map_or(0, |old| (key.len() + old.value.len() + 25) as u64);
        if size > self.limit || (!evict && self.totals.item_bytes - old + size > self.limit) {
            return Err(Refused::NoRoom);
        }
        self.remove(key);
        while self.totals.item_bytes + size > self.limit {
            let Some(victim) = self.items.keys().next().cloned() else { break };
            self.remove(&victim);
            self.totals.evictions += 1;
        }
        self.items.insert(key.to_vec(), item);
        self.totals.item_bytes += size;
        self.totals.items_ever += 1;
        self.large.stores += 1;
        Ok(())
    }
}

impl Store {
    /// An empty store.
    pub fn new(settings: Settings) -> Store {
        let inner = Inner {
            items: HashMap::new(),
            totals: Totals::default(),
            large: ClassFigures::default(),
            cas: 1,
            flush_at: None,
            limit: settings.memory_limit_bytes,
        };
        Store { settings, inner: Mutex::new(inner) }
    }
    fn hit<R>(item: &mut Item, now: Now, hit: impl FnOnce(Hit<'_>) -> R) -> R {
        let value = if item.value.len() > 16 << 10 {
            ValueRef::Large(&item.value)
        } else {
            ValueRef::Small(&item.value)
        };
        let result = hit(Hit {
            flags: item.flags,
            cas: item.cas,
            deadline: item.deadline,
            last_access: item.last_access,
            fetched: item.fetched,
            value,
        });
        item.fetched = true;
        item.last_access = now;
        result
    }
    /// Looks a key up; `hit` runs under the shard's lock and must only copy. Counts as an access.
    pub fn get<R>(&self, key: &[u8], now: Now, hit: impl FnOnce(Hit<'_>) -> R) -> Result<R, Miss> {
        let mut inner = self.inner.lock();
        let found = Self::hit(inner.find(key, now)?, now, hit);
        inner.large.get_hits += 1;
        Ok(found)
    }
    /// As [`Store::get`], and gives the item a new deadline first. The CAS unique stays.
    pub fn get_and_touch<R>(
        &self,
        key: &[u8],
        deadline: Deadline,
        now: Now,
        hit: impl FnOnce(Hit<'_>) -> R,
    ) -> Result<R, Miss> {
        let mut inner = self.inner.lock();
        let item = inner.find(key, now)?;
        item.deadline = deadline;
        let found = Self::hit(item, now, hit);
        inner.large.touch_hits += 1;
        inner.large.get_hits += 1;
        Ok(found)
    }
    /// Gives an item a new deadline. The CAS unique stays.
    pub fn touch(&self, key: &[u8], deadline: Deadline, now: Now) -> Result<(), Miss> {
        let mut inner = self.inner.lock();
        let item = inner.find(key, now)?;
        item.deadline = deadline;
        item.last_access = now;
        item.fetched = true;
        inner.large.touch_hits += 1;
        Ok(())
    }
    /// Stores by the rule of `mode`. Takes a CAS unique even if it does not store, as memcached does.
    pub fn store(
        &self,
        mode: StoreMode,
        key: &[u8],
        flags: u32,
        deadline: Deadline,
        value: Incoming<'_>,
        now: Now,
    ) -> Result<Stored, Refused> {
        let value = match value {
            Incoming::Bytes(bytes) => Bytes::copy_from_slice(bytes),
            Incoming::Draft(draft) => draft.buffer.freeze(),
        };
        if self.counted(key.len(), flags, value.len()) > self.settings.item_max_bytes {
            return Err(Refused::TooLarge);
        }
        let inner = &mut *self.inner.lock();
        if self.settings.cas {
            inner.cas += 1;
        }
        let cas = if self.settings.cas { inner.cas } else { 0 };
        let old = inner.find(key, now).ok().map(|item| item.clone());
        let mut item = Item { flags, cas, deadline, last_access: now, fetched: false, value };
        match (mode, old) {
            (StoreMode::Set, _) | (StoreMode::Add, None) | (StoreMode::Replace, Some(_)) => {}
            (StoreMode::Add, Some(_)) => {
                if let Some(item) = inner.items.get_mut(key) {
                    item.last_access = now;
                }
                return Ok(Stored::NotStored);
            }
            (StoreMode::Cas(_), None) => return Ok(Stored::NotFound),
            (_, None) => return Ok(Stored::NotStored),
            (StoreMode::Cas(unique), Some(old)) => {
                if unique == 0 || old.cas != unique {
                    inner.large.cas_badval += 1;
                    return Ok(Stored::Exists);
                }
                inner.large.cas_hits += 1;
            }
            (StoreMode::Append | StoreMode::Prepend, Some(old)) => {
                let (first, second) = if mode == StoreMode::Append {
                    (&old.value, &item.value)
                } else {
                    (&item.value, &old.value)
                };
                if self.counted(key.len(), old.flags, first.len() + second.len())
                    > self.settings.item_max_bytes
                {
                    return Ok(Stored::NotStored);
                }
                item.value = [&first[..], &second[..]].concat().into();
                item.flags = old.flags;
                item.deadline = old.deadline;
            }
        }
        inner.insert(self.settings.evict, key, item)?;
        Ok(Stored::Stored { cas })
    }
    fn counted(&self, key: usize, flags: u32, value: usize) -> u64 {
        let cas = if self.settings.cas { 8 } else { 0 };
        let flags = if flags == 0 { 0 } else { 4 };
        48 + cas + key as u64 + 1 + flags + value as u64 + 2
    }
    /// True if a value of this length under this key would be a large value, to be received into a [`LargeDraft`].
    pub fn is_large(&self, key_len: usize, value_len: usize) -> bool {
        let threshold = if self.settings.memory_limit_bytes < 256 << 20 { 8 << 10 } else { 16 << 10 };
        25 + key_len + value_len > threshold
    }
    /// Reserves memory for a large value that is about to be received.
    pub fn reserve(&self, key: &[u8], value_len: usize, _now: Now) -> Result<LargeDraft, Refused> {
        if self.counted(key.len(), 0, value_len) > self.settings.item_max_bytes {
            return Err(Refused::TooLarge);
        }
        if value_len as u64 > self.inner.lock().limit {
            return Err(Refused::NoRoom);
        }
        Ok(LargeDraft { buffer: BytesMut::with_capacity(value_len), length: value_len })
    }
    /// Removes an item.
    pub fn delete(&self, key: &[u8], now: Now) -> Deleted {
        let mut inner = self.inner.lock();
        match inner.find(key, now) {
            Ok(_) => {
                inner.remove(key);
                inner.large.delete_hits += 1;
                Deleted::Deleted
            }
            Err(_) => Deleted::NotFound,
        }
    }
    /// Adds to or subtracts from a number held as decimal text.
    pub fn arithmetic(&self, key: &[u8], step: Step, now: Now) -> Result<Counted, Refused> {
        let inner = &mut *self.inner.lock();
        let Ok(old) = inner.find(key, now) else { return Ok(Counted::NotFound) };
        let mut item = old.clone();
        if item.value.len() > 512 << 10 {
            return Ok(Counted::NotNumeric);
        }
        let Some(number) = decimal::parse(&item.value) else { return Ok(Counted::NotNumeric) };
        let value = match step {
            Step::Up(by) => number.wrapping_add(by),
            Step::Down(by) => number.saturating_sub(by),
        };
        let mut text = decimal::Digits::of(value).as_bytes().to_vec();
        text.resize(text.len().max(item.value.len()), b' ');
        item.value = text.into();
        item.last_access = now;
        if self.settings.cas {
            inner.cas += 1;
            item.cas = inner.cas;
        }
        let cas = item.cas;
        inner.insert(self.settings.evict, key, item)?;
        match step {
            Step::Up(_) => inner.large.incr_hits += 1,
            Step::Down(_) => inner.large.decr_hits += 1,
        }
        Ok(Counted::Number { value, cas })
    }
    /// Forgets everything, now or later.
    pub fn flush_all(&self, at: FlushAt, now: Now) {
        let mut inner = self.inner.lock();
        inner.prelude(now);
        match at {
            FlushAt::At(at) => inner.flush_at = Some(at),
            FlushAt::Immediately => {
                inner.flush_at = Some(now);
                inner.prelude(now);
            }
        }
    }
    /// Changes the memory limit; memory over a lowered limit is given back step by step by [`Store::maintain`].
    pub fn set_memory_limit(&self, bytes: u64) {
        self.inner.lock().limit = bytes;
    }
    /// Background work, called about ten times a second: expiry sweep, giving memory back. Bounded work per call
    /// and per lock. Returns true while there is more to do soon.
    pub fn maintain(&self, now: Now) -> bool {
        self.inner.lock().prelude(now);
        false
    }
    /// Figures over the whole store.
    pub fn totals(&self) -> Totals {
        let inner = self.inner.lock();
        let mut totals = inner.totals.clone();
        totals.items = inner.items.len() as u64;
        totals.limit_bytes = inner.limit;
        totals.charged_bytes = totals.item_bytes;
        totals
    }
    /// Figures per slab class, classes without pages left out.
    pub fn classes(&self, _now: Now) -> Vec<ClassFigures> {
        let inner = self.inner.lock();
        let mut large = inner.large.clone();
        large.id = 1;
        large.large = true;
        large.used_chunks = inner.items.len() as u64;
        large.item_bytes = inner.totals.item_bytes;
        vec![large]
    }
    /// Zeroes the counters that `stats reset` zeroes (not items, bytes, limits).
    pub fn reset_counters(&self) {
        let mut inner = self.inner.lock();
        let item_bytes = inner.totals.item_bytes;
        inner.totals = Totals { item_bytes, ..Totals::default() };
        inner.large = ClassFigures::default();
    }
    /// Counts of items by size rounded up to 32 bytes, for `stats sizes`.
    pub fn sizes(&self) -> Vec<(u64, u64)> {
        let mut counts = std::collections::BTreeMap::new();
        for (key, item) in &self.inner.lock().items {
            let size = (key.len() + item.value.len() + 25) as u64;
            *counts.entry(size.next_multiple_of(32)).or_insert(0) += 1;
        }
        counts.into_iter().collect()
    }
    /// Asserts the store's laws.
    #[doc(hidden)]
    pub fn check_invariants(&self) {}
}

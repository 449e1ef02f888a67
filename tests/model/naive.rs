//! The naive reference: a map with the same rules of expiry and CAS, and no memory limit.

use larder::clock::{Deadline, Now};
use larder::store::{ItemMarks, Step, StoreMode, Stored, decimal};
use std::collections::HashMap;
use std::fmt;

/// An item of the map.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub flags: u32,
    pub deadline: Deadline,
    pub cas: u64,
    pub value: Vec<u8>,
}

impl fmt::Debug for Entry {
    /// Prints only the start of a long value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { flags, deadline, cas, value } = self;
        let start = &value[..value.len().min(20)];
        write!(f, "flags {flags} {deadline:?} cas {cas} {} bytes {start:?}", value.len())
    }
}

/// The map.
#[derive(Default)]
pub struct Naive {
    entries: HashMap<Vec<u8>, Entry>,
    marks: HashMap<Vec<u8>, ItemMarks>,
    flush_at: Option<Now>,
    /// Items stored up to this second are born expired.
    flushed_through: Option<Now>,
}

/// memcached's way of counting an item against the limit, CAS kept.
pub fn fits(key_len: usize, flags: u32, value_len: usize, item_max_bytes: usize) -> bool {
    48 + 8 + key_len + 1 + if flags == 0 { 0 } else { 4 } + value_len + 2 <= item_max_bytes
}

impl Naive {
    /// Applies a delayed flush if it is due. Called before every operation. True if it took effect.
    pub fn flush_if_due(&mut self, now: Now) -> bool {
        let Some(at) = self.flush_at.filter(|at| now >= *at) else { return false };
        self.flush();
        self.flushed_through = Some(at);
        true
    }

    pub fn get(&self, key: &[u8], now: Now) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| !entry.deadline.is_over(now))
    }

    pub fn get_mut(&mut self, key: &[u8], now: Now) -> Option<&mut Entry> {
        self.entries.get_mut(key).filter(|entry| !entry.deadline.is_over(now))
    }

    /// Removes a key that was deleted or evicted.
    pub fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        self.entries.remove(key)
    }

    /// The expected outcome of a storage attempt, without its CAS unique.
    pub fn expect_store(&self, mode: StoreMode, key: &[u8], value_len: usize, now: Now) -> Stored {
        let stored = Stored::Stored { cas: 0, len: 0 };
        match (mode, self.get(key, now)) {
            (StoreMode::Set, _) | (StoreMode::Add, None) | (StoreMode::Replace, Some(_)) => stored,
            (StoreMode::Append | StoreMode::Prepend, Some(entry)) => {
                let joined = entry.value.len() + value_len;
                if fits(key.len(), entry.flags, joined, 1 << 20) { stored } else { Stored::NotStored }
            }
            (StoreMode::Cas(_), None) => Stored::NotFound,
            (StoreMode::Cas(unique), Some(entry)) if unique != 0 && unique == entry.cas => stored,
            (StoreMode::Cas(_), Some(_)) => Stored::Exists,
            _ => Stored::NotStored,
        }
    }

    /// Applies a storage of the store.
    pub fn note_stored(&mut self, mode: StoreMode, key: &[u8], entry: Entry, now: Now) {
        let entry = match (mode, self.get(key, now)) {
            (StoreMode::Append, Some(old)) => {
                let value = [&old.value[..], &entry.value].concat();
                Entry { cas: entry.cas, value, ..old.clone() }
            }
            (StoreMode::Prepend, Some(old)) => {
                let value = [&entry.value[..], &old.value].concat();
                Entry { cas: entry.cas, value, ..old.clone() }
            }
            _ => entry,
        };
        let flushed = self.flushed_through.is_some_and(|through| now <= through);
        let deadline = if flushed { Deadline::PAST } else { entry.deadline };
        self.entries.insert(key.to_vec(), Entry { deadline, ..entry });
        self.marks.remove(key);
    }

    /// The expected number and text of an arithmetic step; `None` if the value is no number.
    pub fn expect_number(entry: &Entry, step: Step) -> Option<(u64, Vec<u8>)> {
        let number = decimal::parse(&entry.value)?;
        let value = match step {
            Step::Up(by) => number.wrapping_add(by),
            Step::Down(by) => number.saturating_sub(by),
        };
        let mut text = value.to_string().into_bytes();
        text.resize(text.len().max(entry.value.len()), b' ');
        Some((value, text))
    }

    /// The marks of a key. Storing the key clears them.
    pub fn marks(&self, key: &[u8]) -> ItemMarks {
        self.marks.get(key).copied().unwrap_or_default()
    }

    pub fn set_marks(&mut self, key: &[u8], marks: ItemMarks) {
        self.marks.insert(key.to_vec(), marks);
    }

    pub fn flush(&mut self) {
        self.flush_at = None;
        self.flushed_through = None;
        self.entries.clear();
    }

    pub fn flush_later(&mut self, at: Now) {
        self.flushed_through = None;
        self.flush_at = Some(at);
    }

    /// All keys.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.entries.keys().cloned().collect()
    }
}

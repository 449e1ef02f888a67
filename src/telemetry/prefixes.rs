//! Counters per key prefix, for `stats detail`. Off by default.
//!
//! A prefix is the part of a key before the first delimiter; keys without a delimiter are not counted. Invariants:
//! while counting is off, a request costs one relaxed load; at most [`PREFIXES_MAX`] prefixes are counted, and further
//! ones are ignored.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Prefixes counted, at most. With the longest keys they take about 1.3 MB.
pub const PREFIXES_MAX: usize = 4096;

/// The counters of one prefix.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct PrefixCounts {
    /// Lookups.
    pub gets: u64,
    /// Lookups that found their key.
    pub hits: u64,
    /// Storage commands.
    pub sets: u64,
    /// Deletes.
    pub deletes: u64,
}

/// The counters of all prefixes.
#[derive(Debug)]
pub struct Prefixes {
    on: AtomicBool,
    delimiter: u8,
    table: Mutex<BTreeMap<Box<[u8]>, PrefixCounts>>,
}

impl Prefixes {
    /// No prefixes. Counting starts at once if `on`.
    pub fn new(delimiter: u8, on: bool) -> Prefixes {
        Prefixes { on: AtomicBool::new(on), delimiter, table: Mutex::default() }
    }

    /// True while prefixes are counted.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// Switches counting on or off. The counts stay.
    pub fn set_on(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// The byte that ends a prefix.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Counts a lookup.
    #[inline]
    pub fn count_get(&self, key: &[u8], hit: bool) {
        self.count(key, |counts| {
            counts.gets += 1;
            counts.hits += u64::from(hit);
        });
    }

    /// Counts a storage command.
    pub fn count_set(&self, key: &[u8]) {
        self.count(key, |counts| counts.sets += 1);
    }

    /// Counts a delete.
    pub fn count_delete(&self, key: &[u8]) {
        self.count(key, |counts| counts.deletes += 1);
    }

    #[inline]
    fn count(&self, key: &[u8], change: impl FnOnce(&mut PrefixCounts)) {
        if self.is_on() {
            self.count_one(key, change);
        }
    }

    #[cold]
    fn count_one(&self, key: &[u8], change: impl FnOnce(&mut PrefixCounts)) {
        let Some(end) = key.iter().position(|byte| *byte == self.delimiter) else { return };
        let prefix = &key[..end];
        let mut table = self.table.lock();
        if let Some(counts) = table.get_mut(prefix) {
            change(counts);
        } else if table.len() < PREFIXES_MAX {
            change(table.entry(prefix.into()).or_default());
        }
    }

    /// Every prefix and its counts, in byte order.
    pub fn rows(&self) -> Vec<(Box<[u8]>, PrefixCounts)> {
        self.table.lock().iter().map(|(prefix, counts)| (prefix.clone(), *counts)).collect()
    }

    /// Forgets all prefixes.
    pub fn reset(&self) {
        self.table.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_by_the_part_before_the_first_delimiter() {
        let prefixes = Prefixes::new(b':', true);
        prefixes.count_get(b"a:b:c", true);
        prefixes.count_get(b"a:x", false);
        prefixes.count_set(b":x");
        prefixes.count_delete(b"a:");
        prefixes.count_set(b"none");
        let a = PrefixCounts { gets: 2, hits: 1, sets: 0, deletes: 1 };
        let empty = PrefixCounts { sets: 1, ..PrefixCounts::default() };
        assert_eq!(prefixes.rows(), [(b""[..].into(), empty), (b"a"[..].into(), a)]);
    }

    #[test]
    fn nothing_is_counted_while_counting_is_off() {
        let prefixes = Prefixes::new(b':', false);
        prefixes.count_set(b"a:b");
        assert!(prefixes.rows().is_empty());
        prefixes.set_on(true);
        prefixes.count_set(b"a:b");
        prefixes.set_on(false);
        prefixes.count_set(b"a:b");
        assert_eq!(prefixes.rows()[0].1.sets, 1);
    }

    #[test]
    fn prefixes_beyond_the_limit_are_not_counted() {
        let prefixes = Prefixes::new(b'/', true);
        for number in 0..PREFIXES_MAX + 10 {
            prefixes.count_set(format!("{number}/x").as_bytes());
        }
        prefixes.count_set(b"0/y");
        let rows = prefixes.rows();
        assert_eq!(rows.len(), PREFIXES_MAX);
        assert_eq!(rows[0].1.sets, 2);
    }
}

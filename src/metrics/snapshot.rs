//! A snapshot of everything that the responses contain.

use super::escape::escape;
use crate::advisor::Advice;
use crate::commands::{Engine, MemoryPart};
use crate::insight::{Family, HotKey, HotKeys, Latency};
use std::collections::BTreeMap;

/// Families in a response: those with the most bytes.
const FAMILIES_MAX: usize = 20;

/// Hot keys in a response, per list.
const HOT_KEYS_MAX: usize = 20;

/// Numbers by their name in `stats`.
#[derive(Clone, Default, Debug)]
pub(super) struct Stats(BTreeMap<&'static str, f64>);

impl Stats {
    /// The numbers of `stats`.
    pub(super) fn general(engine: &Engine) -> Stats {
        let mut stats = Stats::default();
        engine.general_stats(engine.clock().now(), &mut |name, value| stats.record(name, value.number()));
        stats
    }

    /// The numbers of `stats settings`.
    fn settings(engine: &Engine) -> Stats {
        let mut stats = Stats::default();
        engine.settings_stats(&mut |name, value| stats.record(name, value.number()));
        stats
    }

    fn record(&mut self, name: &'static str, number: Option<f64>) {
        if let Some(number) = number {
            self.0.insert(name, number);
        }
    }

    /// The number with this name.
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.iter().map(|(name, number)| (*name, *number))
    }
}

impl FromIterator<(&'static str, f64)> for Stats {
    fn from_iter<T: IntoIterator<Item = (&'static str, f64)>>(stats: T) -> Stats {
        Stats(stats.into_iter().collect())
    }
}

/// A key of [`HotKeyLists`], escaped for display.
#[derive(Clone, Debug)]
pub(super) struct HotKeyRow {
    pub(super) key: String,
    pub(super) count: u64,
    pub(super) error: u64,
}

/// The most used keys.
#[derive(Clone, Debug)]
pub(super) struct HotKeyLists {
    pub(super) reads: Vec<HotKeyRow>,
    pub(super) writes: Vec<HotKeyRow>,
    pub(super) bytes_out: Vec<HotKeyRow>,
    pub(super) total_reads: u64,
    pub(super) total_writes: u64,
    pub(super) total_bytes_out: u64,
    pub(super) sampled_one_in: u32,
}

impl From<HotKeys> for HotKeyLists {
    fn from(keys: HotKeys) -> HotKeyLists {
        let names = |list: Vec<HotKey>| {
            let shortened = list.into_iter().take(HOT_KEYS_MAX);
            let named = |hot: HotKey| HotKeyRow { key: escape(&hot.key), count: hot.count, error: hot.error };
            shortened.map(named).collect()
        };
        HotKeyLists {
            reads: names(keys.reads),
            writes: names(keys.writes),
            bytes_out: names(keys.bytes_out),
            total_reads: keys.total_reads,
            total_writes: keys.total_writes,
            total_bytes_out: keys.total_bytes_out,
            sampled_one_in: keys.sampled_one_in,
        }
    }
}

/// The state of the server at one moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) serving: bool,
    pub(super) general: Stats,
    pub(super) settings: Stats,
    /// From `stats items` and `stats slabs`, by class.
    pub(super) classes: BTreeMap<u32, Stats>,
    pub(super) malloced_bytes: u64,
    pub(super) advice: Advice,
    pub(super) memory: Vec<MemoryPart>,
    pub(super) pinned_bytes: u64,
    pub(super) latencies: Vec<Latency>,
    /// `None` if keys may not be listed.
    pub(super) families: Option<Vec<Family>>,
    /// `None` if keys may not be listed.
    pub(super) hot_keys: Option<HotKeyLists>,
}

impl Snapshot {
    /// Takes a snapshot of the engine.
    pub(super) fn take(engine: &Engine) -> Snapshot {
        let now = engine.clock().now();
        let mut classes: BTreeMap<u32, Stats> = BTreeMap::new();
        let mut record =
            |class, name, value| classes.entry(class).or_default().record(name, Some(value as f64));
        engine.slab_stats(now, &mut record);
        engine.item_stats(now, &mut record);
        let lists_keys = engine.lists_keys();
        Snapshot {
            serving: engine.is_serving(),
            general: Stats::general(engine),
            settings: Stats::settings(engine),
            classes,
            malloced_bytes: engine.malloced_bytes(),
            advice: engine.advice(),
            memory: engine.memory_account(),
            pinned_bytes: engine.pinned_bytes(),
            latencies: engine.latencies(),
            families: lists_keys.then(|| engine.families().into_iter().take(FAMILIES_MAX).collect()),
            hot_keys: lists_keys.then(|| engine.hot_keys().into()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;

//! Everything that is shown, asked of the engine in one go.

use super::shown::shown;
use crate::advisor::figures::Advice;
use crate::commands::{Engine, MemoryPart};
use crate::insight::figures::{Family, HotKey, HotKeys, Latency};
use std::collections::BTreeMap;

/// Families shown, those with the most bytes.
const FAMILIES_MAX: usize = 20;

/// Hot keys shown of each kind.
const HOT_KEYS_MAX: usize = 20;

/// Numbers by the name that `stats` gives them.
#[derive(Clone, Default, Debug)]
pub(super) struct Figures(BTreeMap<&'static str, f64>);

impl Figures {
    /// Those of `stats`.
    pub(super) fn general(engine: &Engine) -> Figures {
        let mut figures = Figures::default();
        engine.general_figures(engine.clock().now(), &mut |name, value| figures.note(name, value.number()));
        figures
    }

    /// Those of `stats settings`.
    fn settings(engine: &Engine) -> Figures {
        let mut figures = Figures::default();
        engine.settings_figures(&mut |name, value| figures.note(name, value.number()));
        figures
    }

    fn note(&mut self, name: &'static str, number: Option<f64>) {
        if let Some(number) = number {
            self.0.insert(name, number);
        }
    }

    /// The number of that name.
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.iter().map(|(name, number)| (*name, *number))
    }
}

impl FromIterator<(&'static str, f64)> for Figures {
    fn from_iter<T: IntoIterator<Item = (&'static str, f64)>>(figures: T) -> Figures {
        Figures(figures.into_iter().collect())
    }
}

/// A key of [`HotLists`], as it is shown.
#[derive(Clone, Debug)]
pub(super) struct HotName {
    pub(super) key: String,
    pub(super) count: u64,
    pub(super) error: u64,
}

/// Keys most used.
#[derive(Clone, Debug)]
pub(super) struct HotLists {
    pub(super) reads: Vec<HotName>,
    pub(super) writes: Vec<HotName>,
    pub(super) bytes_out: Vec<HotName>,
    pub(super) total_reads: u64,
    pub(super) total_writes: u64,
    pub(super) total_bytes_out: u64,
    pub(super) sampled_one_in: u32,
}

impl From<HotKeys> for HotLists {
    fn from(keys: HotKeys) -> HotLists {
        let names = |list: Vec<HotKey>| {
            let shortened = list.into_iter().take(HOT_KEYS_MAX);
            let named = |hot: HotKey| HotName { key: shown(&hot.key), count: hot.count, error: hot.error };
            shortened.map(named).collect()
        };
        HotLists {
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

/// What there is to be shown.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) serving: bool,
    pub(super) general: Figures,
    pub(super) settings: Figures,
    /// Of `stats items` and `stats slabs`, by class.
    pub(super) classes: BTreeMap<u32, Figures>,
    pub(super) malloced_bytes: u64,
    pub(super) advice: Advice,
    pub(super) memory: Vec<MemoryPart>,
    pub(super) pinned_bytes: u64,
    pub(super) latencies: Vec<Latency>,
    /// `None` where keys may not be listed.
    pub(super) families: Option<Vec<Family>>,
    /// `None` where keys may not be listed.
    pub(super) hot_keys: Option<HotLists>,
}

impl Snapshot {
    /// Asks the engine.
    pub(super) fn take(engine: &Engine) -> Snapshot {
        let now = engine.clock().now();
        let mut classes: BTreeMap<u32, Figures> = BTreeMap::new();
        let mut note = |class, name, value| classes.entry(class).or_default().note(name, Some(value as f64));
        engine.slab_figures(now, &mut note);
        engine.item_figures(now, &mut note);
        let lists_keys = engine.may_list_keys();
        Snapshot {
            serving: engine.is_serving(),
            general: Figures::general(engine),
            settings: Figures::settings(engine),
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

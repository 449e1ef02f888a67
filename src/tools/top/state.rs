//! The state of the live view. It reads no clock and does no I/O.

use super::poll::{Snapshot, Update};
use crate::tools::stat_lines::StatLines;
use crate::tools::stats::{self, Family, HotKey, Ranking};
use crate::tools::{Style, json, units};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use serde_json::json;

/// Sort order of families and hot keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// Reads.
    Reads,
    /// Stores.
    Writes,
    /// Bytes stored; for hot keys, bytes read.
    Bytes,
    /// Items.
    Items,
    /// Reads that missed.
    Misses,
    /// Evictions.
    Evictions,
}

impl Sort {
    const ALL: [Sort; 6] =
        [Sort::Reads, Sort::Writes, Sort::Bytes, Sort::Items, Sort::Misses, Sort::Evictions];

    /// The name in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Sort::Reads => "reads",
            Sort::Writes => "writes",
            Sort::Bytes => "bytes",
            Sort::Items => "items",
            Sort::Misses => "misses",
            Sort::Evictions => "evictions",
        }
    }

    /// The next or previous order, cyclically.
    fn cycled(self, forward: bool) -> Sort {
        let at = Sort::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        let step = if forward { 1 } else { Sort::ALL.len() - 1 };
        Sort::ALL[(at + step) % Sort::ALL.len()]
    }

    /// The ranking of hot keys that is closest to this order.
    pub fn ranking(self) -> Ranking {
        match self {
            Sort::Writes => Ranking::Writes,
            Sort::Bytes => Ranking::BytesOut,
            _ => Ranking::Reads,
        }
    }

    fn value(self, family: &Family) -> u64 {
        match self {
            Sort::Reads => family.reads,
            Sort::Writes => family.writes,
            Sort::Bytes => family.bytes,
            Sort::Items => family.items,
            Sort::Misses => family.reads.saturating_sub(family.hits),
            Sort::Evictions => family.evictions,
        }
    }
}

/// Rates per second over the last period.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rates {
    /// Keys requested.
    pub gets: f64,
    /// Values stored.
    pub sets: f64,
    /// Deletes requested.
    pub deletes: f64,
    /// Items evicted.
    pub evictions: f64,
    /// Bytes received.
    pub bytes_in: f64,
    /// Bytes sent.
    pub bytes_out: f64,
    /// Hits among the gets, from 0 to 1.
    pub hit_ratio: Option<f64>,
}

impl Rates {
    /// Rates between two polls; `None` if the server restarted in between or no time passed.
    fn between(before: &Snapshot, after: &Snapshot) -> Option<Rates> {
        let secs = after.at.checked_sub(before.at)?.as_secs_f64();
        let uptime = |snapshot: &Snapshot| snapshot.general.number("uptime").unwrap_or(0);
        if secs <= 0.0 || uptime(after) < uptime(before) {
            return None;
        }
        let increase = |name: &str| {
            let number = |stats: &StatLines| stats.number(name).unwrap_or(0);
            number(&after.general).saturating_sub(number(&before.general))
        };
        let per_second = |names: &[&str]| names.iter().map(|name| increase(name) as f64).sum::<f64>() / secs;
        Some(Rates {
            gets: per_second(&["cmd_get"]),
            sets: per_second(&["cmd_set"]),
            deletes: per_second(&["delete_hits", "delete_misses"]),
            evictions: per_second(&["evictions"]),
            bytes_in: per_second(&["bytes_read"]),
            bytes_out: per_second(&["bytes_written"]),
            hit_ratio: units::share(
                increase("get_hits"),
                increase("get_hits").saturating_add(increase("get_misses")),
            ),
        })
    }
}

/// The action after a key press.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Redraw.
    Draw,
    /// Quit.
    Quit,
}

/// Everything that the screen shows.
pub struct State {
    /// The address of the server.
    pub server: String,
    /// Style of bars.
    pub style: Style,
    /// The displayed statistics and rates.
    pub displayed: Option<(Snapshot, Option<Rates>)>,
    /// The error, while the server does not reply.
    pub lost: Option<String>,
    /// Sort order of families and hot keys.
    pub sort: Sort,
    /// The displayed statistics are frozen.
    pub paused: bool,
    /// The help is shown.
    pub help: bool,
    /// The latest statistics, displayed or not; the next rates are computed from them.
    last: Option<Snapshot>,
}

impl State {
    /// The state before the first poll.
    pub fn new(server: String, style: Style) -> State {
        State {
            server,
            style,
            displayed: None,
            lost: None,
            sort: Sort::Reads,
            paused: false,
            help: false,
            last: None,
        }
    }

    /// Handles an event.
    pub fn take(&mut self, updates: Update) {
        match updates {
            Update::Stop => {}
            Update::ConnectionLost(error) => {
                self.lost = Some(error.to_string());
                self.last = None;
            }
            Update::Snapshot(snapshot) => {
                let rates = self.last.as_ref().and_then(|last| Rates::between(last, &snapshot));
                if !self.paused || self.displayed.is_none() {
                    self.displayed = Some((Snapshot::clone(&snapshot), rates));
                }
                self.last = Some(*snapshot);
                self.lost = None;
            }
        }
    }

    /// Handles a key press.
    pub fn press(&mut self, key: KeyEvent) -> Action {
        if key.kind == KeyEventKind::Release {
            return Action::Nothing;
        }
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Action::Quit,
            KeyCode::Char('q') => return Action::Quit,
            KeyCode::Esc if !self.help => return Action::Quit,
            KeyCode::Esc => self.help = false,
            KeyCode::Char('h' | '?') => self.help = !self.help,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') | KeyCode::Right | KeyCode::Down => self.sort = self.sort.cycled(true),
            KeyCode::Left | KeyCode::Up => self.sort = self.sort.cycled(false),
            _ => return Action::Nothing,
        }
        Action::Draw
    }

    /// The displayed families in the selected order, or the reason why there are none.
    pub fn families(&self) -> Result<Vec<Family>, &str> {
        let Some((snapshot, _)) = &self.displayed else { return Ok(Vec::new()) };
        let mut families = Family::read(snapshot.families.as_ref().map_err(String::as_str)?);
        families.sort_by_key(|family| std::cmp::Reverse(self.sort.value(family)));
        Ok(families)
    }

    /// The displayed hot keys and the total of their counts, or the reason why there are none.
    pub fn hot_keys(&self) -> Result<(Vec<HotKey>, u64), &str> {
        let Some((snapshot, _)) = &self.displayed else { return Ok((Vec::new(), 0)) };
        let stats = snapshot.hot_keys.as_ref().map_err(String::as_str)?;
        let ranking = self.sort.ranking();
        Ok((HotKey::read(stats, ranking), ranking.total(stats)))
    }

    /// The displayed statistics as JSON; empty if there are none.
    pub fn json(&self) -> String {
        let Some((snapshot, rates)) = &self.displayed else { return String::new() };
        let general = |name: &str| snapshot.general.number(name);
        let rates = rates.as_ref().map(|rates| {
            json!({
                "gets": rates.gets, "sets": rates.sets, "deletes": rates.deletes, "evictions": rates.evictions,
                "bytes_in": rates.bytes_in, "bytes_out": rates.bytes_out, "hit_ratio": rates.hit_ratio,
            })
        });
        json::line(&json!({
            "server": self.server, "version": snapshot.general.text("version"), "uptime_secs": general("uptime"),
            "a_second": rates, "bytes": general("bytes"), "limit_bytes": general("limit_maxbytes"),
            "resident_bytes": snapshot.resident_bytes, "items": general("curr_items"),
            "evictions": general("evictions"), "connections": general("curr_connections"),
            "families": snapshot.families.as_ref().map_or(serde_json::Value::Null, stats::families_value),
            "hot_keys": snapshot.hot_keys.as_ref().map_or(serde_json::Value::Null, stats::hot_keys_value),
        }))
    }
}

#[cfg(test)]
pub mod tests;

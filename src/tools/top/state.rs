//! What the live view knows and how it is to be shown. Reads no clock and asks nobody.

use super::poll::{Snapshot, Update};
use crate::tools::stat_lines::StatLines;
use crate::tools::stats::{self, Family, HotKey, Ranking};
use crate::tools::{Style, json, units};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use serde_json::json;

/// By what families and hot keys are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sort {
    /// Reads.
    Reads,
    /// Stores.
    Writes,
    /// Bytes held; of hot keys, bytes read.
    Bytes,
    /// Items.
    Items,
    /// Reads that found nothing.
    Misses,
    /// Evictions.
    Evictions,
}

impl Sort {
    const ALL: [Sort; 6] =
        [Sort::Reads, Sort::Writes, Sort::Bytes, Sort::Items, Sort::Misses, Sort::Evictions];

    /// In words.
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

    /// The next one, or the one before, round and round.
    fn cycled(self, forward: bool) -> Sort {
        let at = Sort::ALL.iter().position(|sort| *sort == self).unwrap_or(0);
        let step = if forward { 1 } else { Sort::ALL.len() - 1 };
        Sort::ALL[(at + step) % Sort::ALL.len()]
    }

    /// What comes closest to it among hot keys.
    pub fn ranking(self) -> Ranking {
        match self {
            Sort::Writes => Ranking::Writes,
            Sort::Bytes => Ranking::BytesOut,
            _ => Ranking::Reads,
        }
    }

    fn figure(self, family: &Family) -> u64 {
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

/// What a second of the last period saw.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rates {
    /// Keys asked for.
    pub gets: f64,
    /// Values stored.
    pub sets: f64,
    /// Keys to be deleted.
    pub deletes: f64,
    /// Live items thrown out for memory.
    pub evictions: f64,
    /// Bytes received.
    pub bytes_in: f64,
    /// Bytes sent.
    pub bytes_out: f64,
    /// Hits among the gets, 0 to 1.
    pub hit_ratio: Option<f64>,
}

impl Rates {
    /// Between two rounds; `None` if the server was started anew in between, or no time passed.
    fn between(before: &Snapshot, after: &Snapshot) -> Option<Rates> {
        let secs = after.at.checked_sub(before.at)?.as_secs_f64();
        let uptime = |snapshot: &Snapshot| snapshot.general.number("uptime").unwrap_or(0);
        if secs <= 0.0 || uptime(after) < uptime(before) {
            return None;
        }
        let grown = |name: &str| {
            let number = |stats: &StatLines| stats.number(name).unwrap_or(0);
            number(&after.general).saturating_sub(number(&before.general))
        };
        let a_second = |names: &[&str]| names.iter().map(|name| grown(name) as f64).sum::<f64>() / secs;
        Some(Rates {
            gets: a_second(&["cmd_get"]),
            sets: a_second(&["cmd_set"]),
            deletes: a_second(&["delete_hits", "delete_misses"]),
            evictions: a_second(&["evictions"]),
            bytes_in: a_second(&["bytes_read"]),
            bytes_out: a_second(&["bytes_written"]),
            hit_ratio: units::share(grown("get_hits"), grown("get_hits").saturating_add(grown("get_misses"))),
        })
    }
}

/// What is to be done after a key was pressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing.
    Nothing,
    /// Show the change.
    Draw,
    /// End.
    Quit,
}

/// All that the screen is made of.
pub struct State {
    /// Which server.
    pub server: String,
    /// How bars are drawn.
    pub style: Style,
    /// What is shown.
    pub displayed: Option<(Snapshot, Option<Rates>)>,
    /// Why there is nothing newer, while that is so.
    pub lost: Option<String>,
    /// The order of families and hot keys.
    pub sort: Sort,
    /// What is shown stays.
    pub paused: bool,
    /// The keys are explained.
    pub help: bool,
    /// What came last, shown or not: the rates of the next are counted from it.
    last: Option<Snapshot>,
}

impl State {
    /// Before anything is known.
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

    /// Takes in what happened.
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

    /// Takes in a key press.
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

    /// The families of what is shown, in the order that was asked for; why there are none, otherwise.
    pub fn families(&self) -> Result<Vec<Family>, &str> {
        let Some((snapshot, _)) = &self.displayed else { return Ok(Vec::new()) };
        let mut families = Family::read(snapshot.families.as_ref().map_err(String::as_str)?);
        families.sort_by_key(|family| std::cmp::Reverse(self.sort.figure(family)));
        Ok(families)
    }

    /// The hot keys of what is shown, and the sum that their counts are a part of; why there are none, otherwise.
    pub fn hot_keys(&self) -> Result<(Vec<HotKey>, u64), &str> {
        let Some((snapshot, _)) = &self.displayed else { return Ok((Vec::new(), 0)) };
        let stats = snapshot.hot_keys.as_ref().map_err(String::as_str)?;
        let ranking = self.sort.ranking();
        Ok((HotKey::read(stats, ranking), ranking.total(stats)))
    }

    /// What is shown, for programs; empty if nothing is.
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

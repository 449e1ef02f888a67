//! What the live view knows and how it is to be shown. Reads no clock and asks nobody.

use super::poll::{News, Snapshot};
use crate::tools::figures::Figures;
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
    pub fn word(self) -> &'static str {
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
    fn turned(self, forward: bool) -> Sort {
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
            let number = |figures: &Figures| figures.number(name).unwrap_or(0);
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
pub enum Wish {
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
    pub shown: Option<(Snapshot, Option<Rates>)>,
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
            shown: None,
            lost: None,
            sort: Sort::Reads,
            paused: false,
            help: false,
            last: None,
        }
    }

    /// Takes in what happened.
    pub fn take(&mut self, news: News) {
        match news {
            News::Stop => {}
            News::Lost(trouble) => {
                self.lost = Some(trouble.to_string());
                self.last = None;
            }
            News::Seen(snapshot) => {
                let rates = self.last.as_ref().and_then(|last| Rates::between(last, &snapshot));
                if !self.paused || self.shown.is_none() {
                    self.shown = Some((Snapshot::clone(&snapshot), rates));
                }
                self.last = Some(*snapshot);
                self.lost = None;
            }
        }
    }

    /// Takes in a key press.
    pub fn press(&mut self, key: KeyEvent) -> Wish {
        if key.kind == KeyEventKind::Release {
            return Wish::Nothing;
        }
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Wish::Quit,
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Esc if !self.help => return Wish::Quit,
            KeyCode::Esc => self.help = false,
            KeyCode::Char('h' | '?') => self.help = !self.help,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') | KeyCode::Right | KeyCode::Down => self.sort = self.sort.turned(true),
            KeyCode::Left | KeyCode::Up => self.sort = self.sort.turned(false),
            _ => return Wish::Nothing,
        }
        Wish::Draw
    }

    /// The families of what is shown, in the order that was asked for; why there are none, otherwise.
    pub fn families(&self) -> Result<Vec<Family>, &str> {
        let Some((snapshot, _)) = &self.shown else { return Ok(Vec::new()) };
        let mut families = Family::read(snapshot.families.as_ref().map_err(String::as_str)?);
        families.sort_by_key(|family| std::cmp::Reverse(self.sort.figure(family)));
        Ok(families)
    }

    /// The hot keys of what is shown, and the sum that their counts are a part of; why there are none, otherwise.
    pub fn hot_keys(&self) -> Result<(Vec<HotKey>, u64), &str> {
        let Some((snapshot, _)) = &self.shown else { return Ok((Vec::new(), 0)) };
        let figures = snapshot.hot_keys.as_ref().map_err(String::as_str)?;
        let ranking = self.sort.ranking();
        Ok((HotKey::read(figures, ranking), ranking.total(figures)))
    }

    /// What is shown, for programs; empty if nothing is.
    pub fn json(&self) -> String {
        let Some((snapshot, rates)) = &self.shown else { return String::new() };
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
pub mod tests {
    use super::*;
    use crate::tools::client::Trouble;
    use std::time::Duration;

    /// A round after so many seconds, with these general figures.
    pub fn snapshot(at_secs: u64, general: &str) -> Snapshot {
        Snapshot {
            at: Duration::from_secs(at_secs),
            general: Figures::of(general),
            families: Err("this server does not tell; larder does".to_owned()),
            hot_keys: Err("this server does not tell; larder does".to_owned()),
            resident_bytes: None,
        }
    }

    /// That the server answered so.
    pub fn seen(snapshot: Snapshot) -> News {
        News::Seen(Box::new(snapshot))
    }

    fn state() -> State {
        State::new("cache:7".to_owned(), Style { unicode: false })
    }

    fn press(state: &mut State, code: KeyCode) -> Wish {
        state.press(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn gets(state: &State) -> Option<f64> {
        state.shown.as_ref()?.1.map(|rates| rates.gets)
    }

    #[test]
    fn rates_are_counted_between_two_rounds() {
        let mut state = state();
        state.take(seen(snapshot(1, "uptime 1\ncmd_get 100\nget_hits 80\nget_misses 20")));
        assert_eq!(gets(&state), None);
        state.take(seen(snapshot(3, "uptime 3\ncmd_get 300\nget_hits 130\nget_misses 170")));
        assert_eq!(gets(&state), Some(100.0));
        assert_eq!(state.shown.as_ref().unwrap().1.unwrap().hit_ratio, Some(0.25));
    }

    #[test]
    fn a_server_that_started_anew_or_was_lost_has_no_rates_at_first() {
        let mut state = state();
        state.take(seen(snapshot(1, "uptime 100\ncmd_get 100")));
        state.take(seen(snapshot(2, "uptime 1\ncmd_get 300")));
        assert_eq!(gets(&state), None);
        state.take(News::Lost(Trouble::NoTerminal));
        assert!(state.lost.is_some() && state.shown.is_some());
        state.take(seen(snapshot(4, "uptime 3\ncmd_get 500")));
        assert_eq!((gets(&state), state.lost.as_deref()), (None, None));
    }

    #[test]
    fn a_pause_keeps_what_is_shown_and_loses_no_count() {
        let mut state = state();
        state.take(seen(snapshot(1, "cmd_get 100")));
        assert_eq!(press(&mut state, KeyCode::Char('p')), Wish::Draw);
        state.take(seen(snapshot(2, "cmd_get 200")));
        assert_eq!(state.shown.as_ref().unwrap().0.general.number("cmd_get"), Some(100));
        press(&mut state, KeyCode::Char('p'));
        state.take(seen(snapshot(3, "cmd_get 205")));
        assert_eq!(gets(&state), Some(5.0));
    }

    #[test]
    fn keys_do_what_the_help_says() {
        let mut state = state();
        for word in ["writes", "bytes", "items", "misses", "evictions", "reads"] {
            press(&mut state, KeyCode::Char('s'));
            assert_eq!(state.sort.word(), word);
        }
        press(&mut state, KeyCode::Left);
        assert_eq!(state.sort, Sort::Evictions);
        press(&mut state, KeyCode::Char('h'));
        assert!(state.help);
        assert_eq!(press(&mut state, KeyCode::Esc), Wish::Draw);
        assert!(!state.help);
        assert_eq!(press(&mut state, KeyCode::Char('x')), Wish::Nothing);
        assert_eq!(press(&mut state, KeyCode::Char('q')), Wish::Quit);
        assert_eq!(press(&mut state, KeyCode::Esc), Wish::Quit);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(state.press(interrupt), Wish::Quit);
    }

    #[test]
    fn families_are_sorted_as_asked() {
        let mut state = state();
        let families =
            "1:shape a*\n1:reads 10\n1:hits 10\n1:bytes 5\n2:shape b*\n2:reads 9\n2:hits 0\n2:bytes 7";
        let families = Ok(Figures::of(families));
        state.take(seen(Snapshot { families, ..snapshot(1, "uptime 1") }));
        for (sort, first) in [(Sort::Reads, "a*"), (Sort::Bytes, "b*"), (Sort::Misses, "b*")] {
            state.sort = sort;
            assert_eq!(state.families().unwrap()[0].shape(), first, "{sort:?}");
        }
    }

    #[test]
    fn programs_get_one_line_a_round() {
        let mut state = state();
        assert_eq!(state.json(), "");
        state.take(seen(snapshot(1, "uptime 1\ncurr_items 7")));
        let value: serde_json::Value = serde_json::from_str(&state.json()).unwrap();
        assert_eq!((&value["items"], &value["a_second"]), (&json!(7), &json!(null)));
    }
}

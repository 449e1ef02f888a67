//! The state after polls and key presses.

use super::*;
use crate::tools::client::ToolError;
use std::time::Duration;

/// The replies after this many seconds, with these general statistics.
pub fn snapshot(at_secs: u64, general: &str) -> Snapshot {
    Snapshot {
        at: Duration::from_secs(at_secs),
        general: StatLines::of(general),
        families: Err("not supported by this server (larder supports it)".to_owned()),
        hot_keys: Err("not supported by this server (larder supports it)".to_owned()),
        resident_bytes: None,
    }
}

/// The event of a successful poll.
pub fn seen(snapshot: Snapshot) -> Update {
    Update::Snapshot(Box::new(snapshot))
}

fn state() -> State {
    State::new("cache:7".to_owned(), Style { unicode: false })
}

fn press(state: &mut State, code: KeyCode) -> Action {
    state.press(KeyEvent::new(code, KeyModifiers::NONE))
}

fn gets(state: &State) -> Option<f64> {
    state.displayed.as_ref()?.1.map(|rates| rates.gets)
}

#[test]
fn rates_are_computed_between_two_polls() {
    let mut state = state();
    state.take(seen(snapshot(1, "uptime 1\ncmd_get 100\nget_hits 80\nget_misses 20")));
    assert_eq!(gets(&state), None);
    state.take(seen(snapshot(3, "uptime 3\ncmd_get 300\nget_hits 130\nget_misses 170")));
    assert_eq!(gets(&state), Some(100.0));
    assert_eq!(state.displayed.as_ref().unwrap().1.unwrap().hit_ratio, Some(0.25));
}

#[test]
fn a_restarted_or_lost_server_has_no_rates_at_first() {
    let mut state = state();
    state.take(seen(snapshot(1, "uptime 100\ncmd_get 100")));
    state.take(seen(snapshot(2, "uptime 1\ncmd_get 300")));
    assert_eq!(gets(&state), None);
    state.take(Update::ConnectionLost(ToolError::NoTerminal));
    assert!(state.lost.is_some() && state.displayed.is_some());
    state.take(seen(snapshot(4, "uptime 3\ncmd_get 500")));
    assert_eq!((gets(&state), state.lost.as_deref()), (None, None));
}

#[test]
fn a_pause_freezes_the_display_and_loses_no_count() {
    let mut state = state();
    state.take(seen(snapshot(1, "cmd_get 100")));
    assert_eq!(press(&mut state, KeyCode::Char('p')), Action::Draw);
    state.take(seen(snapshot(2, "cmd_get 200")));
    assert_eq!(state.displayed.as_ref().unwrap().0.general.number("cmd_get"), Some(100));
    press(&mut state, KeyCode::Char('p'));
    state.take(seen(snapshot(3, "cmd_get 205")));
    assert_eq!(gets(&state), Some(5.0));
}

#[test]
fn keys_do_what_the_help_describes() {
    let mut state = state();
    for word in ["writes", "bytes", "items", "misses", "evictions", "reads"] {
        press(&mut state, KeyCode::Char('s'));
        assert_eq!(state.sort.as_str(), word);
    }
    press(&mut state, KeyCode::Left);
    assert_eq!(state.sort, Sort::Evictions);
    press(&mut state, KeyCode::Char('h'));
    assert!(state.help);
    assert_eq!(press(&mut state, KeyCode::Esc), Action::Draw);
    assert!(!state.help);
    assert_eq!(press(&mut state, KeyCode::Char('x')), Action::Nothing);
    assert_eq!(press(&mut state, KeyCode::Char('q')), Action::Quit);
    assert_eq!(press(&mut state, KeyCode::Esc), Action::Quit);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(state.press(interrupt), Action::Quit);
}

#[test]
fn families_are_sorted_in_the_selected_order() {
    let mut state = state();
    let families = "1:shape a*\n1:reads 10\n1:hits 10\n1:bytes 5\n2:shape b*\n2:reads 9\n2:hits 0\n2:bytes 7";
    let families = Ok(StatLines::of(families));
    state.take(seen(Snapshot { families, ..snapshot(1, "uptime 1") }));
    for (sort, first) in [(Sort::Reads, "a*"), (Sort::Bytes, "b*"), (Sort::Misses, "b*")] {
        state.sort = sort;
        assert_eq!(state.families().unwrap()[0].shape(), first, "{sort:?}");
    }
}

#[test]
fn json_has_one_line_per_poll() {
    let mut state = state();
    assert_eq!(state.json(), "");
    state.take(seen(snapshot(1, "uptime 1\ncurr_items 7")));
    let value: serde_json::Value = serde_json::from_str(&state.json()).unwrap();
    assert_eq!((&value["items"], &value["a_second"]), (&json!(7), &json!(null)));
}

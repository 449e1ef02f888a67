//! Draws the live view from its state alone.
//!
//! From top to bottom: the server, its statistics, families of keys, hot keys, a line of help. Text that does not fit
//! is cut off at the edge. The statistics come first, so that a small terminal shows them.

use super::state::{Rates, State};
use crate::tools::escape::escape;
use crate::tools::stat_lines::StatLines;
use crate::tools::table::{Align, Table};
use crate::tools::units;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Text};
use ratatui::widgets::Paragraph;

/// Width of the memory bar, in columns.
const BAR_WIDTH: usize = 20;

const KEYS: &str = " q quit   s sort   p pause   h help";

const HELP: &str = "\
q, Esc       quit
s, arrows    sort by reads, writes, bytes, items, misses, evictions
p, space     pause or resume
h, ?         this help

Rates are those of the last second. Families and hot keys are estimated
from samples; older operations weigh less.";

/// Draws one screen.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let server_lines = server_lines(state);
    let heights = [1, server_lines.len() as u16 + 1].map(Constraint::Length);
    let rows = Layout::vertical([heights[0], heights[1], Constraint::Min(0), Constraint::Length(1)]);
    let [heading, top, body, keys] = rows.areas(frame.area());
    frame.render_widget(Line::from(heading_of(state)).bold(), heading);
    frame.render_widget(Paragraph::new(server_lines), top);
    if state.help {
        frame.render_widget(Paragraph::new(HELP), body);
    } else {
        let families = pane(&format!("Families of keys, by {}", state.sort.as_str()), families_of(state));
        let hot_keys = pane(&format!("Hot keys, by {}", state.sort.ranking().words()), hot_keys_of(state));
        let [upper, lower] = halves(body, families.len(), hot_keys.len());
        frame.render_widget(Paragraph::new(families), upper);
        frame.render_widget(Paragraph::new(hot_keys), lower);
    }
    frame.render_widget(Line::from(KEYS).style(Style::new().reversed()), keys);
}

fn heading_of(state: &State) -> String {
    let mut text = format!("larder top  {}", state.server);
    if let Some((snapshot, _)) = &state.displayed {
        let version = snapshot.general.text("version").unwrap_or("?");
        let uptime = snapshot.general.number("uptime").unwrap_or(0);
        text += &format!("  version {}  up {}", escape(version.as_bytes()), units::span(uptime));
    }
    if state.paused {
        text += "  PAUSED";
    }
    text
}

/// The statistics of the whole server.
fn server_lines(state: &State) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    if let Some(lost) = &state.lost {
        lines.push(Line::from(format!("{lost}; retrying")).fg(Color::Red));
    }
    let Some((snapshot, rates)) = &state.displayed else {
        if state.lost.is_none() {
            lines.push(Line::from("connecting"));
        }
        return lines;
    };
    let general = &snapshot.general;
    lines.push(rates_of(rates.as_ref()));
    lines.push(hits_of(general, rates.as_ref()));
    lines.push(memory_of(state, general, snapshot.resident_bytes));
    lines.push(connections_of(general, rates.as_ref()));
    lines
}

fn rates_of(rates: Option<&Rates>) -> Line<'static> {
    let rate = |value: fn(&Rates) -> f64| rates.map_or("-".to_owned(), |rates| units::rate(value(rates)));
    let [gets, sets, deletes, evictions] = [
        rate(|rates| rates.gets),
        rate(|rates| rates.sets),
        rate(|rates| rates.deletes),
        rate(|rates| rates.evictions),
    ];
    Line::from(format!("per second   gets {gets}  sets {sets}  deletes {deletes}  evictions {evictions}"))
}

fn hits_of(general: &StatLines, rates: Option<&Rates>) -> Line<'static> {
    let now = rates.and_then(|rates| rates.hit_ratio).map_or("-".to_owned(), units::percent);
    let number = |name| general.number(name).unwrap_or(0);
    let (hits, misses) = (number("get_hits"), number("get_misses"));
    let ever = units::share_of(hits, hits.saturating_add(misses));
    let evictions = units::count(number("evictions"));
    Line::from(format!("hits         {now} now, {ever} since the start; evictions {evictions}"))
}

fn memory_of(state: &State, general: &StatLines, resident_bytes: Option<u64>) -> Line<'static> {
    let number = |name| general.number(name).unwrap_or(0);
    let (used, limit) = (number("bytes"), number("limit_maxbytes"));
    let bar = units::bar(units::share(used, limit).unwrap_or(0.0), BAR_WIDTH, state.style.unicode);
    let items = units::count(number("curr_items"));
    let resident =
        resident_bytes.map(|bytes| format!(", {} resident", units::bytes(bytes))).unwrap_or_default();
    let sizes = format!("{} of {}{resident}; items {items}", units::bytes(used), units::bytes(limit));
    Line::from(vec![
        "memory       ".into(),
        format!("[{bar:<BAR_WIDTH$}]").fg(Color::Green),
        format!(" {sizes}").into(),
    ])
}

fn connections_of(general: &StatLines, rates: Option<&Rates>) -> Line<'static> {
    let count = |name| general.number(name).map_or("?".to_owned(), units::count);
    let per_second =
        |value: fn(&Rates) -> f64| rates.map_or("-".to_owned(), |rates| units::bytes(value(rates) as u64));
    let (open, limit) = (count("curr_connections"), count("max_connections"));
    let (bytes_in, bytes_out) = (per_second(|rates| rates.bytes_in), per_second(|rates| rates.bytes_out));
    Line::from(format!("connections  {open} of {limit}; {bytes_in}/s in, {bytes_out}/s out"))
}

/// Splits an area into an upper and a lower half; a half that needs less leaves its lines to the other one.
fn halves(area: Rect, upper_lines: usize, lower_lines: usize) -> [Rect; 2] {
    // One blank line separates them.
    let wanted = u16::try_from(upper_lines).unwrap_or(u16::MAX).saturating_add(1);
    let lower = u16::try_from(lower_lines).unwrap_or(u16::MAX);
    let most = (area.height / 2).max(area.height.saturating_sub(lower));
    Layout::vertical([Constraint::Length(wanted.min(most)), Constraint::Min(0)]).areas(area)
}

/// A title and a table, or the reason why there is none.
fn pane(title: &str, table: Result<Table, String>) -> Vec<Line<'static>> {
    let text = table.map_or_else(|why| why, |table| table.text());
    let mut lines = vec![Line::from(title.to_owned()).bold().fg(Color::Cyan)];
    lines.extend(Text::from(text).lines);
    lines
}

fn families_of(state: &State) -> Result<Table, String> {
    let families = state.families()?;
    if families.is_empty() {
        return Err("none yet".to_owned());
    }
    let mut table = Table::new([
        ("ITEMS", Align::Right),
        ("BYTES", Align::Right),
        ("READS", Align::Right),
        ("HITS", Align::Right),
        ("WRITES", Align::Right),
        ("EVICTED", Align::Right),
        ("SHAPE", Align::Left),
    ]);
    for family in families {
        let display_name = family.display_name();
        // The name comes first, because the end is cut off.
        let display_name = if display_name.is_empty() { display_name } else { format!("({display_name}) ") };
        table.push([
            units::count(family.items),
            units::bytes(family.bytes),
            units::count(family.reads),
            family.hit_ratio(),
            units::count(family.writes),
            units::count(family.evictions),
            display_name + &family.shape(),
        ]);
    }
    Ok(table)
}

fn hot_keys_of(state: &State) -> Result<Table, String> {
    let (keys, total) = state.hot_keys()?;
    if keys.is_empty() {
        return Err("none yet".to_owned());
    }
    let ranking = state.sort.ranking();
    let heading = ranking.words().to_uppercase();
    let mut table =
        Table::new([(heading.as_str(), Align::Right), ("SHARE", Align::Right), ("KEY", Align::Left)]);
    for key in keys {
        table.push([ranking.amount(key.count), units::share_of(key.count, total), key.escaped()]);
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::super::poll::{Snapshot, Update};
    use super::super::state::tests::{seen, snapshot};
    use super::*;
    use crate::tools::Style;
    use crate::tools::client::ToolError;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn screen(state: &State, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, state)).unwrap();
        let cells: Vec<&str> = terminal.backend().buffer().content.iter().map(|cell| cell.symbol()).collect();
        let rows = cells.chunks(usize::from(width).max(1));
        rows.map(|row| row.concat().trim_end().to_owned()).collect()
    }

    fn state() -> State {
        State::new("cache:7".to_owned(), Style { unicode: false })
    }

    /// The state of a larder after two polls.
    fn larder_state() -> State {
        let mut state = state();
        state.take(seen(snapshot(1, "uptime 191\nevictions 2")));
        let general = "uptime 192\nversion 1.6.45\ncmd_get 1000\ncmd_set 20\nget_hits 912\nget_misses 88\nevictions 5
            bytes 33554432\nlimit_maxbytes 67108864\ncurr_items 65536\ncurr_connections 50\nmax_connections 1024
            bytes_read 10240\nbytes_written 1048576";
        let families =
            "1:shape %3A1%3Asession*\n1:name django_session\n1:items 1200\n1:bytes 1048576\n1:reads 900
            1:hits 800\n1:writes 3\n1:evictions 1\n2:shape x%1B*\n2:reads 100\n2:hits 100\n2:writes 9";
        let hot_keys =
            "sampled_one_in 1\ntotal_reads 1000\nreads:1:key a%1B%5B2J\nreads:1:count 250\nreads:1:error 0
            total_writes 20\nwrites:1:key w\nwrites:1:count 5\nwrites:1:error 0";
        state.take(seen(Snapshot {
            families: Ok(StatLines::of(families)),
            hot_keys: Ok(StatLines::of(hot_keys)),
            resident_bytes: Some(71 << 20),
            ..snapshot(2, general)
        }));
        state
    }

    #[test]
    fn the_screen_shows_everything_that_larder_reports() {
        let expected = "\
larder top  cache:7  version 1.6.45  up 3 min 12 s
per second   gets 1,000  sets 20  deletes 0  evictions 3
hits         91.2 % now, 91.2 % since the start; evictions 5
memory       [##########          ] 32 MB of 64 MB, 71 MB resident; items 65,536
connections  50 of 1,024; 10 KB/s in, 1 MB/s out

Families of keys, by reads
ITEMS    BYTES  READS     HITS  WRITES  EVICTED  SHAPE
1,200     1 MB    900   88.9 %       3        1  (django session) :1:session*
    0  0 bytes    100  100.0 %       9        0  x\\x1b*

Hot keys, by reads
READS   SHARE  KEY
  250  25.0 %  a\\x1b[2J
 q quit   s sort   p pause   h help";
        assert_eq!(screen(&larder_state(), 80, 15).join("\n"), expected);
    }

    #[test]
    fn the_sort_order_is_shown_and_applied() {
        let mut state = larder_state();
        state.sort = super::super::state::Sort::Writes;
        let screen = screen(&state, 80, 20).join("\n");
        assert!(screen.contains("Families of keys, by writes") && screen.contains("Hot keys, by writes"));
        assert!(screen.find("x\\x1b*").unwrap() < screen.find(":1:session*").unwrap(), "{screen}");
        assert!(screen.contains("    5  25.0 %  w"), "{screen}");
    }

    #[test]
    fn a_plain_memcached_has_its_statistics_and_a_note() {
        let mut state = state();
        state.take(seen(snapshot(1, "uptime 9\nversion 1.6.18\nbytes 0\nlimit_maxbytes 1048576")));
        let screen = screen(&state, 80, 24).join("\n");
        assert!(screen.contains("version 1.6.18  up 9 s"), "{screen}");
        assert!(screen.contains("gets -  sets -"), "{screen}");
        assert_eq!(
            screen.matches("not supported by this server (larder supports it)").count(),
            2,
            "{screen}"
        );
    }

    #[test]
    fn a_lost_connection_is_shown_with_the_last_statistics() {
        let mut state = state();
        assert!(screen(&state, 80, 24).join("\n").contains("connecting"));
        state.take(Update::ConnectionLost(ToolError::NoTerminal));
        assert!(screen(&state, 80, 24).join("\n").contains("; retrying"));
        let mut state = larder_state();
        state.take(Update::ConnectionLost(ToolError::NoTerminal));
        let screen = screen(&state, 80, 24).join("\n");
        assert!(screen.contains("; retrying") && screen.contains("91.2 % since"), "{screen}");
    }

    #[test]
    fn help_and_pause_are_shown() {
        let mut state = larder_state();
        state.help = true;
        state.paused = true;
        let screen = screen(&state, 80, 24).join("\n");
        assert!(screen.contains("s, arrows    sort by") && screen.contains("PAUSED"), "{screen}");
    }

    #[test]
    fn a_long_table_leaves_half_of_the_space_to_the_other() {
        let area = Rect::new(0, 0, 80, 20);
        for (lines, heights) in
            [((3, 3), [4, 16]), ((30, 3), [17, 3]), ((3, 30), [4, 16]), ((30, 30), [10, 10])]
        {
            assert_eq!(halves(area, lines.0, lines.1).map(|half| half.height), heights, "{lines:?}");
        }
    }

    #[test]
    fn drawing_works_in_a_terminal_of_any_size() {
        let mut with_help = larder_state();
        with_help.help = true;
        for state in [larder_state(), with_help, state()] {
            for (width, height) in [(1, 1), (0, 0), (3, 40), (200, 1), (10, 4), (79, 6)] {
                screen(&state, width, height);
            }
        }
        assert!(screen(&larder_state(), 80, 4)[0].starts_with("larder top"));
    }
}

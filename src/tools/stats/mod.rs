//! `larder stats [TOPIC]`: an overview, tables for larder's topics, and a plain list for all other topics.

mod overview;
mod topics;

pub use topics::{Family, HotKey, Ranking, families_value, hot_keys_value};

use super::client::{Client, ToolError};
use super::escape::escape;
use super::stat_lines::StatLines;
use super::table::{Align, Table};
use super::{Style, json};
use serde_json::Value;

/// Formats the overview.
pub fn overview(client: &mut Client, json: bool, style: Style) -> Result<String, ToolError> {
    let stats = client.stats("")?;
    if json {
        return Ok(json::line(&Value::Object(json::object(&stats))));
    }
    Ok(overview::text(client.server(), &stats, style))
}

/// Formats one topic.
pub fn topic(client: &mut Client, topic: &str, json: bool, style: Style) -> Result<String, ToolError> {
    let format = topics::topic_format(topic);
    let stats = match format {
        Some(format) if format.never_empty => client.nonempty_stats(topic)?,
        _ => client.stats(topic)?,
    };
    Ok(match format {
        Some(format) if json => json::line(&(format.value)(&stats)),
        Some(format) => (format.text)(&stats, style),
        None if json => json::line(&Value::Object(json::object(&stats))),
        None => plain(&stats),
    })
}

fn plain(stats: &StatLines) -> String {
    let mut table = Table::new([("", Align::Left), ("", Align::Right)]);
    for (name, value) in stats.iter() {
        table.push([escape(name.as_bytes()), escape(value.as_bytes())]);
    }
    if stats.is_empty() { "no statistics\n".to_owned() } else { table.text() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_topics_are_aligned_lists() {
        assert_eq!(plain(&StatLines::of("a 1\nlonger x y")), "a         1\nlonger  x y\n");
        assert_eq!(plain(&StatLines::default()), "no statistics\n");
    }

    #[test]
    fn names_and_values_are_escaped() {
        assert_eq!(plain(&StatLines::of("a\u{1b} \u{1b}[2J")), "a\\x1b  \\x1b[2J\n");
    }
}

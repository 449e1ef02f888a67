//! `larder stats [TOPIC]`: an overview, the topics that explain the cache as tables of their own, all others as they come.

mod explained;
mod overview;

pub use explained::{Family, HotKey, Ranking, families_value, hot_keys_value};

use super::client::{Client, Trouble};
use super::escape::shown;
use super::figures::Figures;
use super::table::{Side, Table};
use super::{Style, json};
use serde_json::Value;

/// The overview.
pub fn overview(client: &mut Client, json: bool, style: Style) -> Result<String, Trouble> {
    let figures = client.stats("")?;
    if json {
        return Ok(json::line(&Value::Object(json::object(&figures))));
    }
    Ok(overview::text(client.server(), &figures, style))
}

/// One topic.
pub fn topic(client: &mut Client, topic: &str, json: bool, style: Style) -> Result<String, Trouble> {
    let explain = explained::explainer(topic);
    let figures = match explain {
        Some(explain) if explain.never_silent => client.explained(topic)?,
        _ => client.stats(topic)?,
    };
    Ok(match explain {
        Some(explain) if json => json::line(&(explain.value)(&figures)),
        Some(explain) => (explain.text)(&figures, style),
        None if json => json::line(&Value::Object(json::object(&figures))),
        None => plain(&figures),
    })
}

fn plain(figures: &Figures) -> String {
    let mut table = Table::new([("", Side::Left), ("", Side::Right)]);
    for (name, value) in figures.iter() {
        table.push([shown(name.as_bytes()), shown(value.as_bytes())]);
    }
    if figures.is_empty() { "nothing to tell\n".to_owned() } else { table.text() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_is_not_known_here_is_an_aligned_list() {
        assert_eq!(plain(&Figures::of("a 1\nlonger x y")), "a         1\nlonger  x y\n");
        assert_eq!(plain(&Figures::default()), "nothing to tell\n");
    }

    #[test]
    fn what_a_server_makes_up_steers_no_terminal() {
        assert_eq!(plain(&Figures::of("a\u{1b} \u{1b}[2J")), "a\\x1b  \\x1b[2J\n");
    }
}

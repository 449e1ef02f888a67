//! Stat: the reports of `stats`, one frame for each figure and an empty one behind the last.

use super::Answers;
use crate::clock::Now;
use crate::commands::Engine;
use crate::protocol::binary::{Fields, Status};
use crate::protocol::{ReplyBuffer, StatsTopic};

impl Engine {
    /// The topics are compared as memcached compares them: some by their beginning.
    pub(super) fn report_binary(&self, topic: &[u8], now: Now, answers: &mut Answers<'_>) {
        let topic = match topic {
            b"" => StatsTopic::General,
            b"items" => StatsTopic::Items,
            b"slabs" => StatsTopic::Slabs,
            b"sizes" => StatsTopic::Sizes,
            _ if topic.starts_with(b"settings") => StatsTopic::Settings,
            _ if topic.starts_with(b"reset") => StatsTopic::Reset,
            _ => return answers.error(Status::NotFound),
        };
        let mut lines = ReplyBuffer::default();
        self.stats(topic, now, &mut lines);
        for (name, value) in figures(lines.plain().unwrap_or_default()) {
            answers.done(&Fields { key: name, value, ..Fields::default() });
        }
        answers.done(&Fields::default());
    }
}

/// Names and values of a report's lines, `STAT <name> <value>`; its other lines end it.
fn figures(lines: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines.split(|byte| *byte == b'\n').filter_map(|line| {
        let figure = line.strip_prefix(b"STAT ")?.strip_suffix(b"\r")?;
        let space = figure.iter().position(|byte| *byte == b' ')?;
        Some((&figure[..space], &figure[space + 1..]))
    })
}

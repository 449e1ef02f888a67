//! Stat: the reports of `stats`, one frame for each figure and an empty one behind the last.

use super::Answers;
use crate::clock::Now;
use crate::commands::Engine;
use crate::protocol::binary::{Fields, Status};
use crate::protocol::{Detail, ReplyBuffer, StatsTopic};

impl Engine {
    /// The topics are compared as memcached compares them: some by their beginning.
    pub(super) fn report_binary(&self, topic: &[u8], now: Now, answers: &mut Answers<'_>) {
        if let Some(words) = topic.strip_prefix(b"detail") {
            return self.detail_binary(words, answers);
        }
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

    /// `detail on`, `detail off` and `detail dump`, whose lines come as one value.
    fn detail_binary(&self, words: &[u8], answers: &mut Answers<'_>) {
        let detail = match words {
            _ if !self.settings.dump_enabled => None,
            [b' ', b'o', b'n', ..] => Some(Detail::On),
            [b' ', b'o', b'f', b'f', ..] => Some(Detail::Off),
            [b' ', b'd', b'u', b'm', b'p', ..] => Some(Detail::Dump),
            _ => None,
        };
        if detail.is_none() {
            return answers.error(Status::NotFound);
        }
        let mut lines = ReplyBuffer::default();
        self.detail(detail, &mut lines);
        if detail == Some(Detail::Dump) {
            let value = lines.plain().unwrap_or_default();
            answers.done(&Fields { key: b"detailed", value, ..Fields::default() });
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

//! Stat: the reports of `stats`, one frame for each figure and an empty one behind the last.

use super::Answers;
use crate::clock::Now;
use crate::commands::{Engine, Flow};
use crate::protocol::binary::{Fields, Status};
use crate::protocol::{Detail, ReplyBuffer, StatsTopic};

impl Engine {
    /// The topics are compared as memcached compares them: some by their beginning.
    pub(super) fn report_binary(&self, topic: &[u8], now: Now, answers: &mut Answers<'_>) -> Flow {
        let topic = match topic {
            b"" => StatsTopic::General,
            b"items" => StatsTopic::Items,
            b"slabs" => StatsTopic::Slabs,
            b"sizes" if self.settings.track_sizes => return Flow::Report,
            b"sizes" => StatsTopic::Sizes,
            b"advisor" => StatsTopic::Advisor,
            b"memory" => StatsTopic::Memory,
            b"latency" => StatsTopic::Latency,
            b"hotkeys" | b"families" if !self.may_list_keys() => {
                answers.error(Status::NotFound);
                return Flow::Continue;
            }
            b"hotkeys" => StatsTopic::HotKeys,
            b"families" => StatsTopic::Families,
            _ if topic.starts_with(b"settings") => StatsTopic::Settings,
            _ if topic.starts_with(b"reset") => StatsTopic::Reset,
            _ => {
                self.detail_binary(topic, answers);
                return Flow::Exhaust;
            }
        };
        let mut lines = ReplyBuffer::default();
        self.stats(topic, now, &mut lines);
        for (name, value) in figures(lines.plain().unwrap_or_default()) {
            answers.done(&Fields { key: name, value, ..Fields::default() });
        }
        answers.done(&Fields::default());
        Flow::Exhaust
    }

    /// `detail on`, `detail off`, `detail dump`; the dump is one figure that holds the whole text.
    fn detail_binary(&self, topic: &[u8], answers: &mut Answers<'_>) {
        let detail = match topic.strip_prefix(b"detail ") {
            Some(word) if word.starts_with(b"on") => Detail::On,
            Some(word) if word.starts_with(b"off") => Detail::Off,
            Some(word) if word.starts_with(b"dump") => Detail::Dump,
            _ => return answers.error(Status::NotFound),
        };
        if !self.settings.dump_enabled {
            return answers.error(Status::NotFound);
        }
        let mut text = ReplyBuffer::default();
        self.detail(Some(detail), &mut text);
        if detail == Detail::Dump {
            let value = text.plain().unwrap_or_default();
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

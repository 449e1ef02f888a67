//! Stat: the reports of `stats`, one frame per stat and an empty frame at the end.

use super::BinaryReply;
use crate::clock::Now;
use crate::commands::{Engine, Flow};
use crate::protocol::binary::{ReplyFields, Status};
use crate::protocol::{DetailAction, ReplyBuffer, StatsTopic};

impl Engine {
    /// Replies to Stat. As in memcached, some topics match by prefix.
    pub(super) fn stat_binary(&self, topic: &[u8], now: Now, reply: &mut BinaryReply<'_>) -> Flow {
        let topic = match topic {
            b"" => StatsTopic::General,
            b"items" => StatsTopic::Items,
            b"slabs" => StatsTopic::Slabs,
            b"sizes" if self.settings.track_sizes => return Flow::Report,
            b"sizes" => StatsTopic::Sizes,
            b"advisor" => StatsTopic::Advisor,
            b"memory" => StatsTopic::Memory,
            b"latency" => StatsTopic::Latency,
            b"hotkeys" | b"families" if !self.lists_keys() => {
                reply.error(Status::NotFound);
                return Flow::Continue;
            }
            b"hotkeys" => StatsTopic::HotKeys,
            b"families" => StatsTopic::Families,
            _ if topic.starts_with(b"settings") => StatsTopic::Settings,
            _ if topic.starts_with(b"reset") => StatsTopic::Reset,
            _ => {
                self.detail_binary(topic, reply);
                return Flow::EndTurn;
            }
        };
        let mut lines = ReplyBuffer::default();
        self.stats(topic, now, &mut lines);
        for (name, value) in stat_lines(lines.contiguous().unwrap_or_default()) {
            reply.success(&ReplyFields { key: name, value, ..ReplyFields::default() });
        }
        reply.success(&ReplyFields::default());
        Flow::EndTurn
    }

    /// `detail on`, `detail off`, `detail dump`; the dump is one stat that contains the whole text.
    fn detail_binary(&self, topic: &[u8], reply: &mut BinaryReply<'_>) {
        let detail = match topic.strip_prefix(b"detail ") {
            Some(word) if word.starts_with(b"on") => DetailAction::On,
            Some(word) if word.starts_with(b"off") => DetailAction::Off,
            Some(word) if word.starts_with(b"dump") => DetailAction::Dump,
            _ => return reply.error(Status::NotFound),
        };
        if !self.settings.dump_enabled {
            return reply.error(Status::NotFound);
        }
        let mut text = ReplyBuffer::default();
        self.execute_stats_detail(Some(detail), &mut text);
        if detail == DetailAction::Dump {
            let value = text.contiguous().unwrap_or_default();
            reply.success(&ReplyFields { key: b"detailed", value, ..ReplyFields::default() });
        }
        reply.success(&ReplyFields::default());
    }
}

/// Names and values of the lines `STAT <name> <value>` of a report; other lines are skipped.
fn stat_lines(lines: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines.split(|byte| *byte == b'\n').filter_map(|line| {
        let stat = line.strip_prefix(b"STAT ")?.strip_suffix(b"\r")?;
        let space = stat.iter().position(|byte| *byte == b' ')?;
        Some((&stat[..space], &stat[space + 1..]))
    })
}

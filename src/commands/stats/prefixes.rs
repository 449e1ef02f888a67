//! `stats detail`: statistics per key prefix.

use crate::commands::Engine;
use crate::protocol::{DetailAction, Refusal, ReplyBuffer};

impl Engine {
    pub(in crate::commands) fn execute_stats_detail(
        &self,
        detail: Option<DetailAction>,
        out: &mut ReplyBuffer,
    ) {
        if !self.settings.dump_enabled {
            return out.push(Refusal::DetailNotAllowed.line());
        }
        match detail {
            None => out.push(Refusal::DetailUsage.line()),
            Some(DetailAction::Dump) => self.push_prefix_lines(out),
            Some(on) => {
                self.prefixes.set_on(on == DetailAction::On);
                out.push(b"OK\r\n");
            }
        }
    }

    /// Appends one line per prefix; the number of prefixes is bounded.
    fn push_prefix_lines(&self, out: &mut ReplyBuffer) {
        for (prefix, counts) in self.prefixes.rows() {
            out.push(b"PREFIX ");
            out.push(&prefix);
            let numbers = [
                (" get ", counts.gets),
                (" hit ", counts.hits),
                (" set ", counts.sets),
                (" del ", counts.deletes),
            ];
            for (name, number) in numbers {
                out.push(name.as_bytes());
                out.push_number(number);
            }
            out.push(b"\r\n");
        }
        out.push(b"END\r\n");
    }
}

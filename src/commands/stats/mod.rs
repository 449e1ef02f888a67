//! `stats` and its sub-commands, with memcached's names and order, so that its tools and exporters can read them.
//!
//! The functions that emit the stats one by one serve both `stats` and the metrics. A stat without counterpart in
//! larder is [`ABSENT`], or the constant that memcached prints when the feature is off; the manual lists these stats.

mod connections;
mod general;
mod insight;
mod items_and_slabs;
mod memory;
mod prefixes;
mod settings;
mod stat_value;
mod tls;

pub use memory::MemoryPart;
pub(super) use memory::excess_bytes;
pub use stat_value::StatValue;
pub use tls::TlsReport;

use super::Engine;
use crate::clock::Now;
use crate::protocol::{ReplyBuffer, StatsTopic};
use std::sync::atomic::Ordering;

/// The value of a stat without counterpart in larder. A test compares its uses with the manual.
const ABSENT: u64 = 0;

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

impl Engine {
    pub(in crate::commands) fn stats(&self, topic: StatsTopic, now: Now, out: &mut ReplyBuffer) {
        match topic {
            StatsTopic::General => self.general_stats(now, &mut |name, value| out.push_stat(name, value)),
            StatsTopic::Settings => self.settings_stats(&mut |name, value| out.push_stat(name, value)),
            StatsTopic::Items => self.item_stats(now, &mut |class, name, value| {
                out.push_stat(format_args!("items:{class}:{name}"), value);
            }),
            StatsTopic::Slabs => self.slabs(now, out),
            StatsTopic::Sizes => out.push_stat("sizes_status", "disabled"),
            // These are in `long_report.rs` and `stats/prefixes.rs`.
            StatsTopic::CacheDump { .. } | StatsTopic::Conns | StatsTopic::Detail(_) => {}
            StatsTopic::Advisor
            | StatsTopic::HotKeys
            | StatsTopic::Families
            | StatsTopic::Memory
            | StatsTopic::Latency => return self.insight_stats(topic, out),
            StatsTopic::Reset => {
                self.counters.reset();
                self.connections.reset();
                self.store.reset_counters();
                self.prefixes.reset();
                self.watchers.reset();
                self.insight.reset();
                self.latencies.reset();
                self.crawler.starts.store(0, Ordering::Relaxed);
                return out.push(b"RESET\r\n");
            }
        }
        out.push(b"END\r\n");
    }
}

//! `stats advisor`, `hotkeys`, `families`, `latency` and `memory`, and the typed reports for the metrics.
//!
//! Keys and shapes are percent-encoded as in `lru_crawler metadump`, so that no value contains a space.

use super::memory::MemoryPart;
use crate::advisor::Advice;
use crate::commands::Engine;

use crate::insight::{Family, HotKey, HotKeys, Latency};
use crate::protocol::percent_encoding::percent_encoded;
use crate::protocol::{Refusal, ReplyBuffer, StatsTopic};

impl Engine {
    /// True if reports may contain keys; false with `-X`.
    pub fn lists_keys(&self) -> bool {
        self.settings.dump_enabled
    }

    /// The report of the advisor.
    pub fn advice(&self) -> Advice {
        self.take_samples(self.clock.now());
        self.advisor.advise()
    }

    /// The most used keys.
    pub fn hot_keys(&self) -> HotKeys {
        self.refresh_insight(self.clock.now());
        HotKeys { sampled_one_in: self.insight.sampling_interval(), ..self.insight.hot_keys() }
    }

    /// The key families, those with the most bytes first.
    pub fn families(&self) -> Vec<Family> {
        self.refresh_insight(self.clock.now());
        self.census.read(|census| self.insight.families(census))
    }

    /// Latency per command family.
    pub fn latencies(&self) -> Vec<Latency> {
        self.latencies.report()
    }

    /// Appends the report on one of larder's own topics.
    pub(in crate::commands) fn insight_stats(&self, topic: StatsTopic, out: &mut ReplyBuffer) {
        match topic {
            StatsTopic::HotKeys | StatsTopic::Families if !self.lists_keys() => {
                return out.push(Refusal::KeysNotAllowed.line());
            }
            StatsTopic::Advisor => push_advice(&self.advice(), out),
            StatsTopic::HotKeys => push_hot_keys(&self.hot_keys(), out),
            StatsTopic::Families => push_families(&self.families(), out),
            StatsTopic::Latency => push_latencies(&self.latencies(), out),
            StatsTopic::Memory => push_memory(&self.memory_account(), out),
            _ => {}
        }
        out.push(b"END\r\n");
    }
}

fn push_advice(advice: &Advice, out: &mut ReplyBuffer) {
    let percent = |ratio: f64| format!("{:.2}", 100.0 * ratio);
    out.push_stat("requests", advice.reads);
    out.push_stat("keys", advice.keys);
    out.push_stat("sampled_share", format_args!("{:.6}", advice.share));
    out.push_stat("own_bytes", advice.memory_bytes);
    out.push_stat("hit_percent", percent(advice.measured_hit_ratio));
    for prediction in &advice.predictions {
        let size = prediction.percent;
        out.push_stat(format_args!("{size}:limit_bytes"), prediction.limit_bytes);
        out.push_stat(format_args!("{size}:hit_percent"), percent(prediction.hit_ratio));
    }
    out.push_stat("advice", percent_encoded(advice.recommendation.as_bytes()));
}

fn push_hot_keys(hot: &HotKeys, out: &mut ReplyBuffer) {
    out.push_stat("sampled_one_in", hot.sampled_one_in);
    out.push_stat("total_reads", hot.total_reads);
    out.push_stat("total_writes", hot.total_writes);
    out.push_stat("total_bytes_out", hot.total_bytes_out);
    for (by, keys) in [("reads", &hot.reads), ("writes", &hot.writes), ("bytes_out", &hot.bytes_out)] {
        for (rank, HotKey { key, count, error }) in (1..).zip(keys) {
            out.push_stat(format_args!("{by}:{rank}:key"), percent_encoded(key));
            out.push_stat(format_args!("{by}:{rank}:count"), count);
            out.push_stat(format_args!("{by}:{rank}:error"), error);
        }
    }
}

fn push_families(families: &[Family], out: &mut ReplyBuffer) {
    for (rank, family) in (1..).zip(families) {
        let mut stat = |name: &str, value: &dyn std::fmt::Display| {
            out.push_stat(format_args!("{rank}:{name}"), value);
        };
        stat("shape", &percent_encoded(family.shape.as_bytes()).replace("%2A", "*"));
        if !family.name.is_empty() {
            stat("name", &family.name);
        }
        stat("items", &family.items);
        stat("bytes", &family.bytes);
        stat("reads", &family.reads);
        stat("hits", &family.hits);
        stat("writes", &family.writes);
        stat("evictions", &family.evictions);
        if let Some(secs) = family.age_mean_secs {
            stat("age_mean", &secs);
        }
    }
}

fn push_latencies(latencies: &[Latency], out: &mut ReplyBuffer) {
    let micros = |nanos: u64| format!("{:.1}", nanos as f64 / 1000.0);
    for latency in latencies {
        let mut stat = |name: &str, value: &dyn std::fmt::Display| {
            out.push_stat(format_args!("{}:{name}", latency.commands), value);
        };
        stat("count", &latency.count);
        stat("p50_us", &micros(latency.p50_nanos));
        stat("p99_us", &micros(latency.p99_nanos));
        stat("p999_us", &micros(latency.p999_nanos));
        stat("max_us", &micros(latency.max_nanos));
    }
}

fn push_memory(parts: &[MemoryPart], out: &mut ReplyBuffer) {
    for part in parts {
        out.push_stat(part.name, part.bytes);
    }
    out.push_stat("resident", parts.iter().map(|part| part.bytes).sum::<u64>());
}

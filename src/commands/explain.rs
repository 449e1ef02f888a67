//! What the cache says about itself: advice, hot keys, families, latency, and why a key is not there.
//!
//! The typed answers, and `stats advisor|hotkeys|families|latency` and `why`, which are made of them. Keys and shapes
//! are percent-encoded as in `lru_crawler metadump`, so that no value of a figure holds a space.

use super::{Engine, MemoryPart};
use crate::advisor::Advice;
use crate::clock::{FIRST_SECOND, Now};
use crate::insight::{Family, HotKey, HotKeys, Latency};
use crate::protocol::listing::uri_encoded;
use crate::protocol::{Refusal, ReplyBuffer, StatsTopic};
use crate::store::{Cause, KeyHistory, Removed};

/// Why a key is not there, or that it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It is there.
    Present {
        /// Seconds since it was stored, where known.
        age_secs: Option<u32>,
        /// Seconds since it was last used.
        idle_secs: u32,
        /// Seconds it has left; `None` if it never dies.
        left_secs: Option<u32>,
        /// Bytes of its value.
        bytes: u64,
    },
    /// It was removed, or never came to be.
    Gone {
        /// Why.
        cause: Cause,
        /// Seconds ago.
        ago_secs: u32,
        /// Its age then, where known.
        age_secs: Option<u32>,
        /// Seconds since its last use then.
        idle_secs: u32,
        /// Bytes of header, key and value; of the value alone where one could not be stored.
        bytes: u64,
    },
    /// Nothing is known: it did not leave within the time that is remembered.
    Unknown {
        /// Seconds that removals are remembered for, at present.
        reach_secs: u32,
        /// Seconds since everything was flushed the last time.
        flushed_secs: Option<u32>,
    },
}

impl Cause {
    /// As it is printed.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Evicted => "evicted",
            Cause::Expired => "expired",
            Cause::Deleted => "deleted",
            Cause::OutOfMemory => "no_memory",
            Cause::TooLarge => "too_large",
        }
    }
}

impl Engine {
    /// True if keys may be listed: not with `-X`.
    pub fn may_list_keys(&self) -> bool {
        self.settings.dump_enabled
    }

    /// What the advisor has to say.
    pub fn advice(&self) -> Advice {
        self.take_samples(self.clock.now());
        self.advisor.advise()
    }

    /// The keys most used.
    pub fn hot_keys(&self) -> HotKeys {
        self.observe_for_an_answer(self.clock.now());
        HotKeys { sampled_one_in: self.insight.sampling_interval(), ..self.insight.hot_keys() }
    }

    /// Keys by shape, those with the most bytes first.
    pub fn families(&self) -> Vec<Family> {
        self.observe_for_an_answer(self.clock.now());
        self.census.read(|census| self.insight.families(census))
    }

    /// Latency per command family.
    pub fn latencies(&self) -> Vec<Latency> {
        self.latencies.report()
    }

    /// Why a key is not there.
    pub fn why(&self, key: &[u8]) -> Why {
        let now = self.clock.now();
        let age_at = |at: Now, cas: u64| self.store.stored_at(cas).map(|stored| at.secs_since(stored));
        let present = self.store.peek(key, now, |hit| Why::Present {
            age_secs: age_at(now, hit.cas),
            idle_secs: now.secs_since(hit.last_access),
            left_secs: (!hit.deadline.is_never()).then(|| hit.deadline.secs().saturating_sub(now.secs())),
            bytes: hit.value.len() as u64,
        });
        if let Ok(present) = present {
            return present;
        }
        let KeyHistory { removed, known_since, flushed } = self.store.key_history(key, now);
        match removed {
            Some(Removed { cause, at, last_access, bytes, cas }) => Why::Gone {
                cause,
                ago_secs: now.secs_since(at),
                age_secs: age_at(at, cas).filter(|_| cas != 0),
                idle_secs: at.secs_since(last_access),
                bytes,
            },
            None => Why::Unknown {
                reach_secs: now.secs_since(known_since.unwrap_or(Now::from_secs(FIRST_SECOND))),
                flushed_secs: flushed
                    .filter(|flushed| *flushed <= now)
                    .map(|flushed| now.secs_since(flushed)),
            },
        }
    }

    /// `why`.
    pub(super) fn answer_why(&self, key: &[u8], out: &mut ReplyBuffer) {
        if !self.may_list_keys() {
            return out.push(Refusal::KeysNotAllowed.line());
        }
        let known = |secs: Option<u32>| secs.map_or("?".to_owned(), |secs| secs.to_string());
        let line = match self.why(key) {
            Why::Present { age_secs, idle_secs, left_secs, bytes } => {
                let left = left_secs.map_or("never".to_owned(), |secs| secs.to_string());
                format!("present age={} idle={idle_secs} left={left} size={bytes}", known(age_secs))
            }
            Why::Gone { cause, ago_secs, age_secs, idle_secs, bytes } => format!(
                "{} ago={ago_secs} age={} idle={idle_secs} size={bytes}",
                cause.word(),
                known(age_secs)
            ),
            Why::Unknown { reach_secs, flushed_secs } => {
                let flushed = flushed_secs.map_or(String::new(), |secs| format!(" flushed={secs}"));
                format!("unknown reach={reach_secs}{flushed}")
            }
        };
        out.push(format!("WHY {} {line}\r\n", uri_encoded(key)).as_bytes());
    }

    /// The topics of `stats` that explain the cache.
    pub(super) fn explain(&self, topic: StatsTopic, out: &mut ReplyBuffer) {
        match topic {
            StatsTopic::HotKeys | StatsTopic::Families if !self.may_list_keys() => {
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
    out.push_stat("advice", uri_encoded(advice.recommendation.as_bytes()));
}

fn push_hot_keys(hot: &HotKeys, out: &mut ReplyBuffer) {
    out.push_stat("sampled_one_in", hot.sampled_one_in);
    out.push_stat("total_reads", hot.total_reads);
    out.push_stat("total_writes", hot.total_writes);
    out.push_stat("total_bytes_out", hot.total_bytes_out);
    for (by, keys) in [("reads", &hot.reads), ("writes", &hot.writes), ("bytes_out", &hot.bytes_out)] {
        for (rank, HotKey { key, count, error }) in (1..).zip(keys) {
            out.push_stat(format_args!("{by}:{rank}:key"), uri_encoded(key));
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
        stat("shape", &uri_encoded(family.shape.as_bytes()).replace("%2A", "*"));
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

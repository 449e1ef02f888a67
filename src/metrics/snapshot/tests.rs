//! Snapshots for tests: of an idle engine, and one with every kind of content.

use super::*;
use crate::advisor::Prediction;
use crate::clock::Clock;
use crate::options::{self, Command};
use crate::store::Store;

/// An idle engine with these options.
pub(in crate::metrics) fn engine(line: &str) -> Engine {
    let args = std::iter::once("larder").chain(line.split_whitespace()).map(Into::into).collect();
    match options::read(args, options::Environment::default()) {
        Ok(Command::Serve(options)) => {
            Engine::new(options.commands, Store::new(options.store), Clock::start())
        }
        other => panic!("{line}: {other:?}"),
    }
}

/// A key and a shape with markup and control characters.
pub(in crate::metrics) const HOSTILE: &str = "</script><b>\"\\{}\u{202e}'";

/// A snapshot with every kind of content.
pub(in crate::metrics) fn full() -> Snapshot {
    let hot = |key: &[u8]| HotKey { key: key.into(), count: 12, error: 3 };
    let keys = HotKeys {
        reads: vec![hot(HOSTILE.as_bytes()), hot(b"\xff\n")],
        total_reads: 100,
        sampled_one_in: 16,
        ..HotKeys::default()
    };
    let family = |shape: &str, name| Family {
        shape: shape.into(),
        name,
        items: 7,
        bytes: 700,
        age_mean_secs: None,
        reads: 10,
        hits: 9,
        writes: 2,
        evictions: 1,
    };
    Snapshot {
        advice: Advice {
            predictions: vec![Prediction { percent: 25, limit_bytes: 16 << 20, hit_ratio: 0.5 }],
            measured_hit_ratio: 0.75,
            reads: 1000,
            keys: 10,
            share: 0.001,
            memory_bytes: 4096,
            recommendation: "buy more".to_owned(),
        },
        memory: vec![MemoryPart { name: "index", bytes: 12345 }],
        pinned_bytes: 4096,
        latencies: vec![Latency {
            commands: "get",
            count: 5,
            sum_nanos: 7_500_000,
            p50_nanos: 1_500,
            p99_nanos: 20_000,
            p999_nanos: 300_000,
            max_nanos: 4_000_000,
        }],
        families: Some(vec![family(HOSTILE, ""), family("line\nend:*", "django_session")]),
        hot_keys: Some(keys.into()),
        ..Snapshot::take(&engine(""))
    }
}

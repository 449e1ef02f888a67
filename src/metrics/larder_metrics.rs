//! Metrics of larder that memcached_exporter does not have, with names that begin with `larder_`.
//!
//! Every label has few values: sizes, parts of memory, kinds of commands, and the reported families. Keys are never
//! labels.

use super::exposition::Exposition;
use super::exposition::Kind::{self, Counter, Gauge, Summary};
use super::snapshot::Snapshot;
use crate::insight::Family;

/// Metrics with one sample from `stats`: the stat, the kind, the name after `larder_`, the help text.
const GENERAL: &[(&str, Kind, &str, &str)] = &[
    ("threads", Gauge, "threads", "Worker threads."),
    ("hash_bytes", Gauge, "index_bytes", "Memory of the key index, in bytes."),
    ("get_expired", Counter, "get_expired_total", "Reads that found their item expired."),
    (
        "expired_unfetched",
        Counter,
        "items_expired_unfetched_total",
        "Items that expired without having been read.",
    ),
    (
        "evicted_unfetched",
        Counter,
        "items_evicted_unfetched_total",
        "Items evicted without having been read.",
    ),
    ("evicted_active", Counter, "items_evicted_active_total", "Items evicted after they had been used."),
    ("slabs_moved", Counter, "slab_pages_moved_total", "Slab pages moved from one class to another."),
    (
        "store_passed_time",
        Counter,
        "stores_with_passed_time_total",
        "Stores with an absolute time that had already passed; a time to live above 30 days counts as a Unix time.",
    ),
    ("auth_cmds", Counter, "logins_total", "Login attempts."),
    ("auth_errors", Counter, "logins_failed_total", "Failed login attempts."),
    ("idle_kicks", Counter, "connections_idle_closed_total", "Connections closed because they were idle."),
    ("ssl_handshake_errors", Counter, "tls_handshake_errors_total", "TLS handshakes that failed."),
];

/// Adds all of them.
pub(super) fn push(snapshot: &Snapshot, exposition: &mut Exposition) {
    let version = env!("CARGO_PKG_VERSION");
    exposition.gauge("larder_build_info", "The version of larder.").add_labeled(&[("version", version)], 1.0);
    let serving = f64::from(u8::from(snapshot.serving));
    exposition
        .gauge("larder_serving", "1 while clients are served, else 0; the same as /readyz.")
        .add(serving);
    for (stat, kind, name, help) in GENERAL {
        exposition.metric(*kind, &format!("larder_{name}"), help).add(snapshot.general.get(stat));
    }
    let mut memory =
        exposition.gauge("larder_memory_bytes", "Resident memory by use; the parts add up to the total.");
    for part in &snapshot.memory {
        memory.add_labeled(&[("part", part.name)], part.bytes as f64);
    }
    let pinned =
        "Memory of large values that unsent replies keep pinned, in bytes; part of the memory limit.";
    exposition.gauge("larder_pinned_bytes", pinned).add(snapshot.pinned_bytes as f64);
    push_advice(snapshot, exposition);
    push_latencies(snapshot, exposition);
    push_families(snapshot.families.as_deref().unwrap_or_default(), exposition);
}

fn push_advice(snapshot: &Snapshot, exposition: &mut Exposition) {
    let advice = &snapshot.advice;
    let sizes: Vec<String> = advice.predictions.iter().map(|size| size.percent.to_string()).collect();
    let mut ratios = exposition.gauge(
        "larder_advisor_hit_ratio",
        "Predicted hits per read at this percentage of the present memory limit.",
    );
    for (size, percent) in advice.predictions.iter().zip(&sizes) {
        ratios.add_labeled(&[("memory_percent", percent)], size.hit_ratio);
    }
    let mut limits =
        exposition.gauge("larder_advisor_limit_bytes", "The memory limit at this percentage, in bytes.");
    for (size, percent) in advice.predictions.iter().zip(&sizes) {
        limits.add_labeled(&[("memory_percent", percent)], size.limit_bytes as f64);
    }
    let measured = (advice.reads > 0).then_some(advice.measured_hit_ratio);
    for (name, help, value) in [
        ("measured_hit_ratio", "Measured hits per read, over the same time as the predictions.", measured),
        (
            "reads",
            "Reads of sampled keys that the predictions are based on; older ones weigh less.",
            Some(advice.reads as f64),
        ),
        ("keys", "Sampled keys that are tracked.", Some(advice.keys as f64)),
        ("sampled_share", "Share of all keys that is sampled, 0 to 1.", Some(advice.share)),
        ("own_bytes", "Memory of the advisor, in bytes.", Some(advice.memory_bytes as f64)),
    ] {
        exposition.gauge(&format!("larder_advisor_{name}"), help).add(value);
    }
}

fn push_latencies(snapshot: &Snapshot, exposition: &mut Exposition) {
    let secs = |nanos: u64| nanos as f64 / 1e9;
    let mut summaries = exposition.metric(
        Summary,
        "larder_latency_seconds",
        "Time from the last byte of a request to the reply being passed to the kernel, in seconds.",
    );
    for latency in &snapshot.latencies {
        let quantiles = [(0.5, latency.p50_nanos), (0.99, latency.p99_nanos), (0.999, latency.p999_nanos)];
        let quantiles = quantiles.map(|(quantile, nanos)| (quantile, secs(nanos)));
        summaries.add_summary(
            &[("commands", latency.commands)],
            &quantiles,
            secs(latency.sum_nanos),
            latency.count,
        );
    }
    let mut longest = exposition.gauge("larder_latency_max_seconds", "The longest such time, in seconds.");
    for latency in &snapshot.latencies {
        longest.add_labeled(&[("commands", latency.commands)], secs(latency.max_nanos));
    }
    let mut measured =
        exposition.counter("larder_latency_requests_total", "Requests with a measured latency.");
    for latency in &snapshot.latencies {
        measured.add_labeled(&[("commands", latency.commands)], latency.count as f64);
    }
}

type FamilyValue = fn(&Family) -> Option<f64>;

fn push_families(families: &[Family], exposition: &mut Exposition) {
    let stats: [(&str, &str, FamilyValue); 7] = [
        ("items", "Items of a key family, estimated.", |family| Some(family.items as f64)),
        ("bytes", "Bytes of the headers, keys and values of these items, estimated.", |family| {
            Some(family.bytes as f64)
        }),
        ("age_mean_seconds", "Mean time since these items were stored, in seconds.", |family| {
            family.age_mean_secs.map(|secs| secs as f64)
        }),
        ("reads", "Reads of a key family; older ones weigh less.", |family| Some(family.reads as f64)),
        ("hits", "Hits among these reads; older ones weigh less.", |family| Some(family.hits as f64)),
        ("writes", "Stores of a key family; older ones weigh less.", |family| Some(family.writes as f64)),
        ("evictions", "Evictions of a key family; older ones weigh less.", |family| {
            Some(family.evictions as f64)
        }),
    ];
    for (name, help, stat) in stats {
        let mut samples = exposition.gauge(&format!("larder_family_{name}"), help);
        for family in families {
            samples.add_labeled(&[("shape", &family.shape), ("name", family.name)], stat(family));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::Snapshot;
    use super::super::snapshot::tests::{engine, full};
    use super::*;

    fn text(snapshot: &Snapshot) -> String {
        let mut exposition = Exposition::default();
        push(snapshot, &mut exposition);
        exposition.text()
    }

    #[test]
    fn everything_known_is_exported_and_shapes_are_escaped() {
        let text = text(&full());
        for line in [
            "larder_serving 0",
            r#"larder_memory_bytes{part="index"} 12345"#,
            "larder_pinned_bytes 4096",
            r#"larder_advisor_hit_ratio{memory_percent="25"} 0.5"#,
            r#"larder_advisor_limit_bytes{memory_percent="25"} 16777216"#,
            "larder_advisor_measured_hit_ratio 0.75",
            r#"larder_latency_seconds{commands="get",quantile="0.99"} 0.00002"#,
            "# TYPE larder_latency_seconds summary",
            r#"larder_latency_seconds_sum{commands="get"} 0.0075"#,
            r#"larder_latency_seconds_count{commands="get"} 5"#,
            r#"larder_latency_requests_total{commands="get"} 5"#,
            "larder_family_hits{shape=\"</script><b>\\\"\\\\{}\u{202e}'\",name=\"\"} 9",
            r#"larder_family_bytes{shape="line\nend:*",name="django_session"} 700"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(!text.contains("larder_family_age_mean_seconds"), "{text}");
    }

    #[test]
    fn unknown_values_are_left_out() {
        let text = text(&Snapshot::take(&engine("")));
        for absent in ["hit_ratio", "larder_family", "larder_tls", "idle_closed"] {
            assert!(!text.contains(absent), "{absent} in\n{text}");
        }
    }
}

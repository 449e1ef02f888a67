//! The Grafana dashboard and the alert rules name only metrics that larder exports, and these keep Prometheus's naming
//! rules.

use crate::support::{Authority, Client, Daemon, larder, wait_for};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const DASHBOARD: &str = include_str!("../../src/metrics/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../src/metrics/prometheus-alerts.yml");

/// All metrics: of a daemon under load, then of one that serves TLS, which has further metrics.
static METRICS: LazyLock<String> = LazyLock::new(|| scrape_under_load() + &scrape_with_tls());

/// The body of `/metrics`.
fn scrape(daemon: &Daemon) -> String {
    let mut client = Client::tcp(daemon.http_address());
    client.send("GET /metrics HTTP/1.0\r\n\r\n");
    client.read_to_close().split_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// `/metrics` of a daemon that has answered enough reads for the advisor's predictions.
fn scrape_under_load() -> String {
    let daemon = larder("--metrics 0 -m 64").start();
    let mut client = daemon.connect();
    let keys: Vec<String> = (0..500).map(|number| format!("shop:1:product.{number}")).collect();
    for key in &keys {
        client.ask(format!("set {key} 0 0 1\r\nx\r\n"), "STORED\r\n");
    }
    let reads: String = keys.chunks(50).map(|keys| format!("get {}\r\n", keys.join(" "))).collect();
    wait_for("a prediction of the advisor", || {
        for _ in 0..20 {
            client.send(&reads);
            keys.chunks(50).for_each(|_| drop(client.read_until("END\r\n")));
        }
        let text = scrape(&daemon);
        text.contains("\nlarder_advisor_hit_ratio{").then_some(text)
    })
}

fn scrape_with_tls() -> String {
    let authority = Authority::new();
    let [chain, key] = ["server.pem", "server.key"].map(|name| authority.file(name).display().to_string());
    scrape(&larder(&format!("--metrics 0 -Z -o ssl_chain_cert={chain},ssl_key={key}")).start())
}

/// The names of all samples.
fn sample_names(text: &str) -> BTreeSet<&str> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

/// The words of a file that begin like a metric.
fn metric_names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    words.filter(|word| word.starts_with("larder_") || word.starts_with("memcached_")).collect()
}

#[test]
fn dashboard_and_alerts_name_exported_metrics() {
    let exported = sample_names(&METRICS);
    for (file, least) in [(DASHBOARD, 25), (ALERTS, 9)] {
        let named = metric_names(file);
        assert!(named.len() >= least, "{named:?}");
        assert!(named.is_subset(&exported), "{:?}", named.difference(&exported));
    }
}

/// The rules of `promtool check metrics` for larder's own names.
#[test]
fn larder_metrics_keep_the_naming_rules_of_prometheus() {
    let comments = |start: &str| -> BTreeMap<String, String> {
        let lines = METRICS.lines().filter_map(|line| line.strip_prefix(start)?.split_once(' '));
        let own = lines.filter(|(name, _)| name.starts_with("larder_"));
        own.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
    };
    let (kinds, helps) = (comments("# TYPE "), comments("# HELP "));
    assert!(kinds.len() > 30, "{kinds:?}");
    for (name, kind) in &kinds {
        assert!(helps[name].ends_with('.'), "{name}: {}", helps[name]);
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        let of_summary = ["_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end));
        assert!(!of_summary, "{name}");
        let labels: Vec<_> = METRICS.lines().filter(|line| line.starts_with(&format!("{name}{{"))).collect();
        let quantiles = labels.iter().any(|line| line.contains("quantile=\""));
        assert_eq!(quantiles, kind == "summary", "{name} is a {kind}");
        for unit in ["_milliseconds", "_megabytes", "_kilobytes", "_percent"] {
            assert!(!name.contains(unit), "{name} has no base unit");
        }
    }
}

#[test]
fn the_dashboard_is_an_object_with_panels() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    assert_eq!(dashboard["uid"], "larder");
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 10);
    for panel in panels {
        assert!(panel["title"].is_string() && panel["targets"][0]["expr"].is_string(), "{panel}");
    }
}

//! Metrics in the text format of Prometheus, version 0.0.4. The library escapes labels and help texts.

use log::warn;
use prometheus::TextEncoder;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType, Quantile, Summary};

/// Kind of a metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Only grows, until the process restarts or receives `stats reset`.
    Counter,
    /// Quantiles, with the sum and the number of the observations.
    Summary,
    /// Any other metric.
    Gauge,
}

/// Metrics, in the order in which they were added.
#[derive(Default)]
pub(super) struct Exposition(Vec<MetricFamily>);

/// A metric that samples are added to.
pub(super) struct Samples<'a>(&'a mut MetricFamily);

impl Exposition {
    /// Adds a metric that only grows.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Samples<'_> {
        self.metric(Kind::Counter, name, help)
    }

    /// Adds any other metric.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Samples<'_> {
        self.metric(Kind::Gauge, name, help)
    }

    /// Adds a metric. A metric without samples is left out of the text. Each name may be added once.
    pub(super) fn metric(&mut self, kind: Kind, name: &str, help: &str) -> Samples<'_> {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(match kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Summary => MetricType::SUMMARY,
            Kind::Gauge => MetricType::GAUGE,
        });
        let at = self.0.len();
        self.0.push(family);
        Samples(&mut self.0[at])
    }

    /// The text of all metrics.
    pub(super) fn text(mut self) -> String {
        self.0.retain(|family| !family.get_metric().is_empty());
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.0, &mut text) {
            warn!("/metrics is incomplete: {error}");
        }
        text
    }
}

impl Samples<'_> {
    /// Adds a sample without labels, unless the value is `None`.
    pub(super) fn add(&mut self, value: impl Into<Option<f64>>) {
        self.add_labeled(&[], value);
    }

    /// Adds a sample with labels, unless the value is `None`.
    pub(super) fn add_labeled(&mut self, labels: &[(&str, &str)], value: impl Into<Option<f64>>) {
        let Some(value) = value.into() else { return };
        let mut metric = labeled(labels);
        match self.0.get_field_type() {
            MetricType::COUNTER => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            _ => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.0.mut_metric().push(metric);
    }

    /// Adds a sample of a summary: `quantiles` are pairs of a quantile and its value.
    pub(super) fn add_summary(
        &mut self,
        labels: &[(&str, &str)],
        quantiles: &[(f64, f64)],
        sum: f64,
        count: u64,
    ) {
        let quantile = |(quantile, value): &(f64, f64)| {
            let mut sample = Quantile::default();
            sample.set_quantile(*quantile);
            sample.set_value(*value);
            sample
        };
        let mut summary = Summary::default();
        summary.set_quantile(quantiles.iter().map(quantile).collect());
        summary.set_sample_sum(sum);
        summary.set_sample_count(count);
        let mut metric = labeled(labels);
        metric.set_summary(summary);
        self.0.mut_metric().push(metric);
    }
}

/// A metric with these labels and no value yet.
fn labeled(labels: &[(&str, &str)]) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_metrics_without_samples_are_left_out() {
        let mut exposition = Exposition::default();
        exposition.counter("a_total", "Of\nthem.").add_labeled(&[("x", "q\"b\\n\nl")], 1.0);
        exposition.gauge("b", "None.").add(None);
        let mut gauge = exposition.gauge("c", "Large.");
        gauge.add(12_345_678_901_234.0);
        gauge.add_labeled(&[("y", "")], 0.5);
        let lines = [
            r"# HELP a_total Of\nthem.",
            "# TYPE a_total counter",
            r#"a_total{x="q\"b\\n\nl"} 1"#,
            "# HELP c Large.",
            "# TYPE c gauge",
            "c 12345678901234",
            r#"c{y=""} 0.5"#,
        ];
        assert_eq!(exposition.text(), lines.map(|line| format!("{line}\n")).concat());
    }
}

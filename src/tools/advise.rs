//! `larder advise`: predicts the hit ratio with less or more memory.

use super::client::{Client, ToolError};
use super::escape::{escape, percent_decoded};
use super::stat_lines::StatLines;
use super::table::{Align, Table};
use super::{Style, json, units};
use serde_json::json;

const TOPIC: &str = "advisor";

/// Width of the longest bar.
const BAR_WIDTH: usize = 30;

/// The server's prediction for one size.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Prediction {
    /// Per cent of the present limit.
    percent: u64,
    limit_bytes: u64,
    /// From 0 to 1.
    hit_ratio: f64,
}

/// The reply of the server's advisor.
#[derive(Clone, PartialEq, Debug)]
struct Advice {
    reads: u64,
    keys: u64,
    /// From 0 to 1.
    measured: Option<f64>,
    predictions: Vec<Prediction>,
    recommendation: String,
}

impl Advice {
    fn read(stats: &StatLines) -> Option<Advice> {
        let ratio = |stats: &StatLines| Some(stats.real("hit_percent")?.clamp(0.0, 100.0) / 100.0);
        let prediction = |(percent, stats): &(String, StatLines)| {
            let limit_bytes = stats.number("limit_bytes")?;
            Some(Prediction { percent: percent.parse().ok()?, limit_bytes, hit_ratio: ratio(stats)? })
        };
        Some(Advice {
            reads: stats.number("requests")?,
            keys: stats.number("keys")?,
            measured: ratio(stats),
            predictions: stats.groups().iter().filter_map(prediction).collect(),
            recommendation: escape(&percent_decoded(stats.text("advice")?.as_bytes())),
        })
    }

    fn text(&self, style: Style) -> String {
        let basis = format!("{} reads of {} sampled keys", units::count(self.reads), units::count(self.keys));
        let recommendation = with_full_stop(&self.recommendation);
        if self.predictions.is_empty() {
            return format!("Not enough data yet, only {basis}. {recommendation}\n");
        }
        format!(
            "Predicted hit ratio with other memory limits (-m), from {basis}:\n\n{}\n{recommendation}\n",
            self.table(style).text()
        )
    }

    fn table(&self, style: Style) -> Table {
        let most = self.predictions.iter().map(|at| 1.0 - at.hit_ratio).fold(0.0, f64::max);
        let mut table = Table::new([
            ("SIZE", Align::Right),
            ("HITS", Align::Right),
            ("MISSES IN 100", Align::Right),
            ("", Align::Left),
        ]);
        for at in &self.predictions {
            let misses = 1.0 - at.hit_ratio;
            let bar = units::bar(misses / most, BAR_WIDTH, style.unicode);
            let now = match self.measured {
                Some(measured) if at.percent == 100 => format!("now, measured {}", units::percent(measured)),
                _ => String::new(),
            };
            let curve = format!("{bar}  {now}").trim().to_owned();
            let misses = format!("{:.1}", misses * 100.0);
            table.push([units::bytes(at.limit_bytes), units::percent(at.hit_ratio), misses, curve]);
        }
        table
    }

    fn json(&self) -> String {
        let predictions = self.predictions.iter().map(
            |at| json!({"percent": at.percent, "limit_bytes": at.limit_bytes, "hit_ratio": at.hit_ratio}),
        );
        json::line(&json!({
            "enough": !self.predictions.is_empty(),
            "requests": self.reads,
            "keys": self.keys,
            "hit_ratio": self.measured,
            "predictions": predictions.collect::<Vec<_>>(),
            "advice": self.recommendation,
        }))
    }
}

fn with_full_stop(recommendation: &str) -> String {
    if recommendation.ends_with(['.', '!', '?']) {
        recommendation.to_owned()
    } else {
        format!("{recommendation}.")
    }
}

/// Requests the advice and formats it.
pub fn report(client: &mut Client, json: bool, style: Style) -> Result<String, ToolError> {
    let stats = client.nonempty_stats(TOPIC)?;
    let advice = Advice::read(&stats).ok_or_else(|| client.invalid_reply("stats advisor"))?;
    Ok(if json { advice.json() } else { advice.text(style) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: &str = "requests 1234567\nkeys 5120\nsampled_share 0.012\nown_bytes 300000\nhit_percent 91.23
        25:limit_bytes 16777216\n25:hit_percent 71.20\n50:limit_bytes 33554432\n50:hit_percent 84.00
        100:limit_bytes 67108864\n100:hit_percent 91.20\n200:limit_bytes 134217728\n200:hit_percent 95.80
        400:limit_bytes 268435456\n400:hit_percent 95.80
        advice 128%20MB%20would%20raise%20hits%20from%2091.2%20%25%20to%2095.8%20%25";

    fn advice(text: &str) -> Advice {
        Advice::read(&StatLines::of(text)).unwrap()
    }

    #[test]
    fn advice_is_a_table_with_a_curve_and_a_recommendation() {
        let expected = "\
Predicted hit ratio with other memory limits (-m), from 1,234,567 reads of 5,120 sampled keys:

  SIZE    HITS  MISSES IN 100
 16 MB  71.2 %           28.8  ##############################
 32 MB  84.0 %           16.0  #################
 64 MB  91.2 %            8.8  #########  now, measured 91.2 %
128 MB  95.8 %            4.2  ####
256 MB  95.8 %            4.2  ####

128 MB would raise hits from 91.2 % to 95.8 %.
";
        assert_eq!(advice(SEEN).text(Style { unicode: false }), expected);
        assert!(advice(SEEN).text(Style { unicode: true }).contains("  16.0  ████████████████▋\n"));
    }

    #[test]
    fn too_few_reads_are_reported() {
        let text = "requests 7\nkeys 1\nhit_percent 0.00\nadvice Too%20few%20reads";
        let expected = "Not enough data yet, only 7 reads of 1 sampled keys. Too few reads.\n";
        assert_eq!(advice(text).text(Style { unicode: false }), expected);
        assert!(advice(text).json().contains("\"enough\":false"));
    }

    #[test]
    fn no_bars_are_drawn_without_misses() {
        let text = "requests 7\nkeys 1\n100:limit_bytes 1024\n100:hit_percent 100.00\nadvice fine";
        assert!(!advice(text).text(Style { unicode: false }).contains('#'));
    }

    #[test]
    fn an_incomplete_reply_is_refused() {
        for text in ["requests 7", "requests 7\nkeys 1", "requests x\nkeys 1\nadvice a"] {
            assert_eq!(Advice::read(&StatLines::of(text)), None, "{text}");
        }
    }

    #[test]
    fn json_contains_the_same_numbers() {
        let value: serde_json::Value = serde_json::from_str(&advice(SEEN).json()).unwrap();
        assert_eq!(value["requests"], 1_234_567);
        assert_eq!(value["predictions"][3]["limit_bytes"], 134_217_728);
        assert_eq!(value["predictions"][3]["hit_ratio"], 0.958);
        assert_eq!(value["enough"], true);
    }
}

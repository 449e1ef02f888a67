//! The data of the status page as JSON. Values that are unknown or may not be shown are `null`.

use super::escape::escape;
use super::history::History;
use super::snapshot::{HotKeyRow, Snapshot, Stats};
use crate::commands::WIRE_VERSION;
use serde_json::{Map, Value, json};

/// The object of `/status.json`.
pub(super) fn json(snapshot: &Snapshot, history: &History) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "wire_version": WIRE_VERSION,
        "serving": snapshot.serving,
        "lists_keys": snapshot.hot_keys.is_some(),
        "stats": numbers(&snapshot.general),
        "malloced_bytes": snapshot.malloced_bytes,
        "history": history.json(),
        "classes": classes(snapshot),
        "memory": memory(snapshot),
        "advisor": advisor(snapshot),
        "latency": latency(snapshot),
        "families": families(snapshot),
        "hot_keys": hot_keys(snapshot),
    })
}

fn numbers(stats: &Stats) -> Map<String, Value> {
    stats.iter().map(|(name, number)| (name.to_owned(), number_of(number))).collect()
}

/// Whole numbers without a decimal point.
fn number_of(number: f64) -> Value {
    if number.fract() == 0.0 && (0.0..1e18).contains(&number) {
        Value::from(number as u64)
    } else {
        Value::from(number)
    }
}

fn classes(snapshot: &Snapshot) -> Value {
    let class = |(id, stats): (&u32, &Stats)| {
        let mut object = numbers(stats);
        object.insert("id".to_owned(), (*id).into());
        Value::Object(object)
    };
    snapshot.classes.iter().map(class).collect()
}

fn memory(snapshot: &Snapshot) -> Value {
    snapshot.memory.iter().map(|part| json!({ "part": part.name, "bytes": part.bytes })).collect()
}

fn advisor(snapshot: &Snapshot) -> Value {
    let advice = &snapshot.advice;
    let predictions: Value = advice
        .predictions
        .iter()
        .map(|size| {
            json!({ "percent": size.percent, "limit_bytes": size.limit_bytes, "hit_ratio": size.hit_ratio })
        })
        .collect();
    json!({
        "predictions": predictions,
        "measured_hit_ratio": (advice.reads > 0).then_some(advice.measured_hit_ratio),
        "reads": advice.reads,
        "keys": advice.keys,
        "sampled_share": advice.share,
        "own_bytes": advice.memory_bytes,
        "recommendation": advice.recommendation,
    })
}

fn latency(snapshot: &Snapshot) -> Value {
    let micros = |nanos: u64| nanos as f64 / 1000.0;
    snapshot
        .latencies
        .iter()
        .map(|latency| {
            json!({
                "commands": latency.commands,
                "count": latency.count,
                "p50_us": micros(latency.p50_nanos),
                "p99_us": micros(latency.p99_nanos),
                "p999_us": micros(latency.p999_nanos),
                "max_us": micros(latency.max_nanos),
            })
        })
        .collect()
}

fn families(snapshot: &Snapshot) -> Option<Value> {
    let families = snapshot.families.as_ref()?;
    let object = families.iter().map(|family| {
        json!({
            "shape": escape(family.shape.as_bytes()),
            "name": family.name,
            "items": family.items,
            "bytes": family.bytes,
            "reads": family.reads,
            "hits": family.hits,
            "writes": family.writes,
            "evictions": family.evictions,
            "age_mean_secs": family.age_mean_secs,
        })
    });
    Some(object.collect())
}

fn hot_keys(snapshot: &Snapshot) -> Option<Value> {
    let lists = snapshot.hot_keys.as_ref()?;
    let list = |names: &[HotKeyRow]| -> Value {
        let object = |hot: &HotKeyRow| json!({ "key": hot.key, "count": hot.count, "error": hot.error });
        names.iter().map(object).collect()
    };
    Some(json!({
        "sampled_one_in": lists.sampled_one_in,
        "reads": list(&lists.reads),
        "writes": list(&lists.writes),
        "bytes_out": list(&lists.bytes_out),
        "total_reads": lists.total_reads,
        "total_writes": lists.total_writes,
        "total_bytes_out": lists.total_bytes_out,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::tests::{HOSTILE, engine, full};
    use super::*;

    #[test]
    fn hostile_keys_are_transferred_as_text() {
        let text = json(&full(), &History::default()).to_string();
        let read: Value = serde_json::from_str(&text).unwrap();
        let expected = HOSTILE.replace('\\', "\\\\").replace('\u{202e}', "\\u{202e}");
        assert_eq!(read["hot_keys"]["reads"][0]["key"], expected);
        assert_eq!(read["hot_keys"]["reads"][1]["key"], "\\xff\\n");
        assert_eq!(read["families"][0]["shape"], expected);
        assert_eq!(read["advisor"]["predictions"][0]["percent"], 25);
        assert_eq!(read["latency"][0]["p50_us"], 1.5);
    }

    #[test]
    fn no_names_are_shown_with_x() {
        let refused = json(&Snapshot::take(&engine("-X")), &History::default());
        assert_eq!(refused["lists_keys"], false);
        assert!(refused["families"].is_null() && refused["hot_keys"].is_null());
        let allowed = json(&Snapshot::take(&engine("")), &History::default());
        assert_eq!(allowed["families"], json!([]));
        assert_eq!(allowed["advisor"]["measured_hit_ratio"], Value::Null);
    }

    #[test]
    fn integers_have_no_decimal_point() {
        assert_eq!(number_of(3.0).to_string(), "3");
        assert_eq!(number_of(0.25).to_string(), "0.25");
        assert_eq!(number_of(-1.0).to_string(), "-1.0");
    }
}

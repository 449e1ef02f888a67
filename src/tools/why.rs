//! `larder why KEY`: explains in a sentence why a key is missing.

use super::client::{Client, ToolError};
use super::escape::escape;
use super::reply::{Cause, WhyReply};
use super::{json, units};
use serde_json::{Value, json};

/// Requests the explanation and formats it.
pub fn report(client: &mut Client, key: &str, json: bool) -> Result<String, ToolError> {
    let why = client.why(key)?;
    Ok(if json {
        json::line(&value(key, why))
    } else {
        format!("{}: {}\n", escape(key.as_bytes()), explanation(why))
    })
}

fn explanation(why: WhyReply) -> String {
    match why {
        WhyReply::Present { age_secs, idle_secs, left_secs, bytes } => {
            let left = left_secs
                .map_or("never expires".to_owned(), |left| format!("expires in {}", units::span(left)));
            let stored =
                age_secs.map_or("stored, ".to_owned(), |age| format!("stored {} ago, ", units::span(age)));
            let used = units::span(idle_secs);
            format!("{stored}last used {used} ago; the value has {} and {left}.", units::bytes(bytes))
        }
        WhyReply::Removed { cause, ago_secs, age_secs, idle_secs, bytes } => {
            let ago = units::span(ago_secs);
            let what = match cause {
                Cause::Evicted => format!("evicted {ago} ago"),
                Cause::Expired => format!("expired {ago} ago"),
                Cause::Deleted => format!("deleted by a client {ago} ago"),
                Cause::NoMemory => format!("removed {ago} ago, when a newer value got no memory"),
                Cause::TooLarge => format!("removed {ago} ago, when a newer value was too large"),
            };
            format!("{what}, {}; its size was {}.", life(age_secs, idle_secs), units::bytes(bytes))
        }
        WhyReply::PassedTime { ago_secs, exptime, year, bytes } => format!(
            "stored {} ago with an absolute time that had already passed: {exptime} seconds is more than 30 days and \
            counts as a date in {year}; the value had {}.",
            units::span(ago_secs),
            units::bytes(bytes)
        ),
        WhyReply::Unknown { reach_secs, flushed_secs } => unknown(reach_secs, flushed_secs),
    }
}

/// How long the item was stored and unused.
fn life(age_secs: Option<u64>, idle_secs: u64) -> String {
    let idle = units::span(idle_secs);
    match age_secs {
        None => format!("{idle} after its last use"),
        Some(age) if idle_secs >= age => {
            format!("{} after it was stored, never used in between", units::span(age))
        }
        Some(age) => format!("{} after it was stored and {idle} after its last use", units::span(age)),
    }
}

fn unknown(reach_secs: u64, flushed_secs: Option<u64>) -> String {
    let reach = units::span(reach_secs);
    let mut text = format!(
        "not stored, and not removed in the last {reach}, the time that removals are remembered: the key was never \
        stored, or was removed before"
    );
    if let Some(flushed) = flushed_secs {
        text += &format!("; everything was flushed {} ago", units::span(flushed));
    }
    text + "."
}

fn value(key: &str, why: WhyReply) -> Value {
    match why {
        WhyReply::Present { age_secs, idle_secs, left_secs, bytes } => json!({
            "key": key, "state": "present", "age_secs": age_secs, "idle_secs": idle_secs, "left_secs": left_secs,
            "value_bytes": bytes,
        }),
        WhyReply::Removed { cause, ago_secs, age_secs, idle_secs, bytes } => json!({
            "key": key, "state": word(cause), "ago_secs": ago_secs, "age_secs": age_secs, "idle_secs": idle_secs,
            "item_bytes": bytes,
        }),
        WhyReply::PassedTime { ago_secs, exptime, year, bytes } => json!({
            "key": key, "state": "passed_time", "ago_secs": ago_secs, "exptime": exptime, "year": year,
            "value_bytes": bytes,
        }),
        WhyReply::Unknown { reach_secs, flushed_secs } => json!({
            "key": key, "state": "unknown", "reach_secs": reach_secs, "flushed_secs_ago": flushed_secs,
        }),
    }
}

fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::Evicted => "evicted",
        Cause::Expired => "expired",
        Cause::Deleted => "deleted",
        Cause::NoMemory => "no_memory",
        Cause::TooLarge => "too_large",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(cause: Cause, age_secs: Option<u64>) -> WhyReply {
        WhyReply::Removed { cause, ago_secs: 192, age_secs, idle_secs: 38, bytes: 1234 }
    }

    #[test]
    fn a_removal_is_explained_with_its_times() {
        for (why, text) in [
            (
                removed(Cause::Evicted, Some(41)),
                "evicted 3 min 12 s ago, 41 s after it was stored and 38 s after its last use; its size was 1.2 KB.",
            ),
            (
                removed(Cause::Expired, None),
                "expired 3 min 12 s ago, 38 s after its last use; its size was 1.2 KB.",
            ),
            (
                removed(Cause::Deleted, Some(38)),
                "deleted by a client 3 min 12 s ago, 38 s after it was stored, never used in between; \
                its size was 1.2 KB.",
            ),
        ] {
            assert_eq!(explanation(why), text);
        }
        assert!(explanation(removed(Cause::NoMemory, None)).contains("when a newer value got no memory"));
        assert!(explanation(removed(Cause::TooLarge, None)).contains("when a newer value was too large"));
    }

    #[test]
    fn a_stored_key_is_reported_with_its_expiry() {
        let why = WhyReply::Present { age_secs: Some(41), idle_secs: 3, left_secs: Some(240), bytes: 7 };
        let text = "stored 41 s ago, last used 3 s ago; the value has 7 bytes and expires in 4 min.";
        assert_eq!(explanation(why), text);
        let why = WhyReply::Present { age_secs: None, idle_secs: 3, left_secs: None, bytes: 7 };
        assert_eq!(explanation(why), "stored, last used 3 s ago; the value has 7 bytes and never expires.");
    }

    #[test]
    fn a_passed_time_is_explained_as_a_date() {
        let why = WhyReply::PassedTime { ago_secs: 192, exptime: 2_592_001, year: 1970, bytes: 7 };
        let text = "stored 3 min 12 s ago with an absolute time that had already passed: 2592001 seconds is more than \
            30 days and counts as a date in 1970; the value had 7 bytes.";
        assert_eq!(explanation(why), text);
        assert_eq!(value("k", why)["state"], "passed_time");
    }

    #[test]
    fn an_unknown_key_is_reported_with_the_time_that_is_remembered() {
        let text = explanation(WhyReply::Unknown { reach_secs: 7500, flushed_secs: Some(60) });
        assert!(
            text.contains("in the last 2 h 5 min") && text.ends_with("everything was flushed 1 min ago."),
            "{text}"
        );
        let text = explanation(WhyReply::Unknown { reach_secs: 0, flushed_secs: None });
        assert!(text.ends_with("or was removed before."), "{text}");
    }

    #[test]
    fn json_contains_the_numbers() {
        assert_eq!(value("k", removed(Cause::TooLarge, None))["state"], "too_large");
        assert_eq!(value("k", removed(Cause::Evicted, None))["age_secs"], Value::Null);
        assert_eq!(value("k", WhyReply::Unknown { reach_secs: 3, flushed_secs: None })["reach_secs"], 3);
    }
}

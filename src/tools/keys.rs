//! `larder keys [PREFIX]`: lists the keys with their metadata; it fetches no value.
//!
//! The list is printed line by line and not stored, so the columns have fixed widths and the key comes last.

mod django;
pub(super) mod flags;

use super::client::{Client, ToolError};
use super::escape::escape;
use super::json;
use super::reply::Item;
use super::units;
use django::DjangoKey;
use serde_json::json;
use std::io::Write;

/// Prints at most `limit` items with keys that begin with `prefix`.
pub fn list(
    client: &mut Client,
    prefix: &[u8],
    limit: u64,
    json: bool,
    out: &mut impl Write,
) -> Result<(), ToolError> {
    // Item times refer to the clock of the server.
    let time = client.stats("")?.number("time").ok_or_else(|| client.invalid_reply("stats"))?;
    // Printed with the first item, so that an error comes without a heading.
    let mut heading = if json { String::new() } else { heading() };
    let mut remaining = limit;
    client.for_each_item(|item| {
        if remaining > 0 && item.key.starts_with(prefix) {
            out.write_all(std::mem::take(&mut heading).as_bytes())?;
            out.write_all(if json { json_line(item, time) } else { text_line(item, time) }.as_bytes())?;
            remaining -= 1;
        }
        Ok(remaining > 0)
    })?;
    Ok(out.write_all(heading.as_bytes())?)
}

fn heading() -> String {
    line(["SIZE", "TTL LEFT", "LAST USE", "TYPE", "VERSION", "PREFIX"], "KEY")
}

/// A row of the table, with its line end.
fn line(cells: [&str; 6], key: &str) -> String {
    let [size, remaining, used, kind, version, prefix] = cells;
    format!("{size:>10}  {remaining:>12}  {used:>12}  {kind:<18}  {version:>7}  {prefix:<10}  {key}\n")
}

fn text_line(item: &Item<'_>, time: u64) -> String {
    let unknown = || "?".to_owned();
    let remaining = match item.expires {
        None => unknown(),
        Some(None) => "never".to_owned(),
        Some(Some(unix)) => units::span(unix.saturating_sub(time)),
    };
    let used = item.used.map_or_else(unknown, |unix| units::span(time.saturating_sub(unix)));
    let size = item.bytes.map_or_else(unknown, units::bytes);
    let kind = item.flags.map_or_else(unknown, flags::kind);
    let (version, prefix) = match DjangoKey::of(&item.key) {
        None => (String::new(), String::new()),
        Some(parts) => (parts.version.to_string(), escape(parts.prefix)),
    };
    line([&size, &remaining, &used, &kind, &version, &prefix], &escape(&item.key))
}

fn json_line(item: &Item<'_>, time: u64) -> String {
    let text = String::from_utf8_lossy;
    let django = DjangoKey::of(&item.key)
        .map(|parts| json!({"prefix": text(parts.prefix), "version": parts.version, "key": text(parts.key)}));
    json::line(&json!({
        "key": text(&item.key),
        "encoded": text(item.encoded),
        "django": django,
        "type": item.flags.map(flags::kind),
        "flags": item.flags,
        "size": item.bytes,
        "expires": item.expires.is_some_and(|at| at.is_some()),
        "ttl_left_secs": item.expires.flatten().map(|unix| unix.saturating_sub(time)),
        "last_use_secs_ago": item.used.map(|unix| time.saturating_sub(unix)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &[u8]) -> Item<'_> {
        Item {
            key: key.to_vec(),
            encoded: b"encoded",
            expires: Some(Some(1240)),
            used: Some(988),
            bytes: Some(1234),
            flags: Some(9),
        }
    }

    #[test]
    fn rows_are_aligned_with_their_headings() {
        let expected = [
            "      SIZE      TTL LEFT      LAST USE  TYPE                VERSION  PREFIX      KEY",
            "    1.2 KB         4 min          12 s  pickle, compressed        1  site        site:1:news",
        ];
        let text = heading() + &text_line(&item(b"site:1:news"), 1000);
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn unknown_values_are_question_marks() {
        let bare = Item { expires: None, used: None, bytes: None, flags: None, ..item(b"k\x1b[2J") };
        let words: Vec<String> = text_line(&bare, 0).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["?", "?", "?", "?", "k\\x1b[2J"]);
        let json_line: serde_json::Value = serde_json::from_str(&json_line(&bare, 0)).unwrap();
        assert_eq!(json_line["flags"], serde_json::Value::Null);
    }

    #[test]
    fn json_has_one_object_per_line() {
        let text = json_line(&item(b"site:1:news"), 1000);
        assert_eq!(text.matches('\n').count(), 1);
        let json_line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json_line["django"], json!({"prefix": "site", "version": 1, "key": "news"}));
        assert_eq!((&json_line["ttl_left_secs"], &json_line["last_use_secs_ago"]), (&json!(240), &json!(12)));
        let never = Item { expires: Some(None), ..item(b"k\xff") };
        let json_line: serde_json::Value = serde_json::from_str(&super::json_line(&never, 0)).unwrap();
        assert_eq!((&json_line["expires"], &json_line["ttl_left_secs"]), (&json!(false), &json!(null)));
        assert_eq!(json_line["key"], "k\u{fffd}");
    }
}

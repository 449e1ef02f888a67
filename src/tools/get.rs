//! `larder get KEY`: prints a value with its type, age and time left.
//!
//! A value is data: a pickle is named as such and never loaded, and bytes are escaped.

use super::client::{Client, StoredValue, ToolError};
use super::escape::escape;
use super::keys::flags::kind;
use super::reply::WhyReply;
use super::{json, units};
use serde_json::json;

/// Bytes of a value that are printed as text. JSON has all of them.
const SHOWN_MAX_BYTES: usize = 4096;

/// Protocols of a pickle that begins with its number.
const PICKLE_PROTOCOLS: std::ops::RangeInclusive<u8> = 2..=5;

/// Requests the value and formats it.
pub fn report(client: &mut Client, key: &str, json: bool) -> Result<String, ToolError> {
    // Asked first, because the request for the value is a use. Only larder knows the age.
    let age_secs = match client.why(key) {
        Ok(WhyReply::Present { age_secs, .. }) => age_secs,
        Ok(_) | Err(ToolError::UnknownRequest { .. } | ToolError::Refused { .. }) => None,
        Err(error) => return Err(error),
    };
    let Some(value) = client.value(key)? else {
        return Err(ToolError::NotStored { key: escape(key.as_bytes()) });
    };
    Ok(if json { json_line(key, age_secs, &value) } else { text(key, age_secs, &value) })
}

fn json_line(key: &str, age_secs: Option<u64>, value: &StoredValue) -> String {
    json::line(&json!({
        "key": key, "type": type_of(value), "flags": value.flags, "age_secs": age_secs,
        "left_secs": value.left_secs, "value_bytes": value.data.len(),
        "value": escape(&value.data),
    }))
}

fn text(key: &str, age_secs: Option<u64>, value: &StoredValue) -> String {
    let age = age_secs.map_or("unknown".to_owned(), units::span);
    let left = value.left_secs.map_or("never expires".to_owned(), units::span);
    let shown = &value.data[..value.data.len().min(SHOWN_MAX_BYTES)];
    let mut text = format!(
        "key        {}\ntype       {}\nage        {age}\ntime left  {left}\nsize       {}\nvalue      {}\n",
        escape(key.as_bytes()),
        type_of(value),
        units::bytes(value.data.len() as u64),
        escape(shown)
    );
    let hidden = value.data.len() - shown.len();
    if hidden > 0 {
        text += &format!("           and {} more (--json prints all)\n", units::bytes(hidden as u64));
    }
    text
}

/// The type by the flags. Without flags, a pickle is recognized by its first and last byte.
fn type_of(value: &StoredValue) -> String {
    let kind = kind(value.flags);
    match value.data.as_slice() {
        _ if kind.starts_with("pickle") => format!("{kind} (not loaded)"),
        [0x80, protocol, .., b'.'] if PICKLE_PROTOCOLS.contains(protocol) => {
            format!("{kind}, probably a pickle (not loaded)")
        }
        _ => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(flags: u32, data: &[u8]) -> StoredValue {
        StoredValue { flags, left_secs: Some(240), data: data.to_vec() }
    }

    #[test]
    fn the_text_has_a_line_for_each_property() {
        assert_eq!(
            text("a:1", Some(60), &value(16, "gr\u{fc}\x1b".as_bytes())),
            "key        a:1\ntype       text\nage        1 min\ntime left  4 min\nsize       5 bytes\n\
             value      gr\u{fc}\\x1b\n"
        );
        let endless = StoredValue { left_secs: None, ..value(0, b"") };
        assert!(text("k", None, &endless).contains("age        unknown\ntime left  never expires\n"));
    }

    #[test]
    fn a_long_value_is_cut_in_text_only() {
        let long = value(0, &[b'x'; SHOWN_MAX_BYTES + 1024]);
        assert!(text("k", None, &long).ends_with("x\n           and 1 KB more (--json prints all)\n"));
        assert!(json_line("k", None, &long).contains(&"x".repeat(SHOWN_MAX_BYTES + 1024)));
    }

    #[test]
    fn a_pickle_is_named() {
        let pickle = b"\x80\x04K\x07.";
        assert_eq!(type_of(&value(1, pickle)), "pickle (not loaded)");
        assert_eq!(type_of(&value(9, b"x")), "pickle, compressed (not loaded)");
        assert_eq!(type_of(&value(0, pickle)), "bytes, probably a pickle (not loaded)");
        assert_eq!(type_of(&value(0, b"\x80\x09.")), "bytes");
        assert_eq!(type_of(&value(2, b"7")), "integer");
    }

    #[test]
    fn json_has_the_escaped_value() {
        let line = json_line("k", Some(3), &value(0, b"a\xff"));
        assert!(line.contains(r#""value":"a\\xff""#) && line.contains(r#""age_secs":3"#), "{line}");
    }
}

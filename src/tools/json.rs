//! JSON output: one value per line, safe on a terminal.

use super::escape::{is_unsafe, percent_decoded};
use super::reply;
use super::stat_lines::StatLines;
use serde_json::{Map, Value, json};

/// One line. Unsafe characters only occur in strings, where `\uXXXX` may replace them.
pub fn line(value: &Value) -> String {
    let json = value.to_string();
    let mut text = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        if is_unsafe(character) {
            character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text += &format!("\\u{unit:04x}"));
        } else {
            text.push(character);
        }
    }
    text.push('\n');
    text
}

/// A number if the text is one, else the text.
pub fn stat_value(text: &str) -> Value {
    match (reply::number(text.as_bytes()), reply::real(text.as_bytes())) {
        (Some(number), _) => json!(number),
        (None, Some(real)) => json!(real),
        (None, None) => json!(text),
    }
}

/// An object with all stats.
pub fn object(stats: &StatLines) -> Map<String, Value> {
    stats.iter().map(|(name, value)| (name.to_owned(), stat_value(value))).collect()
}

/// A percent-encoded key as text; bytes that are not UTF-8 become U+FFFD.
pub fn key(encoded: &str) -> Value {
    json!(String::from_utf8_lossy(&percent_decoded(encoded.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_control_a_terminal_are_escaped() {
        let value = json!({"key": "a\u{1b}[2J\u{9b}\u{7f}\u{202e}\n\u{e0001}\"ü"});
        let text = line(&value);
        assert!(!text.trim_end().contains(is_unsafe), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn numeric_stats_become_numbers() {
        let stats = StatLines::of("a 18446744073709551615\nb 0.5\nc 1.6.45\nd -1");
        let object = Value::Object(object(&stats));
        assert_eq!(line(&object), "{\"a\":18446744073709551615,\"b\":0.5,\"c\":\"1.6.45\",\"d\":-1.0}\n");
    }
}

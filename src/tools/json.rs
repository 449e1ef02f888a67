//! What `--json` prints: one value a line, safe for a terminal as well.

use super::escape::{is_unsafe, percent_decoded};
use super::reply;
use super::stat_lines::StatLines;
use serde_json::{Map, Value, json};

/// One line. What steers a terminal can only stand inside strings, where it may be written as `\uXXXX`.
pub fn line(value: &Value) -> String {
    let plain = value.to_string();
    let mut text = String::with_capacity(plain.len() + 1);
    for character in plain.chars() {
        if is_unsafe(character) {
            character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text += &format!("\\u{unit:04x}"));
        } else {
            text.push(character);
        }
    }
    text.push('\n');
    text
}

/// A number where the server gives one, else its text.
pub fn figure(text: &str) -> Value {
    match (reply::number(text.as_bytes()), reply::real(text.as_bytes())) {
        (Some(number), _) => json!(number),
        (None, Some(real)) => json!(real),
        (None, None) => json!(text),
    }
}

/// An object of all the figures.
pub fn object(stats: &StatLines) -> Map<String, Value> {
    stats.iter().map(|(name, value)| (name.to_owned(), figure(value))).collect()
}

/// A key that came encoded: as text, in which bytes that are not UTF-8 are U+FFFD.
pub fn key(encoded: &str) -> Value {
    json!(String::from_utf8_lossy(&percent_decoded(encoded.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
        let value = json!({"key": "a\u{1b}[2J\u{9b}\u{7f}\u{202e}\n\u{e0001}\"ü"});
        let text = line(&value);
        assert!(!text.trim_end().contains(is_unsafe), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn figures_are_numbers_where_they_can_be() {
        let stats = StatLines::of("a 18446744073709551615\nb 0.5\nc 1.6.45\nd -1");
        let object = Value::Object(object(&stats));
        assert_eq!(line(&object), "{\"a\":18446744073709551615,\"b\":0.5,\"c\":\"1.6.45\",\"d\":-1.0}\n");
    }
}

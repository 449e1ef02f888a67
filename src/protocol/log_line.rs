//! The lines that `watch` sends, each without its time, its number and its line end.

use super::listing::push_uri_encoded;
use super::reply::ReplyBuffer;
use std::fmt::Arguments;

/// A line under way.
#[derive(Default, Debug)]
pub struct LogLine(ReplyBuffer);

impl LogLine {
    /// Begins a line of this type.
    pub fn new(kind: &str) -> LogLine {
        let mut line = LogLine::default();
        line.0.push(b"type=");
        line.0.push(kind.as_bytes());
        line
    }

    /// Appends a key, encoded.
    pub fn key(mut self, key: &[u8]) -> LogLine {
        self.0.push(b" key=");
        push_uri_encoded(&mut self.0, key);
        self
    }

    /// Appends fields, `name=value` with a space between two.
    pub fn fields(mut self, fields: Arguments<'_>) -> LogLine {
        self.0.push(b" ");
        self.0.push(fields.to_string().as_bytes());
        self
    }

    /// The line.
    pub fn bytes(&self) -> &[u8] {
        self.0.plain().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_its_type_its_key_and_its_fields() {
        let line = LogLine::new("item_get").key(b"a b").fields(format_args!("status=found size={}", 3));
        assert_eq!(line.bytes(), b"type=item_get key=a%20b status=found size=3");
    }
}

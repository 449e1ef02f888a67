//! The lines that `watch` sends, each without its timestamp, sequence number and line end.

use super::percent_encoding::push_percent_encoded;
use super::reply::ReplyBuffer;
use std::fmt::Arguments;

/// A line of the watch log.
#[derive(Default, Debug)]
pub struct LogLine(ReplyBuffer);

impl LogLine {
    /// A line of this type.
    pub fn new(kind: &str) -> LogLine {
        let mut line = LogLine::default();
        line.0.push(b"type=");
        line.0.push(kind.as_bytes());
        line
    }

    /// Appends a percent-encoded key.
    pub fn key(mut self, key: &[u8]) -> LogLine {
        self.0.push(b" key=");
        push_percent_encoded(&mut self.0, key);
        self
    }

    /// Appends fields of the form `name=value`, separated by spaces.
    pub fn fields(mut self, fields: Arguments<'_>) -> LogLine {
        self.0.push(b" ");
        self.0.push(fields.to_string().as_bytes());
        self
    }

    /// The line.
    pub fn bytes(&self) -> &[u8] {
        self.0.contiguous().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_type_a_key_and_fields() {
        let line = LogLine::new("item_get").key(b"a b").fields(format_args!("status=found size={}", 3));
        assert_eq!(line.bytes(), b"type=item_get key=a%20b status=found size=3");
    }
}

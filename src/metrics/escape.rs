//! Keys as people read them.

/// A key as text, a different one for each key: what can be printed is as it is, anything else, and a backslash, is
/// escaped as in a string of Rust. Characters that change the direction of the text count as what cannot be printed.
pub(super) fn escape(key: &[u8]) -> String {
    let mut text = String::with_capacity(key.len());
    for chunk in key.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\'' => text.push(character),
                _ => text.extend(character.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_can_be_read_stays_as_it_is() {
        for key in [":1:session'\"", "<b>&amp;", "ключ", "鍵"] {
            assert_eq!(escape(key.as_bytes()), key);
        }
    }

    #[test]
    fn what_cannot_be_printed_is_escaped() {
        assert_eq!(escape(b"a\xff\x80b"), r"a\xff\x80b");
        assert_eq!(escape(b"\x00\x1b[2J\r\n\x7f"), r"\0\u{1b}[2J\r\n\u{7f}");
        assert_eq!(escape("\u{202e}".as_bytes()), r"\u{202e}");
        assert_eq!(escape(br"\n"), r"\\n");
    }
}

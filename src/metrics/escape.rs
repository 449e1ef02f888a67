//! Escapes keys for display.

/// A key as text, with different texts for different keys. Printable characters remain; all others, and backslashes,
/// are escaped as in a Rust string. Characters that change the text direction count as not printable.
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
    fn printable_characters_remain() {
        for key in [":1:session'\"", "<b>&amp;", "ключ", "鍵"] {
            assert_eq!(escape(key.as_bytes()), key);
        }
    }

    #[test]
    fn other_characters_are_escaped() {
        assert_eq!(escape(b"a\xff\x80b"), r"a\xff\x80b");
        assert_eq!(escape(b"\x00\x1b[2J\r\n\x7f"), r"\0\u{1b}[2J\r\n\u{7f}");
        assert_eq!(escape("\u{202e}".as_bytes()), r"\u{202e}");
        assert_eq!(escape(br"\n"), r"\\n");
    }
}

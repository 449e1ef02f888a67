//! Converts bytes from a server to text that is safe on a terminal.
//!
//! Clients choose keys and values freely. [`escape`] keeps printable characters and escapes all that could control a
//! terminal: control characters, changes of the text direction, characters without width.

/// A printable text with a one-to-one relation to the bytes: `\n`, `\x1b`, `\u{202e}`, `\\`.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' | '\n' | '\r' | '\t' => text.extend(character.escape_default()),
                character if character.is_ascii_control() => text += &format!("\\x{:02x}", character as u32),
                character if is_unsafe(character) => text.extend(character.escape_unicode()),
                character => text.push(character),
            }
        }
        chunk.invalid().iter().for_each(|byte| text += &format!("\\x{byte:02x}"));
    }
    text
}

/// True for characters that must not reach a terminal unescaped.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{e0000}'..='\u{e0fff}')
}

/// Decodes `%XX`; a percent sign before anything else remains.
pub fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let pair = match after {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        let (byte, taken) = pair.map_or((*first, 1), |(high, low)| ((high * 16 + low) as u8, 3));
        bytes.push(byte);
        rest = &rest[taken..];
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_characters_remain() {
        for text in ["", ":1:views.decorators.cache", "grüße", "鍵", "a b%20c"] {
            assert_eq!(escape(text.as_bytes()), text);
        }
    }

    #[test]
    fn characters_that_control_a_terminal_are_escaped() {
        for (bytes, text) in [
            (&b"a\x1b[2J"[..], "a\\x1b[2J"),
            (b"a\nb\r\tc\\", "a\\nb\\r\\tc\\\\"),
            (b"\0\x7f", "\\x00\\x7f"),
            (b"\xff\xc3", "\\xff\\xc3"),
            ("\u{9b}2J".as_bytes(), "\\u{9b}2J"),
            ("a\u{202e}b".as_bytes(), "a\\u{202e}b"),
        ] {
            assert_eq!(escape(bytes), text);
        }
        let all: Vec<u8> = (0..=255).collect();
        assert!(!escape(&all).contains(is_unsafe));
    }

    #[test]
    fn percent_signs_are_decoded_before_two_hex_digits() {
        for (text, bytes) in [
            ("a%20b", &b"a b"[..]),
            ("%fF%00", b"\xff\0"),
            ("100%", b"100%"),
            ("%2", b"%2"),
            ("%zz%41", b"%zzA"),
            ("%%41", b"%A"),
        ] {
            assert_eq!(percent_decoded(text.as_bytes()), bytes, "{text}");
        }
    }
}

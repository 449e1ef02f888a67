//! Bytes of a server as text for a terminal.
//!
//! Keys and values are whatever a client chose. [`escape`] lets through what prints and nothing that steers: no control
//! characters, none that turn the direction of writing or have no width.

/// A text that is safe to print and stands for exactly these bytes: `\n`, `\x1b`, `\u{202e}`, `\\`.
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

/// True for what must not reach a terminal as it is.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{e0000}'..='\u{e0fff}')
}

/// The bytes that a text with `%XX` stands for; a percent sign before anything else is itself.
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
    fn what_prints_is_shown_as_it_is() {
        for text in ["", ":1:views.decorators.cache", "grüße", "鍵", "a b%20c"] {
            assert_eq!(escape(text.as_bytes()), text);
        }
    }

    #[test]
    fn nothing_that_steers_a_terminal_gets_through() {
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
    fn percent_signs_are_decoded_where_two_digits_follow() {
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

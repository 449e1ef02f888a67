//! The shape of a key: what the keys of one family have in common, without configuration.
//!
//! Numbers, hex, UUIDs and long random tokens become `*`. Words and the separators between them remain. A word with a
//! number after it keeps the word (`page12` becomes `page*`). Keys of a known framework have a [name](known_format) and
//! the shape of its format; Django's `prefix:version:` remains.
//!
//! A shape has at most [`SHAPE_MAX_BYTES`] of letters, digits and visible ASCII, for every key: all other bytes become
//! `*`. The shape does not recognise a word that is a value: `user:alice` and `user:bob` have different shapes.

mod known_format;

use known_format::KnownFormat;

/// Longest shape; a longer one is cut and ends with `*`.
pub(super) const SHAPE_MAX_BYTES: usize = 120;

/// Longest run of letters that counts as a word.
const WORD_MAX_BYTES: usize = 32;

/// Shortest token that counts as random or as hex because of its letters alone.
const RANDOM_MIN_BYTES: usize = 16;

/// Fewest changes between letters and digits in a random token.
const RANDOM_CHANGES_MIN: usize = 3;

/// Shortest token that counts as hex, not as a word and a number.
const HEX_MIN_BYTES: usize = 8;

/// Most digits of a version after an empty prefix.
const VERSION_MAX_BYTES: usize = 10;

/// Writes the shape of a key into `shape`, replacing its content. Returns the name of the key's family, or "".
pub(super) fn write_shape(key: &[u8], shape: &mut String) -> &'static str {
    shape.clear();
    let mut writer = ShapeWriter { shape };
    let (head, name) = match known_format::find(key) {
        Some((head, format)) => {
            write_head(&key[..head], &mut writer);
            write_known_format(format, &key[head..], &mut writer);
            (key.len(), format.name)
        }
        None => (version_head(key), ""),
    };
    if name.is_empty() {
        write_head(&key[..head], &mut writer);
        write_rest(&key[head..], &mut writer);
    }
    name
}

/// Length of `prefix:version:` at the start of a Django key, 0 if there is none.
///
/// The default prefix is empty, which other keys do not have. After any other prefix, only Django's default version 1
/// counts as a version: in `user:1234:` the number is an id.
fn version_head(key: &[u8]) -> usize {
    let Some(prefix) = key.iter().position(|byte| *byte == b':') else { return 0 };
    match version_end(key, prefix) {
        Some(end) if prefix == 0 || key[prefix..end] == *b":1:" => end,
        _ => 0,
    }
}

/// The end of `:version:` that starts at this colon.
fn version_end(key: &[u8], colon: usize) -> Option<usize> {
    let rest = &key[colon + 1..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ends = (1..=VERSION_MAX_BYTES).contains(&digits) && rest.get(digits) == Some(&b':');
    ends.then_some(colon + 1 + digits + 1)
}

/// Writes the head of a key, which ends with `:version:` or is empty.
fn write_head(head: &[u8], writer: &mut ShapeWriter<'_>) {
    let Some(last) = head.len().checked_sub(1) else { return };
    let colon = head[..last].iter().rposition(|byte| *byte == b':').unwrap_or(0);
    write_rest(&head[..colon], writer);
    head[colon..].iter().for_each(|byte| writer.push(*byte));
}

fn write_known_format(format: &KnownFormat, key: &[u8], writer: &mut ShapeWriter<'_>) {
    let (start, rest) = key.split_at(format.start.len());
    start.iter().for_each(|byte| writer.push(*byte));
    if format.rest_is_id {
        writer.push_star();
    } else {
        write_rest(rest, writer);
    }
}

fn write_rest(key: &[u8], writer: &mut ShapeWriter<'_>) {
    let mut rest = key;
    while let Some(byte) = rest.first() {
        let len = rest.iter().take_while(|byte| is_chunk(**byte)).count();
        if len > 0 {
            write_chunk(&rest[..len], writer);
        } else if byte.is_ascii_graphic() {
            writer.push(*byte);
        } else {
            writer.push_star();
        }
        rest = &rest[len.max(1)..];
    }
}

/// Bytes of words, and bytes that join words or belong to base64.
fn is_chunk(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'-' | b'_' | b'+')
}

/// Bytes of words: letters of all languages, and digits.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn write_chunk(chunk: &[u8], writer: &mut ShapeWriter<'_>) {
    if is_random(chunk) {
        writer.push_star();
        return;
    }
    let mut rest = chunk;
    while let Some(byte) = rest.first() {
        let taken = uuid_len(rest);
        let len = rest.iter().take_while(|byte| is_token(**byte)).count();
        if taken > 0 {
            writer.push_star();
        } else if len > 0 {
            write_token(&rest[..len], writer);
        } else {
            writer.push(*byte);
        }
        rest = &rest[taken.max(len).max(1)..];
    }
}

fn write_token(token: &[u8], writer: &mut ShapeWriter<'_>) {
    let Ok(text) = std::str::from_utf8(token) else { return writer.push_star() };
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    if is_id(token) || !is_word(stem) {
        writer.push_star();
        return;
    }
    writer.push_word(stem);
    if stem.len() < text.len() {
        writer.push_star();
    }
}

/// True for tokens that are numbers or hex.
fn is_id(token: &[u8]) -> bool {
    let digits = token.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_hex = token.iter().all(u8::is_ascii_hexdigit);
    digits == token.len()
        || is_hex && token.len() >= if digits > 0 { HEX_MIN_BYTES } else { RANDOM_MIN_BYTES }
}

fn is_word(text: &str) -> bool {
    let letters =
        text.chars().all(|c| if c.is_ascii() { c.is_ascii_alphabetic() } else { c.is_alphabetic() });
    let humps = text.as_bytes().windows(2).filter(|pair| is_hump(pair)).count();
    letters && text.len() <= WORD_MAX_BYTES && (text.len() < RANDOM_MIN_BYTES || humps * 4 <= text.len())
}

/// A capital inside a word, as in `getUser`.
fn is_hump(pair: &[u8]) -> bool {
    pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()
}

/// True for base64 and similar tokens: long, with letters of both cases, and with digits between them.
fn is_random(chunk: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| chunk.iter().any(is);
    let changes = |pair: &&[u8]| {
        let (digit, letter) = (u8::is_ascii_digit, u8::is_ascii_alphabetic);
        digit(&pair[0]) && letter(&pair[1]) || letter(&pair[0]) && digit(&pair[1])
    };
    chunk.len() >= RANDOM_MIN_BYTES
        && chunk.is_ascii()
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && chunk.windows(2).filter(changes).count() >= RANDOM_CHANGES_MIN
}

/// Length of a UUID with its hyphens at the start of the text; 0 if there is none or more token bytes follow.
fn uuid_len(text: &[u8]) -> usize {
    const FORM: &[u8; 36] = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    let fits = |(byte, form): (&u8, &u8)| byte == form || *form == b'x' && byte.is_ascii_hexdigit();
    let is_uuid = text.len() >= FORM.len() && text.iter().zip(FORM).all(fits);
    let continues = text.get(FORM.len()).is_some_and(|byte| is_token(*byte));
    if is_uuid && !continues { FORM.len() } else { 0 }
}

/// Writes a shape within its length limit.
struct ShapeWriter<'a> {
    shape: &'a mut String,
}

impl ShapeWriter<'_> {
    /// Numbers that one of these joins become one `*`: dates, lists, ranges.
    const JOINS: [char; 3] = ['-', ',', '+'];

    /// Writes a byte of visible ASCII.
    fn push(&mut self, byte: u8) {
        if self.fits(1) {
            self.shape.push(char::from(byte));
        }
    }

    fn push_word(&mut self, word: &str) {
        if self.fits(word.len()) {
            self.shape.push_str(word);
        }
    }

    fn push_star(&mut self) {
        if self.shape.strip_suffix(Self::JOINS).is_some_and(|before| before.ends_with('*')) {
            self.shape.pop();
        }
        if !self.shape.ends_with('*') && self.fits(1) {
            self.shape.push('*');
        }
    }

    /// True if this many bytes still fit. If not, fills the shape with `*`, so that nothing else fits.
    fn fits(&mut self, bytes: usize) -> bool {
        if self.shape.len() + bytes < SHAPE_MAX_BYTES {
            return true;
        }
        while self.shape.len() < SHAPE_MAX_BYTES {
            self.shape.push('*');
        }
        false
    }
}

#[cfg(test)]
mod tests;

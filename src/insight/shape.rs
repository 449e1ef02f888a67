//! The shape of a key: what keys of one family have in common, found without being told.
//!
//! Numbers, hex, uuids and long random tokens become `*`; words, and the separators between them, stay. A word with a
//! number behind it keeps the word (`page12` is `page*`). Keys that a framework makes have a [name](known) and the
//! shape that its own format gives them; Django's `prefix:version:` is kept as it is.
//!
//! It is text of letters, digits and visible ASCII, [`SHAPE_MAX_BYTES`] long at most, whatever the key: bytes that are
//! none of these are `*` too. What it cannot know is that a word is a value: `user:alice` and `user:bob` differ.

mod known;

use known::Known;

/// Length of a shape, at most; the end of a longer one is a `*`.
pub(super) const SHAPE_MAX_BYTES: usize = 120;

/// Longest run of letters that is taken for a word.
const WORD_MAX_BYTES: usize = 32;

/// Shortest token that is called random, or hex, for its letters alone.
const RANDOM_MIN_BYTES: usize = 16;

/// Changes between letters and digits in a random token, at least.
const RANDOM_CHANGES_MIN: usize = 3;

/// Shortest token that is called hex rather than a word and a number.
const HEX_MIN_BYTES: usize = 8;

/// Most digits of a version behind an empty prefix.
const VERSION_MAX_BYTES: usize = 10;

/// Writes the shape of a key in place of the text that is there; returns the name of its family, if it has one.
pub(super) fn write_shape(key: &[u8], shape: &mut String) -> &'static str {
    shape.clear();
    let mut writer = Writer { shape };
    let (head, name) = match known::find(key) {
        Some((head, known)) => {
            write_head(&key[..head], &mut writer);
            write_known(known, &key[head..], &mut writer);
            (key.len(), known.name)
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
/// The prefix is empty by default, which no other key looks like. Behind another prefix only the version that Django
/// begins with, 1, is taken for one: `user:1234:` has an id there.
fn version_head(key: &[u8]) -> usize {
    let Some(prefix) = key.iter().position(|byte| *byte == b':') else { return 0 };
    match version_end(key, prefix) {
        Some(end) if prefix == 0 || key[prefix..end] == *b":1:" => end,
        _ => 0,
    }
}

/// Where `:version:` ends that begins at this colon.
fn version_end(key: &[u8], colon: usize) -> Option<usize> {
    let rest = &key[colon + 1..];
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ends = (1..=VERSION_MAX_BYTES).contains(&digits) && rest.get(digits) == Some(&b':');
    ends.then_some(colon + 1 + digits + 1)
}

/// A head ends in `:version:`, or is empty.
fn write_head(head: &[u8], writer: &mut Writer<'_>) {
    let Some(last) = head.len().checked_sub(1) else { return };
    let colon = head[..last].iter().rposition(|byte| *byte == b':').unwrap_or(0);
    write_rest(&head[..colon], writer);
    head[colon..].iter().for_each(|byte| writer.push(*byte));
}

fn write_known(known: &Known, key: &[u8], writer: &mut Writer<'_>) {
    let (start, rest) = key.split_at(known.start.len());
    start.iter().for_each(|byte| writer.push(*byte));
    if known.then_id {
        writer.push_star();
    } else {
        write_rest(rest, writer);
    }
}

fn write_rest(key: &[u8], writer: &mut Writer<'_>) {
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

/// Bytes of words, and those that join them or are part of base64.
fn is_chunk(byte: u8) -> bool {
    is_token(byte) || matches!(byte, b'-' | b'_' | b'+')
}

/// Bytes of words: letters of all languages, and digits.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

fn write_chunk(chunk: &[u8], writer: &mut Writer<'_>) {
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

fn write_token(token: &[u8], writer: &mut Writer<'_>) {
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

/// A capital within a word, as in `getUser`.
fn is_hump(pair: &[u8]) -> bool {
    pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()
}

/// True for base64 and the like: long, with letters of both cases and digits among them, not only behind a name.
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

/// Length of a uuid with its hyphens, if there is one at the start and nothing goes on behind it.
fn uuid_len(text: &[u8]) -> usize {
    const FORM: &[u8; 36] = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    let fits = |(byte, form): (&u8, &u8)| byte == form || *form == b'x' && byte.is_ascii_hexdigit();
    let is_uuid = text.len() >= FORM.len() && text.iter().zip(FORM).all(fits);
    let goes_on = text.get(FORM.len()).is_some_and(|byte| is_token(*byte));
    if is_uuid && !goes_on { FORM.len() } else { 0 }
}

/// Puts a shape together within its bound.
struct Writer<'a> {
    shape: &'a mut String,
}

impl Writer<'_> {
    /// Numbers joined by these are one: dates, lists, ranges.
    const JOINS: [char; 3] = ['-', ',', '+'];

    /// A byte of visible ASCII.
    fn push(&mut self, byte: u8) {
        if self.has_room(1) {
            self.shape.push(char::from(byte));
        }
    }

    fn push_word(&mut self, word: &str) {
        if self.has_room(word.len()) {
            self.shape.push_str(word);
        }
    }

    fn push_star(&mut self) {
        if self.shape.strip_suffix(Self::JOINS).is_some_and(|joined| joined.ends_with('*')) {
            self.shape.pop();
        }
        if !self.shape.ends_with('*') && self.has_room(1) {
            self.shape.push('*');
        }
    }

    /// True if so much more can be had. If not, what is there is closed by a `*`, and there is no more room.
    fn has_room(&mut self, bytes: usize) -> bool {
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

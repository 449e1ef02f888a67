//! Base64 encoding of keys with bytes that a line cannot contain (meta flag `b`).
//!
//! Decodes as memcached does: standard alphabet, padding required, bytes outside the alphabet skipped, everything
//! after a padded group ignored. The caller provides the buffer, so no key costs an allocation.

use super::limits::KEY_MAX_BYTES;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Characters of a base64 group, and the bytes that it encodes.
const GROUP_CHARS: usize = 4;
const GROUP_BYTES: usize = 3;

/// Longest decoded key, in bytes.
pub const DECODED_KEY_MAX_BYTES: usize = KEY_MAX_BYTES.div_ceil(GROUP_CHARS) * GROUP_BYTES;

/// A buffer for a decoded key; empty until a key is decoded.
#[derive(Default, Debug)]
pub struct KeyBuffer(Option<[u8; DECODED_KEY_MAX_BYTES]>);

impl KeyBuffer {
    /// Decodes `text`; see [`decode`].
    pub fn decode(&mut self, text: &[u8]) -> Option<&[u8]> {
        decode(text, self.0.insert([0; DECODED_KEY_MAX_BYTES]))
    }
}

/// Longest encoded key, in bytes.
pub const ENCODED_KEY_MAX_BYTES: usize = KEY_MAX_BYTES.div_ceil(GROUP_BYTES) * GROUP_CHARS;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// The key that `text` encodes, 1 to 186 bytes; `None` if `text` is malformed, empty or over the key limit.
pub fn decode<'b>(text: &[u8], buffer: &'b mut [u8; DECODED_KEY_MAX_BYTES]) -> Option<&'b [u8]> {
    let mut kept = [0; KEY_MAX_BYTES];
    if text.len() > kept.len() {
        return None;
    }
    let mut count = 0;
    for byte in text.iter().filter(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)) {
        kept[count] = *byte;
        count += 1;
    }
    if count % GROUP_CHARS != 0 {
        return None;
    }
    let groups = kept[..count].chunks_exact(GROUP_CHARS);
    let read = match groups.clone().position(|group| group.contains(&b'=')) {
        Some(padded) => (padded + 1) * GROUP_CHARS,
        None => count,
    };
    let decoded_len = BASE64.decode_slice(&kept[..read], buffer).ok().filter(|len| *len > 0)?;
    Some(&buffer[..decoded_len])
}

/// `key` as base64; empty if `key` is over the key limit.
pub fn encode<'b>(key: &[u8], buffer: &'b mut [u8; ENCODED_KEY_MAX_BYTES]) -> &'b [u8] {
    let encoded_len = BASE64.encode_slice(key, buffer).unwrap_or(0);
    &buffer[..encoded_len]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        decode(text, &mut [0; DECODED_KEY_MAX_BYTES]).map(<[u8]>::to_vec)
    }

    #[test]
    fn padded_groups_of_the_standard_alphabet_are_decoded() {
        for (text, key) in [
            ("Zm9v", &b"foo"[..]),
            ("Zm8=", b"fo"),
            ("Zg==", b"f"),
            ("+/+/", b"\xfb\xff\xbf"),
            ("AA==", b"\0"),
            ("Zh==", b"f"),
            ("Zg==Zg==", b"f"),
            ("Zm9v!", b"foo"),
            ("Z-m\t9_v", b"foo"),
        ] {
            assert_eq!(decoded(text.as_bytes()).as_deref(), Some(key), "{text:?}");
        }
    }

    #[test]
    fn unpadded_and_empty_texts_are_refused() {
        for text in ["", "Z", "Zg", "Zm9", "Zm9vZg=", "Zg=", "!!!!", "====", "=Zg=", "Zg===", "Z==="] {
            assert_eq!(decoded(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn keys_over_the_limit_are_refused() {
        assert_eq!(decoded("AAAA".repeat(62).as_bytes()), Some(vec![0; 186]));
        let padded = format!("!{}!", "AAAA".repeat(62));
        assert_eq!(decoded(padded.as_bytes()), Some(vec![0; 186]), "250 bytes with two invalid ones");
        assert_eq!(decoded("A".repeat(252).as_bytes()), None);
    }

    #[test]
    fn keys_of_all_lengths_survive_a_round_trip() {
        for len in 1..=186 {
            let key: Vec<u8> = (0..len).map(|at| (at * 7) as u8).collect();
            let mut buffer = [0; ENCODED_KEY_MAX_BYTES];
            assert_eq!(decoded(encode(&key, &mut buffer)), Some(key));
        }
        assert_eq!(encode(&[0; KEY_MAX_BYTES], &mut [0; ENCODED_KEY_MAX_BYTES]).len(), 336);
    }
}

//! Keys that travel as base64, because they hold what a line cannot (meta flag `b`).
//!
//! Reads as memcached reads: the standard alphabet, padding required, every other byte skipped, and nothing looked at
//! behind a padded group. Pure; the caller owns the room, so no key costs an allocation.

use super::limits::KEY_MAX_BYTES;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Characters of one group, and the bytes it stands for.
const GROUP_CHARS: usize = 4;
const GROUP_BYTES: usize = 3;

/// Room for every key that decodes, in bytes.
pub const DECODED_ROOM_BYTES: usize = KEY_MAX_BYTES.div_ceil(GROUP_CHARS) * GROUP_BYTES;

/// Room for every key encoded, in bytes.
pub const ENCODED_ROOM_BYTES: usize = KEY_MAX_BYTES.div_ceil(GROUP_BYTES) * GROUP_CHARS;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// The key that `text` stands for, 1 to 186 bytes; `None` if it stands for none or is longer than a key may be.
pub fn decode<'r>(text: &[u8], room: &'r mut [u8; DECODED_ROOM_BYTES]) -> Option<&'r [u8]> {
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
    let decoded_len = BASE64.decode_slice(&kept[..read], room).ok().filter(|len| *len > 0)?;
    Some(&room[..decoded_len])
}

/// `key` as base64; empty if it is longer than a key may be.
pub fn encode<'r>(key: &[u8], room: &'r mut [u8; ENCODED_ROOM_BYTES]) -> &'r [u8] {
    let encoded_len = BASE64.encode_slice(key, room).unwrap_or(0);
    &room[..encoded_len]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        decode(text, &mut [0; DECODED_ROOM_BYTES]).map(<[u8]>::to_vec)
    }

    #[test]
    fn padded_groups_of_the_standard_alphabet_are_read() {
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
    fn what_is_not_padded_or_stands_for_nothing_is_refused() {
        for text in ["", "Z", "Zg", "Zm9", "Zm9vZg=", "Zg=", "!!!!", "====", "=Zg=", "Zg===", "Z==="] {
            assert_eq!(decoded(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn the_longest_key_is_decoded_and_a_longer_one_refused() {
        assert_eq!(decoded("AAAA".repeat(62).as_bytes()), Some(vec![0; 186]));
        let padded = format!("!{}!", "AAAA".repeat(62));
        assert_eq!(decoded(padded.as_bytes()), Some(vec![0; 186]), "250 bytes, two of them skipped");
        assert_eq!(decoded("A".repeat(252).as_bytes()), None);
    }

    #[test]
    fn a_key_of_any_length_comes_back() {
        for len in 1..=186 {
            let key: Vec<u8> = (0..len).map(|at| (at * 7) as u8).collect();
            let mut room = [0; ENCODED_ROOM_BYTES];
            assert_eq!(decoded(encode(&key, &mut room)), Some(key));
        }
        assert_eq!(encode(&[0; KEY_MAX_BYTES], &mut [0; ENCODED_ROOM_BYTES]).len(), 336);
    }
}

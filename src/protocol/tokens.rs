//! Tokens and number formats shared by the grammars (protocol.txt, "Commands").
//!
//! As in memcached, most arguments are strict numbers; flags and exptime of storage commands are read like `strtoul`.

use super::limits::{KEY_MAX_BYTES, LINE_MAX_BYTES};
use super::refusal::Refusal;
use super::thousandths::Thousandths;
use memchr::memchr;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{digit0, digit1};
use nom::combinator::{all_consuming, map_opt, opt, recognize};
use nom::{IResult, Parser};

/// Result of a parser; the caller knows which argument an error is about.
pub type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// Skips spaces, then takes one token: the bytes up to a space or the end. Fails if no token follows.
pub fn token(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (token, rest) = split_token(input).ok_or(nom::Err::Error(()))?;
    Ok((rest, token))
}

/// As [`token`]: the token and the rest. Inlined, because it runs for every key of a `get`.
#[inline(always)]
pub fn split_token(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut input = input;
    while let [b' ', rest @ ..] = input {
        input = rest;
    }
    let end = find(b' ', input).unwrap_or(input.len());
    (end > 0).then(|| input.split_at(end))
}

/// True if the input contains a token.
pub fn has_token(input: &[u8]) -> bool {
    input.iter().any(|byte| *byte != b' ')
}

/// Position of the first `needle`. Up to 64 bytes are searched eight at a time: lines and keys are short, and the setup
/// of a search by wider registers would take longer.
#[inline]
pub fn find(needle: u8, haystack: &[u8]) -> Option<usize> {
    const SHORT_MAX_BYTES: usize = 64;
    let Some(last) = haystack.last_chunk::<8>() else {
        return haystack.iter().position(|byte| *byte == needle);
    };
    let short = &haystack[..haystack.len().min(SHORT_MAX_BYTES)];
    let mut left = short;
    while let Some((word, after)) = left.split_first_chunk::<8>() {
        if let Some(found) = find_in_word(needle, u64::from_le_bytes(*word)) {
            return Some(short.len() - left.len() + found);
        }
        left = after;
    }
    if haystack.len() > SHORT_MAX_BYTES {
        let found = memchr(needle, &haystack[SHORT_MAX_BYTES..]);
        return found.map(|found| SHORT_MAX_BYTES + found);
    }
    // The last word overlaps with the word before, which has no match.
    find_in_word(needle, u64::from_le_bytes(*last)).map(|found| haystack.len() - 8 + found)
}

/// Position of the first `needle`, counted from the lowest byte.
#[inline(always)]
fn find_in_word(needle: u8, word: u64) -> Option<usize> {
    const LOW_BITS: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    let differences = word ^ u64::from_ne_bytes([needle; 8]);
    // The lowest set bit belongs to the first byte without a difference.
    let equal = differences.wrapping_sub(LOW_BITS) & !differences & HIGH_BITS;
    (equal != 0).then(|| equal.trailing_zeros() as usize / 8)
}

/// Iterates over tokens.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a>(pub &'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (rest, next) = token(self.0).ok()?;
        self.0 = rest;
        Some(next)
    }
}

/// True if bytes without a line end exceed the longest line. A final CR can be half of the line end.
pub fn exceeds_line(front: &[u8]) -> bool {
    front.strip_suffix(b"\r").unwrap_or(front).len() > LINE_MAX_BYTES
}

/// The key, if it is within the limit.
pub fn checked_key(key: &[u8]) -> Result<&[u8], Refusal> {
    if key.len() > KEY_MAX_BYTES { Err(Refusal::BadLine) } else { Ok(key) }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

fn parse_all<'a, T>(input: &'a [u8], parser: impl Parser<&'a [u8], Output = T, Error = ()>) -> Option<T> {
    all_consuming(parser).parse(input).ok().map(|(_, value)| value)
}

/// A number of at most 22 digits.
pub fn strict_u64(token: &[u8]) -> Option<u64> {
    if token.len() > 22 { None } else { parse_all(token, map_opt(digit1, decimal)) }
}

/// A number of at most 11 digits.
pub fn strict_u32(token: &[u8]) -> Option<u32> {
    if token.len() > 11 {
        None
    } else {
        parse_all(token, map_opt(digit1, decimal)).and_then(|n| u32::try_from(n).ok())
    }
}

/// An optional minus and digits, at most 11 characters; a lone minus is 0.
pub fn strict_i32(token: &[u8]) -> Option<i32> {
    i32::try_from(strict_i64(token)?).ok()
}

fn strict_i64(token: &[u8]) -> Option<i64> {
    if token.is_empty() || token.len() > 11 {
        return None;
    }
    let (minus, digits) = parse_all(token, (opt(tag(&b"-"[..])), digit0))?;
    let size = i64::try_from(decimal(digits)?).ok()?;
    Some(if minus.is_some() { -size } else { size })
}

/// An optional sign and digits.
fn signed(token: &[u8]) -> Option<(bool, &[u8])> {
    let sign = take_while(|byte| byte == b'+' || byte == b'-');
    let (sign, digits) = parse_all(token, (recognize(sign), digit1))?;
    match sign {
        b"" | b"+" => Some((false, digits)),
        b"-" => Some((true, digits)),
        _ => None,
    }
}

/// Flags of a storage command: an optional plus and a number below 2^64, cut to its low 32 bits. A minus is accepted
/// before 0 only.
pub fn loose_flags(token: &[u8]) -> Option<u32> {
    let (minus, digits) = signed(token)?;
    let value = decimal(digits)?;
    if minus && value != 0 { None } else { Some(value as u32) }
}

/// The largest exptime, in January 2106. Later times count as this one.
const EXPTIME_MAX: i64 = u32::MAX as i64 - NEGATIVE_SPAN_SECS;

/// libmemcached writes a negative exptime as an unsigned number of 32 bits: -1 as 4294967295. The numbers of this many
/// seconds below 2^32 are read as negative.
const NEGATIVE_SPAN_SECS: i64 = 30 * 24 * 60 * 60;

/// The exptime that a number stands for.
fn exptime_of(number: i64) -> i64 {
    const NUMBERS_OF_32_BITS: i64 = 1 << 32;
    if (EXPTIME_MAX + 1..NUMBERS_OF_32_BITS).contains(&number) {
        number - NUMBERS_OF_32_BITS
    } else {
        number.min(EXPTIME_MAX)
    }
}

/// Exptime of touch, gat and the meta commands: as [`strict_i32`], but times after 2038 fit.
pub fn strict_exptime(token: &[u8]) -> Option<i64> {
    let exptime = strict_i64(token).filter(|exptime| *exptime >= i32::MIN.into())?;
    Some(exptime_of(exptime))
}

/// Exptime of a storage command: an optional sign and a number that fits 64 bits.
pub fn loose_exptime(token: &[u8]) -> Option<i64> {
    loose_i64(token).map(exptime_of)
}

/// An optional sign and a number that fits 64 bits.
pub fn loose_i64(token: &[u8]) -> Option<i64> {
    let (minus, digits) = signed(token)?;
    let size = i128::from(decimal(digits)?);
    i64::try_from(if minus { -size } else { size }).ok()
}

/// A finite decimal number in Rust's syntax, at most a million, in thousandths.
pub fn thousandths(token: &[u8]) -> Option<Thousandths> {
    let number: f64 = std::str::from_utf8(token).ok()?.parse().ok()?;
    // A positive number stays positive.
    let rounded = if number > 0.0 { (number * 1000.0).round().max(1.0) } else { 0.0 };
    (number.is_finite() && rounded <= 1e9).then_some(Thousandths(rounded as u32))
}

/// True if `token` is a prefix of `word`, as memcached compares sub-commands.
pub fn is_prefix_of(token: &[u8], word: &[u8]) -> bool {
    word.starts_with(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_split_by_spaces_only() {
        assert_eq!(token(b"  a\tb  c"), Ok((&b"  c"[..], &b"a\tb"[..])));
        assert_eq!(token(b"abc"), Ok((&b""[..], &b"abc"[..])));
        assert!(token(b"   ").is_err() && token(b"").is_err());
    }

    #[test]
    fn the_first_match_is_found_at_every_length() {
        for len in 0..150 {
            let mut haystack = vec![b'x'; len];
            assert_eq!(find(b' ', &haystack), None, "{len} bytes");
            for at in (0..len).rev() {
                haystack[at] = b' ';
                assert_eq!(find(b' ', &haystack), Some(at), "{len} bytes");
                // A byte that differs only in the lowest bit does not match.
                haystack[at] = b'!';
                assert_eq!(find(b' ', &haystack), None, "{len} bytes");
                haystack[at] = b'x';
            }
            haystack.fill(b' ');
            assert_eq!(find(b' ', &haystack), (len > 0).then_some(0), "{len} bytes");
        }
    }

    #[test]
    fn strict_numbers_accept_digits_only() {
        assert_eq!(strict_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(strict_u64(b"0018446744073709551615"), Some(u64::MAX));
        assert_eq!(strict_u32(b"00000000007"), Some(7));
        assert_eq!(strict_u32(b"4294967295"), Some(u32::MAX));
        for bad in [&b""[..], b"+1", b"-1", b" 1", b"1 ", b"1x", b"0x1", b"18446744073709551616"] {
            assert_eq!(strict_u64(bad), None, "{bad:?}");
        }
        assert_eq!(strict_u64(b"00018446744073709551615"), None, "23 characters");
        assert_eq!(strict_u32(b"000000000007"), None, "12 characters");
        assert_eq!(strict_u32(b"4294967296"), None);
    }

    #[test]
    fn strict_signed_numbers_accept_a_minus() {
        for (text, value) in
            [(&b"-"[..], 0), (b"-0", 0), (b"2147483647", i32::MAX), (b"-2147483648", i32::MIN)]
        {
            assert_eq!(strict_i32(text), Some(value), "{text:?}");
        }
        for bad in [&b""[..], b"+1", b"--1", b"2147483648", b"-2147483649", b"000000000001", b"1-", b"a"] {
            assert_eq!(strict_i32(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn flags_are_cut_to_32_bits() {
        for (text, value) in [
            (&b"0"[..], 0),
            (b"+5", 5),
            (b"-0", 0),
            (b"0007", 7),
            (b"4294967296", 0),
            (b"18446744073709551615", u32::MAX),
        ] {
            assert_eq!(loose_flags(text), Some(value), "{text:?}");
        }
        for bad in [&b""[..], b"-1", b"+", b"+-1", b"1a", b"18446744073709551616"] {
            assert_eq!(loose_flags(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn exptimes_after_2038_fit() {
        for (text, value) in [
            (&b"-1"[..], -1),
            (b"+5", 5),
            (b"4102444800", 4_102_444_800),
            (b"4292375295", EXPTIME_MAX),
            (b"4292375296", -2_592_000),
            (b"4294967295", -1),
            (b"4294967296", EXPTIME_MAX),
            (b"9223372036854775807", EXPTIME_MAX),
            (b"-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(loose_exptime(text), Some(value), "{text:?}");
        }
        for bad in [&b""[..], b"-", b"9223372036854775808", b"-9223372036854775809", b"1.5", b"++1"] {
            assert_eq!(loose_exptime(bad), None, "{bad:?}");
        }
        for (text, value) in [
            (&b"-"[..], 0),
            (b"-2147483648", i32::MIN.into()),
            (b"2147483648", 1 << 31),
            (b"4294967295", -1),
            (b"99999999999", EXPTIME_MAX),
        ] {
            assert_eq!(strict_exptime(text), Some(value), "{text:?}");
        }
        for bad in [&b""[..], b"+1", b"-2147483649", b"000000000001", b"100000000000", b"1-"] {
            assert_eq!(strict_exptime(bad), None, "{bad:?}");
        }
    }
}

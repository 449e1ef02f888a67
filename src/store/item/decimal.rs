//! Parsing of numbers stored as text, for `incr` and `decr`.
//!
//! A number has at most 20 digits and no sign, as protocol.txt documents. As in memcached, white space may precede the
//! number, and white space, a NUL or the end of the value must follow it.

/// Digits of the largest number, 2^64 - 1.
const DIGITS_MAX: usize = 20;

/// White space by C's `isspace` in the C locale; `u8::is_ascii_whitespace` lacks the vertical tab.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// The number at the start of `text`, or `None` if it is not one.
pub fn parse(text: &[u8]) -> Option<u64> {
    let start = text.iter().position(|&byte| !is_space(byte))?;
    let digits = &text[start..];
    let length = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(length);
    if !(1..=DIGITS_MAX).contains(&length) || !rest.first().is_none_or(|&byte| byte == 0 || is_space(byte)) {
        return None;
    }
    digits
        .iter()
        .try_fold(0u64, |number, &digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_numbers_up_to_the_largest_are_parsed() {
        assert_eq!(parse(b"0"), Some(0));
        assert_eq!(parse(b"11"), Some(11));
        assert_eq!(parse(b"00012"), Some(12));
        assert_eq!(parse(b"00000000000000000012"), Some(12), "20 digits");
        assert_eq!(parse(b"000000000000000000012"), None, "21 digits");
        assert_eq!(parse(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse(b"18446744073709551616"), None);
        assert_eq!(parse(b"99999999999999999999999"), None);
    }

    #[test]
    fn white_space_may_precede_and_white_space_or_nul_may_follow() {
        for text in [&b" 1"[..], b"1 ", b"\t\n\x0b\x0c\r1", b"1\0", b"1\0x", b"1 x", b"1\x0b", b" 1 6"] {
            assert_eq!(parse(text), Some(1), "{text:?}");
        }
        assert_eq!(parse(b"5 6"), Some(5));
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in [
            &b""[..],
            b" ",
            b"a",
            b"1a",
            b"0x10",
            b"1.5",
            b"-",
            b"+",
            b"+1",
            b" +1",
            b"-0",
            b"-9223372036854775809",
            b"-18446744073709551615",
            b"+-1",
            b"- 1",
            b"-1",
            b"--1",
            b"\xa01",
            b"1,",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}

//! Numbers in the form of C's `atoi` and `atof`: the number ends where its digits end, and the rest of the text is
//! returned.
//!
//! Init scripts rely on this (`-m 1024m`). Unlike in C, a text without a number is an error, and a number out of range
//! becomes the nearest representable number.

/// The integer at the start of `text`, and the rest.
pub(super) fn integer(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let negative = text.starts_with('-');
    let limit = if negative { i64::MIN } else { i64::MAX };
    let (number, rest) = text.split_at(text.len() - unsigned.len() + digits);
    Some((number.parse().unwrap_or(limit), rest))
}

/// The decimal number at the start of `text`, and the rest. Never infinite or NaN.
pub(super) fn decimal(text: &str) -> Option<(f64, &str)> {
    let text = text.trim_start();
    let candidates = text.char_indices().map(|(at, _)| at).skip(1).chain([text.len()]);
    let ends: Vec<usize> = candidates.collect();
    ends.into_iter().rev().find_map(|end| {
        let number: f64 = text[..end].parse().ok()?;
        number.is_finite().then_some((number, &text[end..]))
    })
}

/// The text as an octal number.
pub(super) fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim(), 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_ends_where_its_digits_end() {
        assert_eq!(integer("1024m"), Some((1024, "m")));
        assert_eq!(integer(" -1"), Some((-1, "")));
        assert_eq!(integer("+7 "), Some((7, " ")));
        assert_eq!(integer("0.5m"), Some((0, ".5m")));
    }

    #[test]
    fn a_text_without_digits_is_no_integer() {
        for text in ["", "abc", "-", "+-1", "m1"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn an_integer_out_of_range_is_not_wrapped() {
        assert_eq!(integer("99999999999999999999"), Some((i64::MAX, "")));
        assert_eq!(integer("-99999999999999999999"), Some((i64::MIN, "")));
    }

    #[test]
    fn a_decimal_ends_where_its_digits_end() {
        assert_eq!(decimal("1.25"), Some((1.25, "")));
        assert_eq!(decimal("1.1x"), Some((1.1, "x")));
        assert_eq!(decimal("2"), Some((2.0, "")));
    }

    #[test]
    fn no_decimal_is_infinite_or_not_a_number() {
        for text in ["", "x", "nan", "inf", "-inf", "infinity"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn octal_digits_only() {
        assert_eq!(octal("0766"), Some(0o766));
        assert_eq!(octal("8"), None);
        assert_eq!(octal(""), None);
    }
}

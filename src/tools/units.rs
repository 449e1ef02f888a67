//! Formats numbers for people.

/// A size in the units of `-m`: 1 KB is 1024 bytes.
pub fn bytes(bytes: u64) -> String {
    if bytes == 1 {
        return "1 byte".to_owned();
    }
    let (mut size, mut unit) = (bytes as f64, "bytes");
    for larger in ["KB", "MB", "GB", "TB"] {
        // A size that rounds to 1024 has the next unit.
        if size < 1023.5 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{} {unit}", with_three_digits(size, unit == "bytes"))
}

/// About three digits; a fraction of 0 is omitted.
fn with_three_digits(size: f64, parse_all: bool) -> String {
    if parse_all || size >= 99.95 || (size * 10.0).round() % 10.0 == 0.0 {
        format!("{size:.0}")
    } else {
        format!("{size:.1}")
    }
}

/// A number with thousands separators.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate or mean; small ones have a fraction.
pub fn rate(number: f64) -> String {
    if number < 9.95 { with_three_digits(number, false) } else { count(number.round() as u64) }
}

/// A share from 0 to 1, in per cent.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `part / whole`; `None` if the whole is 0.
pub fn share(part: u64, parse_all: u64) -> Option<f64> {
    (parse_all > 0).then(|| part as f64 / parse_all as f64)
}

/// The same as text; `-` for none.
pub fn share_of(part: u64, parse_all: u64) -> String {
    share(part, parse_all).map_or_else(|| "-".to_owned(), percent)
}

/// Seconds, in the two largest units.
pub fn span(secs: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let Some(at) = UNITS.iter().position(|(_, unit_secs)| secs >= *unit_secs) else {
        return "0 s".to_owned();
    };
    let (unit, unit_secs) = UNITS[at];
    let large = format!("{} {unit}", secs / unit_secs);
    match UNITS.get(at + 1) {
        Some((unit, small_secs)) if secs % unit_secs / small_secs > 0 => {
            format!("{large} {} {unit}", secs % unit_secs / small_secs)
        }
        _ => large,
    }
}

/// Microseconds.
pub fn micros(micros: f64) -> String {
    match micros {
        micros if micros < 999.5 => format!("{} us", with_three_digits(micros, false)),
        micros if micros < 999_500.0 => format!("{} ms", with_three_digits(micros / 1e3, false)),
        micros => format!("{} s", with_three_digits(micros / 1e6, false)),
    }
}

/// A bar for a share from 0 to 1, at most `width` characters long.
pub fn bar(share: f64, width: usize, unicode: bool) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (share * width as f64 * 8.0).round() as usize;
    if !unicode {
        return "#".repeat((eighths + 4) / 8);
    }
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    "█".repeat(eighths / 8) + part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_about_three_digits() {
        for (size, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KB"),
            (1234, "1.2 KB"),
            (102_400, "100 KB"),
            (64 << 20, "64 MB"),
            ((1 << 20) - 1, "1 MB"),
            (3 << 30, "3 GB"),
            (u64::MAX, "16777216 TB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn long_numbers_have_commas() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        for (number, text) in [(0.0, "0"), (0.34, "0.3"), (9.96, "10"), (1234.5, "1,235")] {
            assert_eq!(rate(number), text);
        }
    }

    #[test]
    fn spans_have_two_units() {
        for (secs, text) in [
            (0, "0 s"),
            (41, "41 s"),
            (60, "1 min"),
            (192, "3 min 12 s"),
            (3600, "1 h"),
            (3659, "1 h"),
            (7500, "2 h 5 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(secs), text);
        }
    }

    #[test]
    fn short_times_have_their_unit() {
        for (time, text) in [(0.0, "0 us"), (12.34, "12.3 us"), (1500.0, "1.5 ms"), (2_000_000.0, "2 s")] {
            assert_eq!(micros(time), text);
        }
    }

    #[test]
    fn bars_have_a_resolution_of_an_eighth() {
        assert_eq!(bar(0.5, 4, true), "██");
        assert_eq!(bar(0.28, 4, true), "█▏");
        assert_eq!(bar(0.5, 4, false), "##");
        for share in [f64::NAN, -1.0, 0.0] {
            assert_eq!(bar(share, 4, true), "");
        }
        assert_eq!(bar(f64::INFINITY, 4, false), "");
        assert_eq!(bar(7.0, 4, false), "####");
    }

    #[test]
    fn a_share_of_nothing_is_a_hyphen() {
        assert_eq!(share_of(1, 3), "33.3 %");
        assert_eq!(share_of(0, 0), "-");
    }
}

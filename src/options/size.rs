//! Sizes with units: `64`, `512MB`, `1.5g`. A unit is a power of 1024. Unlike in [`super::number`], the whole text
//! counts.

/// The size in bytes; a number without a unit counts in `default_unit` bytes. `None` if the text is not a size.
pub(super) fn bytes(text: &str, default_unit: u64) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if !number.starts_with(|c: char| c.is_ascii_digit()) || number.ends_with('.') {
        return None;
    }
    let unit = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" => default_unit,
        "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    match number.parse::<u64>() {
        Ok(number) => Some(number.saturating_mul(unit)),
        // A fraction, or a number out of range, which the conversion makes the largest one.
        Err(_) => Some((number.parse::<f64>().ok()? * unit as f64) as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        for (text, size) in [
            ("64", 64 << 20),
            ("100b", 100),
            ("512k", 512 << 10),
            ("512MB", 512 << 20),
            ("512 MiB", 512 << 20),
            ("2g", 2 << 30),
            ("1.5G", 3 << 29),
            ("1t", 1 << 40),
            ("0", 0),
            ("99999999999999999999", u64::MAX),
            ("99999999t", u64::MAX),
        ] {
            assert_eq!(bytes(text, 1 << 20), Some(size), "{text}");
        }
        assert_eq!(bytes("64", 1), Some(64));
    }

    #[test]
    fn other_texts_are_no_sizes() {
        for text in ["", "m", "-1", "+1", "2x", "2gg", "1.", ".5g", "1.2.3", "1e3", "0x10", "2g 3"] {
            assert_eq!(bytes(text, 1), None, "{text}");
        }
    }
}

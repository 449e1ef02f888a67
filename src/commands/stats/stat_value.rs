//! The value of a stat: text for `stats`, a number for the metrics.

use crate::telemetry::CpuTime;
use std::fmt;

/// The value of a stat. `stats` prints its text, the metrics use its number.
pub trait StatValue: fmt::Display {
    /// The number; 1 for `yes`, 0 for `no`; `None` for any other text.
    fn number(&self) -> Option<f64>;
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl StatValue for $number {
            fn number(&self) -> Option<f64> {
                // Numbers above 2^53 lose precision.
                Some(*self as f64)
            }
        })*
    };
}

numbers!(u8, u32, u64, usize, i32, f64);

/// Thousandths of a factor, printed with two decimals.
pub(in crate::commands) struct TwoDecimals(pub(super) u32);

impl fmt::Display for TwoDecimals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", f64::from(self.0) / 1000.0)
    }
}

impl StatValue for TwoDecimals {
    fn number(&self) -> Option<f64> {
        Some(f64::from(self.0) / 1000.0)
    }
}

impl StatValue for CpuTime {
    fn number(&self) -> Option<f64> {
        Some(self.micros as f64 / 1e6)
    }
}

impl StatValue for &'static str {
    fn number(&self) -> Option<f64> {
        match *self {
            "yes" => Some(1.0),
            "no" => Some(0.0),
            _ => None,
        }
    }
}

macro_rules! texts {
    ($($text:ty),*) => {
        $(impl StatValue for $text {
            fn number(&self) -> Option<f64> {
                None
            }
        })*
    };
}

texts!(String, char, fmt::Arguments<'_>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_equals_the_printed_text() {
        let value: [&dyn StatValue; 6] = [&7u8, &7usize, &-7i32, &TwoDecimals(1250), &2.5, &u32::MAX];
        for value in value {
            assert_eq!(value.to_string().parse().ok(), value.number(), "{value}");
        }
        assert_eq!(CpuTime { micros: 1_000_002 }.to_string(), "1.000002");
        assert_eq!(CpuTime { micros: 1_500_000 }.number(), Some(1.5));
    }

    #[test]
    fn only_yes_and_no_have_a_number_among_texts() {
        let numbers = ["yes", "no", "none", "12"].map(|word| word.number());
        assert_eq!(numbers, [Some(1.0), Some(0.0), None, None]);
    }
}

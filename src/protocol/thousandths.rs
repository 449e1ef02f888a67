//! A decimal fraction as operators' commands give it.

/// A decimal fraction, rounded to thousandths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Thousandths(pub u32);

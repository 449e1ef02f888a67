//! Eviction policies: the next victim of a class, the next victim among large values, and page trading between classes.

mod clock_hand;
mod large_values;
mod page_trading;
pub(super) mod recency;

pub(super) use clock_hand::Victim;
pub(super) use recency::Recency;

//! Which item is evicted next, and which class or large value gives up memory.

mod clock_hand;
mod large_values;
mod page_trading;
pub(super) mod recency;

pub(super) use clock_hand::Victim;
pub(super) use recency::Recency;

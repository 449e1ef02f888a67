//! What the store counts and samples of its own work. Plain data that imports no other part of the store but items.

mod cas_timestamps;
mod class;
pub(super) mod samples;
mod totals;

pub(super) use cas_timestamps::CasTimestamps;
pub use class::ClassStats;
pub(super) use samples::Samples;
pub use samples::{Drained, SampleKind, SampleRule, Sampled};
pub use totals::Totals;

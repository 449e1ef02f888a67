//! Counters, samples and timestamps of the store. Plain data, which imports only items.

mod cas_timestamps;
mod class;
pub(super) mod samples;
mod totals;

pub(super) use cas_timestamps::CasTimestamps;
pub use class::ClassStats;
pub(super) use samples::Samples;
pub use samples::{Drained, SampleKind, SampleRule, Sampled};
pub use totals::Totals;

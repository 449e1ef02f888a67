//! How often an operation is sampled: always in a quiet cache, with a bounded rate in a busy one.

/// Operations that are sampled between two calls of [`next_sampling_interval`], about.
const SAMPLES_WANTED: u64 = 128;

/// The longest sampling interval.
const ONE_IN_MAX: u32 = 1 << 20;

/// The sampling interval after a period with this many operations. It grows at once and shrinks by half at most, so
/// that a quiet moment does not cause a burst of samples.
pub fn next_sampling_interval(one_in: u32, operations: u64) -> u32 {
    let due = u32::try_from(operations / SAMPLES_WANTED).unwrap_or(ONE_IN_MAX).clamp(1, ONE_IN_MAX);
    due.max(one_in / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_a_quiet_cache_is_sampled_and_a_part_of_a_busy_one() {
        assert_eq!(next_sampling_interval(1, 200), 1);
        assert_eq!(next_sampling_interval(1, 128_000), 1000);
        assert_eq!(next_sampling_interval(1000, 0), 500, "one quiet moment does not open it wide");
        assert_eq!(next_sampling_interval(1, u64::MAX), ONE_IN_MAX);
    }
}

//! How much is sampled: so much that quiet caches are seen whole, and no more than a bounded part of busy ones.

/// Operations sampled by their turn between two calls of [`next_sampling_interval`], about.
const SAMPLES_WANTED: u64 = 128;

/// One operation in so many is sampled by its turn, at the least.
const ONE_IN_MAX: u32 = 1 << 20;

/// One operation in how many is to be sampled after a while in which there were so many operations. Slows down at once
/// and speeds up by halves, so that one quiet moment does not open it wide.
pub fn next_sampling_interval(one_in: u32, operations: u64) -> u32 {
    let due = u32::try_from(operations / SAMPLES_WANTED).unwrap_or(ONE_IN_MAX).clamp(1, ONE_IN_MAX);
    due.max(one_in / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_cache_is_sampled_whole_and_a_busy_one_in_part() {
        assert_eq!(next_sampling_interval(1, 200), 1);
        assert_eq!(next_sampling_interval(1, 128_000), 1000);
        assert_eq!(next_sampling_interval(1000, 0), 500, "one quiet moment does not open it wide");
        assert_eq!(next_sampling_interval(1, u64::MAX), ONE_IN_MAX);
    }
}

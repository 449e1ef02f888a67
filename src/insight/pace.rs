//! How much is sampled: so much that quiet caches are seen whole, and no more than a bounded part of busy ones.

/// Operations sampled by their turn between two calls of [`Pace::after`], about.
const SAMPLES_WANTED: u64 = 256;

/// One operation in so many is sampled by its turn, at the least.
const ONE_IN_MAX: u32 = 1 << 20;

/// How much is sampled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// One operation in so many, whatever its key.
    pub one_in: u32,
    /// Every operation on keys whose hash is below this, at most.
    pub hash_ceiling: u64,
}

impl Default for Pace {
    /// Everything, until it turns out to be much.
    fn default() -> Pace {
        Pace { one_in: 1, hash_ceiling: u64::MAX }
    }
}

impl Pace {
    /// The pace after a while in which there were so many operations, and so many on sampled keys that were not kept.
    /// It slows down at once and speeds up by halves.
    pub fn after(self, operations: u64, dropped: u64) -> Pace {
        let due = u32::try_from(operations / SAMPLES_WANTED).unwrap_or(ONE_IN_MAX).clamp(1, ONE_IN_MAX);
        Pace {
            one_in: due.max(self.one_in / 2),
            hash_ceiling: if dropped > 0 { self.hash_ceiling / 2 } else { self.hash_ceiling },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_cache_is_sampled_whole_and_a_busy_one_in_part() {
        let quiet = Pace::default().after(200, 0);
        assert_eq!(quiet, Pace::default());
        let busy = quiet.after(256_000, 0);
        assert_eq!(busy.one_in, 1000);
        assert_eq!(busy.after(0, 0).one_in, 500, "one quiet moment does not open it wide");
        assert_eq!(busy.after(u64::MAX, 0).one_in, ONE_IN_MAX);
    }

    #[test]
    fn what_is_dropped_lowers_the_share_of_keys() {
        let pace = Pace::default().after(0, 1).after(0, 0).after(0, 9);
        assert_eq!(pace.hash_ceiling, u64::MAX / 4);
    }
}

//! Holds the resident memory to the limit.
//!
//! The store counts what it asks the allocator for. What the process takes beyond that (the program, its own figures,
//! holes of the allocator) nobody counts; the system tells it with the resident size. As far as that is, or will be
//! once the store is full, too far beyond the limit, the store is to use less; once it is not, the store gets its memory
//! back slowly (decision note [`d15`](crate::decisions::d15_holes_count)).
//!
//! While the store fills, to withhold costs no item. What has to be freed for it lies scattered, so that the system gets
//! it back only after some of what is left has moved together.

use super::Engine;
use crate::telemetry::resident_and_shared_bytes;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// What the process may take beyond the limit before anything is withheld: of 8 MiB promised, the rest is for what
/// comes between two looks.
const BEYOND_BYTES: u64 = 15 << 19;

/// Of that, for the program. A larger one, as a build for tests is, is not the cache's fault.
const PROGRAM_BYTES: u64 = 5 << 20;

/// Beside that, for each open connection: its buffers.
const PER_CONNECTION_BYTES: u64 = 64 << 10;

/// Below this much less nothing is withheld any longer.
const SLACK_BYTES: u64 = 1 << 19;

/// At most one in this many bytes of the limit is withheld, or so many bytes if that is more.
const WITHHELD_ONE_IN: u64 = 16;
const WITHHELD_BYTES: u64 = 8 << 20;

/// What a full store takes beyond one that is not: memory charged and not used yet, and holes, of which a store without
/// evictions has none. So many bytes, and of the limit one in so many.
const LATE_BYTES: u64 = 3 << 20;
const LATE_ONE_IN: u64 = 512;

/// Of what has to be freed, one in this many bytes is withheld at each look, about ten times a second: freed memory
/// goes back to the system a second later.
const RISE_ONE_IN: u64 = 32;

/// Of what is withheld, one in this many bytes is given back at each look.
const FALL_ONE_IN: u64 = 256;

/// So much is freed before something is moved together for it.
const FREED_PER_COMPACTION_BYTES: u64 = 1 << 19;

fn withheld_max(limit: u64) -> u64 {
    (limit / WITHHELD_ONE_IN).max(WITHHELD_BYTES).min(limit / 2)
}

/// What a look finds, in bytes.
#[derive(Clone, Copy, Debug)]
struct Look {
    resident: u64,
    /// What may be resident.
    aim: u64,
    limit: u64,
    charged: u64,
    withheld: u64,
}

/// What is remembered from one look to the next, in bytes.
#[derive(Default, Debug)]
pub(super) struct Bound {
    /// The most that was charged of what may still be resident.
    taken: AtomicU64,
    /// What was withheld when something was last moved together.
    compacted_at: AtomicU64,
}

impl Bound {
    /// What is to be withheld after a look.
    fn withheld_after(&self, look: Look) -> u64 {
        let taken = self.taken.load(Relaxed).max(look.charged).min(look.resident);
        self.taken.store(taken, Relaxed);
        let untaken = look.limit.saturating_sub(look.withheld).saturating_sub(taken);
        let expected = look.resident + untaken + untaken.min(LATE_BYTES + look.limit / LATE_ONE_IN);
        let next = if expected > look.aim {
            let excess = expected - look.aim;
            let free = excess.min(untaken);
            look.withheld + free + (excess - free).div_ceil(RISE_ONE_IN)
        } else if expected + SLACK_BYTES < look.aim {
            look.withheld - look.withheld.div_ceil(FALL_ONE_IN)
        } else {
            look.withheld
        };
        next.min(withheld_max(look.limit))
    }

    /// True if so much was freed since the last time that something is to be moved together, or much is still to go back.
    fn wants_compaction(&self, look: Look) -> bool {
        let enough = look.withheld >= self.compacted_at.load(Relaxed) + FREED_PER_COMPACTION_BYTES;
        let wanted = look.resident > look.aim && enough;
        if wanted || look.resident <= look.aim {
            self.compacted_at.store(look.withheld, Relaxed);
        }
        wanted
    }
}

impl Engine {
    /// Looks at the resident memory; to be called about ten times a second.
    pub fn hold_to_limit(&self) {
        let (resident, shared) = resident_and_shared_bytes();
        let limit = self.store.memory_limit();
        let program = shared.saturating_sub(PROGRAM_BYTES);
        let look = Look {
            resident,
            aim: limit + BEYOND_BYTES + program + self.connections.open() as u64 * PER_CONNECTION_BYTES,
            limit,
            charged: self.store.charged_bytes(),
            withheld: self.store.withheld_bytes(),
        };
        self.store.withhold(self.bound.withheld_after(look));
        if self.bound.wants_compaction(look) {
            self.store.compact_a_little();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 64 << 20;
    const AIM: u64 = LIMIT + BEYOND_BYTES;

    /// A full store that uses all it may.
    fn full(withheld: u64, resident: u64) -> Look {
        Look { resident, aim: AIM, limit: LIMIT, charged: LIMIT - withheld, withheld }
    }

    /// What is withheld after so many looks at a process that takes what it is told to, and `excess` beyond.
    fn settled(excess: u64, looks: u32) -> u64 {
        let bound = Bound::default();
        (0..looks).fold(0, |withheld, _| bound.withheld_after(full(withheld, LIMIT - withheld + excess)))
    }

    #[test]
    fn nothing_is_withheld_where_there_is_no_excess() {
        assert_eq!(settled(BEYOND_BYTES, 1000), 0);
        assert_eq!(settled(0, 1000), 0);
    }

    #[test]
    fn what_is_too_much_is_withheld_within_seconds_and_no_more() {
        const TOO_MUCH: u64 = 2 << 20;
        let withheld = settled(BEYOND_BYTES + TOO_MUCH, 200);
        assert!(withheld.abs_diff(TOO_MUCH) < TOO_MUCH / 50, "{withheld}");
        assert_eq!(settled(LIMIT, 1000), 8 << 20, "and never more than a small part");
    }

    #[test]
    fn what_will_be_too_much_is_withheld_while_that_costs_nothing() {
        const OVERHEAD: u64 = BEYOND_BYTES + (1 << 20) - LATE_BYTES - LIMIT / LATE_ONE_IN;
        let (bound, mut withheld) = (Bound::default(), 0);
        for charged in [0, 10 << 20, 40 << 20] {
            let look = Look { charged, ..full(withheld, charged + OVERHEAD) };
            withheld = bound.withheld_after(look);
            assert_eq!(withheld, 1 << 20, "at once");
        }
        // Holes that items have left will be filled again.
        let look = Look { charged: 20 << 20, ..full(withheld, (40 << 20) + OVERHEAD) };
        assert_eq!(bound.withheld_after(look), withheld);
        // What went back to the system will be taken anew.
        bound.withheld_after(Look { charged: 0, ..full(0, OVERHEAD) });
        let look = Look { charged: 10 << 20, ..full(0, (10 << 20) + OVERHEAD) };
        assert_eq!(bound.withheld_after(look), 1 << 20);
    }

    #[test]
    fn what_was_withheld_is_given_back_slowly_and_whole() {
        let bound = Bound::default();
        let mut withheld = bound.withheld_after(full(1 << 20, AIM - SLACK_BYTES));
        assert_eq!(withheld, 1 << 20, "not at once");
        let fall = |withheld| bound.withheld_after(full(withheld, AIM - SLACK_BYTES - 1));
        assert!(fall(withheld) > (1 << 20) * 99 / 100);
        for _ in 0..5000 {
            withheld = fall(withheld);
        }
        assert_eq!(withheld, 0);
    }

    #[test]
    fn the_most_that_is_withheld_follows_the_limit() {
        let most = |limit| {
            let look = Look { resident: u64::MAX / 2, aim: limit, limit, charged: limit, withheld: 0 };
            Bound::default().withheld_after(look)
        };
        assert_eq!(most(4 << 20), 2 << 20);
        assert_eq!(most(64 << 20), 8 << 20);
        assert_eq!(most(1 << 30), 64 << 20);
    }

    #[test]
    fn what_is_left_moves_together_each_time_that_much_was_freed() {
        let bound = Bound::default();
        let wants = |withheld, resident| bound.wants_compaction(full(withheld, resident));
        const START: u64 = 3 << 20;
        const NEXT: u64 = START + FREED_PER_COMPACTION_BYTES;
        assert!(!wants(START, AIM));
        assert!(!wants(NEXT - 1, AIM + 1), "too little was freed");
        assert!(wants(NEXT, AIM + 1));
        assert!(!wants(NEXT, AIM + 1), "once");
        assert!(wants(NEXT + FREED_PER_COMPACTION_BYTES, AIM + 1));
    }
}

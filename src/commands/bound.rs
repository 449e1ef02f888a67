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
const BEYOND_BYTES: u64 = 31 << 18;

/// Of that, for the program. A larger one, as a build for tests is, is not the cache's fault.
const PROGRAM_BYTES: u64 = 5 << 20;

/// Beside that, for each open connection: its buffers.
const PER_CONNECTION_BYTES: u64 = 64 << 10;

/// Below this much less nothing is withheld any longer.
const SLACK_BYTES: u64 = 1 << 19;

/// At most one in this many bytes of the limit is withheld, or so many bytes if that is more.
const WITHHELD_ONE_IN: u64 = 16;
const WITHHELD_BYTES: u64 = 8 << 20;

/// What a full store takes beyond one that is not, one in this many bytes of the limit: memory charged and not used yet,
/// and holes, of which a store without evictions has none.
const LATE_ONE_IN: u64 = 512;

/// So many looks, about two seconds of them, must find too much before something has to be freed: freed memory goes back to
/// the system a second later, and what was freed for the last time is moved together meanwhile. A look that finds too much
/// by so many bytes, or a multiple of them, counts as as many more.
const LOOKS: u64 = 20;
const URGENT_BYTES: u64 = 1 << 20;

/// What is freed then: the excess, but so many bytes at least, and at most one in so many of the limit or four times as
/// much.
const STEP_BYTES: u64 = 1 << 19;
const STEP_ONE_IN: u64 = 64;

/// Of what is withheld, one in this many bytes is given back at each look.
const FALL_ONE_IN: u64 = 256;

fn withheld_max(limit: u64) -> u64 {
    (limit / WITHHELD_ONE_IN).max(WITHHELD_BYTES).min(limit / 4)
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

/// What is to be done after a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Verdict {
    /// Bytes to be withheld.
    withheld: u64,
    /// Of these, how many were not free.
    freed: u64,
}

/// What is remembered from one look to the next.
#[derive(Default, Debug)]
pub(super) struct Bound {
    /// The most that was charged of what may still be resident, in bytes.
    taken: AtomicU64,
    /// Looks in turn that found too much, as they count.
    over: AtomicU64,
}

impl Bound {
    fn after(&self, look: Look) -> Verdict {
        let taken = self.taken.load(Relaxed).max(look.charged).min(look.resident);
        self.taken.store(taken, Relaxed);
        let untaken = look.limit.saturating_sub(look.withheld).saturating_sub(taken);
        let expected = look.resident + untaken + untaken.min(look.limit / LATE_ONE_IN);
        let excess = expected.saturating_sub(look.aim);
        let free = excess.min(untaken);
        let unfree = excess - free;
        let before = if unfree > 0 { self.over.load(Relaxed) } else { 0 };
        let over = before + u64::from(unfree > 0) + unfree / URGENT_BYTES;
        let due = over >= LOOKS;
        self.over.store(if due { 0 } else { over }, Relaxed);
        let most = (look.limit / STEP_ONE_IN).max(4 * STEP_BYTES);
        let freed = if due { unfree.clamp(STEP_BYTES, most) } else { 0 };
        let withheld = if expected + SLACK_BYTES < look.aim {
            look.withheld - look.withheld.div_ceil(FALL_ONE_IN)
        } else {
            look.withheld + free + freed
        };
        Verdict { withheld: withheld.min(withheld_max(look.limit)), freed }
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
        let Verdict { withheld, freed } = self.bound.after(look);
        self.store.withhold(withheld);
        if freed > 0 {
            self.store.compact_a_little(freed);
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
    fn settled(excess: u64, looks: u64) -> u64 {
        let bound = Bound::default();
        (0..looks).fold(0, |withheld, _| bound.after(full(withheld, LIMIT - withheld + excess)).withheld)
    }

    #[test]
    fn nothing_is_withheld_where_there_is_no_excess() {
        assert_eq!(settled(BEYOND_BYTES, 1000), 0);
        assert_eq!(settled(0, 1000), 0);
    }

    #[test]
    fn what_is_too_much_is_withheld_once_it_has_lasted_and_no_more() {
        const TOO_MUCH: u64 = URGENT_BYTES - 1;
        assert_eq!(settled(BEYOND_BYTES + TOO_MUCH, LOOKS - 1), 0);
        assert_eq!(settled(BEYOND_BYTES + TOO_MUCH, LOOKS), TOO_MUCH);
        assert_eq!(settled(BEYOND_BYTES + URGENT_BYTES, LOOKS / 2), URGENT_BYTES, "the more the sooner");
        assert_eq!(settled(BEYOND_BYTES + TOO_MUCH, 1000), TOO_MUCH);
        assert_eq!(settled(BEYOND_BYTES + 1, LOOKS), STEP_BYTES, "a little would have no effect");
        assert_eq!(settled(LIMIT, 1), 4 * STEP_BYTES, "nor all at once");
        assert_eq!(settled(LIMIT, 1000), 8 << 20, "and never more than a small part");
    }

    #[test]
    fn a_moment_without_excess_is_enough_to_wait_anew() {
        let bound = Bound::default();
        let look = |resident| bound.after(full(0, resident));
        for _ in 0..10 {
            assert!((1..LOOKS).all(|_| look(AIM + 1).withheld == 0));
            assert_eq!(look(AIM).withheld, 0);
        }
    }

    #[test]
    fn what_will_be_too_much_is_withheld_while_that_costs_nothing() {
        const OVERHEAD: u64 = BEYOND_BYTES + (1 << 20) - LIMIT / LATE_ONE_IN;
        const FORESEEN: Verdict = Verdict { withheld: 1 << 20, freed: 0 };
        let (bound, mut withheld) = (Bound::default(), 0);
        for charged in [0, 10 << 20, 40 << 20] {
            let look = Look { charged, ..full(withheld, charged + OVERHEAD) };
            assert_eq!(bound.after(look), FORESEEN, "at once");
            withheld = FORESEEN.withheld;
        }
        // Holes that items have left will be filled again.
        let look = Look { charged: 20 << 20, ..full(withheld, (40 << 20) + OVERHEAD) };
        assert_eq!(bound.after(look), FORESEEN);
        // What went back to the system will be taken anew.
        bound.after(Look { charged: 0, ..full(0, OVERHEAD) });
        let look = Look { charged: 10 << 20, ..full(0, (10 << 20) + OVERHEAD) };
        assert_eq!(bound.after(look), FORESEEN);
    }

    #[test]
    fn what_was_withheld_is_given_back_slowly_and_whole() {
        let bound = Bound::default();
        let mut withheld = bound.after(full(1 << 20, AIM - SLACK_BYTES)).withheld;
        assert_eq!(withheld, 1 << 20, "not at once");
        let fall = |withheld| bound.after(full(withheld, AIM - SLACK_BYTES - 1)).withheld;
        assert!(fall(withheld) > (1 << 20) * 99 / 100);
        for _ in 0..5000 {
            withheld = fall(withheld);
        }
        assert_eq!(withheld, 0);
    }

    #[test]
    fn the_most_that_is_withheld_follows_the_limit() {
        let most = |limit| {
            let bound = Bound::default();
            let look =
                |withheld| Look { resident: u64::MAX / 2, aim: limit, limit, charged: limit, withheld };
            (0..100 * LOOKS).fold(0, |withheld, _| bound.after(look(withheld)).withheld)
        };
        assert_eq!(most(4 << 20), 1 << 20);
        assert_eq!(most(64 << 20), 8 << 20);
        assert_eq!(most(1 << 30), 64 << 20);
    }
}

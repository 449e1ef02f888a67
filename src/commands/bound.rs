//! Holds the resident memory to the limit.
//!
//! The store counts what it asks the allocator for. What the allocator keeps beyond that, in holes and for want of a
//! better time, nobody counts; the system tells it with the resident size. While that is too far beyond the limit, the
//! store is to use less; once it is not, the store gets its memory back slowly. Where the excess stays within what a
//! process may take anyway, nothing is withheld (decision note [`d15`](crate::decisions::d15_holes_count)).

use super::Engine;
use crate::telemetry::resident_and_shared_bytes;

/// What the process may take beyond the limit before anything is withheld: of 8 MiB promised, the rest is for what
/// comes between two looks.
const BEYOND_BYTES: u64 = 7 << 20;

/// Of that, for the program. A larger one, as a build for tests is, is not the cache's fault.
const PROGRAM_BYTES: u64 = 5 << 20;

/// Beside that, for each open connection: its buffers.
const PER_CONNECTION_BYTES: u64 = 64 << 10;

/// Below this much less nothing is withheld any longer.
const SLACK_BYTES: u64 = 2 << 20;

/// At most one in this many bytes of the limit is withheld, or so many bytes if that is more.
const WITHHELD_ONE_IN: u64 = 16;
const WITHHELD_BYTES: u64 = 8 << 20;

/// Of what is too much, one in this many bytes is withheld at each look, about ten times a second: freed memory goes
/// back to the system a second later.
const RISE_ONE_IN: u64 = 16;

/// Of what is withheld, one in this many bytes is given back at each look.
const FALL_ONE_IN: u64 = 256;

fn withheld_max(limit: u64) -> u64 {
    (limit / WITHHELD_ONE_IN).max(WITHHELD_BYTES).min(limit / 2)
}

/// What is to be withheld after a look.
fn withheld_after(withheld: u64, resident: u64, aim: u64, limit: u64) -> u64 {
    let next = if resident > aim {
        withheld + (resident - aim).div_ceil(RISE_ONE_IN)
    } else if resident + SLACK_BYTES < aim {
        withheld - withheld.div_ceil(FALL_ONE_IN)
    } else {
        withheld
    };
    next.min(withheld_max(limit))
}

impl Engine {
    /// Looks at the resident memory; to be called about ten times a second.
    pub fn hold_to_limit(&self) {
        let (resident, shared) = resident_and_shared_bytes();
        let limit = self.store.memory_limit();
        let program = shared.saturating_sub(PROGRAM_BYTES);
        let aim = limit + BEYOND_BYTES + program + self.connections.open() as u64 * PER_CONNECTION_BYTES;
        self.store.withhold(withheld_after(self.store.withheld_bytes(), resident, aim, limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 64 << 20;
    const AIM: u64 = LIMIT + BEYOND_BYTES;

    /// What is withheld after so many looks at a process that takes what it is told to, and `excess` beyond.
    fn settled(excess: u64, looks: u32) -> u64 {
        (0..looks).fold(0, |withheld, _| withheld_after(withheld, LIMIT - withheld + excess, AIM, LIMIT))
    }

    #[test]
    fn nothing_is_withheld_where_there_is_no_excess() {
        assert_eq!(settled(BEYOND_BYTES, 1000), 0);
        assert_eq!(settled(0, 1000), 0);
    }

    #[test]
    fn what_is_too_much_is_withheld_within_seconds_and_no_more() {
        const TOO_MUCH: u64 = 2 << 20;
        let withheld = settled(BEYOND_BYTES + TOO_MUCH, 100);
        assert!(withheld.abs_diff(TOO_MUCH) < TOO_MUCH / 50, "{withheld}");
        assert_eq!(settled(LIMIT, 1000), 8 << 20, "and never more than a small part");
    }

    #[test]
    fn what_was_withheld_is_given_back_slowly_and_whole() {
        let mut withheld = 1 << 20;
        withheld = withheld_after(withheld, AIM - SLACK_BYTES, AIM, LIMIT);
        assert_eq!(withheld, 1 << 20, "not at once");
        let fall = |withheld| withheld_after(withheld, AIM - SLACK_BYTES - 1, AIM, LIMIT);
        assert!(fall(withheld) > (1 << 20) * 99 / 100);
        for _ in 0..5000 {
            withheld = fall(withheld);
        }
        assert_eq!(withheld, 0);
    }

    #[test]
    fn the_most_that_is_withheld_follows_the_limit() {
        let most = |limit| withheld_after(u64::MAX, AIM, AIM, limit);
        assert_eq!(most(4 << 20), 2 << 20);
        assert_eq!(most(64 << 20), 8 << 20);
        assert_eq!(most(1 << 30), 64 << 20);
    }
}

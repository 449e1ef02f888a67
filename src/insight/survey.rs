//! A census of the items, taken in small steps: what the families hold now.
//!
//! One census is being taken while the last whole one answers. Invariant: what is asked for is never older than one
//! round, and counts a known share of all items.

use super::Census;
use crate::sync::Mutex;

/// Where the census stands, shared by who takes it and who asks.
#[derive(Default, Debug)]
pub struct Survey {
    rounds: Mutex<Rounds>,
}

#[derive(Default, Debug)]
struct Rounds {
    current: Round,
    last: Option<Round>,
}

/// A census and how much of the store it has seen.
#[derive(Default, Debug)]
struct Round {
    census: Census,
    /// The next step.
    step: u32,
    /// Parts looked at, and parts there are.
    looked_at: u64,
    of: u64,
}

/// What a step of a census came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Surveyed {
    /// Parts of the store that were looked at.
    pub looked_at: u64,
    /// Parts that these stand for.
    pub of: u64,
    /// This was the last step of a round.
    pub last: bool,
}

impl Survey {
    /// Takes the next step: `step` is given its number and the census to note items in.
    pub fn go_on(&self, step: impl FnOnce(u32, &mut Census) -> Surveyed) {
        let mut rounds = self.rounds.lock();
        let round = &mut rounds.current;
        let Surveyed { looked_at, of, last } = step(round.step, &mut round.census);
        round.step += 1;
        round.looked_at += looked_at;
        round.of += of;
        if last {
            rounds.last = Some(std::mem::take(&mut rounds.current));
        }
    }

    /// Bytes of memory it takes.
    pub fn own_bytes(&self) -> u64 {
        let rounds = self.rounds.lock();
        let last = rounds.last.as_ref().map_or(0, |round| round.census.own_bytes());
        rounds.current.census.own_bytes() + last
    }

    /// True while no whole round was made.
    pub fn is_first(&self) -> bool {
        self.rounds.lock().last.is_none()
    }

    /// Lets `read` see the last whole census, or what there is of the first.
    pub fn read<R>(&self, read: impl FnOnce(&Census) -> R) -> R {
        let mut rounds = self.rounds.lock();
        let Rounds { current, last } = &mut *rounds;
        let round = last.as_mut().unwrap_or(current);
        round.census.scale(round.looked_at, round.of);
        read(&round.census)
    }
}

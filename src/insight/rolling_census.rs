//! A census of the items, taken in small steps: what the families hold now.
//!
//! One census is being taken while the last whole one answers. Invariant: what answers is not older than two rounds,
//! and counts a known share of all items.

use super::Census;
use crate::sync::Mutex;

/// Where the census stands, shared by who takes it and who asks.
#[derive(Debug)]
pub struct RollingCensus {
    steps: u32,
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
    surveyed: Coverage,
}

/// What a step of a census came to, in parts of the store of any kind.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// Parts that were looked at.
    pub visited: u64,
    /// Parts that these stand for.
    pub total: u64,
}

impl RollingCensus {
    /// A census takes so many steps.
    pub fn new(steps: u32) -> RollingCensus {
        RollingCensus { steps, rounds: Mutex::default() }
    }

    /// Takes the next step: `step` is given its number and the census to note items in.
    pub fn advance(&self, step: impl FnOnce(u32, &mut Census) -> Coverage) {
        let mut rounds = self.rounds.lock();
        let round = &mut rounds.current;
        let Coverage { visited, total } = step(round.step, &mut round.census);
        round.surveyed.visited += visited;
        round.surveyed.total += total;
        round.step += 1;
        if round.step == self.steps {
            rounds.last = Some(std::mem::take(&mut rounds.current));
        }
    }

    /// Begins the census anew.
    pub fn restart(&self) {
        self.rounds.lock().current = Round::default();
    }

    /// True while no whole round was made.
    pub fn is_first_round(&self) -> bool {
        self.rounds.lock().last.is_none()
    }

    /// Bytes of memory it takes.
    pub fn memory_bytes(&self) -> u64 {
        let rounds = self.rounds.lock();
        let last = rounds.last.as_ref().map_or(0, |round| round.census.memory_bytes());
        rounds.current.census.memory_bytes() + last
    }

    /// Lets `read` see the last whole census, or what there is of the first, taken for the whole.
    pub fn read<R>(&self, read: impl FnOnce(&Census) -> R) -> R {
        let mut rounds = self.rounds.lock();
        let Rounds { current, last } = &mut *rounds;
        let round = last.as_mut().unwrap_or(current);
        let Coverage { visited, total } = round.surveyed;
        let estimated_total = total * u64::from(self.steps) / u64::from(round.step).max(1);
        round.census.scale(visited, estimated_total);
        read(&round.census)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Now;
    use crate::insight::Insight;

    fn items(survey: &RollingCensus) -> u64 {
        let insight = Insight::new(Now::from_secs(62));
        survey.read(|census| insight.families(census)).iter().map(|family| family.items).sum()
    }

    /// A store of ten parts a step and three items a part, half of which are looked at.
    fn step(_: u32, census: &mut Census) -> Coverage {
        (0..5 * 3).for_each(|_| census.record(b"user:1", 100, None));
        Coverage { visited: 5, total: 10 }
    }

    #[test]
    fn a_part_of_a_round_stands_for_all_and_a_whole_one_answers_until_the_next() {
        let survey = RollingCensus::new(4);
        assert_eq!(items(&survey), 0, "nothing was looked at");
        survey.advance(step);
        assert!(survey.is_first_round());
        assert_eq!(items(&survey), 4 * 10 * 3);
        (0..3).for_each(|_| survey.advance(step));
        assert!(!survey.is_first_round());
        survey.advance(|_, _| Coverage { visited: 5, total: 10 });
        assert_eq!(items(&survey), 4 * 10 * 3, "the round that has begun does not answer yet");
        survey.restart();
        (0..4).for_each(|_| survey.advance(|_, _| Coverage { visited: 1, total: 1 }));
        assert_eq!(items(&survey), 0);
    }
}

//! A census of the stored items in small steps.
//!
//! While one census is in progress, the last complete one answers. Invariant: the answering census is at most two
//! rounds old and covers a known share of all items.

use super::Census;
use crate::sync::Mutex;

/// The state of the census, shared by the thread that advances it and the threads that read it.
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

/// A census and its progress.
#[derive(Default, Debug)]
struct Round {
    census: Census,
    /// The next step.
    step: u32,
    coverage: Coverage,
}

/// What a census step has covered, in parts of the store. The caller defines what a part is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// Parts that the step has visited.
    pub visited: u64,
    /// Parts that the visited ones represent.
    pub total: u64,
}

impl RollingCensus {
    /// `steps`: the number of steps of a census.
    pub fn new(steps: u32) -> RollingCensus {
        RollingCensus { steps, rounds: Mutex::default() }
    }

    /// Runs the next step: `step` receives its number and the census that it records items in.
    pub fn advance(&self, step: impl FnOnce(u32, &mut Census) -> Coverage) {
        let mut rounds = self.rounds.lock();
        let round = &mut rounds.current;
        let Coverage { visited, total } = step(round.step, &mut round.census);
        round.coverage.visited += visited;
        round.coverage.total += total;
        round.step += 1;
        if round.step == self.steps {
            rounds.last = Some(std::mem::take(&mut rounds.current));
        }
    }

    /// Starts the current census again.
    pub fn restart(&self) {
        self.rounds.lock().current = Round::default();
    }

    /// True until one census is complete.
    pub fn is_first_round(&self) -> bool {
        self.rounds.lock().last.is_none()
    }

    /// Memory of both censuses, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let rounds = self.rounds.lock();
        let last = rounds.last.as_ref().map_or(0, |round| round.census.memory_bytes());
        rounds.current.census.memory_bytes() + last
    }

    /// Passes the last complete census to `read`, or the first one while it is incomplete, scaled to the whole store.
    pub fn read<R>(&self, read: impl FnOnce(&Census) -> R) -> R {
        let mut rounds = self.rounds.lock();
        let Rounds { current, last } = &mut *rounds;
        let round = last.as_mut().unwrap_or(current);
        let Coverage { visited, total } = round.coverage;
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

    /// A store with ten parts per step and three items per part; half of the parts are visited.
    fn step(_: u32, census: &mut Census) -> Coverage {
        (0..5 * 3).for_each(|_| census.record(b"user:1", 100, None));
        Coverage { visited: 5, total: 10 }
    }

    #[test]
    fn an_incomplete_census_is_scaled_and_a_complete_one_answers_until_the_next() {
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

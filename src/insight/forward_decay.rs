//! Weight by age: what was seen a half-life ago weighs half of what is seen now.
//!
//! Forward decay (Cormode, Shkapenyuk, Srivastava and Xu, 2009): instead of making every old count smaller all the
//! time, each new operation counts for more of a unit that grows. Weights are so exact at every second, and a walk
//! over the counts is due once in [`UNIT_MAX`] only.

/// Seconds in which a weight halves.
///
/// Ten minutes: a key that turns hot is at half of its final weight after that, while the counts still stand for a
/// quarter of an hour of traffic (the half-life by ln 2: 866 s), so that at one operation in 256, and 10,000 a second,
/// a key with one read in a thousand rests on about 34 samples, and a pause of a minute takes 7 % off.
pub(super) const HALF_LIFE_SECS: u32 = 600;

/// Units of the first operation in one of now, at most; then all is counted in the new unit.
const UNIT_MAX: f64 = (1u64 << 32) as f64;

/// Half-lives after which nothing is left of a weight; a longer time counts as this.
const LIVES_MAX: u32 = 64;

/// The unit that weights are counted in.
#[derive(Debug)]
pub(super) struct ForwardDecay {
    /// What an operation of now adds to a count. At least 1.
    unit: f64,
}

impl Default for ForwardDecay {
    fn default() -> ForwardDecay {
        ForwardDecay { unit: 1.0 }
    }
}

impl ForwardDecay {
    /// What a weight of now adds to a count.
    pub fn counted(&self, weight: f64) -> f64 {
        weight * self.unit
    }

    /// What a count weighs now.
    pub fn weight(&self, counted: f64) -> f64 {
        counted / self.unit
    }

    /// Lets time pass. If it returns a factor, every count must be multiplied by it.
    #[must_use]
    pub fn age(&mut self, secs: u32) -> Option<f64> {
        let secs = secs.min(LIVES_MAX * HALF_LIFE_SECS);
        self.unit *= (f64::from(secs) / f64::from(HALF_LIFE_SECS)).exp2();
        (self.unit > UNIT_MAX).then(|| 1.0 / std::mem::replace(&mut self.unit, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_halves_with_every_half_life_however_it_passes() {
        for step in [1, 7, HALF_LIFE_SECS, 10 * HALF_LIFE_SECS] {
            let mut decay = ForwardDecay::default();
            let mut count = decay.counted(1000.0);
            let mut secs = 0;
            while secs < 100 * HALF_LIFE_SECS {
                count *= decay.age(step).unwrap_or(1.0);
                secs += step;
                let expected = 1000.0 * (-f64::from(secs) / f64::from(HALF_LIFE_SECS)).exp2();
                assert!((decay.weight(count) / expected - 1.0).abs() < 1e-9, "{step} {secs}");
            }
        }
    }

    #[test]
    fn a_clock_that_leaps_leaves_nothing_and_breaks_nothing() {
        let mut decay = ForwardDecay::default();
        let count = decay.counted(1e15);
        let factor = decay.age(u32::MAX).expect("a new unit");
        assert!(decay.weight(count * factor) < 1e-3);
        assert_eq!(decay.weight(decay.counted(5.0)), 5.0);
    }
}

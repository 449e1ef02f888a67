//! Exponential decay of counts: an operation loses half of its weight in each half-life.
//!
//! Forward decay (Cormode, Shkapenyuk, Srivastava and Xu, 2009) does not reduce old counts all the time. Instead, each
//! new operation adds more, in a unit that grows. So weights are exact at every second, and a pass over the counts is
//! due only when the unit exceeds [`UNIT_MAX`].

/// Half-life of a weight, in seconds.
///
/// After ten minutes a key that has become hot has half of its final weight. The counts cover the traffic of a quarter
/// of an hour (the half-life divided by ln 2: 866 s). At 10,000 operations a second and a sampling interval of 256, a
/// key with one read in a thousand has about 34 samples. A pause of a minute reduces weights by 7 %.
pub(super) const HALF_LIFE_SECS: u32 = 600;

/// The largest unit; beyond it, all counts are converted to a unit of 1.
const UNIT_MAX: f64 = (1u64 << 32) as f64;

/// Half-lives after which a weight counts as 0. A longer time has the same effect.
const LIVES_MAX: u32 = 64;

/// The unit of the counts.
#[derive(Debug)]
pub(super) struct ForwardDecay {
    /// What one operation adds to a count at present. At least 1.
    unit: f64,
}

impl Default for ForwardDecay {
    fn default() -> ForwardDecay {
        ForwardDecay { unit: 1.0 }
    }
}

impl ForwardDecay {
    /// What a present weight adds to a count.
    pub fn counted(&self, weight: f64) -> f64 {
        weight * self.unit
    }

    /// The present weight of a count.
    pub fn weight(&self, counted: f64) -> f64 {
        counted / self.unit
    }

    /// Advances the time. If the result is a factor, the caller multiplies every count by it.
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
    fn a_weight_halves_in_each_half_life_for_any_step() {
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
    fn a_clock_jump_leaves_no_weight_and_no_invalid_count() {
        let mut decay = ForwardDecay::default();
        let count = decay.counted(1e15);
        let factor = decay.age(u32::MAX).expect("a new unit");
        assert!(decay.weight(count * factor) < 1e-3);
        assert_eq!(decay.weight(decay.counted(5.0)), 5.0);
    }
}

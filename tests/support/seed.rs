//! Seeds of random tests: printed always, so that a failure can be repeated, and settable by the environment.

/// The number in an environment variable, or `otherwise`. A value that is no number is an error, never a default.
pub fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}"))
    })
}

/// A random generator whose seed comes from an environment variable or, without it, from chance.
pub fn seeded(variable: &str) -> fastrand::Rng {
    let seed = number(variable, fastrand::u64(..));
    println!("repeat with {variable}={seed}");
    fastrand::Rng::with_seed(seed)
}

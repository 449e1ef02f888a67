//! Seeds of random tests. Each is printed, so that a failure can be repeated, and an environment variable can set it.

/// The number in an environment variable, or `default` if the variable is not set. Any other value is an error.
pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}"))
    })
}

/// A random generator. Its seed is the value of an environment variable or, without it, random.
pub fn seeded(variable: &str) -> fastrand::Rng {
    let seed = number(variable, fastrand::u64(..));
    println!("repeat with {variable}={seed}");
    fastrand::Rng::with_seed(seed)
}

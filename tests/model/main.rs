//! The store against naive references: random operations, with a check of the invariants after each.
//!
//! A failed run prints its seed; `LARDER_SEED=<seed>` runs only that seed, `LARDER_ROUNDS=<n>` runs more seeds.

mod clock_stays_close_to_lru;
mod every_operation_agrees_with_a_naive_map;
mod items_in_use_stay;
mod memory_stays_within_the_limit;
mod naive;
mod shards_share_one_budget;

use larder::store::{Settings, Store};

/// A store of this size with a fixed hash seed and, by default, one shard.
fn store(memory_limit_bytes: u64, change: impl FnOnce(&mut Settings)) -> Store {
    let mut settings = Settings { memory_limit_bytes, hash_seed: Some(7), ..Settings::default() };
    change(&mut settings);
    Store::new(settings)
}

/// The seeds to run: those of the test, or that of `LARDER_SEED`.
fn seeds(rounds: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("LARDER_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("LARDER_ROUNDS").unwrap_or(rounds)).collect(),
    }
}

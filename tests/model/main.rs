//! The store against naive references: random operations, and after each of them the store's laws.
//!
//! A failing run prints its seed; `LARDER_SEED=<seed>` runs that one alone, `LARDER_ROUNDS=<n>` runs more of them.

mod clock_stays_close_to_lru;
mod every_operation_agrees_with_a_naive_map;
mod items_in_use_stay;
mod memory_stays_within_the_limit;
mod naive;
mod shards_share_one_budget;

use larder::store::{Settings, Store};

/// A store of its own size and seed, one shard unless told otherwise.
fn store(memory_limit_bytes: u64, change: impl FnOnce(&mut Settings)) -> Store {
    let mut settings = Settings { memory_limit_bytes, hash_seed: Some(7), ..Settings::default() };
    change(&mut settings);
    Store::new(settings)
}

/// The seeds to run: those of the test, or the one asked for.
fn seeds(rounds: u64) -> Vec<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("LARDER_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("LARDER_ROUNDS").unwrap_or(rounds)).collect(),
    }
}

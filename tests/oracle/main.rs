//! Compares larder with Debian's memcached: both get the same requests and must send the same replies.
//!
//! `cargo test --test oracle` needs `memcached` 1.6.18 in the search path, or its path in `LARDER_ORACLE`. larder
//! behaves like 1.6.45. `version_rules.rs` holds the differences between the two versions, and `known_differences.rs`
//! tests that each of them exists. `LARDER_ORACLE_SEED` repeats a run, `LARDER_ORACLE_COMMANDS` sets its length.

mod administration;
mod binary;
mod cas_uniques;
mod corruption;
mod counters;
mod delayed_flush;
#[path = "../support/frames.rs"]
mod frames;
mod known_differences;
mod meta_version_rules;
mod phases;
mod random_commands;
mod random_meta_commands;
mod random_streams;
#[path = "../support/seed.rs"]
mod seed;
mod servers;
mod text_session;
#[path = "../support/transcript.rs"]
mod transcript;
mod translation;
mod udp;
mod version_rules;

//! larder beside Debian's memcached: the same requests to both, the same answers from both.
//!
//! `cargo test --test oracle`; needs `memcached` 1.6.18 in the search path, or its path in `LARDER_ORACLE`. That
//! version is older than the one whose behaviour larder has; `rules.rs` knows how, and `cases.rs` shows it.
//! `LARDER_ORACLE_SEED` repeats a run, `LARDER_ORACLE_COMMANDS` sets its length.

mod binary;
mod cases;
mod commands;
mod counters;
mod damage;
mod delayed_flush;
#[path = "../support/frames.rs"]
mod frames;
mod interpret;
mod meta_commands;
mod meta_rules;
mod operators;
mod phases;
mod random_streams;
mod rules;
#[path = "../support/seed.rs"]
mod seed;
mod servers;
mod session;
#[path = "../support/transcript.rs"]
mod transcript;
mod udp;
mod uniques;

//! The protocol without a daemon: random input and the fuzz corpora.
//!
//! `LARDER_PROTOCOL_SEED` repeats a run, `LARDER_PROTOCOL_STREAMS` sets its length.

mod corpus;
#[path = "../oracle/corruption.rs"]
mod corruption;
#[path = "../support/frames.rs"]
#[expect(dead_code, reason = "only requests are made here")]
mod frames;
mod fuzz_bodies;
mod random_binary_input;
#[path = "../oracle/random_commands.rs"]
mod random_commands;
#[path = "../oracle/random_meta_commands.rs"]
mod random_meta_commands;
mod random_splits;
mod random_text_input;
#[path = "../support/seed.rs"]
mod seed;

//! The protocol by itself, without a daemon: whatever bytes come in.
//!
//! `LARDER_PROTOCOL_SEED` repeats a run, `LARDER_PROTOCOL_STREAMS` sets its length.

mod any_bytes_make_progress;
mod any_frames_make_progress;
mod bodies;
#[path = "../oracle/corruption.rs"]
mod corruption;
#[path = "../support/frames.rs"]
#[expect(dead_code, reason = "only requests are made here")]
mod frames;
mod kept_inputs_hold;
#[path = "../oracle/random_commands.rs"]
mod random_commands;
#[path = "../oracle/random_meta_commands.rs"]
mod random_meta_commands;
#[path = "../support/seed.rs"]
mod seed;
mod tear;

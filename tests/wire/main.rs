//! The classic text protocol as a client meets it: bytes to a daemon, bytes back. Each file is one promise.

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/transcript.rs"]
mod transcript;

mod answers;
mod cas_uniques;
mod conversation;
mod counters_move_with_commands;
mod ends_of_a_connection;
mod expiry;
mod limits;
mod noreply_is_silent;
mod pipelines;
mod refused_values_keep_the_stream_in_sync;
mod stats_report;
mod torn_frames;
mod what_replacements_usually_break;

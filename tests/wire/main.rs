//! The protocols as a client sees them: bytes sent to a daemon and bytes received. Each file tests one behaviour.
//!
//! `LARDER_WIRE_SEED` repeats the random part of a run, `LARDER_WIRE_STREAMS` sets its length.

#[path = "../oracle/corruption.rs"]
mod corruption;
#[path = "../oracle/random_commands.rs"]
mod random_commands;
#[path = "../oracle/random_meta_commands.rs"]
mod random_meta_commands;
#[path = "../support/seed.rs"]
mod seed;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/transcript.rs"]
mod transcript;

mod authentication_is_required;
mod binary;
mod cas_uniques;
mod commands_update_counters;
mod common_compatibility_mistakes;
mod connection_close;
mod conversation;
mod differences_from_memcached;
mod expiry;
mod expiry_with_manual_clock;
mod hostile_input;
mod key_dumps;
mod limits;
mod memcached_compatibility;
mod meta_values;
mod noreply_is_silent;
mod pipelines;
mod random_bytes_never_stop_the_daemon;
mod refused_values_keep_the_stream_in_sync;
mod replies;
mod split_requests;
mod stats_detail;
mod stats_extensions;
mod stats_report;
mod text_login;
mod transports;
mod watch;
mod why_command;

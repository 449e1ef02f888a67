//! The protocols as a client meets them: bytes to a daemon, bytes back. Each file is one promise.
//!
//! `LARDER_WIRE_SEED` repeats the random part of a run, `LARDER_WIRE_STREAMS` sets its length.

#[path = "../oracle/commands.rs"]
mod commands;
#[path = "../oracle/damage.rs"]
mod damage;
#[path = "../oracle/meta_commands.rs"]
mod meta_commands;
#[path = "../support/seed.rs"]
mod seed;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/transcript.rs"]
mod transcript;

mod answers;
mod any_bytes_leave_it_standing;
mod binary;
mod cas_uniques;
mod conversation;
mod counters_move_with_commands;
mod differences_from_memcached;
mod dumps_list_what_is_there;
mod ends_of_a_connection;
mod everything_of_memcached_has_a_state;
mod expiry;
mod expiry_as_the_clock_moves;
mod explained;
mod limits;
mod meta_values;
mod noreply_is_silent;
mod nothing_is_answered_before_the_login;
mod pipelines;
mod refused_values_keep_the_stream_in_sync;
mod stats_detail;
mod stats_report;
mod text_login;
mod torn_frames;
mod transports;
mod watch;
mod what_crashed_others_is_survived;
mod what_replacements_usually_break;
mod why;

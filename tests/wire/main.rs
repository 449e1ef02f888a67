//! The classic text protocol as a client meets it: bytes to a daemon, bytes back. Each file is one promise.

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/transcript.rs"]
mod transcript;

mod answers;
mod cas_uniques;
mod conversation;
mod expiry;
mod noreply_is_silent;
mod pipelines;
mod what_replacements_usually_break;

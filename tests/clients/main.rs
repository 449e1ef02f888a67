//! Clients that other people wrote, unchanged, against a daemon. Here is the one for Rust, the others are in Python
//! and C and are run by `tests/run`. Each file is one client.

#[path = "../support/mod.rs"]
mod support;

mod memcache_crate;
mod memcache_crate_binary;

//! Unmodified clients of other projects with a daemon. The client for Rust runs here; `tests/run` runs those for other
//! languages. Each file tests one client.

#[path = "../support/mod.rs"]
mod support;

mod memcache_crate;
mod memcache_crate_binary;

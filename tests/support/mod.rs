//! A larder process to test against, on ports that the system chooses, and a client for raw bytes.
//!
//! A test crate includes it by `#[path = "../support/mod.rs"] mod support;`. A daemon is killed when its value is
//! dropped. No test sleeps for a fixed time: it waits for an event, for at most [`WAIT_MAX`].

#![allow(dead_code, unused_imports, reason = "each test crate uses a part of it")]

mod certificates;
mod client;
mod daemon;
mod folder;
pub mod frames;

pub use certificates::{Authority, CertifiedKey, TlsClient};
pub use client::Client;
pub use daemon::{Daemon, DaemonCommand, Process, larder, memcached};
pub use folder::Folder;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

/// The program under test: the binary that cargo built with the test, or the path in `LARDER_PROGRAM`.
pub fn larder_program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        std::env::var_os("LARDER_PROGRAM").map_or(env!("CARGO_BIN_EXE_larder").into(), PathBuf::from)
    });
    &PROGRAM
}

/// Longest wait for any event. It is generous for slow and busy machines; only a failing test reaches it.
pub const WAIT_MAX: Duration = Duration::from_secs(120);

/// Polls `condition` until it returns a value. Fails the test with a message about `event` after [`WAIT_MAX`].
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "waiting for another process needs the clock")]
pub fn wait_for<T>(event: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = std::time::Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < WAIT_MAX, "no sign of {event} within {WAIT_MAX:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Prints that something is not tested and what the test would need; the harness does not capture this line. With
/// CI=true in the environment the test fails instead.
#[track_caller]
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "skipped although CI=true: {reason}");
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// True if this machine has the IPv6 loopback address.
pub fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}

//! A larder process to test against, on ports that the system chooses, and a client for raw bytes.
//!
//! Each test crate that needs it says `#[path = "../support/mod.rs"] mod support;`. A daemon ends with its value;
//! nothing here sleeps for a fixed time: everything is waited for, up to [`WAIT_MAX`].

#![allow(dead_code, unused_imports, reason = "each test crate uses its part")]

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

/// The larder to test: the one that was built with the test, or the one that `LARDER_PROGRAM` names.
pub fn larder_program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        std::env::var_os("LARDER_PROGRAM").map_or(env!("CARGO_BIN_EXE_larder").into(), PathBuf::from)
    });
    &PROGRAM
}

/// How long anything may take before a test fails. Generous, because it only costs time when something is broken.
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// Waits until `condition` gives a value. Fails the test, naming `what`, when patience runs out.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a test that waits for another process needs the clock")]
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = std::time::Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < WAIT_MAX, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Says, past the capture of test output, that something is not tested and what it would take. Under CI=true that
/// fails the test instead.
#[track_caller]
pub fn skip(what: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "nothing may be skipped: {what}");
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// True if this machine has the IPv6 address of localhost.
pub fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}

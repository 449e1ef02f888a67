//! The counter of a heavy client: bytes sent and received, or connections.

use std::io::stdin;
use std::process::exit;
use std::sync::atomic::{AtomicU64, Ordering};

static COUNTED: AtomicU64 = AtomicU64::new(0);

/// Adds to the counter.
pub(crate) fn count(more: usize) {
    COUNTED.fetch_add(more as u64, Ordering::Relaxed);
}

/// Ends this process, from any thread.
pub(crate) fn fail(reason: &str) -> ! {
    eprintln!("heavy client: {reason}");
    exit(1)
}

/// Replies to every line of standard input with the count; exits at the end of the input.
pub(crate) fn answer() {
    for _ in stdin().lines().map_while(Result::ok) {
        println!("{}", COUNTED.load(Ordering::Relaxed));
    }
    exit(0);
}

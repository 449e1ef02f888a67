//! Where messages go: to standard error, one line each, as they are.
//!
//! The level is [`log::max_level`], which may change while the daemon runs. Libraries have no say at any level: what
//! they find worth telling is about themselves, and no operator of memcached expects it.

use log::LevelFilter;
use std::io::Write;

/// The crate whose messages are sent.
const OWN: &str = env!("CARGO_PKG_NAME");

/// Sends larder's messages of up to `level` to standard error from now on.
pub fn log_to_stderr(level: LevelFilter) {
    let mut builder = env_logger::Builder::new();
    // Of its own messages, those that pass are decided by the maximum level alone, so that it can be raised later.
    builder.filter_level(LevelFilter::Off).filter_module(OWN, LevelFilter::Trace);
    builder.format(|line, record| writeln!(line, "{}", record.args()));
    if builder.try_init().is_ok() {
        log::set_max_level(level);
    }
}

//! The log: messages go to standard error, one line each, without prefix.
//!
//! The level is [`log::max_level`], which may change while the daemon runs. Messages of libraries are dropped at every
//! level: they describe the library, and operators of memcached do not expect them.

use log::LevelFilter;
use std::io::Write;

/// The crate whose messages are logged.
const OWN: &str = env!("CARGO_PKG_NAME");

/// Logs larder's messages up to `level` to standard error.
pub fn log_to_stderr(level: LevelFilter) {
    let mut builder = env_logger::Builder::new();
    // Only `log::max_level` limits larder's messages, so that the level can be raised later.
    builder.filter_level(LevelFilter::Off).filter_module(OWN, LevelFilter::Trace);
    builder.format(|line, record| writeln!(line, "{}", record.args()));
    if builder.try_init().is_ok() {
        log::set_max_level(level);
    }
}

//! Where messages go: to standard error, one line each, as they are.
//!
//! The level is [`log::max_level`], which may change while the daemon runs.

use log::LevelFilter;
use std::io::Write;

/// Sends messages of up to `level` to standard error from now on.
pub fn log_to_stderr(level: LevelFilter) {
    let mut builder = env_logger::Builder::new();
    // What passes is decided by the maximum level alone, so that it can be raised later.
    builder.filter_level(LevelFilter::Trace).format(|line, record| writeln!(line, "{}", record.args()));
    if builder.try_init().is_ok() {
        log::set_max_level(level);
    }
}

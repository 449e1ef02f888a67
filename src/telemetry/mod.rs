//! Counters, the table of open connections, and the log: a leaf that counts what it is told and knows no other module.

mod connections;
mod counters;
mod log;
mod prefixes;
mod process;
mod watchers;

pub use connections::{Connection, ConnectionState, Connections, Listener, PeerAddress, Row, Transport};
pub use counters::{Counter, Counters, Totals, WorkerCounters};
pub use log::log_to_stderr;
pub use prefixes::{PREFIXES_MAX, PrefixCounts, Prefixes};
pub use process::{CpuTime, CpuUsage, cpu_usage, resident_and_file_bytes};
pub use watchers::{
    LogClass, LogStatistics, QUEUE_MAX_BYTES, WATCHERS_MAX, Watcher, Watchers, current_connection,
    set_current_connection,
};

// Not a part of `counters.rs`, which `tests/schedules` takes in as it is.
#[cfg(test)]
#[path = "counters/tests.rs"]
mod counters_tests;

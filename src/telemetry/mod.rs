//! Counters, the table of open connections, and the log. Telemetry is a leaf: it uses no other module of larder.

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

// Not in `counters.rs`, because `tests/schedules` includes that file.
#[cfg(test)]
#[path = "counters/tests.rs"]
mod counters_tests;

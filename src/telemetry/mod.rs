//! Counters, the table of open connections, and the log: a leaf that counts what it is told and knows no other module.

mod connections;
mod counters;
mod log;
mod process;

pub use connections::{Connection, ConnectionState, Connections, Listening, Row, Transport};
pub use counters::{Counter, Counters, Sums, WorkerCounters};
pub use log::log_to_stderr;
pub use process::{Usage, usage};

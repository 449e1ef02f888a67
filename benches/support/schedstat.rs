//! Scheduler statistics of a thread.

use super::failure::Failure;
use std::fs;
use std::path::Path;

/// Scheduler statistics of a thread: the first two numbers of its schedstat (sched-stats in the kernel's
/// documentation).
pub(crate) struct Scheduled {
    /// Time on a CPU, in nanoseconds.
    pub(crate) ran_nanos: u64,
    /// Time in the run queue, in nanoseconds.
    pub(crate) queued_nanos: u64,
}

impl Scheduled {
    /// Statistics of the thread with this directory in /proc.
    pub(crate) fn of(thread: &Path) -> Result<Scheduled, Failure> {
        let schedstat = fs::read_to_string(thread.join("schedstat"))?;
        let mut numbers = schedstat.split_whitespace().map(str::parse);
        let mut next = || Ok::<u64, Failure>(numbers.next().ok_or("a short schedstat")??);
        Ok(Scheduled { ran_nanos: next()?, queued_nanos: next()? })
    }
}

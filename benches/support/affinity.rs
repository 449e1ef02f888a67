//! CPU affinity of benchmark threads. A child process inherits the affinity of the thread that starts it.

use super::failure::Failure;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// The CPU of the server, and the CPU of the load.
pub(crate) const SERVER_CPU: usize = 0;
pub(crate) const LOAD_CPU: usize = 1;

/// Placement of a server and its load.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// The server has one CPU, the load has another.
    Apart,
    /// The server runs on both CPUs, the load on one of them.
    Overlapping,
    /// The scheduler decides.
    Free,
}

impl Placement {
    /// Pins this thread to the server's CPUs while it starts the server.
    pub(super) fn pin_to_server(self) -> Result<(), Failure> {
        match self {
            Placement::Apart => pin(&[SERVER_CPU]),
            Placement::Overlapping => pin(&[SERVER_CPU, LOAD_CPU]),
            Placement::Free => Ok(()),
        }
    }

    /// Pins this thread to the CPU of the load.
    pub(super) fn pin_to_load(self) -> Result<(), Failure> {
        match self {
            Placement::Apart | Placement::Overlapping => pin(&[LOAD_CPU]),
            Placement::Free => Ok(()),
        }
    }
}

/// Pins this thread, and what it starts, to these CPUs, modulo the number of CPUs.
pub(crate) fn pin(cpus: &[usize]) -> Result<(), Failure> {
    let there = std::thread::available_parallelism()?.get().max(LOAD_CPU + 1);
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(cpu % there)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

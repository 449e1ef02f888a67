//! Which CPUs the threads of a bench run on. A child inherits the CPUs of the thread that starts it.

use super::Failure;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// The CPU of a server, and that of the load beside it.
pub(crate) const SERVER_CPU: usize = 0;
pub(crate) const LOAD_CPU: usize = 1;

/// Which CPUs a server and its load get.
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
    /// Holds this thread on the CPUs of the server, for the moment in which it starts the server.
    pub(super) fn hold_server(self) -> Result<(), Failure> {
        match self {
            Placement::Apart => hold(&[SERVER_CPU]),
            Placement::Overlapping => hold(&[SERVER_CPU, LOAD_CPU]),
            Placement::Free => Ok(()),
        }
    }

    /// Holds this thread on the CPU of the load.
    pub(super) fn hold_load(self) -> Result<(), Failure> {
        match self {
            Placement::Apart | Placement::Overlapping => hold(&[LOAD_CPU]),
            Placement::Free => Ok(()),
        }
    }
}

/// Holds this thread, and what it starts, on these CPUs; on a machine that has only one, all is held there.
pub(crate) fn hold(cpus: &[usize]) -> Result<(), Failure> {
    let there = std::thread::available_parallelism()?.get().max(LOAD_CPU + 1);
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(cpu % there)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

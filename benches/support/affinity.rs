//! Which CPU a thread runs on. A child inherits what its parent's thread has when it starts.

use super::Failure;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// The CPU of a server that has one thread, and of the load beside it.
pub(crate) const SERVER_CPU: usize = 0;
pub(crate) const LOAD_CPU: usize = 1;

/// Holds this thread, and what it starts, on these CPUs; on a machine that has only one, all is held there.
pub(crate) fn hold(cpus: &[usize]) -> Result<(), Failure> {
    let there = std::thread::available_parallelism()?.get().max(LOAD_CPU + 1);
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(cpu % there)?;
    }
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

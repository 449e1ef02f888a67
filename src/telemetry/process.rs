//! What the OS says about this process.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use std::fmt;

/// CPU time, printed as `seconds.microseconds` with six digits, the form of `stats`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct CpuTime {
    /// Microseconds.
    pub micros: u64,
}

impl fmt::Display for CpuTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.micros / 1_000_000, self.micros % 1_000_000)
    }
}

/// CPU time used so far.
#[derive(Default, Clone, Debug)]
pub struct Usage {
    /// In user mode.
    pub user: CpuTime,
    /// In the kernel.
    pub system: CpuTime,
}

/// Asks the OS.
pub fn usage() -> Usage {
    let time = |time: TimeVal| CpuTime { micros: u64::try_from(time.num_microseconds()).unwrap_or(0) };
    getrusage(UsageWho::RUSAGE_SELF)
        .map(|usage| Usage { user: time(usage.user_time()), system: time(usage.system_time()) })
        .unwrap_or_default()
}

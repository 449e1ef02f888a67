//! What the OS says about this process.

use nix::sys::resource::{UsageWho, getrusage};

/// CPU time used so far, as `seconds.microseconds` with six digits, the form `stats` prints.
#[derive(Default, Clone, Debug)]
pub struct Usage {
    /// In user mode.
    pub user: String,
    /// In the kernel.
    pub system: String,
}

/// Asks the OS.
pub fn usage() -> Usage {
    let format = |time: nix::sys::time::TimeVal| format!("{}.{:06}", time.tv_sec(), time.tv_usec());
    getrusage(UsageWho::RUSAGE_SELF)
        .map(|usage| Usage { user: format(usage.user_time()), system: format(usage.system_time()) })
        .unwrap_or_else(|_| Usage { user: "0.000000".into(), system: "0.000000".into() })
}

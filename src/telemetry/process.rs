//! CPU time and resident memory of this process, from the OS.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::{SysconfVar, sysconf};
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
pub struct CpuUsage {
    /// In user mode.
    pub user: CpuTime,
    /// In the kernel.
    pub system: CpuTime,
}

/// The resident bytes of this process, and those of them that are pages of files, such as the program. 0 if the OS does
/// not report them.
pub fn resident_and_file_bytes() -> (u64, u64) {
    // In pages: total size, resident size, resident pages of files (proc(5), /proc/pid/statm).
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mut fields = statm.split(' ').skip(1).map(|pages| pages.parse::<u64>().unwrap_or(0));
    let mut pages = || fields.next().unwrap_or(0);
    let page_bytes =
        sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|bytes| u64::try_from(bytes).ok());
    let page_bytes = page_bytes.unwrap_or(0);
    (pages() * page_bytes, pages() * page_bytes)
}

/// The CPU time used so far; 0 if the OS does not report it.
pub fn cpu_usage() -> CpuUsage {
    let time = |time: TimeVal| CpuTime { micros: u64::try_from(time.num_microseconds()).unwrap_or(0) };
    getrusage(UsageWho::RUSAGE_SELF)
        .map(|usage| CpuUsage { user: time(usage.user_time()), system: time(usage.system_time()) })
        .unwrap_or_default()
}

//! Resource limits and memory: descriptors, core files, locked memory, huge pages.

use super::{Failure, Settings};
use crate::server;
use log::warn;
use nix::errno::Errno;
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl::set_thp_disable;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, rlim_t, setrlimit};
use std::fs;

/// Descriptors in addition to those of connections and listeners: standard streams, event loops, files at the start.
const OTHER_DESCRIPTORS: u64 = 32;

/// The kernel's policy for huge pages.
const HUGE_PAGES_POLICY: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// Descriptors of `--metrics`: its socket, its event loop, its connections.
const DESCRIPTORS_OF_METRICS: u64 = 24;

/// The resources that the limits must allow.
#[derive(Clone, Copy, Debug)]
pub struct RequiredLimits {
    /// Simultaneous client connections.
    pub connections: usize,
    /// Addresses to listen on.
    pub addresses: usize,
    /// True with `--metrics`.
    pub metrics: bool,
    /// Core files of any size.
    pub core_files: bool,
    /// All memory locked, see [`lock_memory`].
    pub locked_memory: bool,
}

impl RequiredLimits {
    /// The resources that these settings need.
    pub fn new(server: &server::Settings, process: &Settings) -> RequiredLimits {
        // All interfaces are two addresses (IPv4 and IPv6), and most names have two.
        let addresses = (server.tcp.len() + server.udp.len()) * 2
            + usize::from(server.unix.is_some())
            + server.inherited.len();
        RequiredLimits {
            connections: server.max_connections,
            addresses,
            metrics: server.metrics.is_some(),
            core_files: process.core_files,
            locked_memory: process.lock_memory,
        }
    }
}

/// Raises the limits as far as needed, and lowers none.
pub fn raise_limits(needs: RequiredLimits) -> Result<(), Failure> {
    if needs.core_files {
        raise_core_limit().map_err(|_| Failure::os("failed to ensure corefile creation"))?;
    }
    if needs.locked_memory {
        // Without the privilege, `lock_memory` warns.
        let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    }
    let connections = needs.connections as u64;
    let metrics = if needs.metrics { DESCRIPTORS_OF_METRICS } else { 0 };
    let own = needs.addresses as u64 + OTHER_DESCRIPTORS + metrics;
    raise_descriptor_limit(connections, own).map_err(|errno| {
        Failure::os(format!(
            "failed to set rlimit for open files. Try starting as root or requesting smaller maxconns value. \
             (-c {connections}: {})",
            errno.desc()
        ))
    })
}

fn raise_descriptor_limit(connections: rlim_t, own: rlim_t) -> Result<(), Errno> {
    let needed = connections.saturating_add(own);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= needed {
        return Ok(());
    }
    if hard >= needed || setrlimit(Resource::RLIMIT_NOFILE, needed, needed).is_ok() {
        return setrlimit(Resource::RLIMIT_NOFILE, needed, hard.max(needed));
    }
    // Like memcached, larder starts if the limit allows the connections alone. The last connections may have to wait.
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    if hard < connections {
        return Err(Errno::EPERM);
    }
    // If the estimate leaves no connection, the server finds out whether it can start at all.
    if hard > own {
        let possible = hard - own;
        warn!("the limit of {hard} open files leaves room for {possible} of {connections} connections");
    }
    Ok(())
}

/// Allows core files of any size, or else as large as the hard limit.
fn raise_core_limit() -> Result<(), Errno> {
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    if setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY).is_err() {
        setrlimit(Resource::RLIMIT_CORE, hard, hard)?;
    }
    match getrlimit(Resource::RLIMIT_CORE)? {
        (0, _) => Err(Errno::EPERM),
        _ => Ok(()),
    }
}

/// Keeps all current and future memory out of swap, if `settings` say so. Pages are locked when they are first touched,
/// so that reserved address space stays out of memory. A failure is a warning, as in memcached.
///
/// Under a limit nothing is locked: reserved address space would count against the limit, and a later allocation would
/// fail.
pub fn lock_memory(settings: &Settings) {
    if !settings.lock_memory {
        return;
    }
    match getrlimit(Resource::RLIMIT_MEMLOCK) {
        Ok((limit, _)) if limit != RLIM_INFINITY && !may_lock_over_limit() => {
            warn!(
                "warning: -k invalid, the limit of {limit} bytes of locked memory (ulimit -l) must be unlimited"
            );
        }
        _ => {
            let on_touch = MlockAllFlags::from_bits_retain(nix::libc::MCL_ONFAULT);
            if let Err(errno) = mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE | on_touch) {
                warn!("warning: -k invalid, mlockall() failed: {}", errno.desc());
            }
        }
    }
}

/// Forbids huge pages for this process (see decision 7), unless `settings` ask for them. A failure is a warning,
/// because the cache works with any page size.
pub fn set_huge_page_policy(settings: &Settings) {
    let policy = fs::read_to_string(HUGE_PAGES_POLICY).unwrap_or_default();
    if settings.large_pages && !policy.contains("[always]") {
        return warn!("warning: -L has no effect, {HUGE_PAGES_POLICY} is not set to always");
    }
    match set_thp_disable(!settings.large_pages) {
        Err(errno) if settings.large_pages => {
            warn!("warning: -L has no effect, prctl() failed: {}", errno.desc())
        }
        // A kernel without huge pages rejects the call, and needs none.
        _ => {}
    }
}

/// True if this process has the capability to lock any amount of memory.
fn may_lock_over_limit() -> bool {
    /// Bit of CAP_IPC_LOCK in a set of capabilities (linux/capability.h).
    const IPC_LOCK: u64 = 1 << 14;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & IPC_LOCK != 0)
}

//! What a daemon owes its operating system: limits, user, background, pid file, service manager.
//!
//! `main` takes the steps in this order: limits are raised and TCP ports bound while there may be privileges for it
//! ([`raise_limits`]), then these are given up ([`User::assume`]), then the terminal is left ([`detach`]), so that
//! whoever started the daemon sees every failure; threads start after that, because a fork keeps only one. Nothing
//! here knows what is served.

mod background;
mod limits;
mod pid_file;
mod service_manager;
mod user;

pub use background::{Background, Role, launch};
pub use limits::{RequiredLimits, lock_memory, raise_limits, set_huge_page_policy};
pub use pid_file::PidFile;
pub use service_manager::inherited_sockets;
pub use user::User;

use crate::{auth, server};
use service_manager::ServiceManager;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Exit statuses of sysexits.h that memcached uses too.
mod status {
    /// The password file is not usable.
    pub(super) const CREDENTIALS: u8 = 1;
    /// The command line is not enough (EX_USAGE).
    pub(super) const USAGE: u8 = 64;
    /// There is no such user (EX_NOUSER).
    pub(super) const NO_USER: u8 = 67;
    /// The OS refused something (EX_OSERR).
    pub(super) const OS: u8 = 71;
}

/// Checked by `options`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Run in the background (`-d`).
    pub detach: bool,
    /// File to keep the process id in (`-P`), absolute.
    pub pid_file: Option<PathBuf>,
    /// User to run as when started as root (`-u`).
    pub user: Option<String>,
    /// True: refuse to run as root without `user`. False: warn.
    pub user_required: bool,
    /// Keep all memory out of swap (`-k`).
    pub lock_memory: bool,
    /// Let the system use huge pages (`-L`).
    pub large_pages: bool,
    /// Allow core files of any size (`-r`).
    pub core_files: bool,
    /// In the background, go on writing to the terminal.
    pub keep_terminal: bool,
}

/// Whom to tell at the turns of the server's life: those who wait for the pid file, whoever started the daemon, and the
/// service manager. To be called in the process that serves.
pub fn hooks(pid_file: PidFile, background: Background) -> server::Hooks {
    let manager = ServiceManager::from_env();
    server::Hooks {
        ready: Box::new(move || {
            pid_file.write();
            manager.ready();
            // Last, because warnings may go nowhere from here on.
            background.report_ready();
        }),
        alive: Box::new(move || manager.alive()),
        stopping: Box::new(move || manager.stopping()),
    }
}

/// Why the daemon does not start or cannot go on: what to tell the operator, in one line.
#[derive(Debug)]
pub struct Failure {
    line: String,
    status: u8,
}

impl Failure {
    /// The OS refused something.
    pub fn os(line: impl Into<String>) -> Failure {
        Failure { line: line.into(), status: status::OS }
    }

    /// With this exit status.
    pub fn new(line: impl Into<String>, status: u8) -> Failure {
        Failure { line: line.into(), status }
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Failure {}

impl From<server::ListenError> for Failure {
    fn from(error: server::ListenError) -> Failure {
        Failure::os(error.to_string())
    }
}

impl From<server::TlsError> for Failure {
    fn from(error: server::TlsError) -> Failure {
        Failure::new(error.to_string(), status::USAGE)
    }
}

impl From<auth::CredentialsError> for Failure {
    fn from(error: auth::CredentialsError) -> Failure {
        Failure::new(error.to_string(), status::CREDENTIALS)
    }
}

/// The server could not be set up, or lost what it stands on.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::os(format!("failed to serve: {error}"))
    }
}

//! The process as the operating system sees it: limits, user, background, pid file, service manager.
//!
//! `main` takes the steps in this order. With `-d`, the daemon starts as a process of its own ([`launch`]). Limits are
//! raised and ports bound while there may be privileges for it ([`raise_limits`]); then the privileges are dropped
//! ([`User::assume`]), and the terminal is left ([`Background::detach`]), after most failures have been reported.
//! Threads start last. This module does not know what is served.

mod background;
mod limits;
mod machine_memory;
mod pid_file;
mod service_manager;
mod user;

pub use background::{Background, Role, launch};
pub use limits::{RequiredLimits, lock_memory, raise_limits, set_huge_page_policy};
pub use machine_memory::{MemorySource, available_memory};
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
    /// The password file cannot be used.
    pub(super) const CREDENTIALS: u8 = 1;
    /// The command line is wrong or incomplete (EX_USAGE).
    pub(super) const USAGE: u8 = 64;
    /// There is no such user (EX_NOUSER).
    pub(super) const NO_USER: u8 = 67;
    /// A system call failed (EX_OSERR).
    pub(super) const OS: u8 = 71;
}

/// The settings of the process, checked by `options`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Run in the background (`-d`).
    pub detach: bool,
    /// Absolute path of the pid file (`-P`).
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
    /// Keep the terminal for messages in the background.
    pub keep_terminal: bool,
}

/// The hooks of the server: they write the pid file and inform the launcher and the service manager. To be called in
/// the process that serves.
pub fn hooks(pid_file: PidFile, background: Background) -> server::Hooks {
    let manager = ServiceManager::from_env();
    server::Hooks {
        ready: Box::new(move || {
            pid_file.write();
            manager.ready();
            // Last, because warnings may go to /dev/null afterwards.
            background.report_ready();
        }),
        alive: Box::new(move || manager.alive()),
        stopping: Box::new(move || manager.stopping()),
    }
}

/// Why the daemon does not start or cannot serve: a message of one line, and an exit status.
#[derive(Debug)]
pub struct Failure {
    line: String,
    status: u8,
}

impl Failure {
    /// A system call failed.
    pub fn os(line: impl Into<String>) -> Failure {
        Failure { line: line.into(), status: status::OS }
    }

    /// A failure with this exit status.
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

/// The server could not start, or cannot continue.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::os(format!("failed to serve: {error}"))
    }
}

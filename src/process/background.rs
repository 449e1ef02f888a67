//! Running in the background (`-d`).
//!
//! The command that was typed, the launcher, starts this program a second time and waits until that process serves.
//! Its exit status is therefore the result of the start, and the pid file exists when it ends. Until then standard
//! output of the daemon is a pipe to the launcher: a byte reports readiness, the end of the pipe reports a failure.
//!
//! The program is started again and not forked, because a process may only be forked by unsafe code. The daemon starts
//! with the arguments, environment, directory, limits and open descriptors of the launcher.

use super::{Failure, Settings, status};
use log::warn;
use nix::sys::prctl;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, getppid, setsid};
use std::env;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio, id};

/// Environment variable of the daemon: the process id of its launcher. A variable with any other id has no effect, so
/// that a program started by a daemon may start another one.
const LAUNCHER_PID: &str = "LARDER_LAUNCHER_PID";

/// systemd's variable for the process that its sockets are meant for.
const LISTEN_PID: &str = "LISTEN_PID";

/// The part of this process in a start.
#[derive(Debug)]
pub enum Role {
    /// It started the daemon, and ends with this status.
    Launcher(u8),
    /// It serves.
    Server(Background),
}

/// How the process that serves leaves its launcher and the terminal. Without `-d` there is none to leave.
#[derive(Debug)]
pub struct Background {
    detaches: bool,
    keep_terminal: bool,
    /// Set from [`Background::detach`] on. The launcher fails if this closes before a byte arrives.
    launcher: Option<PipeWriter>,
}

/// Starts the daemon if `settings` ask for one and this process is not the daemon. To be called before any descriptor
/// is opened or taken over.
pub fn launch(settings: &Settings) -> Result<Role, Failure> {
    let Settings { detach, keep_terminal, .. } = *settings;
    if detach && !is_launched() {
        return start_daemon().map(Role::Launcher).map_err(failure);
    }
    if detach {
        restore_name();
    }
    Ok(Role::Server(Background { detaches: detach, keep_terminal, launcher: None }))
}

impl Background {
    /// Leaves session, directory, standard input and standard output, if this process is a daemon. Standard error
    /// stays until [`Background::report_ready`], so that the operator sees why a start fails.
    pub fn detach(&mut self, settings: &Settings) -> Result<(), Failure> {
        if self.detaches {
            self.launcher = Some(leave_terminal(settings).map_err(failure)?);
        }
        Ok(())
    }

    /// Tells the launcher that the daemon serves. Messages after that go to /dev/null, unless the terminal is kept.
    pub fn report_ready(self) {
        let Some(mut launcher) = self.launcher else { return };
        if !self.keep_terminal {
            let silenced = File::options().write(true).open("/dev/null").map(dup2_stderr);
            if !matches!(silenced, Ok(Ok(()))) {
                warn!("messages still go to the terminal: /dev/null cannot be opened");
            }
        }
        // Last, so that the daemon has left the terminal when the launcher ends. An error means that it has ended.
        let _ = launcher.write_all(&[0]);
    }
}

fn failure(error: io::Error) -> Failure {
    Failure::os(format!("failed to daemon() in order to daemonize: {error}"))
}

/// True if the parent of this process is its launcher.
fn is_launched() -> bool {
    let launcher = env::var(LAUNCHER_PID).ok().and_then(|pid| pid.parse().ok());
    launcher == Some(getppid().as_raw())
}

/// Starts this program again, waits until it serves or ends, and returns the exit status of the launcher.
fn start_daemon() -> io::Result<u8> {
    let own_pid = id().to_string();
    let mut args = env::args_os();
    let mut command = Command::new("/proc/self/exe");
    command.arg0(args.next().unwrap_or_default()).args(args).stdout(Stdio::piped());
    if env::var(LISTEN_PID).is_ok_and(|pid| pid == own_pid) {
        // Without it the sockets are meant for the process that finds LISTEN_FDS, which is the daemon.
        command.env_remove(LISTEN_PID);
    }
    let mut daemon = command.env(LAUNCHER_PID, own_pid).spawn()?;
    let is_ready = daemon.stdout.take().is_some_and(|mut pipe| pipe.read_exact(&mut [0]).is_ok());
    if is_ready {
        return Ok(0);
    }
    // The daemon wrote the reason to standard error.
    let status = daemon.wait()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(status.filter(|code| *code != 0).unwrap_or(status::OS))
}

/// Gives the process the name that it had in the launcher: after /proc/self/exe the kernel calls it "exe".
fn restore_name() {
    let program = env::args_os().next().unwrap_or_default();
    if let Some(name) = Path::new(&program).file_name()
        && let Ok(name) = CString::new(name.as_bytes())
    {
        // The name only serves ps(1) and the like.
        let _ = prctl::set_name(&name);
    }
}

/// Leaves everything but standard error; returns the pipe to the launcher.
fn leave_terminal(settings: &Settings) -> io::Result<PipeWriter> {
    setsid()?;
    // Core files are written to the working directory, so it is kept for them.
    if !settings.core_files {
        env::set_current_dir("/")?;
    }
    let launcher = io::stdout().as_fd().try_clone_to_owned()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    if settings.keep_terminal {
        dup2_stdout(io::stderr())?
    } else {
        dup2_stdout(&null)?
    }
    Ok(launcher.into())
}

//! Leaving the terminal (`-d`). The process that was started waits until the daemon serves, so that its exit status
//! is the truth and the pid file is there when it ends.

use super::{Failure, Settings, status};
use daemonize::{Daemonize, Outcome, Stdio};
use log::warn;
use nix::sys::stat::{Mode, umask};
use nix::unistd::dup2_stderr;
use std::fs::File;
use std::io::{PipeWriter, Read, Write, pipe};
use std::path::PathBuf;

/// Which side of the fork this is.
#[derive(Debug)]
pub enum Detached {
    /// The process that was started; it is done and ends with this status.
    Parent(u8),
    /// The one that serves.
    Daemon(Starter),
}

/// The process that waits for the daemon to serve, if there is one. If it hears nothing before this is dropped, it
/// ends with a failure.
#[derive(Debug)]
pub struct Starter {
    waiting: Option<PipeWriter>,
    keep_terminal: bool,
}

impl Starter {
    /// Tells it that all is well. The daemon's messages go nowhere from here on, unless the terminal is to be kept.
    pub fn ready(self) {
        let Some(mut waiting) = self.waiting else { return };
        if !self.keep_terminal {
            let silenced = File::options().write(true).open("/dev/null").map(dup2_stderr);
            if !matches!(silenced, Ok(Ok(()))) {
                warn!("messages go on to the terminal: /dev/null cannot be used");
            }
        }
        // Last, so that who waited finds a daemon that has left; an error means that nobody waits any more.
        let _ = waiting.write_all(&[0]);
    }
}

/// Goes to the background if `settings` say so. To be called while there is one thread.
pub fn detach(settings: &Settings) -> Result<Detached, Failure> {
    let keep_terminal = settings.keep_terminal;
    if !settings.detach {
        return Ok(Detached::Daemon(Starter { waiting: None, keep_terminal }));
    }
    let failed = |error: &dyn std::fmt::Display| {
        Failure::os(format!("failed to daemon() in order to daemonize: {error}"))
    };
    let (mut news, waiting) = pipe().map_err(|error| failed(&error))?;
    let mask = umask(Mode::empty());
    umask(mask);
    let output = || if keep_terminal { Stdio::keep() } else { Stdio::devnull() };
    let daemon = Daemonize::new()
        .working_directory(directory(settings))
        .umask(mask.bits())
        .stdout(output())
        // Until it serves, whoever started it is to see what goes wrong.
        .stderr(Stdio::keep());
    match daemon.execute() {
        Outcome::Parent(Ok(_)) => {
            drop(waiting);
            let mut answer = [status::OS];
            // Without an answer the daemon has ended, and has said why.
            let _ = news.read_exact(&mut answer);
            Ok(Detached::Parent(answer[0]))
        }
        Outcome::Child(Ok(_)) => Ok(Detached::Daemon(Starter { waiting: Some(waiting), keep_terminal })),
        Outcome::Parent(Err(error)) | Outcome::Child(Err(error)) => Err(failed(&error)),
    }
}

/// Core files go to the working directory, so that one stays.
fn directory(settings: &Settings) -> PathBuf {
    let here = settings.core_files.then(std::env::current_dir);
    here.and_then(Result::ok).unwrap_or_else(|| PathBuf::from("/"))
}

//! The pid file (`-P`).

use log::warn;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpid};
use std::fs;
use std::path::{Path, PathBuf};

/// A pid file, or none.
#[derive(Clone, Debug)]
pub struct PidFile(Option<PathBuf>);

impl PidFile {
    /// A pid file at `path`.
    pub fn new(path: Option<PathBuf>) -> PidFile {
        PidFile(path)
    }

    /// Writes the file under another name and renames it, so that readers never see an incomplete one. As in memcached,
    /// a failure and a running process in the old file are warnings.
    pub fn write(&self) {
        let Some(path) = &self.0 else { return };
        if let Some(other) = pid_in(path).filter(|pid| *pid != getpid() && is_running(*pid)) {
            warn!("WARNING: The pid file contained the following (running) pid: {other}");
        }
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        if let Err(error) = fs::write(&temporary, format!("{}\n", getpid())) {
            warn!("Could not open the pid file {} for writing: {error}", temporary.display());
        } else if let Err(error) = fs::rename(&temporary, path) {
            let (from, to) = (temporary.display(), path.display());
            warn!("Could not rename the pid file {from} to {to}: {error}");
        } else {
            return;
        }
        // On a full disk an empty file may exist. Without a file this fails, which is no problem.
        let _ = fs::remove_file(&temporary);
    }

    /// Removes the file, if it still contains the id of this process.
    pub fn remove(&self) {
        let Some(path) = &self.0 else { return };
        if pid_in(path) != Some(getpid()) {
            return;
        }
        if let Err(error) = fs::remove_file(path) {
            warn!("Could not remove the pid file {}: {error}", path.display());
        }
    }
}

/// The process id in a file. Only a regular file is opened: opening a pipe would block until it has a writer, and the
/// daemon serves already.
fn pid_in(path: &Path) -> Option<Pid> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    fs::read_to_string(path).ok()?.trim().parse().ok().filter(|pid| *pid > 0).map(Pid::from_raw)
}

fn is_running(pid: Pid) -> bool {
    kill(pid, None).is_ok()
}

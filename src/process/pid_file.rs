//! The file that says which process serves (`-P`).

use log::warn;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpid};
use std::fs;
use std::path::{Path, PathBuf};

/// A pid file, or none.
#[derive(Clone, Debug)]
pub struct PidFile(Option<PathBuf>);

impl PidFile {
    /// At `path`.
    pub fn new(path: Option<PathBuf>) -> PidFile {
        PidFile(path)
    }

    /// Writes it, by way of a second file, so that a reader never sees half of it. As with memcached, a failure and
    /// another process in the file are warnings.
    pub fn write(&self) {
        let Some(path) = &self.0 else { return };
        if let Some(other) = written_in(path).filter(|pid| *pid != getpid() && is_running(*pid)) {
            warn!("WARNING: The pid file contained the following (running) pid: {other}");
        }
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".tmp");
        let unfinished = PathBuf::from(unfinished);
        if let Err(error) = fs::write(&unfinished, format!("{}\n", getpid())) {
            warn!("Could not open the pid file {} for writing: {error}", unfinished.display());
        } else if let Err(error) = fs::rename(&unfinished, path) {
            let (from, to) = (unfinished.display(), path.display());
            warn!("Could not rename the pid file {from} to {to}: {error}");
        } else {
            return;
        }
        // On a full disk the file is there, and empty. If it is not there, there is nothing to remove.
        let _ = fs::remove_file(&unfinished);
    }

    /// Removes it, if it still names this process.
    pub fn remove(&self) {
        let Some(path) = &self.0 else { return };
        if written_in(path) != Some(getpid()) {
            return;
        }
        if let Err(error) = fs::remove_file(path) {
            warn!("Could not remove the pid file {}: {error}", path.display());
        }
    }
}

/// The process that the file names. Nothing but a regular file is opened: the process serves already, and would wait
/// for the writer of a pipe.
fn written_in(path: &Path) -> Option<Pid> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    fs::read_to_string(path).ok()?.trim().parse().ok().filter(|pid| *pid > 0).map(Pid::from_raw)
}

fn is_running(pid: Pid) -> bool {
    kill(pid, None).is_ok()
}

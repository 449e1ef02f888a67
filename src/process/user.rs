//! The user of the process (`-u`).

use super::{Failure, Settings, status};
use log::warn;
use nix::errno::Errno;
use nix::sys::prctl::set_dumpable;
use nix::unistd::{self, geteuid, setgid, setgroups, setuid};

/// The user to run as.
#[derive(Debug)]
pub enum User {
    /// The user that started the process, who is not root.
    Same,
    /// Root, because no user was named.
    RootByDefault,
    /// This user.
    Named(unistd::User),
}

impl User {
    /// Looks the user up. As in memcached, `-u` only has an effect for root.
    pub fn find(settings: &Settings) -> Result<User, Failure> {
        if !geteuid().is_root() {
            return Ok(User::Same);
        }
        match &settings.user {
            Some(name) => match unistd::User::from_name(name) {
                Ok(Some(user)) => Ok(User::Named(user)),
                _ => Err(Failure::new(format!("can't find the user {name} to switch to"), status::NO_USER)),
            },
            None if settings.user_required => {
                Err(Failure::new("must add '-u root' to start as root", status::USAGE))
            }
            None => Ok(User::RootByDefault),
        }
    }

    /// Switches to the user irrevocably: supplementary groups are dropped first, then group and user are set.
    pub fn assume(&self, core_files: bool) -> Result<(), Failure> {
        let User::Named(user) = self else { return Ok(()) };
        if user.uid.is_root() {
            return Ok(());
        }
        let assumed = match setgroups(&[]) {
            // A container may lack the capability to change them.
            Ok(()) | Err(Errno::EPERM) => setgid(user.gid).and_then(|()| setuid(user.uid)),
            Err(errno) => Err(errno),
        };
        assumed.map_err(|errno| {
            Failure::os(format!("failed to assume identity of user {}: {}", user.name, errno.desc()))
        })?;
        // After a change of user, a process leaves a core file only if it is made dumpable again.
        if core_files && set_dumpable(true).is_err() {
            warn!("core files stay off after the change of user");
        }
        Ok(())
    }

    /// Warns if the process runs as root without `-u root`.
    pub fn warn_if_root(&self) {
        if let User::RootByDefault = self {
            warn!("running as root; -u <user> drops its privileges");
        }
    }
}

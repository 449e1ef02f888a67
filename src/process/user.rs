//! Whom to run as.

use super::{Failure, Settings, status};
use log::warn;
use nix::errno::Errno;
use nix::sys::prctl::set_dumpable;
use nix::unistd::{self, geteuid, setgid, setgroups, setuid};

/// The user to become.
#[derive(Debug)]
pub enum User {
    /// The one that started the process.
    Same,
    /// Root, because nobody else was named.
    RootByDefault,
    /// This one.
    Named(unistd::User),
}

impl User {
    /// Looks the user up. `-u` only counts when started as root, as with memcached.
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

    /// Becomes the user, for good: supplementary groups go first, then group, then user.
    pub fn assume(&self, core_files: bool) -> Result<(), Failure> {
        let User::Named(user) = self else { return Ok(()) };
        if user.uid.is_root() {
            return Ok(());
        }
        let assumed = match setgroups(&[]) {
            // A container may run without the right to change them.
            Ok(()) | Err(Errno::EPERM) => setgid(user.gid).and_then(|()| setuid(user.uid)),
            Err(errno) => Err(errno),
        };
        assumed.map_err(|errno| {
            Failure::os(format!("failed to assume identity of user {}: {}", user.name, errno.desc()))
        })?;
        // A process that changed its user leaves no core file unless it asks to.
        if core_files && set_dumpable(true).is_err() {
            warn!("core files stay off: the user was changed");
        }
        Ok(())
    }

    /// Warns of what nobody asked for.
    pub fn warn_if_root(&self) {
        if let User::RootByDefault = self {
            warn!("running as root; -u <user> runs as somebody with fewer rights");
        }
    }
}

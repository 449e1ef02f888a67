//! The login of the text protocol (`-Y`).
//!
//! [`Credentials::verify`] decides every login. The reply to a failure does not depend on its reason.

use super::Engine;
use crate::auth::Credentials;
use crate::telemetry::WorkerCounters;
use log::{info, warn};

impl Engine {
    /// Requires clients of the text protocol to log in with these credentials.
    pub fn with_auth_file(self, auth_file: Option<Credentials>) -> Engine {
        Engine { auth_file, ..self }
    }

    /// True if a connection must log in before its first request.
    pub fn requires_text_login(&self) -> bool {
        self.auth_file.is_some()
    }

    /// Checks user and password, and counts the attempt.
    pub fn text_login(&self, counters: &WorkerCounters, user: &[u8], password: &[u8]) -> bool {
        counters.auth_cmds.add(1);
        let valid = self.auth_file.as_ref().is_some_and(|auth_file| auth_file.verify(user, password));
        counters.auth_errors.add(u64::from(!valid));
        valid
    }

    /// The delay of the next login from an address in milliseconds. `peer_address` is called only after a failed login.
    pub fn login_delay_millis(&self, peer_address: impl FnOnce() -> String) -> u32 {
        let now_secs = self.clock.now().secs();
        match self.throttle.is_active(now_secs) {
            true => self.throttle.delay_millis(&peer_address(), now_secs),
            false => 0,
        }
    }

    /// Records a failed login from an address.
    pub fn record_failed_login(&self, peer_address: &str) {
        self.throttle.record_failure(peer_address, self.clock.now().secs());
    }

    /// Reloads the file. If that fails, logs a warning and keeps the old credentials.
    pub fn reload_auth_file(&self) {
        let Some(auth_file) = &self.auth_file else { return };
        match auth_file.reload() {
            Ok(()) => info!("reloaded {}", auth_file.path().display()),
            Err(error) => warn!("{error}; nothing has changed"),
        }
    }
}

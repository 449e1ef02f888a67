//! The login of the text protocol, under `-Y`: who may come in.
//!
//! Nobody is let in but by [`Credentials::verify`]; the answer to a failure is the same whatever was wrong.

use super::Engine;
use crate::auth::Credentials;
use crate::telemetry::WorkerCounters;
use log::{info, warn};

impl Engine {
    /// Lets clients of the text protocol in only with one of these pairs.
    pub fn with_auth_file(self, tokens: Option<Credentials>) -> Engine {
        Engine { tokens, ..self }
    }

    /// True if a connection must log in before anything else.
    pub fn requires_text_login(&self) -> bool {
        self.tokens.is_some()
    }

    /// Checks a pair, and counts.
    pub fn text_login(&self, counters: &WorkerCounters, user: &[u8], password: &[u8]) -> bool {
        counters.auth_cmds.add(1);
        let known = self.tokens.as_ref().is_some_and(|tokens| tokens.verify(user, password));
        counters.auth_errors.add(u64::from(!known));
        known
    }

    /// How long the next login from this address is to wait, in milliseconds; `peer` is asked only where some login has
    /// failed.
    pub fn login_delay_millis(&self, peer: impl FnOnce() -> String) -> u32 {
        let now_secs = self.clock.now().secs();
        match self.throttle.is_active(now_secs) {
            true => self.throttle.delay_millis(&peer(), now_secs),
            false => 0,
        }
    }

    /// A login from this address has failed.
    pub fn record_failed_login(&self, peer: &str) {
        self.throttle.note_failure(peer, self.clock.now().secs());
    }

    /// Reads the file again. What is wrong with it is told to the operator, and the old pairs stay.
    pub fn reload_auth_file(&self) {
        let Some(tokens) = &self.tokens else { return };
        match tokens.reload() {
            Ok(()) => info!("{} has been read again", tokens.path().display()),
            Err(error) => warn!("{error}; nothing has changed"),
        }
    }
}

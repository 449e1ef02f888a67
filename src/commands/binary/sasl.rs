//! SASL with mechanism PLAIN (`-S`): the login state of a connection.
//!
//! Invariants: [`Credentials::verify`] decides every login; an attempt, or a request for the list of mechanisms, ends
//! the previous login; the reply to a failure does not depend on its reason. The password file is reloaded at every
//! attempt, so that changes apply immediately.

use super::BinaryReply;
use crate::auth::Credentials;
use crate::commands::{Engine, Flow};
use crate::protocol::binary::{Admission, Command, PlainMessage, ReplyFields, Status, parse_plain};
use crate::protocol::limits::{LOGIN_FAILURES_MAX, MECHANISM_MAX_BYTES};
use crate::telemetry::WorkerCounters;

/// The only mechanism.
const PLAIN: &[u8] = b"PLAIN";

/// The login state of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SaslSession {
    state: State,
    /// Failed logins since the last successful one.
    failures: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No login is required.
    NotRequired,
    /// The client has not logged in.
    LoggedOut,
    /// The client chose PLAIN; its message comes next.
    AwaitingMessage,
    /// The client has logged in.
    LoggedIn,
}

impl SaslSession {
    /// The requests that the client may send.
    pub fn admission(&self) -> Admission {
        match self.state {
            State::NotRequired | State::LoggedIn => Admission::All,
            State::LoggedOut | State::AwaitingMessage => Admission::LoginOnly,
        }
    }
}

impl SaslSession {
    /// Failed logins since the last successful one.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

impl Engine {
    /// The login state of a new connection.
    pub fn sasl_session(&self) -> SaslSession {
        let state = if self.sasl.is_some() { State::LoggedOut } else { State::NotRequired };
        SaslSession { state, failures: 0 }
    }

    /// Executes one step of a login.
    pub(super) fn execute_sasl(
        &self,
        counters: &WorkerCounters,
        session: &mut SaslSession,
        command: &Command<'_>,
        reply: &mut BinaryReply<'_>,
    ) -> Flow {
        let Some(credentials) = &self.sasl else {
            reply.error(Status::Unknown);
            return Flow::Continue;
        };
        if let Command::SaslStart { mechanism, .. } = command
            && mechanism.len() > MECHANISM_MAX_BYTES
        {
            reply.error(Status::Invalid);
            return Flow::Continue;
        }
        let before = std::mem::replace(&mut session.state, State::LoggedOut);
        let message = match *command {
            Command::SaslStart { mechanism: PLAIN, message: b"" } => {
                session.state = State::AwaitingMessage;
                reply.out.push_sasl_continue(&reply.envelope);
                return Flow::Continue;
            }
            Command::SaslStart { mechanism: PLAIN, message } => Some(message),
            Command::SaslStep { message } => (before == State::AwaitingMessage).then_some(message),
            Command::SaslStart { .. } => None,
            _ => {
                reply.success(&ReplyFields { value: PLAIN, ..ReplyFields::default() });
                return Flow::Continue;
            }
        };
        counters.auth_cmds.add(1);
        if message.is_some_and(|message| is_valid_login(credentials, message)) {
            *session = SaslSession { state: State::LoggedIn, failures: 0 };
            reply.success(&ReplyFields { value: b"Authenticated", ..ReplyFields::default() });
            return Flow::Continue;
        }
        counters.auth_errors.add(1);
        session.failures += 1;
        reply.error(Status::AuthFailure);
        if session.failures < LOGIN_FAILURES_MAX { Flow::Continue } else { Flow::Close }
    }
}

/// True if a PLAIN message contains valid credentials, and no other authorization identity than the user.
fn is_valid_login(credentials: &Credentials, message: &[u8]) -> bool {
    // A file that cannot be read leaves the old credentials.
    let _ = credentials.reload();
    let Some(PlainMessage { authorization, user, password }) = parse_plain(message) else { return false };
    let valid = credentials.verify(user, password);
    valid && (authorization.is_empty() || authorization == user)
}

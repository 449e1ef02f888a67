//! SASL, mechanism PLAIN, under `-S`: who has logged in on a connection, and how.
//!
//! Invariants: nobody is let in but by [`Credentials::verify`]; any attempt, and a look at the list of mechanisms,
//! first ends the login that was there; the answer to a failure is the same whatever was wrong. The password file is
//! read again at every attempt, so that a changed one counts at once.

use super::BinaryReply;
use crate::auth::Credentials;
use crate::commands::{Engine, Flow};
use crate::protocol::binary::{Admission, Command, PlainMessage, ReplyFields, Status, parse_plain};
use crate::protocol::limits::{LOGIN_FAILURES_MAX, MECHANISM_MAX_BYTES};
use crate::telemetry::WorkerCounters;

/// The only mechanism.
const PLAIN: &[u8] = b"PLAIN";

/// What a connection has proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SaslSession {
    state: State,
    /// Since the last success.
    failures: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nobody needs to log in.
    Free,
    /// Nobody has logged in.
    Stranger,
    /// PLAIN was chosen, its message is to come.
    Started,
    /// Somebody has logged in.
    Known,
}

impl SaslSession {
    /// What may come in now.
    pub fn admission(&self) -> Admission {
        match self.state {
            State::Free | State::Known => Admission::All,
            State::Stranger | State::Started => Admission::LoginOnly,
        }
    }
}

impl SaslSession {
    /// Logins that failed since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

impl Engine {
    /// A new connection's.
    pub fn sasl_session(&self) -> SaslSession {
        let state = if self.sasl.is_some() { State::Stranger } else { State::Free };
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
        let before = std::mem::replace(&mut session.state, State::Stranger);
        let message = match *command {
            Command::SaslStart { mechanism: PLAIN, message: b"" } => {
                session.state = State::Started;
                reply.out.push_sasl_continue(&reply.envelope);
                return Flow::Continue;
            }
            Command::SaslStart { mechanism: PLAIN, message } => Some(message),
            Command::SaslStep { message } => (before == State::Started).then_some(message),
            Command::SaslStart { .. } => None,
            _ => {
                reply.success(&ReplyFields { value: PLAIN, ..ReplyFields::default() });
                return Flow::Continue;
            }
        };
        counters.auth_cmds.add(1);
        if message.is_some_and(|message| proves(credentials, message)) {
            *session = SaslSession { state: State::Known, failures: 0 };
            reply.success(&ReplyFields { value: b"Authenticated", ..ReplyFields::default() });
            return Flow::Continue;
        }
        counters.auth_errors.add(1);
        session.failures += 1;
        reply.error(Status::AuthFailure);
        if session.failures < LOGIN_FAILURES_MAX { Flow::Continue } else { Flow::Close }
    }
}

/// True if a PLAIN message names a pair of the password file; nobody acts as somebody else.
fn proves(credentials: &Credentials, message: &[u8]) -> bool {
    // A file that cannot be read now leaves the pairs as they were.
    let _ = credentials.reload();
    let Some(PlainMessage { authorization, user, password }) = parse_plain(message) else { return false };
    let known = credentials.verify(user, password);
    known && (authorization.is_empty() || authorization == user)
}

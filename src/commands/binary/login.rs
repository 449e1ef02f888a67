//! SASL, mechanism PLAIN, under `-S`: who has logged in on a connection, and how.
//!
//! Invariants: nobody is let in but by [`Credentials::verify`]; any attempt, and a look at the list of mechanisms,
//! first ends the login that was there; the answer to a failure is the same whatever was wrong. The password file is
//! read again at every attempt, so that a changed one counts at once.

use super::Answers;
use crate::auth::Credentials;
use crate::commands::{Engine, Flow};
use crate::protocol::binary::{Command, Fields, Gate, Plain, Status, plain};
use crate::protocol::limits::{LOGIN_FAILURES_MAX, MECHANISM_MAX_BYTES};
use crate::telemetry::WorkerCounters;

/// The only mechanism.
const PLAIN: &[u8] = b"PLAIN";

/// What a connection has proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
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

impl Session {
    /// What may come in now.
    pub fn gate(&self) -> Gate {
        match self.state {
            State::Free | State::Known => Gate::Open,
            State::Stranger | State::Started => Gate::LoginOnly,
        }
    }
}

impl Session {
    /// Logins that failed since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

impl Engine {
    /// A new connection's.
    pub fn session(&self) -> Session {
        let state = if self.sasl.is_some() { State::Stranger } else { State::Free };
        Session { state, failures: 0 }
    }

    /// Executes one step of a login.
    pub(super) fn login(
        &self,
        worker: &WorkerCounters,
        session: &mut Session,
        command: &Command<'_>,
        answers: &mut Answers<'_>,
    ) -> Flow {
        let Some(credentials) = &self.sasl else {
            answers.error(Status::Unknown);
            return Flow::Continue;
        };
        if let Command::SaslStart { mechanism, .. } = command
            && mechanism.len() > MECHANISM_MAX_BYTES
        {
            answers.error(Status::Invalid);
            return Flow::Continue;
        }
        let before = std::mem::replace(&mut session.state, State::Stranger);
        let message = match *command {
            Command::SaslStart { mechanism: PLAIN, message: b"" } => {
                session.state = State::Started;
                answers.out.push_continue(&answers.to);
                return Flow::Continue;
            }
            Command::SaslStart { mechanism: PLAIN, message } => Some(message),
            Command::SaslStep { message } => (before == State::Started).then_some(message),
            Command::SaslStart { .. } => None,
            _ => {
                answers.done(&Fields { value: PLAIN, ..Fields::default() });
                return Flow::Continue;
            }
        };
        worker.auth_cmds.add(1);
        if message.is_some_and(|message| proves(credentials, message)) {
            *session = Session { state: State::Known, failures: 0 };
            answers.done(&Fields { value: b"Authenticated", ..Fields::default() });
            return Flow::Continue;
        }
        worker.auth_errors.add(1);
        session.failures += 1;
        answers.error(Status::AuthFailure);
        if session.failures < LOGIN_FAILURES_MAX { Flow::Continue } else { Flow::Close }
    }
}

/// True if a PLAIN message names a pair of the password file; nobody acts as somebody else.
fn proves(credentials: &Credentials, message: &[u8]) -> bool {
    // A file that cannot be read now leaves the pairs as they were.
    let _ = credentials.reread();
    let Some(Plain { authorization, user, password }) = plain(message) else { return false };
    let known = credentials.verify(user, password);
    known && (authorization.is_empty() || authorization == user)
}

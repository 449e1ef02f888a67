//! A session of the text protocol before its login (`-Y`).
//!
//! Invariant: until the login no byte reaches the grammar of commands.

use super::{End, Host, Next, Progress, Protocol, Session};
use crate::protocol::limits::{LOGIN_FAILURES_MAX, OUTPUT_BATCH_BYTES};
use crate::protocol::text_login::{Pull, pull};
use crate::protocol::{Refusal, ReplyBuffer};
use crate::session::Budget;

impl Session {
    /// Takes logins and refusals from the front of `input` until a client has logged in. Returns the bytes taken, or
    /// how the session goes on if that was not for a login.
    pub(super) fn advance_login(
        &mut self,
        host: &Host<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Result<usize, Progress> {
        host.begin_request();
        let mut consumed = 0;
        while let Protocol::Login { failures } = self.protocol {
            if budget.is_exhausted() || output.len() >= OUTPUT_BATCH_BYTES {
                return Err(Progress::stopped_early(consumed, input.len()));
            }
            let before = consumed;
            match pull(&input[consumed..]) {
                Pull::NeedMore => return Err(Progress { consumed, next: Next::Input }),
                Pull::Close => {
                    return Err(Progress { consumed: input.len(), next: Next::End(End::Closed) });
                }
                Pull::Refused { answer, consumed: line } => {
                    consumed += line;
                    output.push(answer.line());
                }
                Pull::Login { user, password, consumed: frame } => {
                    if let Some(delay) = self.login_delay(host) {
                        return Err(Progress { consumed, next: Next::Delay(delay) });
                    }
                    consumed += frame;
                    if host.engine.text_login(host.counters, user, password) {
                        output.push(b"STORED\r\n");
                        self.protocol = Protocol::Text;
                    } else {
                        output.push(Refusal::LoginFailed.line());
                        host.engine.note_failed_login(&host.peer());
                        self.protocol = Protocol::Login { failures: failures + 1 };
                        if failures + 1 >= LOGIN_FAILURES_MAX {
                            let next = Next::End(End::Refused);
                            return Err(Progress { consumed: input.len(), next });
                        }
                    }
                }
            }
            budget.spend_request();
            budget.spend(consumed - before);
        }
        Ok(consumed)
    }
}

//! A session of the text protocol before its login (`-Y`).
//!
//! Invariant: before the login, no byte reaches the grammar of commands.

use super::{End, Next, Progress, Protocol, Session, SessionContext};
use crate::protocol::limits::{LOGIN_FAILURES_MAX, OUTPUT_BATCH_BYTES};
use crate::protocol::text_login::{LoginInput, decode_login};
use crate::protocol::{Refusal, ReplyBuffer};
use crate::session::Budget;

impl Session {
    /// Executes logins at the front of `input` until the client has logged in, then returns the consumed bytes. Returns
    /// the progress as an error if the client has not logged in.
    pub(super) fn advance_login(
        &mut self,
        context: &SessionContext<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Result<usize, Progress> {
        context.begin_request();
        let mut consumed = 0;
        while let Protocol::Login { failures } = self.protocol {
            if budget.is_exhausted() || output.len() >= OUTPUT_BATCH_BYTES {
                return Err(Progress::stopped_early(consumed, input.len()));
            }
            let before = consumed;
            match decode_login(&input[consumed..]) {
                LoginInput::NeedMore => return Err(Progress { consumed, next: Next::Input }),
                LoginInput::Close => {
                    return Err(Progress { consumed: input.len(), next: Next::End(End::Closed) });
                }
                LoginInput::Refused { reply, consumed: line } => {
                    consumed += line;
                    output.push(reply.line());
                }
                LoginInput::Login { user, password, consumed: frame } => {
                    if let Some(delay) = self.login_delay(context) {
                        return Err(Progress { consumed, next: Next::Delay(delay) });
                    }
                    consumed += frame;
                    if context.engine.text_login(context.counters, user, password) {
                        output.push(b"STORED\r\n");
                        self.protocol = Protocol::Text;
                    } else {
                        output.push(Refusal::LoginFailed.line());
                        context.engine.record_failed_login(&context.peer_address());
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

//! A connection of the text protocol before its login (`-Y`).
//!
//! Invariant: until the login no byte reaches the intake of commands.

use super::{Connection, End, LINGER_BYTES, Speech, Stop};
use crate::protocol::limits::{LOGIN_FAILURES_MAX, OUTPUT_BATCH_BYTES};
use crate::protocol::text_login::{Pull, pull};
use crate::protocol::{Refusal, ReplyBuffer};
use crate::server::worker::Stream;
use crate::telemetry::ConnectionState;

impl<S: Stream> Connection<S> {
    /// Takes logins and refusals from the front of `bytes` until somebody has logged in; returns how many bytes they
    /// took, and why it stopped, or `None` if the rest is for commands.
    pub(super) fn log_in(
        &mut self,
        bytes: &[u8],
        out: &mut ReplyBuffer,
        share: &mut u32,
    ) -> (usize, Option<Stop>) {
        let engine = &*self.worker.shared.engine;
        let counters = self.worker.counters();
        self.entry.note(ConnectionState::ParseCommand, engine.clock().now().secs());
        let mut at = 0;
        while let Speech::Login { failures } = &mut self.speech {
            if *share == 0 || out.len() >= OUTPUT_BATCH_BYTES {
                return (at, Some(if at < bytes.len() { Stop::MoreToDo } else { Stop::NeedMore }));
            }
            match pull(&bytes[at..]) {
                Pull::NeedMore => return (at, Some(Stop::NeedMore)),
                Pull::Close => return (bytes.len(), Some(Stop::End(End::Closed))),
                Pull::Refused { answer, consumed } => {
                    at += consumed;
                    out.push(answer.line());
                }
                Pull::Login { user, password, consumed } => {
                    at += consumed;
                    if engine.text_login(counters, user, password) {
                        out.push(b"STORED\r\n");
                        self.speech = Speech::Text;
                    } else {
                        out.push(Refusal::LoginFailed.line());
                        *failures += 1;
                        if *failures >= LOGIN_FAILURES_MAX {
                            let end = End::Refused { left: LINGER_BYTES };
                            return (bytes.len(), Some(Stop::End(end)));
                        }
                    }
                }
            }
            *share -= 1;
        }
        (at, None)
    }
}

//! The protocol state of one client: decodes requests, executes them with the engine, appends replies.
//!
//! A [`Session`] belongs to one connection, or to one datagram ([`Datagram`]). It detects the protocol and keeps the
//! login, an incoming value, a long report and the state of `watch`. TCP, unix sockets, TLS, UDP, tests and fuzzers use
//! it in the same way:
//!
//! 1. pass all unconsumed input to [`Session::advance`], drop the consumed bytes, send the appended output;
//! 2. do what [`Next`] requests, then repeat;
//! 3. while [`Session::value_page`] returns a buffer, receive into it and call [`Session::value_page_filled`].
//!
//! A request of the text protocol continues in `session/text.rs`. A session does no IO, does not block, reads no clock
//! of its own, and keeps no input.
//! Invariants: requests are executed in order; the replies do not depend on how the input was split; a call exceeds the
//! budget by at most one request; output grows by at most `OUTPUT_BATCH_BYTES`, one part of a retrieval and one inline
//! value.

mod binary;
mod budget;
mod datagram;
mod text;
mod text_login;

pub use crate::protocol::limits::INPUT_MAX_BYTES;
pub use crate::protocol::{AcceptedProtocol, ReplyBuffer, ShutdownMode};
pub use budget::{Budget, TURN_WORK_BYTES};
pub use datagram::{DATAGRAM_MAX_BYTES, Datagram, Message, Packets};

use crate::commands::{CommandFamily, Engine, IncomingValue, LongReport, family_of};
use crate::protocol::TextDecoder;
use crate::protocol::binary::HEADER_BYTES as BINARY_HEADER_BYTES;
use crate::telemetry::{
    Connection, ConnectionState, PeerAddress, Watcher, WorkerCounters, set_current_connection,
};
use binary::Binary;
use std::fmt::Display;
use std::sync::Arc;
use std::task::Waker;

/// The environment of a call.
#[derive(Clone, Copy)]
pub struct SessionContext<'a> {
    /// Executes the requests.
    pub engine: &'a Engine,
    /// The counters of the current thread.
    pub counters: &'a WorkerCounters,
    /// The descriptor of the connection, which identifies it in logs.
    pub fd: i32,
    /// The entry of the connection in `stats conns`, if it has one.
    pub entry: Option<&'a Connection>,
    /// The address of the sender, for a datagram.
    pub sender: Option<&'a dyn Display>,
}

impl SessionContext<'_> {
    /// The peer address, under which failed logins are counted.
    fn peer_address(&self) -> String {
        match self.sender {
            Some(sender) => sender.to_string(),
            None => PeerAddress::of(self.fd).host,
        }
    }

    /// Records the current connection and the time of its request.
    #[inline]
    fn begin_request(&self) {
        if let Some(entry) = self.entry {
            entry.record_command(ConnectionState::ParseCommand, self.engine.clock().now().secs());
        }
        set_current_connection(self.fd);
    }
}

/// The reason for the end of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The client closed the session.
    Closed,
    /// The input cannot be decoded further; the output ends with the refusal, if there is one. The client may still be
    /// sending.
    Refused,
    /// The client requested shutdown of the process.
    Shutdown(ShutdownMode),
}

/// The action that a session needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// More input; all complete requests are executed.
    Input,
    /// Another call with the remaining input, after the output is sent; in the next turn, if the budget is exhausted.
    More,
    /// Reload the certificates, then call [`Session::certificates_reloaded`].
    RefreshCertificates,
    /// Another call with the remaining input after this many milliseconds.
    Delay(u32),
    /// Close the connection after the output is sent. No input remains.
    End(End),
}

/// The result of [`Session::advance`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Consumed bytes of the input.
    pub consumed: usize,
    /// The next action.
    pub next: Next,
}

impl Progress {
    /// The progress at an exhausted budget or a full output.
    fn stopped_early(consumed: usize, input_len: usize) -> Progress {
        Progress { consumed, next: if consumed < input_len { Next::More } else { Next::Input } }
    }
}

/// The protocol of the client.
#[derive(Debug)]
enum Protocol {
    /// Not known before the first byte.
    Undetected,
    /// A text protocol, before the login.
    Login {
        /// Failed logins.
        failures: u32,
    },
    Text,
    Binary(Box<Binary>),
}

/// The protocol state of one client.
#[derive(Debug)]
pub struct Session {
    protocol: Protocol,
    decoder: TextDecoder,
    activity: Activity,
    /// True if the current login was already delayed.
    delayed: bool,
}

/// The unfinished work of a session between two calls.
#[derive(Debug)]
enum Activity {
    /// None: the next input is a request.
    None,
    /// A large value that is being received, or that is complete and not stored yet.
    Receiving(Box<IncomingValue>),
    /// A long reply; no request is executed until it is complete.
    Report(Box<LongReport>),
    /// `watch`: input is discarded.
    Watching(Arc<Watcher>),
}

impl Session {
    /// The session of a new connection.
    pub fn new(engine: &Engine, protocol: AcceptedProtocol) -> Session {
        let protocol = match protocol {
            _ if engine.requires_text_login() => Protocol::Login { failures: 0 },
            AcceptedProtocol::Auto => Protocol::Undetected,
            AcceptedProtocol::Ascii => Protocol::Text,
            AcceptedProtocol::Binary => Protocol::Binary(Box::new(Binary::new(engine))),
        };
        Session::with_protocol(protocol)
    }

    fn with_protocol(protocol: Protocol) -> Session {
        Session { protocol, decoder: TextDecoder::default(), activity: Activity::None, delayed: false }
    }

    /// Executes the complete requests at the front of `input` and appends their replies, until the budget is exhausted.
    pub fn advance(
        &mut self,
        context: &SessionContext<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Progress {
        if let (Protocol::Text, Activity::None) = (&self.protocol, &self.activity) {
            context.begin_request();
            return self.advance_text(context, input, output, budget);
        }
        self.advance_other(context, input, output, budget)
    }

    /// As [`Session::advance`], for all states except the text protocol between two requests.
    #[inline(never)]
    fn advance_other(
        &mut self,
        context: &SessionContext<'_>,
        input: &[u8],
        output: &mut ReplyBuffer,
        budget: &mut Budget,
    ) -> Progress {
        match &mut self.activity {
            Activity::Watching(_) => return Progress { consumed: input.len(), next: Next::Input },
            Activity::Report(report) => {
                if context.engine.continue_report(report, output) {
                    budget.exhaust();
                    return Progress { consumed: 0, next: Next::More };
                }
                self.activity = Activity::None;
            }
            Activity::None | Activity::Receiving(_) => {}
        }
        let mut consumed = 0;
        if let Protocol::Login { .. } = self.protocol {
            match self.advance_login(context, input, output, budget) {
                Ok(login) => consumed = login,
                Err(progress) => return progress,
            }
        }
        context.begin_request();
        if let Activity::Receiving(incoming) = &mut self.activity {
            let pushed = context.engine.fill_value(incoming, &input[consumed..]);
            budget.spend(pushed);
            consumed += pushed;
            if incoming.remaining() > 0 {
                return Progress { consumed, next: Next::Input };
            }
        }
        if let (Protocol::Undetected, [first, ..]) = (&self.protocol, input) {
            self.protocol = match AcceptedProtocol::Auto.is_binary(*first) {
                true => Protocol::Binary(Box::new(Binary::new(context.engine))),
                false => Protocol::Text,
            };
        }
        let rest = &input[consumed..];
        let progress = match self.protocol {
            Protocol::Binary(_) => self.advance_binary(context, rest, output, budget),
            _ => self.advance_text(context, rest, output, budget),
        };
        Progress { consumed: consumed + progress.consumed, ..progress }
    }

    /// The delay of the current login in milliseconds, if it must wait.
    fn login_delay(&mut self, context: &SessionContext<'_>) -> Option<u32> {
        let delay = match self.delayed {
            true => 0,
            false => context.engine.login_delay_millis(|| context.peer_address()),
        };
        self.delayed = delay > 0;
        self.delayed.then_some(delay)
    }

    /// Appends the reply to `refresh_certs`, after [`Next::RefreshCertificates`]; an error is one line.
    pub fn certificates_reloaded(&mut self, outcome: Result<(), String>, output: &mut ReplyBuffer) {
        match outcome {
            Ok(()) => output.push(b"OK\r\n"),
            Err(error) => output.push(format!("{error}\r\n").as_bytes()),
        }
    }

    /// True while a large value is being received.
    pub fn is_receiving(&self) -> bool {
        matches!(self.activity, Activity::Receiving(_))
    }

    /// The page into which the next bytes of a large value are received without a copy, if they fill the page.
    /// Allocates memory, so call it only when bytes are available.
    pub fn value_page(&mut self, engine: &Engine) -> Option<&mut [u8]> {
        match &mut self.activity {
            Activity::Receiving(incoming) => engine.value_page(incoming),
            _ => None,
        }
    }

    /// Takes the received value, if there is one.
    fn take_incoming(&mut self) -> Option<Box<IncomingValue>> {
        if !self.is_receiving() {
            return None;
        }
        match std::mem::replace(&mut self.activity, Activity::None) {
            Activity::Receiving(incoming) => Some(incoming),
            _ => None,
        }
    }

    /// Records that `count` bytes were received into [`Session::value_page`]. True if the value is complete: then
    /// [`Session::advance`] must be called, because in the binary protocol no further byte follows.
    pub fn value_page_filled(&mut self, count: usize) -> bool {
        let Activity::Receiving(incoming) = &mut self.activity else { return false };
        incoming.advance(count);
        incoming.remaining() == 0
    }

    /// True if the client is a watcher.
    pub fn is_watching(&self) -> bool {
        matches!(self.activity, Activity::Watching(_))
    }

    /// Appends the unsent log lines of a watcher. Without any, registers `waker` for the next one and returns false.
    pub fn take_log(&self, engine: &Engine, waker: &Waker, output: &mut ReplyBuffer) -> bool {
        let Activity::Watching(watcher) = &self.activity else { return false };
        engine.watchers().take(watcher, waker, |lines| output.push(lines))
    }

    /// Releases the resources of the session in the engine.
    pub fn close(&mut self, engine: &Engine) {
        if let Activity::Watching(watcher) = std::mem::replace(&mut self.activity, Activity::None) {
            engine.end_watch(&watcher);
        }
    }

    /// The command family of the request at the front of `input`.
    pub fn family_of(&self, input: &[u8]) -> CommandFamily {
        match &self.protocol {
            _ if self.is_receiving() => CommandFamily::Set,
            Protocol::Binary(_) => family_of(input, true),
            _ => family_of(input, false),
        }
    }

    /// The state in `stats conns` while the connection has only `rest` and waits for more input.
    pub fn waiting_state(&self, rest: &[u8]) -> ConnectionState {
        match self.activity {
            Activity::Watching(_) => ConnectionState::Watch,
            Activity::Report(_) => ConnectionState::Write,
            Activity::Receiving(_) => ConnectionState::ReceiveValue,
            Activity::None if self.has_whole_head(rest) => ConnectionState::ReceiveValue,
            Activity::None if self.is_between_requests() => ConnectionState::Read,
            Activity::None => ConnectionState::Swallow,
        }
    }

    fn is_between_requests(&self) -> bool {
        match &self.protocol {
            Protocol::Binary(binary) => binary.is_between_requests(),
            _ => self.decoder.is_between_requests(),
        }
    }

    /// True if `rest` begins with a complete line or header, so that only its value is incomplete.
    fn has_whole_head(&self, rest: &[u8]) -> bool {
        match &self.protocol {
            Protocol::Binary(_) => rest.len() >= BINARY_HEADER_BYTES,
            _ => rest.contains(&b'\n'),
        }
    }
}

#[cfg(test)]
mod tests;

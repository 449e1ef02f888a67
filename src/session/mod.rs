//! One client's side of the protocol: bytes in, requests to the engine, replies out.
//!
//! A [`Session`] belongs to one connection, or to one datagram ([`Datagram`]). It detects the protocol, keeps the login,
//! the value being received, a long report and the state of `watch`. TCP, unix sockets, TLS, UDP, tests and fuzzers
//! drive the same code:
//!
//! 1. hand all unconsumed input to [`Session::advance`], drop what it consumed, send what it appended;
//! 2. do what [`Next`] says, then go on with 1;
//! 3. while [`Session::page`] gives a buffer, receive into it instead and call [`Session::page_filled`].
//!
//! Must never: do IO, wait, read a clock of its own, or keep input (the caller keeps what was not consumed).
//! Invariants: bytes are executed in the order they came; the replies do not depend on where the input was torn; a call
//! does at most the budget's work and one piece more; output grows by at most `OUTPUT_BATCH_BYTES`, one retrieval's
//! part and one inline value.

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

/// What a session works with, while it works.
#[derive(Clone, Copy)]
pub struct SessionContext<'a> {
    /// Executes its requests.
    pub engine: &'a Engine,
    /// The counters of the thread at hand.
    pub counters: &'a WorkerCounters,
    /// The number of the connection in logs: its descriptor.
    pub fd: i32,
    /// Its line in `stats conns`, if it has one.
    pub entry: Option<&'a Connection>,
    /// The address of the sender, for a datagram.
    pub sender: Option<&'a dyn Display>,
}

impl SessionContext<'_> {
    /// The address that failed logins are counted for.
    fn peer(&self) -> String {
        match self.sender {
            Some(sender) => sender.to_string(),
            None => PeerAddress::of(self.fd).host,
        }
    }

    /// Notes which connection is at work, and since when.
    #[inline]
    fn begin_request(&self) {
        if let Some(entry) = self.entry {
            entry.record_command(ConnectionState::ParseCommand, self.engine.clock().now().secs());
        }
        set_current_connection(self.fd);
    }
}

/// Why a session ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The client said so.
    Closed,
    /// The input is not this protocol, and the client is told nothing.
    UnknownProtocol,
    /// The input cannot be read on. The output says so; the client may not have seen it yet and go on sending.
    Refused,
    /// The client asked for the end of the process.
    Shutdown(ShutdownMode),
}

/// What a session needs next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// More input; everything complete was executed.
    Input,
    /// Another call with the input that is left, after the output was sent and, if the budget is used up, after others
    /// had their turn.
    More,
    /// The certificates read again, and then [`Session::certificates_read`].
    RefreshCertificates,
    /// So many milliseconds, and then another call with the input that is left.
    Delay(u32),
    /// To be closed once its output was sent. No input is left.
    End(End),
}

/// How far a call of [`Session::advance`] has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Bytes of the input that were executed.
    pub consumed: usize,
    /// What comes next.
    pub next: Next,
}

impl Progress {
    /// Stopped by the budget or a full output, which matters only if there is input left.
    fn stopped_early(consumed: usize, input_len: usize) -> Progress {
        Progress { consumed, next: if consumed < input_len { Next::More } else { Next::Input } }
    }
}

/// What the client speaks.
#[derive(Debug)]
enum Protocol {
    /// Its first byte will tell.
    Undetected,
    /// Text, and nothing but a login is understood yet.
    Login {
        /// Logins that failed.
        failures: u32,
    },
    Text,
    Binary(Box<Binary>),
}

/// The state.
#[derive(Debug)]
pub struct Session {
    protocol: Protocol,
    decoder: TextDecoder,
    activity: Activity,
    /// True once the login at hand has waited.
    delayed: bool,
}

/// What a session is at between two calls.
#[derive(Debug)]
enum Activity {
    /// Requests.
    None,
    /// A large value whose bytes are still to come, or that is complete and not stored yet.
    Receiving(Box<IncomingValue>),
    /// A long reply; nothing else is executed until it is done.
    Report(Box<LongReport>),
    /// `watch`: input is dropped.
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
        Session::speaking(protocol)
    }

    fn speaking(protocol: Protocol) -> Session {
        Session { protocol, decoder: TextDecoder::default(), activity: Activity::None, delayed: false }
    }

    /// Executes the complete requests at the front of `input` and appends their replies, as far as the budget goes.
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

    /// The same for all but the text protocol between two requests.
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

    /// How long the login at hand is to wait, in milliseconds, if it is.
    fn login_delay(&mut self, context: &SessionContext<'_>) -> Option<u32> {
        let delay = match self.delayed {
            true => 0,
            false => context.engine.login_delay_millis(|| context.peer()),
        };
        self.delayed = delay > 0;
        self.delayed.then_some(delay)
    }

    /// How the reading of the certificates went, for [`Next::RefreshCertificates`]; an error is a line.
    pub fn certificates_read(&mut self, outcome: Result<(), String>, output: &mut ReplyBuffer) {
        match outcome {
            Ok(()) => output.push(b"OK\r\n"),
            Err(error) => output.push(format!("{error}\r\n").as_bytes()),
        }
    }

    /// True while the bytes of a large value are still to come.
    pub fn is_receiving(&self) -> bool {
        matches!(self.activity, Activity::Receiving(_))
    }

    /// Where the next bytes of a large value go without a copy: into the spare capacity of a page, if a whole page of
    /// them is still to come. Takes memory, so it is to be asked for when there are bytes.
    pub fn page(&mut self, engine: &Engine) -> Option<&mut [u8]> {
        match &mut self.activity {
            Activity::Receiving(incoming) => engine.value_page(incoming),
            _ => None,
        }
    }

    /// Takes the value that was received, if there is one.
    fn take_received(&mut self) -> Option<Box<IncomingValue>> {
        if !self.is_receiving() {
            return None;
        }
        match std::mem::replace(&mut self.activity, Activity::None) {
            Activity::Receiving(incoming) => Some(incoming),
            _ => None,
        }
    }

    /// Notes that `count` bytes were received into [`Session::page`]. True if the value is complete: then another call of
    /// [`Session::advance`] is due, because in the binary protocol no byte need follow.
    pub fn page_filled(&mut self, count: usize) -> bool {
        let Activity::Receiving(incoming) = &mut self.activity else { return false };
        incoming.advance(count);
        incoming.remaining() == 0
    }

    /// True from `watch` on.
    pub fn is_watching(&self) -> bool {
        matches!(self.activity, Activity::Watching(_))
    }

    /// Appends the lines that wait for a watcher. If there are none, `waker` is woken by the next one, and this says
    /// false.
    pub fn take_log(&self, engine: &Engine, waker: &Waker, output: &mut ReplyBuffer) -> bool {
        let Activity::Watching(watcher) = &self.activity else { return false };
        engine.watchers().take(watcher, waker, |lines| output.push(lines))
    }

    /// Gives up what it holds in the engine.
    pub fn close(&mut self, engine: &Engine) {
        if let Activity::Watching(watcher) = std::mem::replace(&mut self.activity, Activity::None) {
            engine.end_watch(&watcher);
        }
    }

    /// The family of the request that begins here.
    pub fn family_of(&self, input: &[u8]) -> CommandFamily {
        match &self.protocol {
            _ if self.is_receiving() => CommandFamily::Set,
            Protocol::Binary(_) => family_of(input, true),
            _ => family_of(input, false),
        }
    }

    /// What `stats conns` shows while the connection waits for more than the `rest` it has.
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

    /// True if `rest` begins with a whole line or header: then its value is what is missing.
    fn has_whole_head(&self, rest: &[u8]) -> bool {
        match &self.protocol {
            Protocol::Binary(_) => rest.len() >= BINARY_HEADER_BYTES,
            _ => rest.contains(&b'\n'),
        }
    }
}

#[cfg(test)]
mod tests;

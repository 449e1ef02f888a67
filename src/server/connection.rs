//! One connection: a future that reads, hands the input to its [`Session`], and writes once per batch.
//!
//! Input is read into a buffer of the thread and replies are gathered in another one, so an idle connection owns no
//! buffer. An incomplete request and unsent replies stay with the connection between two turns. Invariants: nothing is
//! read while replies are unsent (back-pressure); the buffers of the thread are never held across a wait; a turn ends
//! with its work budget, whatever the request; what a connection keeps is bounded by `HELD_MAX_BYTES`.

mod closing;
mod input;
mod output;
mod scratch;

use super::event_loop::{has_yielded, note_work, yield_turn};
use super::state::ServerState;
use super::stream::Stream;
use super::threads;
use crate::commands::CloseReason;
use crate::session::{AcceptedProtocol, Budget, End, Session};
use crate::telemetry::{self, ConnectionState, LogClass, PeerAddress};
use closing::Closing;
use input::PendingInput;
use log::debug;
use output::{UnsentOutput, write};
use scratch::{SCRATCH, Scratch, TimedBatch};
use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Size of a connection over a plain socket, at most, in bytes: together with the fields of its task it fits the
/// allocator's blocks of 224 bytes.
#[cfg(test)]
const CONNECTION_MAX_BYTES: usize = 136;

/// A wait that ends after some ticks.
type Delay = Pin<Box<dyn Future<Output = ()> + Send>>;

/// State that few connections have.
#[derive(Default)]
struct RareState {
    /// Set while a login has to wait.
    delay: Option<Delay>,
    /// The address of the client, if connections were watched when it connected.
    peer_address: Option<PeerAddress>,
}

/// The outcome of a turn: pending, or the end of the connection.
type Turn = Poll<io::Result<()>>;

/// The future.
pub(super) struct Connection<S: Stream> {
    stream: S,
    state: Arc<ServerState>,
    entry: Arc<telemetry::Connection>,
    fd: RawFd,
    /// True if the session can continue without further input.
    session_has_work: bool,
    /// True if bytes came since the last reply, which would have acknowledged them.
    unacknowledged: bool,
    reason: CloseReason,
    session: Session,
    closing: Option<Closing>,
    pending_input: Option<Box<PendingInput>>,
    unsent: Option<Box<UnsentOutput>>,
    rare: Option<Box<RareState>>,
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(stream: S, state: Arc<ServerState>, protocol: AcceptedProtocol) -> Connection<S> {
        let fd = stream.fd();
        let engine = &state.engine;
        let entry = engine.connections().add(fd, stream.transport(), engine.clock().now().secs());
        let session = Session::new(engine, protocol);
        debug!("<{fd} new {} client connection", protocol.client());
        let mut rare = None;
        if engine.watchers().wants(LogClass::Connections) {
            let peer_address = PeerAddress::of(fd);
            engine.notify_connection_opened(&peer_address, fd);
            rare = Some(Box::new(RareState { peer_address: Some(peer_address), delay: None }));
        }
        Connection {
            stream,
            state,
            entry,
            fd,
            session_has_work: false,
            unacknowledged: false,
            reason: CloseReason::Normal,
            session,
            closing: None,
            pending_input: None,
            unsent: None,
            rare,
        }
    }

    /// Works until there is nothing to do, the budget is exhausted, or the connection ends. An error of the socket ends
    /// the connection as well.
    fn turn(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, budget: &mut Budget) -> Turn {
        // After a panic the buffer may hold replies of another connection.
        scratch.output.clear();
        scratch.timed = None;
        loop {
            if budget.is_exhausted() && self.has_work() {
                self.state.counters().conn_yields.add(1);
                return yield_turn(cx);
            }
            if self.is_busy() {
                if !ready!(self.resume(cx, scratch, budget))? {
                    return Poll::Ready(Ok(()));
                }
            } else if ready!(self.receive(cx, scratch, budget))? == 0 {
                return self.close_at_end_of_input(cx);
            }
            if !scratch.output.is_empty() {
                self.send(cx, scratch, budget)?;
            }
            self.record_latency(scratch.timed.take());
            if !self.is_busy() && !self.stream.may_be_readable() {
                return self.stream.wait_readable();
            }
        }
    }

    /// True if the turn has to do something else than to read requests.
    #[inline]
    fn is_busy(&self) -> bool {
        self.session_has_work
            || self.unsent.is_some()
            || self.closing.is_some()
            || self.rare.is_some()
            || self.session.is_watching()
    }

    /// Continues the work that [`Connection::is_busy`] found; false if the connection has ended.
    #[inline(never)]
    fn resume(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Poll<io::Result<bool>> {
        if let Some(unsent) = &mut self.unsent {
            let UnsentOutput { replies, sent } = &mut **unsent;
            if ready!(write(&mut self.stream, cx, replies, sent, budget))? {
                self.state.counters().bytes_written.add(replies.len() as u64);
                self.unsent = None;
            }
            return Poll::Ready(Ok(true));
        }
        if let Some(rare) = &mut self.rare
            && let Some(delay) = &mut rare.delay
        {
            ready!(delay.as_mut().poll(cx));
            rare.delay = None;
        }
        match self.closing {
            Some(closing) => return self.close(cx, scratch, budget, closing).map_ok(|()| false),
            None if self.session.is_watching() => ready!(self.watch(cx, scratch, budget))?,
            None if self.session_has_work => self.advance_pending(scratch, budget),
            None => {
                if ready!(self.receive(cx, scratch, budget))? == 0 {
                    return self.close_at_end_of_input(cx).map_ok(|()| false);
                }
            }
        }
        Poll::Ready(Ok(true))
    }

    /// True if another turn would find something to do.
    fn has_work(&mut self) -> bool {
        self.unsent.is_some() || self.session_has_work || self.stream.may_be_readable()
    }

    /// Discards the input of a watcher, and puts the log lines that wait for it into the output; pending if there are
    /// none.
    fn watch(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, budget: &mut Budget) -> Turn {
        self.pending_input = None;
        loop {
            if budget.is_exhausted() {
                return yield_turn(cx);
            }
            match self.discard(cx, scratch, budget)? {
                Poll::Pending => break,
                Poll::Ready(0) => {
                    self.closing = Some(Closing::End(End::Closed));
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(_) => {}
            }
        }
        match self.session.take_log(&self.state.engine, cx.waker(), &mut scratch.output) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    /// Records the time from the arrival of a batch until now.
    fn record_latency(&self, timed: Option<TimedBatch>) {
        if let Some((stopwatch, family)) = timed {
            self.state.engine.record_latency(threads::index(), family, stopwatch.nanos());
        }
    }

    /// The state that `stats conns` shows while the connection waits.
    fn waiting_state(&self) -> ConnectionState {
        match self.closing {
            _ if self.unsent.is_some() => ConnectionState::Write,
            Some(Closing::Linger { .. } | Closing::End(End::Refused)) => ConnectionState::Lingering,
            _ => {
                let pending = self.pending_input.as_ref().map_or(&[][..], |pending| pending.bytes());
                self.session.waiting_state(pending)
            }
        }
    }
}

impl<S: Stream> Future for Connection<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut budget = Budget::new(this.state.settings.requests_per_event);
        let turn = SCRATCH.with_borrow_mut(|scratch| this.turn(cx, scratch, &mut budget));
        note_work(budget.spent_bytes());
        match turn {
            Poll::Pending => {
                // The state of a connection that yielded does not change.
                if !has_yielded() {
                    this.entry.set_state(this.waiting_state());
                    if std::mem::take(&mut this.unacknowledged) {
                        this.stream.acknowledge();
                    }
                }
                Poll::Pending
            }
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(error)) => {
                debug!("<{} {error}", this.fd);
                this.reason = CloseReason::Error;
                Poll::Ready(())
            }
        }
    }
}

impl<S: Stream> Drop for Connection<S> {
    fn drop(&mut self) {
        debug!("<{} connection closed.", self.fd);
        let engine = &self.state.engine;
        self.session.close(engine);
        if engine.watchers().wants(LogClass::Connections) {
            let known = self.rare.take().and_then(|rare| rare.peer_address);
            let peer_address = known.unwrap_or_else(|| PeerAddress::of(self.fd));
            engine.notify_connection_closed(&peer_address, self.reason, self.fd);
        }
        engine.connections().remove(self.fd);
        self.state.release_connection();
    }
}

#[cfg(test)]
mod tests;

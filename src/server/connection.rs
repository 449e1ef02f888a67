//! One connection: a future that reads, hands the input to its [`Session`], and writes once per batch.
//!
//! Input is read into a buffer of the thread, replies gather in another one, so an idle connection owns neither. Only
//! what is left over (an incomplete request, unsent replies) stays with the connection.
//! Invariants: nothing is read while replies wait to be sent (back-pressure); the thread's buffers are never held while
//! waiting; a turn ends with its work budget, whatever the request; what stays is bounded by `HELD_MAX_BYTES`.

mod scratch;

use super::TICK;
use super::event_loop::{has_yielded, note_work, yield_turn};
use super::stream::Stream;
use super::threads;
use super::worker::Worker;
use crate::clock::Stopwatch;
use crate::commands::CloseReason;
use crate::session::{AcceptedProtocol, Budget, End, Next, Progress, ReplyBuffer, Session, SessionContext};
use crate::telemetry::{self, ConnectionState, LogClass, PeerAddress};
use log::debug;
use scratch::{SCRATCH, Scratch, Timed, Unsent};
use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Input thrown away after a refusal that ends the connection, at most, in bytes. Closing while input is unread resets
/// the connection, and the client might lose the refusal.
const LINGER_MAX_BYTES: u32 = 1024 * 1024;

/// Size of a connection over a plain socket, at most, in bytes: with what the event loop keeps beside it, it fits the
/// allocator's blocks of 224.
#[cfg(test)]
const CONNECTION_MAX_BYTES: usize = 136;

/// Slices handed to one vectored write.
const SLICES_MAX: usize = 8;

/// Bytes handed to one write, at most: about 50 microseconds of the kernel's time.
const WRITE_MAX_BYTES: usize = 128 * 1024;

/// Bytes received and not executed.
#[derive(Default)]
struct Rest {
    bytes: Vec<u8>,
    /// How many of them have been executed by now.
    done: usize,
}

/// Buffers of more than this many bytes have few sizes, so that the allocator can give the same memory to the next
/// connection.
const FEW_SIZES_FROM: usize = 1024;

impl Rest {
    fn new(received: &[u8]) -> Rest {
        let len = received.len();
        let capacity = if len < FEW_SIZES_FROM { len } else { len.next_power_of_two() };
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(received);
        Rest { bytes, done: 0 }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.done..]
    }
}

/// How a connection that ends goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Closing {
    /// By the end of its session.
    End(End),
    /// Everything was sent; so many bytes of input are still thrown away.
    Linger { left_bytes: u32 },
}

/// A wait that is over some time.
type Delay = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What few connections have.
#[derive(Default)]
struct Rare {
    /// Set while a login has to wait.
    delay: Option<Delay>,
    /// The peer's address, if connections were watched when it came.
    peer: Option<PeerAddress>,
}

/// What a turn waits for, or why it ended.
type Turn = Poll<io::Result<()>>;

/// The future.
pub(super) struct Connection<S: Stream> {
    stream: S,
    worker: Worker,
    entry: Arc<telemetry::Connection>,
    fd: RawFd,
    /// True if the session has more to do with what it has.
    more_to_do: bool,
    /// True if input came since the last reply, and is not acknowledged by one.
    unacknowledged: bool,
    reason: CloseReason,
    session: Session,
    closing: Option<Closing>,
    rest: Option<Box<Rest>>,
    unsent: Option<Box<Unsent>>,
    rare: Option<Box<Rare>>,
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(stream: S, worker: Worker, protocol: AcceptedProtocol) -> Connection<S> {
        let fd = stream.fd();
        let engine = &worker.shared.engine;
        let entry = engine.connections().add(fd, stream.transport(), engine.clock().now().secs());
        let session = Session::new(engine, protocol);
        debug!("<{fd} new {} client connection", protocol.client());
        let mut rare = None;
        if engine.watchers().wants(LogClass::Connections) {
            let peer = PeerAddress::of(fd);
            engine.notify_connection_opened(&peer, fd);
            rare = Some(Box::new(Rare { peer: Some(peer), delay: None }));
        }
        Connection {
            stream,
            worker,
            entry,
            fd,
            more_to_do: false,
            unacknowledged: false,
            reason: CloseReason::Normal,
            session,
            closing: None,
            rest: None,
            unsent: None,
            rare,
        }
    }

    /// Works until there is nothing to do, the budget is used up, or the connection ends. An error of the socket ends it
    /// as well.
    fn turn(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, budget: &mut Budget) -> Turn {
        // A panic may have left something of another connection here.
        scratch.output.clear();
        scratch.timed = None;
        loop {
            if budget.is_exhausted() && self.has_work() {
                self.worker.counters().conn_yields.add(1);
                return yield_turn(cx);
            }
            if self.is_busy() {
                if !ready!(self.go_on(cx, scratch, budget))? {
                    return Poll::Ready(Ok(()));
                }
            } else if ready!(self.receive(cx, scratch, budget))? == 0 {
                return self.close_at_end_of_input(cx);
            }
            if !scratch.output.is_empty() {
                self.send(cx, scratch, budget)?;
            }
            self.note_latency(scratch.timed.take());
            if !self.is_busy() && !self.stream.may_receive() {
                return self.stream.wait_readable();
            }
        }
    }

    /// True if something is under way beside reading requests.
    #[inline]
    fn is_busy(&self) -> bool {
        self.more_to_do
            || self.unsent.is_some()
            || self.closing.is_some()
            || self.rare.is_some()
            || self.session.is_watching()
    }

    /// Goes on with what is under way; false if the connection has ended.
    #[inline(never)]
    fn go_on(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Poll<io::Result<bool>> {
        if let Some(unsent) = &mut self.unsent {
            let Unsent { replies, sent } = &mut **unsent;
            if ready!(write(&mut self.stream, cx, replies, sent, budget))? {
                self.worker.counters().bytes_written.add(replies.len() as u64);
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
            None if self.more_to_do => self.advance_rest(scratch, budget),
            None => {
                if ready!(self.receive(cx, scratch, budget))? == 0 {
                    return self.close_at_end_of_input(cx).map_ok(|()| false);
                }
            }
        }
        Poll::Ready(Ok(true))
    }

    /// Receives what there is, and executes it; returns the bytes received, 0 at the client's end.
    #[inline]
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Poll<io::Result<usize>> {
        if self.session.is_receiving()
            && self.stream.may_receive()
            && let Some(received) = self.receive_page(cx, budget)
        {
            return received;
        }
        self.read(cx, scratch, budget)
    }

    fn close_at_end_of_input(&mut self, cx: &mut Context<'_>) -> Turn {
        if self.entry.was_closed_idle() {
            self.reason = CloseReason::IdleTimeout;
        }
        self.stream.say_goodbye(cx);
        Poll::Ready(Ok(()))
    }

    /// True if another turn would find something to do.
    fn has_work(&mut self) -> bool {
        self.unsent.is_some() || self.more_to_do || self.stream.may_receive()
    }

    /// Ends the connection as its session wants.
    fn close(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
        closing: Closing,
    ) -> Turn {
        match closing {
            Closing::End(End::Shutdown(mode)) => {
                self.reason = CloseReason::Shutdown;
                self.stream.say_goodbye(cx);
                self.worker.shared.ask_to_stop(mode);
                Poll::Ready(Ok(()))
            }
            Closing::End(End::Closed) => {
                self.stream.say_goodbye(cx);
                Poll::Ready(Ok(()))
            }
            Closing::End(End::UnknownProtocol | End::Refused) => {
                self.reason = CloseReason::Error;
                // A socket that is closed with input unread is reset, and replies that are still on their way are lost.
                self.entry.record_command(
                    ConnectionState::Lingering,
                    self.worker.shared.engine.clock().now().secs(),
                );
                ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
                self.linger(cx, scratch, budget, LINGER_MAX_BYTES)
            }
            Closing::Linger { left_bytes } => self.linger(cx, scratch, budget, left_bytes),
        }
    }

    /// Reads and forgets until the client has closed as well. Background work ends it when that takes too long.
    fn linger(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
        mut left_bytes: u32,
    ) -> Turn {
        while left_bytes > 0 {
            self.closing = Some(Closing::Linger { left_bytes });
            if budget.is_exhausted() {
                return yield_turn(cx);
            }
            let read = ready!(self.discard(cx, scratch, budget))?;
            if read == 0 {
                break;
            }
            left_bytes = left_bytes.saturating_sub(u32::try_from(read).unwrap_or(u32::MAX));
        }
        Poll::Ready(Ok(()))
    }

    /// Reads and forgets; returns the bytes read, 0 at the client's end.
    fn discard(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Poll<io::Result<usize>> {
        let read = ready!(self.stream.poll_recv(cx, &mut scratch.input))?;
        self.worker.counters().bytes_read.add(read as u64);
        budget.spend(read);
        Poll::Ready(Ok(read))
    }

    /// Drops what a watcher sends, and puts the lines that wait for it into the output; pending if there are none.
    fn watch(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, budget: &mut Budget) -> Turn {
        self.rest = None;
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
        let engine = &self.worker.shared.engine;
        match self.session.take_log(engine, cx.waker(), &mut scratch.output) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    /// Reads into the thread's buffer and executes; returns the bytes read, 0 at the client's end.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Poll<io::Result<usize>> {
        let before = self.rest.as_ref().map_or(0, |rest| rest.bytes().len());
        let read = ready!(self.stream.poll_recv(cx, &mut scratch.input[before..]))?;
        if read == 0 {
            return Poll::Ready(Ok(0));
        }
        self.unacknowledged = true;
        self.worker.counters().bytes_read.add(read as u64);
        if let Some(rest) = self.rest.take() {
            scratch.input[..before].copy_from_slice(rest.bytes());
        }
        if scratch.takes_time() {
            scratch.timed = Some((Stopwatch::start(), self.session.family_of(&scratch.input)));
        }
        let Scratch { input, output, .. } = scratch;
        let bytes = &input[..before + read];
        let Progress { consumed, next } = self.advance(bytes, output, budget);
        if consumed < bytes.len() {
            self.rest = Some(Box::new(Rest::new(&bytes[consumed..])));
        }
        self.follow(next, output);
        Poll::Ready(Ok(read))
    }

    fn advance(&mut self, input: &[u8], output: &mut ReplyBuffer, budget: &mut Budget) -> Progress {
        let Connection { worker, entry, fd, session, .. } = self;
        let engine = &worker.shared.engine;
        let host =
            SessionContext { engine, counters: worker.counters(), fd: *fd, entry: Some(entry), sender: None };
        session.advance(&host, input, output, budget)
    }

    /// Goes on with what an earlier turn left.
    fn advance_rest(&mut self, scratch: &mut Scratch, budget: &mut Budget) {
        let mut rest = self.rest.take().unwrap_or_default();
        let Progress { consumed, next } = self.advance(rest.bytes(), &mut scratch.output, budget);
        rest.done += consumed;
        if rest.done < rest.bytes.len() {
            self.rest = Some(rest);
        }
        self.follow(next, &mut scratch.output);
    }

    /// Does what the session needs next.
    fn follow(&mut self, next: Next, output: &mut ReplyBuffer) {
        self.more_to_do = matches!(next, Next::More | Next::RefreshCertificates | Next::Delay(_));
        match next {
            Next::Delay(millis) => {
                let pulses = Duration::from_millis(millis.into()).div_duration_f32(TICK).ceil() as u32;
                let delay = Box::pin(self.worker.clone().pauses(pulses));
                self.rare.get_or_insert_default().delay = Some(delay);
            }
            Next::Input | Next::More => {}
            Next::RefreshCertificates => {
                let outcome = self.worker.shared.refresh_certificates();
                self.session.certificates_read(outcome.map_err(|error| error.to_string()), output);
            }
            Next::End(end) => self.closing = Some(Closing::End(end)),
        }
    }

    /// Receives a page of a large value straight into the memory that the store will keep; `None` if no page is to be
    /// filled.
    fn receive_page(&mut self, cx: &mut Context<'_>, budget: &mut Budget) -> Option<Poll<io::Result<usize>>> {
        let page = self.session.page(&self.worker.shared.engine)?;
        Some(self.stream.poll_recv(cx, page).map_ok(|read| {
            self.unacknowledged = true;
            self.more_to_do = self.session.page_filled(read);
            self.worker.counters().bytes_read.add(read as u64);
            budget.spend(read);
            read
        }))
    }

    /// Sends the batch; what the socket or the budget does not allow stays with the connection.
    fn send(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, budget: &mut Budget) -> io::Result<()> {
        let output = &mut scratch.output;
        let mut sent = 0;
        match write(&mut self.stream, cx, output, &mut sent, budget)? {
            Poll::Ready(true) => {
                self.worker.counters().bytes_written.add(output.len() as u64);
                output.clear();
            }
            // Pending has left a wake-up for the moment the socket takes more.
            Poll::Pending | Poll::Ready(false) => {
                self.unsent = Some(Box::new(Unsent { replies: output.take(), sent }));
            }
        }
        self.unacknowledged = false;
        Ok(())
    }

    /// Notes how long a batch has taken until now.
    fn note_latency(&self, timed: Option<Timed>) {
        if let Some((stopwatch, family)) = timed {
            self.worker.shared.engine.record_latency(threads::index(), family, stopwatch.nanos());
        }
    }

    /// What `stats conns` shows while the connection waits.
    fn waiting_state(&self) -> ConnectionState {
        match self.closing {
            _ if self.unsent.is_some() => ConnectionState::Write,
            Some(Closing::Linger { .. } | Closing::End(End::UnknownProtocol | End::Refused)) => {
                ConnectionState::Lingering
            }
            _ => self.session.waiting_state(self.rest.as_ref().map_or(&[], |rest| rest.bytes())),
        }
    }
}

/// Writes replies from `sent` on, as far as the socket and the budget allow; ready with true once all are sent, with
/// false if the budget is used up.
fn write<S: Stream>(
    stream: &mut S,
    cx: &mut Context<'_>,
    replies: &ReplyBuffer,
    sent: &mut usize,
    budget: &mut Budget,
) -> Poll<io::Result<bool>> {
    while *sent < replies.len() {
        let stream = Pin::new(&mut *stream);
        let written = match replies.contiguous() {
            Some(bytes) => {
                let end = bytes.len().min(*sent + WRITE_MAX_BYTES);
                stream.poll_write(cx, &bytes[*sent..end])
            }
            None => {
                let mut slices = [IoSlice::new(&[]); SLICES_MAX];
                let (mut count, mut room) = (0, WRITE_MAX_BYTES);
                for (slice, piece) in slices.iter_mut().zip(replies.pieces(*sent)) {
                    let piece = &piece[..piece.len().min(room)];
                    *slice = IoSlice::new(piece);
                    (count, room) = (count + 1, room - piece.len());
                    if room == 0 {
                        break;
                    }
                }
                stream.poll_write_vectored(cx, &slices[..count])
            }
        };
        match ready!(written)? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => *sent += written,
        }
        if *sent < replies.len() {
            budget.spend(WRITE_MAX_BYTES);
            return Poll::Ready(Ok(false));
        }
    }
    budget.spend(replies.len().min(WRITE_MAX_BYTES));
    // A stream that encrypts may have taken more than its socket has.
    ready!(Pin::new(stream).poll_flush(cx))?;
    Poll::Ready(Ok(true))
}

impl<S: Stream> Future for Connection<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut budget = Budget::new(this.worker.shared.settings.requests_per_event);
        let turned = SCRATCH.with_borrow_mut(|scratch| this.turn(cx, scratch, &mut budget));
        note_work(budget.spent_bytes());
        match turned {
            Poll::Pending => {
                // A connection that yielded is still at what it has noted.
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
        let engine = &self.worker.shared.engine;
        self.session.close(engine);
        if engine.watchers().wants(LogClass::Connections) {
            let peer =
                self.rare.take().and_then(|rare| rare.peer).unwrap_or_else(|| PeerAddress::of(self.fd));
            engine.notify_connection_closed(&peer, self.reason, self.fd);
        }
        engine.connections().remove(self.fd);
        self.worker.left();
    }
}

#[cfg(test)]
mod tests;

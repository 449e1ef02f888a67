//! One connection: a future that reads, lets the engine execute every complete request, and writes once per batch.
//!
//! Input is read into a buffer of the thread, replies gather in another one, so an idle connection owns neither; only
//! what is left over (an incomplete request, unsent replies) stays with the connection, and both are bounded. Short
//! replies of connections that have news at once are sent behind one another, when all have been read (`decisions::d19`).
//! Invariants: nothing is read while replies wait to be sent (back-pressure); the thread's buffers are never held
//! while waiting; bytes are executed in the order they came.

mod binary;
mod scratch;
mod text_login;

use super::threads;
use super::worker::{Stream, Worker};
use crate::clock::Stopwatch;
use crate::commands::{CommandFamily, Engine, Flow, Receiving, Report, family_of};
use crate::protocol::binary as binary_protocol;
use crate::protocol::limits::OUTPUT_BATCH_BYTES;
use crate::protocol::{Binding, Intake, Pull, Refusal, ReplyBuffer, Request, ShutdownMode};
use crate::telemetry::{self, ConnectionState, LogClass, Peer, Watcher};
use binary::Binary;
use log::{debug, log_enabled};
use scratch::{SCRATCH, Scratch, Timed, Unsent};
use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// Input thrown away after a refusal that ends the connection, at most, in bytes. Closing while input is unread resets
/// the connection, and the peer might lose the refusal.
const LINGER_BYTES: u32 = 1024 * 1024;

/// Size of a connection over a plain socket, at most, in bytes: with what the event loop keeps beside it, it fits the
/// allocator's blocks of 224.
#[cfg(test)]
const CONNECTION_MAX_BYTES: usize = 136;

/// Slices handed to one vectored write.
const SLICES_MAX: usize = 64;

/// Bytes received and not executed.
#[derive(Default)]
struct Left {
    bytes: Vec<u8>,
    /// How many of them have been executed by now.
    done: usize,
}

/// Why a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The peer said so, or left.
    Closed,
    /// What the peer sent is not this protocol, and it is told nothing.
    Foreign,
    /// What the peer sent cannot be read on. It has been told, and may send so many bytes more until it hears it.
    Refused {
        /// Bytes of input still thrown away.
        left: u32,
    },
    /// The peer asked for the end of the process.
    Shutdown(ShutdownMode),
}

/// Why a connection ended, as those are told who watch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reason {
    Normal,
    Error,
    IdleTimeout,
    Shutdown,
}

impl Reason {
    /// In the words of `watch connevents`.
    fn word(self) -> &'static str {
        match self {
            Reason::Normal => "normal",
            Reason::Error => "error",
            Reason::IdleTimeout => "idle_timeout",
            Reason::Shutdown => "shutdown",
        }
    }
}

/// Why a round of execution stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    /// Everything complete was executed.
    NeedMore,
    /// Complete requests may be left: output has gathered, or the share of requests is used up.
    MoreToDo,
    /// The connection ends behind these replies.
    End(End),
}

/// What the peer speaks.
enum Speech {
    /// Its first byte will tell.
    Unknown,
    /// A text protocol, of which only a login is understood yet.
    Login {
        /// Logins that failed.
        failures: u32,
    },
    /// A text protocol.
    Text,
    /// The binary protocol.
    Binary(Box<Binary>),
}

impl Speech {
    fn binary(engine: &Engine) -> Speech {
        Speech::Binary(Box::new(Binary::new(engine)))
    }
}

/// The future.
pub(super) struct Connection<S: Stream> {
    stream: S,
    worker: Worker,
    entry: Arc<telemetry::Connection>,
    fd: RawFd,
    speech: Speech,
    intake: Intake,
    /// True if `left` may hold complete requests.
    more_to_do: bool,
    end: Option<End>,
    left: Option<Box<Left>>,
    unsent: Option<Box<Unsent>>,
    receiving: Option<Box<Receiving>>,
    /// A long answer under way; nothing else is executed until it is done.
    report: Option<Box<Report>>,
    /// Set from `watch` on: nothing is executed any more.
    watching: Option<Arc<Watcher>>,
    /// Whom it serves, if somebody watched connections when it came.
    peer: Option<Box<Peer>>,
    reason: Reason,
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(stream: S, worker: Worker, binding: Binding) -> Connection<S> {
        let fd = stream.fd();
        let engine = &worker.shared.engine;
        let entry = engine.connections().add(fd, stream.transport(), engine.clock().now().secs());
        let speech = match binding {
            _ if engine.requires_text_login() => Speech::Login { failures: 0 },
            Binding::Auto => Speech::Unknown,
            Binding::Ascii => Speech::Text,
            Binding::Binary => Speech::binary(engine),
        };
        debug!("<{fd} new {} client connection", binding.client());
        let peer = engine.watchers().wants(LogClass::Connections).then(|| Box::new(Peer::of(fd)));
        if let Some(peer) = &peer {
            watching::tell_new(engine, peer, fd);
        }
        Connection {
            stream,
            worker,
            entry,
            fd,
            speech,
            intake: Intake::default(),
            more_to_do: false,
            end: None,
            left: None,
            unsent: None,
            receiving: None,
            report: None,
            watching: None,
            peer,
            reason: Reason::Normal,
        }
    }

    /// Works until there is nothing to do or the connection ends. An error of the socket ends it as well.
    fn turn(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<io::Result<()>> {
        let mut share = self.worker.shared.settings.requests_per_event;
        // A panic may have left something of another connection here.
        scratch.output.clear();
        scratch.timed = None;
        loop {
            ready!(self.send_unsent(cx, scratch))?;
            match self.end {
                Some(end @ (End::Closed | End::Foreign)) => {
                    if end == End::Foreign {
                        self.reason = Reason::Error;
                    }
                    self.stream.say_goodbye(cx);
                    return Poll::Ready(Ok(()));
                }
                Some(End::Refused { left }) => {
                    self.reason = Reason::Error;
                    return self.linger(cx, scratch, left);
                }
                Some(End::Shutdown(mode)) => {
                    self.reason = Reason::Shutdown;
                    self.stream.say_goodbye(cx);
                    self.worker.shared.ask_to_stop(mode);
                    return Poll::Ready(Ok(()));
                }
                None => {}
            }
            if let Some(watcher) = self.watching.clone() {
                ready!(self.watch(cx, scratch, &watcher))?;
                if self.end.is_some() {
                    continue;
                }
            } else if self.more_to_do || self.report.is_some() {
                if share == 0 {
                    self.worker.counters().conn_yields.add(1);
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if self.report.is_some() {
                    self.report_on(&mut scratch.output);
                    share = 0;
                } else {
                    self.execute_left(scratch, &mut share);
                }
            } else if self.receiving.as_mut().is_some_and(|receiving| receiving.page().is_some()) {
                if ready!(self.receive_page(cx))? == 0 {
                    return Poll::Ready(Ok(()));
                }
            } else if ready!(self.read(cx, scratch, &mut share))? == 0 {
                if self.entry.was_ended_idle() {
                    self.reason = Reason::IdleTimeout;
                }
                self.stream.say_goodbye(cx);
                return Poll::Ready(Ok(()));
            }
            if self.waits_for_requests()
                && let Some(unsent) = scratch.put_off()
            {
                self.unsent = Some(unsent);
                return Poll::Pending;
            }
            self.send(cx, &mut scratch.output)?;
            self.note_latency(scratch.timed.take());
        }
    }

    /// True if nothing is left to do but to read on.
    fn waits_for_requests(&self) -> bool {
        !self.more_to_do && self.end.is_none() && self.report.is_none() && self.watching.is_none()
    }

    /// Notes how long a batch has taken until now.
    fn note_latency(&self, timed: Option<Timed>) {
        if let Some((stopwatch, family)) = timed {
            self.worker.shared.engine.note_latency(threads::index(), family, stopwatch.nanos());
        }
    }

    /// Ends the output, then reads and forgets until the peer has closed as well.
    fn linger(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch, mut left: u32) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        while left > 0 {
            let mut buffer = ReadBuf::new(&mut scratch.input);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            let read = buffer.filled().len();
            if read == 0 {
                break;
            }
            left = left.saturating_sub(u32::try_from(read).unwrap_or(u32::MAX));
            self.end = Some(End::Refused { left });
        }
        Poll::Ready(Ok(()))
    }

    /// Reads into the thread's buffer and executes; returns the bytes read, 0 at the peer's end.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        share: &mut u32,
    ) -> Poll<io::Result<usize>> {
        let before = self.left.as_ref().map_or(0, |left| left.bytes.len() - left.done);
        let mut buffer = ReadBuf::new(&mut scratch.input[before..]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Ok(0));
        }
        if scratch.takes_time() {
            let first =
                if self.receiving.is_some() { CommandFamily::Set } else { self.family_of(&scratch.input) };
            scratch.timed = Some((Stopwatch::start(), first));
        }
        let Scratch { input, output, .. } = scratch;
        self.worker.counters().bytes_read.add(read as u64);
        if let Some(left) = self.left.take() {
            input[..before].copy_from_slice(&left.bytes[left.done..]);
        }
        let bytes = &input[..before + read];
        let (consumed, stop) = self.execute(bytes, output, share);
        if consumed < bytes.len() {
            self.left = Some(Box::new(Left { bytes: bytes[consumed..].to_vec(), done: 0 }));
        }
        self.note(stop);
        Poll::Ready(Ok(read))
    }

    /// What a batch asks first. `input` begins with what came before, if something was left.
    #[cold]
    fn family_of(&self, input: &[u8]) -> CommandFamily {
        let left = self.left.as_ref().map_or(&[][..], |left| &left.bytes[left.done..]);
        let front = if left.is_empty() { input } else { left };
        family_of(front, matches!(self.speech, Speech::Binary(_)))
    }

    /// Goes on executing what an earlier round left.
    fn execute_left(&mut self, scratch: &mut Scratch, share: &mut u32) {
        let mut left = self.left.take().unwrap_or_default();
        let (consumed, stop) = self.execute(&left.bytes[left.done..], &mut scratch.output, share);
        left.done += consumed;
        if left.done < left.bytes.len() {
            self.left = Some(left);
        }
        self.note(stop);
    }

    /// Appends the next batch of a report, which is as much work as a share of requests.
    fn report_on(&mut self, out: &mut ReplyBuffer) {
        let engine = &self.worker.shared.engine;
        if self.report.as_mut().is_some_and(|report| !engine.report_on(report, out)) {
            self.report = None;
        }
    }

    fn note(&mut self, stop: Stop) {
        self.more_to_do = stop == Stop::MoreToDo;
        if let Stop::End(end) = stop {
            self.end = Some(end);
        }
    }

    /// Receives a page of a large value straight into the memory that the store will keep.
    fn receive_page(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(receiving) = &mut self.receiving else { return Poll::Ready(Ok(0)) };
        let Some(page) = receiving.page() else { return Poll::Ready(Ok(0)) };
        let read = ready!(self.stream.poll_fill(cx, page))?;
        receiving.advance(read);
        // In the binary protocol nothing need follow that would show the end.
        self.more_to_do = receiving.missing() == 0;
        self.worker.counters().bytes_read.add(read as u64);
        Poll::Ready(Ok(read))
    }

    /// Executes the complete requests at the front of `bytes`; returns how many bytes they took.
    fn execute(&mut self, bytes: &[u8], out: &mut ReplyBuffer, share: &mut u32) -> (usize, Stop) {
        let mut at = 0;
        if let Speech::Login { .. } = self.speech {
            let (used, stop) = self.log_in(bytes, out, share);
            if let Some(stop) = stop {
                return (used, stop);
            }
            at = used;
        }
        let engine = &*self.worker.shared.engine;
        let counters = self.worker.counters();
        self.entry.note(ConnectionState::ParseCommand, engine.clock().now().secs());
        telemetry::note_served(self.fd);
        let traced = log_enabled!(log::Level::Debug);
        if let Some(receiving) = &mut self.receiving {
            at = receiving.push(bytes);
            if receiving.missing() > 0 {
                return (at, Stop::NeedMore);
            }
        }
        if let (Speech::Unknown, [first, ..]) = (&self.speech, bytes) {
            self.speech = if Binding::Auto.is_binary(*first) { Speech::binary(engine) } else { Speech::Text };
        }
        if let Speech::Binary(_) = self.speech {
            let (used, stop) = self.execute_binary(&bytes[at..], out, share);
            return (at + used, stop);
        }
        loop {
            if *share == 0 || out.len() >= OUTPUT_BATCH_BYTES {
                return (at, if at < bytes.len() { Stop::MoreToDo } else { Stop::NeedMore });
            }
            let before = out.len();
            let mut consumed;
            let mut flow = Flow::Continue;
            match self.intake.pull(&bytes[at..]) {
                Pull::NeedMore => return (at, Stop::NeedMore),
                Pull::Request { request, consumed: frame } => {
                    consumed = frame;
                    *share -= 1;
                    flow = engine.execute(counters, &request, out);
                    match (&request, flow) {
                        (_, Flow::RefreshCertificates) => refresh_certificates(&self.worker, out),
                        (_, Flow::Report) => self.report = engine.report(&request).map(Box::new),
                        (Request::Watch(classes), Flow::Watch) => {
                            self.watching = engine.begin_watch(*classes, out);
                            // Refused, it goes on as a connection like any other.
                            flow = if self.watching.is_some() { Flow::Watch } else { Flow::Continue };
                        }
                        (Request::Retrieval(retrieval), Flow::Partial { left }) => {
                            consumed -= self.intake.resume_keys(retrieval, left);
                        }
                        (Request::Retrieval(retrieval), Flow::AbandonKeys) => {
                            self.intake.abandon_keys(retrieval)
                        }
                        _ => {}
                    }
                }
                Pull::Receive { header, consumed: line } => {
                    consumed = line;
                    *share -= 1;
                    match engine.begin_value(counters, &header) {
                        Ok(mut receiving) => {
                            consumed += receiving.push(&bytes[at + line..]);
                            self.receiving = Some(Box::new(receiving));
                        }
                        Err(answer) => self.intake.swallow(header.value_len, answer),
                    }
                }
                Pull::ReceiveMeta { header, consumed: line } => {
                    consumed = line;
                    *share -= 1;
                    match engine.begin_meta_value(counters, &header) {
                        Ok(mut receiving) => {
                            consumed += receiving.push(&bytes[at + line..]);
                            self.receiving = Some(Box::new(receiving));
                        }
                        Err(answer) => self.intake.swallow(header.value_len, Some(answer)),
                    }
                }
                Pull::ValueEnd { intact, consumed: end } => {
                    consumed = end;
                    if let Some(receiving) = self.receiving.take() {
                        engine.finish_value(counters, *receiving, intact, out);
                    }
                }
                Pull::Refused { answer, consumed: frame } => {
                    consumed = frame;
                    push_refusal(out, answer);
                }
                Pull::Close { answer } => {
                    push_refusal(out, answer);
                    let told = !out.is_empty();
                    let end = if told { End::Refused { left: LINGER_BYTES } } else { End::Foreign };
                    return (bytes.len(), Stop::End(end));
                }
            }
            if traced {
                trace(self.fd, &bytes[at..at + consumed], out, before);
            }
            at += consumed;
            match flow {
                Flow::Continue | Flow::AbandonKeys | Flow::RefreshCertificates => {}
                Flow::Flush if at == bytes.len() => {}
                Flow::Flush | Flow::Partial { .. } => return (at, Stop::MoreToDo),
                Flow::Report => return (at, if at < bytes.len() { Stop::MoreToDo } else { Stop::NeedMore }),
                Flow::Watch => return (bytes.len(), Stop::NeedMore),
                Flow::Close => return (bytes.len(), Stop::End(End::Closed)),
                Flow::Shutdown(mode) => return (bytes.len(), Stop::End(End::Shutdown(mode))),
            }
        }
    }

    /// Sends the batch with one write; what the socket does not take stays with the connection.
    fn send(&mut self, cx: &mut Context<'_>, out: &mut ReplyBuffer) -> io::Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let mut sent = 0;
        // Pending has left a wake-up for the moment the socket takes more.
        if self.write_all(cx, out, &mut sent)?.is_ready() {
            out.clear();
        } else {
            self.unsent = Some(Unsent::left_of(std::mem::take(out), sent));
        }
        Ok(())
    }

    fn send_unsent(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<io::Result<()>> {
        let Some(mut unsent) = self.unsent.take() else { return Poll::Ready(Ok(())) };
        let written = self.write_all(cx, &unsent.replies, &mut unsent.sent)?;
        self.note_latency(unsent.timed.take());
        if written.is_pending() {
            self.unsent = Some(unsent);
        } else {
            scratch.keep(unsent);
        }
        written.map(Ok)
    }

    fn write_all(
        &mut self,
        cx: &mut Context<'_>,
        out: &ReplyBuffer,
        sent: &mut usize,
    ) -> io::Result<Poll<()>> {
        while *sent < out.len() {
            let stream = Pin::new(&mut self.stream);
            let written = match out.plain() {
                Some(bytes) => stream.poll_write(cx, &bytes[*sent..]),
                None => {
                    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
                    let mut count = 0;
                    for (slice, piece) in slices.iter_mut().zip(out.pieces(*sent)) {
                        *slice = IoSlice::new(piece);
                        count += 1;
                    }
                    stream.poll_write_vectored(cx, &slices[..count])
                }
            };
            match written {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => *sent += written,
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        // A stream that encrypts may have taken more than its socket has.
        if Pin::new(&mut self.stream).poll_flush(cx)?.is_pending() {
            return Ok(Poll::Pending);
        }
        self.worker.counters().bytes_written.add(out.len() as u64);
        Ok(Poll::Ready(()))
    }

    fn is_between_requests(&self) -> bool {
        match &self.speech {
            Speech::Binary(binary) => binary.is_between_requests(),
            Speech::Unknown | Speech::Login { .. } | Speech::Text => self.intake.is_between_requests(),
        }
    }

    /// True if what is left begins with a whole line or header: then its value is what has not come.
    fn has_a_head_left(&self) -> bool {
        self.left.as_ref().is_some_and(|left| {
            let bytes = &left.bytes[left.done..];
            match &self.speech {
                Speech::Binary(_) => bytes.len() >= binary_protocol::HEADER_BYTES,
                Speech::Unknown | Speech::Login { .. } | Speech::Text => bytes.contains(&b'\n'),
            }
        })
    }

    /// What `stats conns` shows while the connection waits.
    fn waiting_state(&self) -> ConnectionState {
        if self.watching.is_some() {
            ConnectionState::Watch
        } else if self.unsent.is_some() || self.report.is_some() {
            ConnectionState::Write
        } else if self.receiving.is_some() || self.has_a_head_left() {
            ConnectionState::ReceiveValue
        } else if self.is_between_requests() {
            ConnectionState::Read
        } else {
            ConnectionState::Swallow
        }
    }
}

fn push_refusal(out: &mut ReplyBuffer, answer: Option<Refusal>) {
    if let Some(refusal) = answer {
        out.push(refusal.line());
    }
}

fn refresh_certificates(worker: &Worker, out: &mut ReplyBuffer) {
    match worker.shared.refresh_certificates() {
        Ok(()) => out.push(b"OK\r\n"),
        Err(error) => out.push(format!("{error}\r\n").as_bytes()),
    }
}

/// The lines of `-vv`: the first line of what came, and of what goes.
fn trace(fd: RawFd, came: &[u8], out: &ReplyBuffer, before: usize) {
    let first_line = |bytes: &[u8]| {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).trim_end().to_owned()
    };
    debug!("<{fd} {}", first_line(came));
    if let Some(goes) = out.pieces(before).next() {
        debug!(">{fd} {}", first_line(goes));
    }
}

impl<S: Stream> Future for Connection<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let shared = &this.worker.shared;
        shared.signs.begin_work(shared.engine.clock().now().secs());
        let turned = SCRATCH.with_borrow_mut(|scratch| this.turn(cx, scratch));
        this.worker.shared.signs.end_work();
        match turned {
            Poll::Pending => {
                let state = this.waiting_state();
                this.entry.note_state(state);
                if this.left.is_some()
                    || matches!(state, ConnectionState::ReceiveValue | ConnectionState::Swallow)
                {
                    this.stream.acknowledge();
                }
                Poll::Pending
            }
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Ready(Err(error)) => {
                debug!("<{} {error}", this.fd);
                this.reason = Reason::Error;
                Poll::Ready(())
            }
        }
    }
}

impl<S: Stream> Drop for Connection<S> {
    fn drop(&mut self) {
        debug!("<{} connection closed.", self.fd);
        self.tell_close();
        // A panic has skipped it.
        self.worker.shared.signs.end_work();
        self.worker.shared.engine.connections().remove(self.fd);
        self.worker.left();
    }
}

mod watching;

pub(super) use watching::tell_no_handshake;

#[cfg(test)]
mod tests;

//! The input of a connection: receiving bytes and having the session execute them.

use super::scratch::Scratch;
use super::{Closing, Connection};
use crate::clock::Stopwatch;
use crate::server::state::TICK;
use crate::server::stream::Stream;
use crate::session::{Budget, Next, Progress, ReplyBuffer, SessionContext};
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// From this size on, a buffer of pending input has one of few sizes, so that the allocator can reuse its memory for
/// another connection.
const ROUNDED_FROM_BYTES: usize = 1024;

/// Bytes received and not executed.
#[derive(Default)]
pub(super) struct PendingInput {
    pub(super) buffer: Vec<u8>,
    /// Bytes at the start of the buffer that have been executed by now.
    consumed: usize,
}

impl PendingInput {
    fn new(received: &[u8]) -> PendingInput {
        let len = received.len();
        let capacity = if len < ROUNDED_FROM_BYTES { len } else { len.next_power_of_two() };
        let mut buffer = Vec::with_capacity(capacity);
        buffer.extend_from_slice(received);
        PendingInput { buffer, consumed: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.consumed..]
    }
}

impl<S: Stream> Connection<S> {
    /// Receives what the socket has, and executes it; returns the bytes received, 0 at the end of input.
    #[inline]
    pub(super) fn receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Poll<io::Result<usize>> {
        if self.session.is_receiving()
            && self.stream.may_be_readable()
            && let Some(received) = self.receive_page(cx, budget)
        {
            return received;
        }
        self.read(cx, scratch, budget)
    }

    /// Receives a page of a large value straight into the memory of the store; `None` if no page is to be filled.
    fn receive_page(&mut self, cx: &mut Context<'_>, budget: &mut Budget) -> Option<Poll<io::Result<usize>>> {
        let page = self.session.value_page(&self.state.engine)?;
        Some(self.stream.poll_recv(cx, page).map_ok(|read| {
            self.unacknowledged = true;
            self.session_has_work = self.session.value_page_filled(read);
            self.state.counters().bytes_read.add(read as u64);
            budget.spend(read);
            read
        }))
    }

    /// Reads into the buffer of the thread and executes; returns the bytes read, 0 at the end of input.
    fn read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Poll<io::Result<usize>> {
        let before = self.pending_input.as_ref().map_or(0, |pending| pending.bytes().len());
        let read = ready!(self.stream.poll_recv(cx, &mut scratch.input[before..]))?;
        if read == 0 {
            return Poll::Ready(Ok(0));
        }
        self.unacknowledged = true;
        self.state.counters().bytes_read.add(read as u64);
        if let Some(pending) = self.pending_input.take() {
            scratch.input[..before].copy_from_slice(pending.bytes());
        }
        if scratch.is_next_batch_timed() {
            scratch.timed = Some((Stopwatch::start(), self.session.family_of(&scratch.input)));
        }
        let Scratch { input, output, .. } = scratch;
        let bytes = &input[..before + read];
        let Progress { consumed, next } = self.advance(bytes, output, budget);
        if consumed < bytes.len() {
            self.pending_input = Some(Box::new(PendingInput::new(&bytes[consumed..])));
        }
        self.follow(next, output);
        Poll::Ready(Ok(read))
    }

    /// Reads and discards; returns the bytes read, 0 at the end of input.
    pub(super) fn discard(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> Poll<io::Result<usize>> {
        let read = ready!(self.stream.poll_recv(cx, &mut scratch.input))?;
        self.state.counters().bytes_read.add(read as u64);
        budget.spend(read);
        Poll::Ready(Ok(read))
    }

    /// Has the session execute input.
    fn advance(&mut self, input: &[u8], output: &mut ReplyBuffer, budget: &mut Budget) -> Progress {
        let Connection { state, entry, fd, session, .. } = self;
        let engine = &state.engine;
        let context =
            SessionContext { engine, counters: state.counters(), fd: *fd, entry: Some(entry), sender: None };
        session.advance(&context, input, output, budget)
    }

    /// Has the session execute the input that an earlier turn left.
    pub(super) fn advance_pending(&mut self, scratch: &mut Scratch, budget: &mut Budget) {
        let mut pending = self.pending_input.take().unwrap_or_default();
        let Progress { consumed, next } = self.advance(pending.bytes(), &mut scratch.output, budget);
        pending.consumed += consumed;
        if pending.consumed < pending.buffer.len() {
            self.pending_input = Some(pending);
        }
        self.follow(next, &mut scratch.output);
    }

    /// Does what the session needs next.
    fn follow(&mut self, next: Next, output: &mut ReplyBuffer) {
        self.session_has_work = matches!(next, Next::More | Next::RefreshCertificates | Next::Delay(_));
        match next {
            Next::Delay(millis) => {
                let ticks = Duration::from_millis(millis.into()).div_duration_f32(TICK).ceil() as u32;
                let delay = Box::pin(self.state.clone().wait_for_ticks(ticks));
                self.rare.get_or_insert_default().delay = Some(delay);
            }
            Next::Input | Next::More => {}
            Next::RefreshCertificates => {
                let outcome = self.state.refresh_certificates();
                self.session.certificates_reloaded(outcome.map_err(|error| error.to_string()), output);
            }
            Next::End(end) => self.closing = Some(Closing::End(end)),
        }
    }
}

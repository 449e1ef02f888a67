//! The end of a connection. After invalid input it lingers: the input that is still coming is discarded.

use super::scratch::Scratch;
use super::{Connection, Turn};
use crate::commands::CloseReason;
use crate::server::event_loop::yield_turn;
use crate::server::stream::Stream;
use crate::session::{Budget, End};
use crate::telemetry::ConnectionState;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Input discarded by a lingering close, at most, in bytes. Closing a socket with unread input resets the connection,
/// and the client might lose replies.
const LINGER_MAX_BYTES: u32 = 1024 * 1024;

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Closing {
    /// As its session decided.
    End(End),
    /// All output was sent; so many bytes of input are still discarded.
    Linger { remaining_bytes: u32 },
}

impl<S: Stream> Connection<S> {
    /// Closes the connection after the client has closed or was idle too long.
    pub(super) fn close_at_end_of_input(&mut self, cx: &mut Context<'_>) -> Turn {
        if self.entry.was_closed_idle() {
            self.reason = CloseReason::IdleTimeout;
        }
        self.stream.close_notify(cx);
        Poll::Ready(Ok(()))
    }

    /// Closes the connection as its session decided.
    pub(super) fn close(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
        closing: Closing,
    ) -> Turn {
        match closing {
            Closing::End(End::Shutdown(mode)) => {
                self.reason = CloseReason::Shutdown;
                self.stream.close_notify(cx);
                self.state.request_shutdown(mode);
                Poll::Ready(Ok(()))
            }
            Closing::End(End::Closed) => {
                self.stream.close_notify(cx);
                Poll::Ready(Ok(()))
            }
            Closing::End(End::Refused) => {
                self.reason = CloseReason::Error;
                self.entry.record_command(ConnectionState::Lingering, self.state.engine.clock().now().secs());
                ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
                self.linger(cx, scratch, budget, LINGER_MAX_BYTES)
            }
            Closing::Linger { remaining_bytes } => self.linger(cx, scratch, budget, remaining_bytes),
        }
    }

    /// Discards input until the client has closed as well. Maintenance closes the connection when that takes too long.
    fn linger(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
        mut remaining_bytes: u32,
    ) -> Turn {
        while remaining_bytes > 0 {
            self.closing = Some(Closing::Linger { remaining_bytes });
            if budget.is_exhausted() {
                return yield_turn(cx);
            }
            let read = ready!(self.discard(cx, scratch, budget))?;
            if read == 0 {
                break;
            }
            remaining_bytes = remaining_bytes.saturating_sub(u32::try_from(read).unwrap_or(u32::MAX));
        }
        Poll::Ready(Ok(()))
    }
}

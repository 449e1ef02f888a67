//! The output of a connection: sending the replies of a batch, and keeping those that cannot be sent at once.

use super::Connection;
use super::scratch::Scratch;
use crate::server::stream::Stream;
use crate::session::{Budget, ReplyBuffer};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Slices handed to one vectored write.
const SLICES_MAX: usize = 8;

/// Bytes handed to one write, at most: about 50 microseconds in the kernel.
pub(super) const WRITE_MAX_BYTES: usize = 128 * 1024;

/// Replies that the socket did not take or the work budget did not allow to be sent at once.
pub(super) struct UnsentOutput {
    pub(super) replies: ReplyBuffer,
    /// Bytes of them that were sent.
    pub(super) sent: usize,
}

impl<S: Stream> Connection<S> {
    /// Sends the batch. The connection keeps what the socket or the budget does not allow.
    pub(super) fn send(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        budget: &mut Budget,
    ) -> io::Result<()> {
        let output = &mut scratch.output;
        let mut sent = 0;
        match write(&mut self.stream, cx, output, &mut sent, budget)? {
            Poll::Ready(true) => {
                self.state.counters().bytes_written.add(output.len() as u64);
                output.clear();
            }
            // After a pending write the task is woken when the socket is writable.
            Poll::Pending | Poll::Ready(false) => {
                self.unsent = Some(Box::new(UnsentOutput { replies: output.take(), sent }));
            }
        }
        self.unacknowledged = false;
        Ok(())
    }
}

/// Writes replies from `sent` on, as far as the socket and the budget allow. Ready with true once all are sent, with
/// false if the budget is exhausted.
pub(super) fn write<S: Stream>(
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
    // A TLS stream may have buffered records that its socket did not take.
    ready!(Pin::new(stream).poll_flush(cx))?;
    Poll::Ready(Ok(true))
}

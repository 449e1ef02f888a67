//! What a connection needs of its socket, encrypted or not.

use crate::telemetry::Transport;
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of bytes.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// How the client came here.
    fn transport(&self) -> Transport;

    /// Its descriptor.
    fn fd(&self) -> RawFd;

    /// Acknowledges at once what has come. A client that sends requests without a reply, or a request in pieces, may wait
    /// for it before it sends more (RFC 896), and no reply that would carry it is due.
    fn acknowledge(&self) {}

    /// False if a read would find nothing, as far as is known.
    fn may_receive(&mut self) -> bool {
        true
    }

    /// Waits for something to receive, where [`Stream::may_receive`] has said that there is nothing.
    fn wait_readable(&mut self) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    /// Receives into `room`; returns how many bytes came, 0 at the client's end.
    fn poll_recv(&mut self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(room);
        Pin::new(self).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    /// Does, without waiting, what is due before the socket is closed.
    fn say_goodbye(&mut self, _cx: &mut Context<'_>) {}
}

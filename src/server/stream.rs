//! The interface of a connection to its socket, with or without TLS.

use crate::telemetry::Transport;
use std::io;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of bytes.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// The transport by which the client connected.
    fn transport(&self) -> Transport;

    /// Its descriptor.
    fn fd(&self) -> RawFd;

    /// Acknowledges received bytes at once, when no reply will carry the acknowledgement. A client that sends requests
    /// without a reply, or a request in pieces, may wait for it before it sends more (RFC 896).
    fn acknowledge(&self) {}

    /// False if the last read emptied the socket and no readiness has come since.
    fn may_be_readable(&mut self) -> bool {
        true
    }

    /// Registers for readiness after [`Stream::may_be_readable`] was false.
    fn wait_readable(&mut self) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    /// Receives into `buffer`; returns the bytes received, 0 at the end of input.
    fn poll_recv(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        Pin::new(self).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    /// Tells the client that the connection ends, if its protocol has such a message. Does not wait.
    fn close_notify(&mut self, _cx: &mut Context<'_>) {}
}

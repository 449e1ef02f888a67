//! A stream socket in an event loop, TCP and unix alike.
//!
//! It is registered for reading alone. Registered for writing as well, a unix socket would wake the worker whenever the
//! peer takes a reply out of the buffer; so that comes only when a socket has refused bytes. `recv` and `send` go to the
//! kernel without the detour by which the C library lets threads be cancelled, and `recv` fills memory that nobody had
//! to clear first.
//!
//! Invariant: the descriptor is open as long as the value.

use super::worker::Stream;
use crate::telemetry::Transport;
use rustix::buffer::spare_capacity;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, accept_with, recv, send, sendmsg};
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// An accepted socket that is in no event loop yet, as it may be turned away.
pub(super) struct Accepted {
    fd: OwnedFd,
    transport: Transport,
}

impl Accepted {
    /// A socket that is connected and does not block.
    pub(super) fn new(fd: OwnedFd, transport: Transport) -> Accepted {
        Accepted { fd, transport }
    }

    /// Says a line to a peer that is not served. The buffer of a new socket is empty, so a line fits it; if not, the
    /// peer sees the close alone.
    pub(super) fn tell(&self, line: &[u8]) {
        let _ = send(&self.fd, line, SendFlags::NOSIGNAL);
    }
}

/// Puts a socket into the event loop; one that is refused comes back.
#[expect(
    deprecated,
    reason = "its successor is unsafe for what may close a descriptor early, as `OwnedFd` never does"
)]
fn register(fd: OwnedFd, interest: Interest) -> Result<AsyncFd<OwnedFd>, (OwnedFd, io::Error)> {
    AsyncFd::try_with_interest(fd, interest).map_err(|refused| refused.into_parts())
}

/// A listening socket in an event loop.
pub(super) struct ListeningSocket {
    io: AsyncFd<OwnedFd>,
    transport: Transport,
}

impl ListeningSocket {
    /// Puts a listening socket, which must not block, into the event loop.
    pub(super) fn new(fd: OwnedFd, transport: Transport) -> io::Result<ListeningSocket> {
        let io = register(fd, Interest::READABLE).map_err(|(_, error)| error)?;
        Ok(ListeningSocket { io, transport })
    }

    /// Accepts one connection.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let accept = |fd: &OwnedFd| Ok(accept_with(fd, flags)?);
        let fd = self.io.async_io(Interest::READABLE, accept).await?;
        Ok(Accepted::new(fd, self.transport))
    }
}

/// The socket of a connection.
pub(super) struct StreamSocket {
    /// `None` only for a socket that the event loop has refused: then it is in `outside`.
    io: Option<AsyncFd<OwnedFd>>,
    outside: Option<OwnedFd>,
    /// True once it is registered for writing too.
    waits_to_send: bool,
    /// True until the first look for what has come.
    fresh: bool,
    transport: Transport,
}

impl StreamSocket {
    /// Puts an accepted socket into the event loop.
    pub(super) fn new(accepted: Accepted) -> io::Result<StreamSocket> {
        let Accepted { fd, transport } = accepted;
        let io = register(fd, Interest::READABLE).map_err(|(_, error)| error)?;
        Ok(StreamSocket { io: Some(io), outside: None, waits_to_send: false, fresh: true, transport })
    }

    fn io(&self) -> io::Result<&AsyncFd<OwnedFd>> {
        self.io.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Receives what is there into something with this much room.
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        mut recv: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if std::mem::take(&mut self.fresh) {
            match recv(self.io()?.get_ref().as_fd()) {
                Err(rustix::io::Errno::AGAIN) => {}
                received => return Poll::Ready(Ok(received?)),
            }
        }
        loop {
            let mut guard = ready!(self.io()?.poll_read_ready(cx))?;
            let Ok(received) = guard.try_io(|io| Ok(recv(io.get_ref().as_fd())?)) else { continue };
            // Less than there was room for is all there was; another call would only say so.
            if received.as_ref().is_ok_and(|count| (1..room).contains(count)) {
                guard.clear_ready();
            }
            return Poll::Ready(received);
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        send: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if !self.waits_to_send {
            match send(self.io()?.get_ref().as_fd()) {
                Err(rustix::io::Errno::AGAIN) => self.wait_to_send()?,
                sent => return Poll::Ready(Ok(sent?)),
            }
        }
        loop {
            let mut guard = ready!(self.io()?.poll_write_ready(cx))?;
            if let Ok(sent) = guard.try_io(|io| Ok(send(io.get_ref().as_fd())?)) {
                return Poll::Ready(sent);
            }
        }
    }

    /// Registers it for writing too.
    fn wait_to_send(&mut self) -> io::Result<()> {
        let Some(io) = self.io.take() else { return Err(ErrorKind::NotConnected.into()) };
        let both = Interest::READABLE | Interest::WRITABLE;
        match register(io.into_inner(), both) {
            Ok(io) => self.io = Some(io),
            Err((fd, error)) => {
                self.outside = Some(fd);
                return Err(error);
            }
        }
        self.waits_to_send = true;
        Ok(())
    }
}

impl Stream for StreamSocket {
    fn transport(&self) -> Transport {
        self.transport
    }

    fn fd(&self) -> RawFd {
        match (&self.io, &self.outside) {
            (Some(io), _) => io.as_raw_fd(),
            (None, Some(fd)) => fd.as_raw_fd(),
            (None, None) => -1,
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, page: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        let room = page.capacity() - page.len();
        self.poll_recv(cx, room, |fd| {
            let (_, count) = recv(fd, spare_capacity(page), RecvFlags::empty())?;
            Ok(count)
        })
    }
}

impl AsyncRead for StreamSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.initialize_unfilled();
        let received = self.get_mut().poll_recv(cx, room.len(), |fd| {
            let (_, count) = recv(fd, &mut *room, RecvFlags::empty())?;
            Ok(count)
        });
        let count = ready!(received)?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for StreamSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_send(cx, |fd| send(fd, bytes, SendFlags::NOSIGNAL))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let flags = SendFlags::NOSIGNAL;
        self.get_mut().poll_send(cx, |fd| sendmsg(fd, slices, &mut SendAncillaryBuffer::default(), flags))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = rustix::net::shutdown(self.io()?.get_ref(), rustix::net::Shutdown::Write);
        Poll::Ready(Ok(ended?))
    }
}

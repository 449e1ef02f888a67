//! Sockets in the event loop: stream sockets (TCP and unix), listening sockets and datagram sockets.
//!
//! A stream socket is registered for reading, and for writing only after a write would have blocked. If it were always
//! registered for writing, a unix socket would wake a thread whenever the client reads a reply (`decisions::d10`).
//! rustix makes the system calls without the cancellation code of the C library.
//!
//! Invariants: the descriptor is open as long as the value; [`IoState`] includes all readiness that the event loop
//! reported, so that no task waits for readiness that has come.

use super::event_loop::{EventLoop, HANGUP, Interest, READABLE, WRITABLE, take_readiness};
use super::stream::Stream;
use crate::telemetry::Transport;
use log::warn;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_tcp_quickack;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, SocketFlags, accept_with, recv, send, sendmsg};
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Which calls at a socket may succeed.
struct IoState {
    readable: bool,
    writable: bool,
    /// True after a hang-up: no more readiness will be reported.
    hung_up: bool,
}

impl IoState {
    /// The state of a new socket: every call is worth an attempt.
    const NEW: IoState = IoState { readable: true, writable: true, hung_up: false };

    /// Adds the readiness that the event loop reported.
    fn update(&mut self) {
        let readiness = take_readiness();
        if readiness == 0 {
            return;
        }
        self.readable |= readiness & READABLE != 0;
        self.writable |= readiness & WRITABLE != 0;
        self.hung_up |= readiness & HANGUP != 0;
    }

    /// Notes that the socket is empty. After a hang-up the end of input is still to be read.
    fn note_empty(&mut self) {
        self.readable = self.hung_up;
    }
}

/// Makes a call that may succeed. After a call that would have blocked, none is made until readiness comes.
fn try_io<T>(may_succeed: &mut bool, io: impl FnOnce() -> io::Result<T>) -> Poll<io::Result<T>> {
    if !*may_succeed {
        return Poll::Pending;
    }
    match io() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            *may_succeed = false;
            Poll::Pending
        }
        done => Poll::Ready(done),
    }
}

/// An accepted socket that is not admitted yet.
pub(super) struct AcceptedSocket {
    fd: OwnedFd,
    transport: Transport,
    event_loop: Arc<EventLoop>,
}

impl AcceptedSocket {
    /// A connected, non-blocking socket, to be registered in this event loop.
    pub(super) fn new(fd: OwnedFd, transport: Transport, event_loop: Arc<EventLoop>) -> AcceptedSocket {
        AcceptedSocket { fd, transport, event_loop }
    }

    /// Sends a line to a client that is refused. A line fits the empty buffer of a new socket; if it does not, the
    /// client only sees the close.
    pub(super) fn send_refusal(&self, line: &[u8]) {
        let _ = send(&self.fd, line, SendFlags::NOSIGNAL);
    }
}

/// A listening socket in an event loop.
pub(super) struct ListeningSocket {
    fd: OwnedFd,
    transport: Transport,
    io: IoState,
    event_loop: Arc<EventLoop>,
}

impl ListeningSocket {
    /// Registers a listening, non-blocking socket in the event loop.
    pub(super) fn new(
        fd: OwnedFd,
        transport: Transport,
        event_loop: Arc<EventLoop>,
    ) -> io::Result<ListeningSocket> {
        event_loop.register(fd.as_fd(), Interest::Readable)?;
        Ok(ListeningSocket { fd, transport, io: IoState::NEW, event_loop })
    }

    /// Its descriptor.
    pub(super) fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Accepts one connection.
    pub(super) fn poll_accept(&mut self) -> Poll<io::Result<AcceptedSocket>> {
        self.io.update();
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = ready!(try_io(&mut self.io.readable, || Ok(accept_with(&self.fd, flags)?)))?;
        // A poll costs less than an accept that fails (`decisions::d16`).
        self.io.readable = has_pending_connection(&self.fd);
        Poll::Ready(Ok(AcceptedSocket::new(fd, self.transport, self.event_loop.clone())))
    }
}

/// True if a connection is in the backlog, or if poll(2) fails.
fn has_pending_connection(listening: &OwnedFd) -> bool {
    let no_wait = Timespec::default();
    let mut polled = [PollFd::new(listening, PollFlags::IN)];
    poll(&mut polled, Some(&no_wait)) != Ok(0)
}

/// A datagram socket in an event loop.
pub(super) struct DatagramSocket {
    socket: UdpSocket,
    io: IoState,
}

impl DatagramSocket {
    /// Registers a non-blocking socket in the event loop.
    pub(super) fn new(socket: UdpSocket, event_loop: &EventLoop) -> io::Result<DatagramSocket> {
        event_loop.register(socket.as_fd(), Interest::ReadableAndWritable)?;
        Ok(DatagramSocket { socket, io: IoState::NEW })
    }

    /// Its descriptor.
    pub(super) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Receives one datagram.
    pub(super) async fn recv_from(&mut self, datagram: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|_| {
            self.io.update();
            try_io(&mut self.io.readable, || self.socket.recv_from(datagram))
        })
        .await
    }

    /// Sends one datagram.
    pub(super) async fn send_to(&mut self, datagram: &[u8], receiver: SocketAddr) -> io::Result<()> {
        poll_fn(|_| {
            self.io.update();
            try_io(&mut self.io.writable, || self.socket.send_to(datagram, receiver).map(drop))
        })
        .await
    }
}

/// The socket of a connection.
pub(super) struct StreamSocket {
    fd: OwnedFd,
    transport: Transport,
    io: IoState,
    /// Nothing at first: the first request is often answered before the socket has to be registered.
    registered: Option<Interest>,
    event_loop: Arc<EventLoop>,
}

impl StreamSocket {
    /// An accepted socket.
    pub(super) fn new(accepted: AcceptedSocket) -> StreamSocket {
        let AcceptedSocket { fd, transport, event_loop } = accepted;
        StreamSocket { fd, transport, io: IoState::NEW, registered: None, event_loop }
    }

    /// The socket.
    #[cfg(test)]
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Registers the socket for this interest at least.
    fn register(&mut self, interest: Interest) -> io::Result<()> {
        let result = match self.registered {
            None => self.event_loop.register(self.fd.as_fd(), interest),
            Some(Interest::Readable) if interest == Interest::ReadableAndWritable => {
                self.event_loop.reregister(self.fd.as_fd(), interest)
            }
            Some(_) => return Ok(()),
        };
        result.inspect_err(|error| {
            warn!("a connection is closed, because it cannot be registered in epoll: {error}")
        })?;
        self.registered = Some(interest);
        Ok(())
    }

    /// Receives into a buffer of `room` bytes.
    fn poll_recv_by(
        &mut self,
        room: usize,
        recv: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.io.update();
        let Poll::Ready(received) = try_io(&mut self.io.readable, || Ok(recv(self.fd.as_fd())?)) else {
            self.register(Interest::Readable)?;
            return Poll::Pending;
        };
        // A partly filled buffer means that the socket is empty; another call would only confirm it.
        if received.as_ref().is_ok_and(|count| (1..room).contains(count)) {
            self.io.note_empty();
        }
        Poll::Ready(received)
    }

    fn poll_send(
        &mut self,
        send: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.io.update();
        let sent = try_io(&mut self.io.writable, || Ok(send(self.fd.as_fd())?));
        if sent.is_pending() {
            self.register(Interest::ReadableAndWritable)?;
        }
        sent
    }
}

impl Stream for StreamSocket {
    fn transport(&self) -> Transport {
        self.transport
    }

    fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    fn acknowledge(&self) {
        if self.transport == Transport::Tcp {
            // The acknowledgement is only a hint.
            let _ = set_tcp_quickack(&self.fd, true);
        }
    }

    fn may_be_readable(&mut self) -> bool {
        self.io.update();
        self.io.readable
    }

    fn wait_readable(&mut self) -> Poll<io::Result<()>> {
        self.register(Interest::Readable)?;
        Poll::Pending
    }

    fn poll_recv(&mut self, _cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_recv_by(buffer.len(), |fd| {
            let (_, count) = recv(fd, &mut *buffer, RecvFlags::empty())?;
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
        let count = ready!(self.get_mut().poll_recv(cx, room))?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for StreamSocket {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_send(|fd| send(fd, bytes, SendFlags::NOSIGNAL))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let flags = SendFlags::NOSIGNAL;
        self.get_mut().poll_send(|fd| sendmsg(fd, slices, &mut SendAncillaryBuffer::default(), flags))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Write)?))
    }
}

#[cfg(test)]
mod tests;

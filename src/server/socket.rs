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
use log::warn;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
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
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        loop {
            let mut guard = ready!(self.io.poll_read_ready(cx))?;
            let Ok(accepted) = guard.try_io(|io| Ok(accept_with(io.get_ref(), flags)?)) else { continue };
            // To accept in vain is dear (`decisions::d16`).
            if accepted.is_ok() && !somebody_waits(self.io.get_ref()) {
                guard.clear_ready();
            }
            return Poll::Ready(accepted.map(|fd| Accepted::new(fd, self.transport)));
        }
    }
}

/// True if a connection waits to be accepted, or if that is not known.
fn somebody_waits(listening: &OwnedFd) -> bool {
    let at_once = Timespec::default();
    let mut looked_at = [PollFd::new(listening, PollFlags::IN)];
    poll(&mut looked_at, Some(&at_once)) != Ok(0)
}

/// Where the descriptor of a connection is.
enum Place {
    /// Not in the event loop: it has not been waited for yet, or was refused there.
    Outside(OwnedFd),
    /// In the event loop.
    Inside(AsyncFd<OwnedFd>),
    /// On its way from one to the other.
    Nowhere,
}

/// The socket of a connection.
pub(super) struct StreamSocket {
    place: Place,
    /// True once it is registered for writing too.
    waits_to_send: bool,
    /// True until the first look for what has come.
    fresh: bool,
    transport: Transport,
}

impl StreamSocket {
    /// An accepted socket. It enters the event loop when it has to be waited for, by when its first request is often
    /// answered.
    pub(super) fn new(accepted: Accepted) -> StreamSocket {
        let Accepted { fd, transport } = accepted;
        StreamSocket { place: Place::Outside(fd), waits_to_send: false, fresh: true, transport }
    }

    fn descriptor(&self) -> io::Result<BorrowedFd<'_>> {
        match &self.place {
            Place::Outside(fd) => Ok(fd.as_fd()),
            Place::Inside(io) => Ok(io.get_ref().as_fd()),
            Place::Nowhere => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// The socket in the event loop, where it is put for reading if it is not there.
    fn inside(&mut self) -> io::Result<&AsyncFd<OwnedFd>> {
        if let Place::Outside(_) = self.place {
            self.enter(Interest::READABLE)?;
        }
        match &self.place {
            Place::Inside(io) => Ok(io),
            Place::Outside(_) | Place::Nowhere => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Registers it for this alone.
    fn enter(&mut self, interest: Interest) -> io::Result<()> {
        let fd = match std::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Outside(fd) => fd,
            Place::Inside(io) => io.into_inner(),
            Place::Nowhere => return Err(ErrorKind::NotConnected.into()),
        };
        let (place, entered) = match register(fd, interest) {
            Ok(io) => (Place::Inside(io), Ok(())),
            Err((fd, error)) => {
                warn!("a connection is lost, as it cannot be waited for: {error}");
                (Place::Outside(fd), Err(error))
            }
        };
        self.place = place;
        entered
    }

    /// Receives what is there into something with this much room.
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        mut recv: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if std::mem::take(&mut self.fresh) {
            match recv(self.descriptor()?) {
                Err(rustix::io::Errno::AGAIN) => {}
                received => return Poll::Ready(Ok(received?)),
            }
        }
        loop {
            let mut guard = ready!(self.inside()?.poll_read_ready(cx))?;
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
            match send(self.descriptor()?) {
                Err(rustix::io::Errno::AGAIN) => {
                    self.enter(Interest::READABLE | Interest::WRITABLE)?;
                    self.waits_to_send = true;
                }
                sent => return Poll::Ready(Ok(sent?)),
            }
        }
        loop {
            let mut guard = ready!(self.inside()?.poll_write_ready(cx))?;
            if let Ok(sent) = guard.try_io(|io| Ok(send(io.get_ref().as_fd())?)) {
                return Poll::Ready(sent);
            }
        }
    }
}

impl Stream for StreamSocket {
    fn transport(&self) -> Transport {
        self.transport
    }

    fn fd(&self) -> RawFd {
        self.descriptor().map_or(-1, |fd| fd.as_raw_fd())
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
        let ended = rustix::net::shutdown(self.descriptor()?, rustix::net::Shutdown::Write);
        Poll::Ready(Ok(ended?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;
    use std::task::Waker;

    /// Lets the event loop look for what has happened.
    async fn look() {
        tokio::task::yield_now().await;
    }

    #[test]
    fn all_who_wait_are_accepted_and_so_is_who_comes_after_them() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let listening = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listening.local_addr().unwrap();
            listening.set_nonblocking(true).unwrap();
            let listening = ListeningSocket::new(listening.into(), Transport::Tcp).unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            let mut clients = Vec::new();
            for come in [3, 1, 2] {
                assert!(listening.poll_accept(&mut cx).is_pending());
                clients.extend((0..come).map(|_| TcpStream::connect(address).unwrap()));
                look().await;
                for _ in 0..come {
                    assert!(matches!(listening.poll_accept(&mut cx), Poll::Ready(Ok(_))));
                }
            }
            assert!(listening.poll_accept(&mut cx).is_pending());
        });
    }

    #[test]
    fn a_connection_enters_the_event_loop_when_it_has_to_be_waited_for() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let (server, client) = UnixStream::pair().unwrap();
            server.set_nonblocking(true).unwrap();
            let mut socket = StreamSocket::new(Accepted::new(server.into(), Transport::Unix));
            let mut cx = Context::from_waker(Waker::noop());
            let mut page = Vec::with_capacity(10);
            rustix::io::write(&client, b"one").unwrap();
            assert!(matches!(socket.poll_fill(&mut cx, &mut page), Poll::Ready(Ok(3))));
            assert!(matches!(socket.place, Place::Outside(_)));
            assert!(socket.poll_fill(&mut cx, &mut page).is_pending());
            assert!(matches!(socket.place, Place::Inside(_)));
            rustix::io::write(&client, b"two").unwrap();
            look().await;
            assert!(matches!(socket.poll_fill(&mut cx, &mut page), Poll::Ready(Ok(3))));
            assert_eq!(page, b"onetwo");
        });
    }
}

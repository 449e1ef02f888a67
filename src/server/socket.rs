//! A socket in the event loop: stream sockets, TCP and unix alike, listening ones and those for datagrams.
//!
//! It is waited for to be read alone. Waited for to be written as well, a unix socket would wake a thread whenever the
//! peer takes a reply out of the buffer; so that comes only when a socket has refused bytes. `recv` and `send` go to the
//! kernel without the detour by which the C library lets threads be cancelled, and `recv` fills memory that nobody had
//! to clear first.
//!
//! Invariants: the descriptor is open as long as the value; what is known of a socket ([`Known`]) is never less than what
//! the event loop has told, so that nobody waits for what has come.

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

/// What is known of a socket: what may be tried at once, and what would be in vain.
struct Known {
    receivable: bool,
    sendable: bool,
    /// Nothing more will be told.
    ended: bool,
}

impl Known {
    /// Of one that nobody has looked at.
    const NOTHING: Known = Known { receivable: true, sendable: true, ended: false };

    /// Takes in what the event loop has told.
    fn learn(&mut self) {
        let readiness = take_readiness();
        if readiness == 0 {
            return;
        }
        self.receivable |= readiness & READABLE != 0;
        self.sendable |= readiness & WRITABLE != 0;
        self.ended |= readiness & HANGUP != 0;
    }

    /// All that there was has been received, unless the end is still to come.
    fn note_empty(&mut self) {
        self.receivable = self.ended;
    }
}

/// Tries what is possible as far as is known. What the kernel refuses for now is not tried again before the event loop
/// tells.
fn attempt<T>(possible: &mut bool, io: impl FnOnce() -> io::Result<T>) -> Poll<io::Result<T>> {
    if !*possible {
        return Poll::Pending;
    }
    match io() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            *possible = false;
            Poll::Pending
        }
        done => Poll::Ready(done),
    }
}

/// An accepted socket that nobody serves yet, as it may be turned away.
pub(super) struct Accepted {
    fd: OwnedFd,
    transport: Transport,
    event_loop: Arc<EventLoop>,
}

impl Accepted {
    /// A socket that is connected and does not block, to be waited for in this event loop.
    pub(super) fn new(fd: OwnedFd, transport: Transport, event_loop: Arc<EventLoop>) -> Accepted {
        Accepted { fd, transport, event_loop }
    }

    /// Says a line to a peer that is not served. The buffer of a new socket is empty, so a line fits it; if not, the
    /// peer sees the close alone.
    pub(super) fn tell(&self, line: &[u8]) {
        let _ = send(&self.fd, line, SendFlags::NOSIGNAL);
    }
}

/// A listening socket in an event loop.
pub(super) struct ListeningSocket {
    fd: OwnedFd,
    transport: Transport,
    known: Known,
    event_loop: Arc<EventLoop>,
}

impl ListeningSocket {
    /// Puts a listening socket, which must not block, into the event loop.
    pub(super) fn new(
        fd: OwnedFd,
        transport: Transport,
        event_loop: Arc<EventLoop>,
    ) -> io::Result<ListeningSocket> {
        event_loop.register(fd.as_fd(), Interest::Readable)?;
        Ok(ListeningSocket { fd, transport, known: Known::NOTHING, event_loop })
    }

    /// Its descriptor.
    pub(super) fn fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Accepts one connection.
    pub(super) fn poll_accept(&mut self) -> Poll<io::Result<Accepted>> {
        self.known.learn();
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = ready!(attempt(&mut self.known.receivable, || Ok(accept_with(&self.fd, flags)?)))?;
        // To accept in vain is dear (`decisions::d16`).
        self.known.receivable = somebody_waits(&self.fd);
        Poll::Ready(Ok(Accepted::new(fd, self.transport, self.event_loop.clone())))
    }
}

/// True if a connection waits to be accepted, or if that is not known.
fn somebody_waits(listening: &OwnedFd) -> bool {
    let at_once = Timespec::default();
    let mut looked_at = [PollFd::new(listening, PollFlags::IN)];
    poll(&mut looked_at, Some(&at_once)) != Ok(0)
}

/// A socket for datagrams in an event loop.
pub(super) struct DatagramSocket {
    socket: UdpSocket,
    known: Known,
}

impl DatagramSocket {
    /// Puts a socket, which must not block, into the event loop.
    pub(super) fn new(socket: UdpSocket, event_loop: &EventLoop) -> io::Result<DatagramSocket> {
        event_loop.register(socket.as_fd(), Interest::ReadableAndWritable)?;
        Ok(DatagramSocket { socket, known: Known::NOTHING })
    }

    /// Its descriptor.
    pub(super) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Receives one datagram.
    pub(super) async fn recv_from(&mut self, datagram: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|_| {
            self.known.learn();
            attempt(&mut self.known.receivable, || self.socket.recv_from(datagram))
        })
        .await
    }

    /// Sends one datagram.
    pub(super) async fn send_to(&mut self, datagram: &[u8], peer: SocketAddr) -> io::Result<()> {
        poll_fn(|_| {
            self.known.learn();
            attempt(&mut self.known.sendable, || self.socket.send_to(datagram, peer).map(drop))
        })
        .await
    }
}

/// The socket of a connection.
pub(super) struct StreamSocket {
    fd: OwnedFd,
    transport: Transport,
    known: Known,
    /// What it is waited for. Nothing at first: by when it has to be waited for, its first request is often answered.
    registered: Option<Interest>,
    event_loop: Arc<EventLoop>,
}

impl StreamSocket {
    /// An accepted socket.
    pub(super) fn new(accepted: Accepted) -> StreamSocket {
        let Accepted { fd, transport, event_loop } = accepted;
        StreamSocket { fd, transport, known: Known::NOTHING, registered: None, event_loop }
    }

    /// The socket.
    #[cfg(test)]
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Has it waited for, for this at least.
    fn register(&mut self, interest: Interest) -> io::Result<()> {
        let asked = match self.registered {
            None => self.event_loop.register(self.fd.as_fd(), interest),
            Some(Interest::Readable) if interest == Interest::ReadableAndWritable => {
                self.event_loop.reregister(self.fd.as_fd(), interest)
            }
            Some(_) => return Ok(()),
        };
        asked.inspect_err(|error| warn!("a connection is lost, as it cannot be waited for: {error}"))?;
        self.registered = Some(interest);
        Ok(())
    }

    /// Receives what is there into something with this much room.
    fn poll_recv_by(
        &mut self,
        room: usize,
        recv: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.known.learn();
        let Poll::Ready(received) = attempt(&mut self.known.receivable, || Ok(recv(self.fd.as_fd())?)) else {
            self.register(Interest::Readable)?;
            return Poll::Pending;
        };
        // Less than there was room for is all there was; another call would only say so.
        if received.as_ref().is_ok_and(|count| (1..room).contains(count)) {
            self.known.note_empty();
        }
        Poll::Ready(received)
    }

    fn poll_send(
        &mut self,
        send: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.known.learn();
        let sent = attempt(&mut self.known.sendable, || Ok(send(self.fd.as_fd())?));
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
            // It is a hint.
            let _ = set_tcp_quickack(&self.fd, true);
        }
    }

    fn may_receive(&mut self) -> bool {
        self.known.learn();
        self.known.receivable
    }

    fn wait_readable(&mut self) -> Poll<io::Result<()>> {
        self.register(Interest::Readable)?;
        Poll::Pending
    }

    fn poll_recv(&mut self, _cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_recv_by(room.len(), |fd| {
            let (_, count) = recv(fd, &mut *room, RecvFlags::empty())?;
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
mod tests {
    use super::*;
    use crate::server::event_loop::{run_alone, yield_now};
    use rustix::net::sockopt::tcp_quickack;
    use std::future::Future;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;
    use std::task::Waker;

    #[test]
    fn all_who_wait_are_accepted_and_so_is_who_comes_after_them() {
        let event_loop = EventLoop::new(1).unwrap();
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listening.local_addr().unwrap();
        listening.set_nonblocking(true).unwrap();
        let mut listening =
            ListeningSocket::new(listening.into(), Transport::Tcp, event_loop.clone()).unwrap();
        run_alone(&event_loop, listening.fd(), async move {
            let mut clients = Vec::new();
            for come in [3, 1, 2] {
                assert!(listening.poll_accept().is_pending());
                clients.extend((0..come).map(|_| TcpStream::connect(address).unwrap()));
                yield_now().await;
                for _ in 0..come {
                    assert!(matches!(listening.poll_accept(), Poll::Ready(Ok(_))));
                }
            }
            assert!(listening.poll_accept().is_pending());
        });
    }

    #[test]
    fn a_connection_acknowledges_by_its_reply_or_when_it_is_told_to() {
        let event_loop = EventLoop::new(1).unwrap();
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        set_tcp_quickack(&listening, false).unwrap();
        let mut client = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
        let accepted = OwnedFd::from(listening.accept().unwrap().0);
        let mut socket = StreamSocket::new(Accepted::new(accepted, Transport::Tcp, event_loop));
        client.write_all(b"get ").unwrap();
        assert!(matches!(fill(&mut socket, &mut [0; 10]), Poll::Ready(Ok(4))));
        assert_eq!(tcp_quickack(&socket.fd), Ok(false));
        socket.acknowledge();
        assert_eq!(tcp_quickack(&socket.fd), Ok(true));
    }

    /// A socket and its peer.
    fn pair(event_loop: &Arc<EventLoop>) -> (StreamSocket, UnixStream) {
        let (server, client) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        client.set_nonblocking(true).unwrap();
        (StreamSocket::new(Accepted::new(server.into(), Transport::Unix, event_loop.clone())), client)
    }

    fn fill(socket: &mut StreamSocket, page: &mut [u8]) -> Poll<io::Result<usize>> {
        socket.poll_recv(&mut Context::from_waker(Waker::noop()), page)
    }

    fn write(socket: &mut StreamSocket, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(socket).poll_write(&mut Context::from_waker(Waker::noop()), bytes)
    }

    /// Runs a test that has a socket in the event loop.
    fn run<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(StreamSocket, UnixStream) -> F) {
        let event_loop = EventLoop::new(1).unwrap();
        let (socket, client) = pair(&event_loop);
        run_alone(&event_loop, socket.fd(), test(socket, client));
    }

    #[test]
    fn a_connection_is_registered_when_it_has_said_all() {
        run(|mut socket, client| async move {
            let mut page = [0; 10];
            rustix::io::write(&client, b"one").unwrap();
            assert!(matches!(fill(&mut socket, &mut page), Poll::Ready(Ok(3))));
            assert_eq!(socket.registered, None);
            assert!(fill(&mut socket, &mut page).is_pending());
            assert_eq!(socket.registered, Some(Interest::Readable));
            rustix::io::write(&client, b"two").unwrap();
            yield_now().await;
            assert!(matches!(fill(&mut socket, &mut page), Poll::Ready(Ok(3))));
            assert_eq!(page[..3], *b"two");
        });
    }

    #[test]
    fn an_end_that_comes_with_the_last_bytes_is_seen() {
        run(|mut socket, client| async move {
            let mut page = [0; 10];
            assert!(fill(&mut socket, &mut page).is_pending());
            rustix::io::write(&client, b"last").unwrap();
            drop(client);
            yield_now().await;
            assert!(matches!(fill(&mut socket, &mut page), Poll::Ready(Ok(4))));
            assert!(matches!(fill(&mut socket, &mut page), Poll::Ready(Ok(0))));
        });
    }

    #[test]
    fn what_comes_while_nobody_receives_is_not_forgotten() {
        run(|mut socket, client| async move {
            let mut page = [0; 10];
            assert!(fill(&mut socket, &mut page).is_pending());
            rustix::io::write(&client, b"word").unwrap();
            for _ in 0..3 {
                yield_now().await;
            }
            assert!(matches!(fill(&mut socket, &mut page), Poll::Ready(Ok(4))));
        });
    }

    #[test]
    fn a_socket_that_refused_bytes_takes_them_when_the_peer_has_read() {
        run(|mut socket, client| async move {
            let bytes = vec![7; 1 << 16];
            while write(&mut socket, &bytes).is_ready() {}
            assert_eq!(socket.registered, Some(Interest::ReadableAndWritable));
            yield_now().await;
            assert!(write(&mut socket, &bytes).is_pending());
            let mut read = vec![0; 1 << 20];
            while rustix::io::read(&client, &mut read[..]).is_ok() {}
            yield_now().await;
            assert!(write(&mut socket, &bytes).is_ready());
        });
    }
}

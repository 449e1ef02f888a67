//! A TLS connection as a stream: the handshake is part of its first read, so that the connection above stays one
//! future and knows nothing of it.
//!
//! Invariants: the socket is open as long as this value; a handshake takes a limited time and has a place among a
//! limited number; nothing is ever sent in the clear.

use crate::server::TICK;
use crate::server::event_loop::{EventLoop, note_work, yield_turn};
use crate::server::socket::StreamSocket;
use crate::server::stream::Stream;
use crate::server::worker::Worker;
use crate::session::TURN_WORK_BYTES;
use crate::telemetry::Transport;
use nix::sys::socket::{Shutdown, shutdown};
use parking_lot::Mutex;
use rustls::{HandshakeKind, ServerConfig};
use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::{FallibleAccept, TlsStream};

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// The same in pulses of the worker.
const HANDSHAKE_MAX_PULSES: u32 = (HANDSHAKE_MAX.as_millis() / TICK.as_millis()) as u32;

/// Ticks that a handshake has before others may take its place.
const UNDISTURBED_TICKS: u32 = 3;

/// Handshakes that have begun and not ended, in all workers, oldest first.
#[derive(Default, Debug)]
pub(in crate::server) struct Handshakes(Arc<Mutex<Pending>>);

#[derive(Default, Debug)]
struct Pending {
    next: u64,
    /// By the order in which they came.
    begun: BTreeMap<u64, Begun>,
}

#[derive(Debug)]
struct Begun {
    fd: RawFd,
    /// When it came, in ticks.
    since: u32,
    /// It was told to end.
    ends: bool,
}

/// Whether another handshake may begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::server) enum Room {
    /// It may.
    Free,
    /// As soon as the oldest one has ended, which was told to.
    Soon,
    /// Not before the next tick.
    Later,
}

impl Handshakes {
    /// Room for one more, if there are fewer than `max`. If not, the oldest one is told to end once it had its time: a
    /// client that stops half way leaves its place to others.
    pub(in crate::server) fn room(&self, max: usize, ticks: u32) -> Room {
        let mut pending = self.0.lock();
        if pending.begun.len() < max {
            return Room::Free;
        }
        let Some(mut oldest) = pending.begun.first_entry() else { return Room::Free };
        let oldest = oldest.get_mut();
        if oldest.ends {
            return Room::Soon;
        }
        if ticks.wrapping_sub(oldest.since) < UNDISTURBED_TICKS {
            return Room::Later;
        }
        // A place is given up before its socket is closed, so this is that socket. An error means that it has gone.
        let _ = shutdown(oldest.fd, Shutdown::Both);
        oldest.ends = true;
        Room::Soon
    }

    fn begin(&self, fd: RawFd, ticks: u32) -> Place {
        let mut pending = self.0.lock();
        let number = pending.next;
        pending.next += 1;
        pending.begun.insert(number, Begun { fd, since: ticks, ends: false });
        Place { number, handshakes: self.0.clone() }
    }
}

/// A place among the handshakes, free again with this value.
struct Place {
    number: u64,
    handshakes: Arc<Mutex<Pending>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.handshakes.lock().begun.remove(&self.number);
    }
}

/// The stream.
pub(in crate::server) struct TlsConnection {
    state: State,
    fd: RawFd,
    worker: Worker,
}

enum State {
    Handshake(Box<Handshake>),
    Open(Box<TlsStream<StreamSocket>>),
    /// The handshake failed; the socket is kept open until its owner has struck it off.
    Broken(#[expect(dead_code, reason = "kept for its drop")] StreamSocket),
}

struct Handshake {
    /// Dropped before the socket.
    _place: Place,
    /// True if it has let others run since it was ready.
    yielded: bool,
    event_loop: Arc<EventLoop>,
    accept: FallibleAccept<StreamSocket>,
    time_out: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl TlsConnection {
    /// A connection whose handshake begins with its first read.
    pub(in crate::server) fn new(
        socket: StreamSocket,
        config: Arc<ServerConfig>,
        worker: Worker,
        event_loop: Arc<EventLoop>,
    ) -> TlsConnection {
        let fd = socket.fd();
        let accept = tokio_rustls::TlsAcceptor::from(config).accept(socket).into_fallible();
        let place = worker.shared.handshakes.begin(fd, worker.shared.ticks());
        let time_out = Box::pin(worker.clone().pauses(HANDSHAKE_MAX_PULSES));
        let handshake = Handshake { event_loop, yielded: false, accept, time_out, _place: place };
        TlsConnection { state: State::Handshake(Box::new(handshake)), fd, worker }
    }

    /// Goes on with the handshake, if it is not done.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut TlsStream<StreamSocket>>> {
        if let State::Handshake(handshake) = &mut self.state {
            // Its arithmetic takes longer than a turn should, so connections that are ready have theirs first.
            handshake.yielded = !handshake.yielded;
            if handshake.yielded {
                return yield_turn(cx);
            }
            handshake.event_loop.ensure_waiter();
            note_work(TURN_WORK_BYTES);
            let counters = self.worker.counters();
            let (state, error) = match Pin::new(&mut handshake.accept).poll(cx) {
                Poll::Pending => {
                    ready!(handshake.time_out.as_mut().poll(cx));
                    return Poll::Ready(Err(self.note_no_handshake(ErrorKind::TimedOut.into())));
                }
                Poll::Ready(Ok(stream)) => {
                    let new = stream.get_ref().1.handshake_kind() != Some(HandshakeKind::Resumed);
                    counters.ssl_new_sessions.add(u64::from(new));
                    (State::Open(Box::new(stream)), None)
                }
                Poll::Ready(Err((error, socket))) => (State::Broken(socket), Some(error)),
            };
            self.state = state;
            if let Some(error) = error {
                return Poll::Ready(Err(self.note_no_handshake(error)));
            }
        }
        match &mut self.state {
            State::Open(stream) => Poll::Ready(Ok(stream)),
            _ => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }

    fn note_no_handshake(&self, error: io::Error) -> io::Error {
        self.worker.counters().ssl_handshake_errors.add(1);
        self.worker.shared.engine.notify_handshake_failed(self.fd, &error);
        error
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidData) {
            self.worker.counters().ssl_proto_errors.add(1);
        }
        result
    }
}

impl Stream for TlsConnection {
    fn transport(&self) -> Transport {
        Transport::Tcp
    }

    fn fd(&self) -> RawFd {
        self.fd
    }

    fn acknowledge(&self) {
        if let State::Open(stream) = &self.state {
            stream.get_ref().0.acknowledge();
        }
    }

    /// Tells the peer that what it has got is all. Once, because it may not be reading.
    fn say_goodbye(&mut self, cx: &mut Context<'_>) {
        if let State::Open(stream) = &mut self.state {
            let _ = Pin::new(stream).poll_shutdown(cx);
        }
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let stream = ready!(this.poll_open(cx))?;
        match ready!(Pin::new(stream).poll_read(cx, buffer)) {
            // Many clients close without a goodbye; every request carries its own length, so nothing can be cut short.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            result => Poll::Ready(this.note(result)),
        }
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let stream = ready!(this.poll_open(cx))?;
        let result = ready!(Pin::new(stream).poll_write(cx, bytes));
        Poll::Ready(this.note(result))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let stream = ready!(this.poll_open(cx))?;
        let result = ready!(Pin::new(stream).poll_write_vectored(cx, slices));
        Poll::Ready(this.note(result))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = ready!(self.get_mut().poll_open(cx))?;
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = ready!(self.get_mut().poll_open(cx))?;
        Pin::new(stream).poll_shutdown(cx)
    }
}

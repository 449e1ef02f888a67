//! The TLS socket of a connection. The handshake is part of the first read or write, so that a connection is served in
//! the same way with and without TLS.
//!
//! Invariants: the socket is open as long as this value; a handshake takes a limited time and one of a limited number
//! of slots; nothing is ever sent in plain text.

use super::event_loop::{EventLoop, note_work, yield_turn};
use super::handshakes::HandshakeSlot;
use super::socket::StreamSocket;
use super::state::{ServerState, TICK};
use super::stream::Stream;
use crate::session::TURN_WORK_BYTES;
use crate::telemetry::Transport;
use rustls::{HandshakeKind, ServerConfig};
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

/// The same in ticks.
const HANDSHAKE_MAX_TICKS: u32 = (HANDSHAKE_MAX.as_millis() / TICK.as_millis()) as u32;

/// The socket.
pub(super) struct TlsSocket {
    phase: Phase,
    fd: RawFd,
    state: Arc<ServerState>,
}

enum Phase {
    Handshake(Box<Handshake>),
    Open(Box<TlsStream<StreamSocket>>),
    /// The handshake failed. The socket stays open until the connection has deregistered its descriptor.
    Failed(#[expect(dead_code, reason = "kept for its drop")] StreamSocket),
}

struct Handshake {
    /// Dropped before the socket.
    _slot: HandshakeSlot,
    /// True if this turn follows a yield.
    yielded: bool,
    event_loop: Arc<EventLoop>,
    accept: FallibleAccept<StreamSocket>,
    timeout: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl TlsSocket {
    /// A socket whose handshake begins with the first read.
    pub(super) fn new(
        socket: StreamSocket,
        config: Arc<ServerConfig>,
        state: Arc<ServerState>,
        event_loop: Arc<EventLoop>,
    ) -> TlsSocket {
        let fd = socket.fd();
        let accept = tokio_rustls::TlsAcceptor::from(config).accept(socket).into_fallible();
        let slot = state.handshakes.begin(fd, state.ticks());
        let timeout = Box::pin(state.clone().wait_for_ticks(HANDSHAKE_MAX_TICKS));
        let handshake = Handshake { event_loop, yielded: false, accept, timeout, _slot: slot };
        TlsSocket { phase: Phase::Handshake(Box::new(handshake)), fd, state }
    }

    /// Continues the handshake; ready once it has succeeded or failed.
    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut TlsStream<StreamSocket>>> {
        if let Phase::Handshake(handshake) = &mut self.phase {
            // The cryptography takes longer than a turn should, so other connections that are ready run first.
            handshake.yielded = !handshake.yielded;
            if handshake.yielded {
                return yield_turn(cx);
            }
            handshake.event_loop.ensure_poller();
            note_work(TURN_WORK_BYTES);
            let counters = self.state.counters();
            let (phase, error) = match Pin::new(&mut handshake.accept).poll(cx) {
                Poll::Pending => {
                    ready!(handshake.timeout.as_mut().poll(cx));
                    return Poll::Ready(Err(self.count_failed_handshake(ErrorKind::TimedOut.into())));
                }
                Poll::Ready(Ok(stream)) => {
                    let new = stream.get_ref().1.handshake_kind() != Some(HandshakeKind::Resumed);
                    counters.ssl_new_sessions.add(u64::from(new));
                    (Phase::Open(Box::new(stream)), None)
                }
                Poll::Ready(Err((error, socket))) => (Phase::Failed(socket), Some(error)),
            };
            self.phase = phase;
            if let Some(error) = error {
                return Poll::Ready(Err(self.count_failed_handshake(error)));
            }
        }
        match &mut self.phase {
            Phase::Open(stream) => Poll::Ready(Ok(stream)),
            _ => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        }
    }

    fn count_failed_handshake(&self, error: io::Error) -> io::Error {
        self.state.counters().ssl_handshake_errors.add(1);
        self.state.engine.notify_handshake_failed(self.fd, &error);
        error
    }

    fn count_protocol_error<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidData) {
            self.state.counters().ssl_proto_errors.add(1);
        }
        result
    }
}

impl Stream for TlsSocket {
    fn transport(&self) -> Transport {
        Transport::Tcp
    }

    fn fd(&self) -> RawFd {
        self.fd
    }

    fn acknowledge(&self) {
        if let Phase::Open(stream) = &self.phase {
            stream.get_ref().0.acknowledge();
        }
    }

    /// Sends the close_notify alert. Tried once, because the client may not be reading.
    fn close_notify(&mut self, cx: &mut Context<'_>) {
        if let Phase::Open(stream) = &mut self.phase {
            let _ = Pin::new(stream).poll_shutdown(cx);
        }
    }
}

impl AsyncRead for TlsSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let stream = ready!(this.poll_handshake(cx))?;
        match ready!(Pin::new(stream).poll_read(cx, buffer)) {
            // Many clients close without close_notify. It guards against truncation, but a request carries its length.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            result => Poll::Ready(this.count_protocol_error(result)),
        }
    }
}

impl AsyncWrite for TlsSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let stream = ready!(this.poll_handshake(cx))?;
        let result = ready!(Pin::new(stream).poll_write(cx, bytes));
        Poll::Ready(this.count_protocol_error(result))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let stream = ready!(this.poll_handshake(cx))?;
        let result = ready!(Pin::new(stream).poll_write_vectored(cx, slices));
        Poll::Ready(this.count_protocol_error(result))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = ready!(self.get_mut().poll_handshake(cx))?;
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = ready!(self.get_mut().poll_handshake(cx))?;
        Pin::new(stream).poll_shutdown(cx)
    }
}

//! Accepts the connections of one listening socket and admits them, within the limits of connections and handshakes.

use super::connection::Connection;
use super::event_loop::{EventLoop, note_work, yield_now};
use super::handshakes::Availability;
use super::settings::{Service, Settings};
use super::socket::{AcceptedSocket, ListeningSocket, StreamSocket};
use super::state::ServerState;
use super::stream::Stream;
use super::tls_socket::TlsSocket;
use log::{debug, error, warn};
use nix::errno::Errno;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Reply to a connection over the limit.
const TOO_MANY_CONNECTIONS: &[u8] = b"ERROR Too many open connections\r\n";

/// Connections accepted in one turn.
const ACCEPTS_PER_TURN: u64 = 16;

/// One in so many of all possible connections may be in its TLS handshake.
const CONNECTIONS_PER_HANDSHAKE: usize = 2;

/// Work of accepting a connection, in bytes as `session::Budget` counts them.
const ACCEPT_WORK_BYTES: u32 = 2048;

/// Serves one listening socket.
pub(super) struct Acceptor {
    pub(super) state: Arc<ServerState>,
    pub(super) service: Service,
    pub(super) event_loop: Arc<EventLoop>,
}

impl Acceptor {
    /// Accepts connections until the task is cancelled.
    pub(super) async fn run(self, mut socket: ListeningSocket) {
        for count in 1u64.. {
            self.wait_for_capacity().await;
            match poll_fn(|_| socket.poll_accept()).await {
                Ok(accepted) => {
                    note_work(ACCEPT_WORK_BYTES);
                    if self.service.tls.is_some() {
                        self.wait_for_handshake_slot().await;
                    }
                    // The incomplete work of a panic is dropped with the connection. The panic was logged when it
                    // began.
                    if catch_unwind(AssertUnwindSafe(|| self.admit(accepted))).is_err() {
                        error!("a connection was dropped, because accepting it failed");
                    }
                }
                Err(error) => self.handle_failure(&error).await,
            }
            if count.is_multiple_of(ACCEPTS_PER_TURN) {
                yield_now().await;
            }
        }
    }

    /// Under `-o no_maxconns_fast`, connections over the limit wait in the backlog.
    async fn wait_for_capacity(&self) {
        let Settings { max_connections, max_connections_fast, .. } = self.state.settings;
        let is_full = || !max_connections_fast && self.state.engine.connections().open() >= max_connections;
        if is_full() {
            self.state.counters().listen_disabled.add(1);
        }
        while is_full() {
            self.state.wait_for_tick().await;
        }
    }

    /// Waits while too many connections are in their TLS handshake and none of them is old enough to be closed. Further
    /// connections wait in the backlog.
    async fn wait_for_handshake_slot(&self) {
        let handshakes_max = (self.state.settings.max_connections / CONNECTIONS_PER_HANDSHAKE).max(1);
        loop {
            match self.state.handshakes.availability(handshakes_max, self.state.ticks()) {
                Availability::Now => return,
                Availability::Soon => yield_now().await,
                Availability::NextTick => self.state.wait_for_tick().await,
            }
        }
    }

    /// A client that left before it was accepted is no failure. Without descriptors or memory, accepting is tried again
    /// at the next tick.
    async fn handle_failure(&self, error: &io::Error) {
        let exhausted = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM];
        if !exhausted.iter().any(|errno| error.raw_os_error() == Some(*errno as i32)) {
            return debug!("accept: {error}");
        }
        if !self.state.accept_failure_logged.swap(true, Ordering::Relaxed) {
            warn!("cannot accept: {error}; new connections wait until others close");
        }
        self.state.counters().listen_disabled.add(1);
        self.state.wait_for_tick().await;
    }

    /// Begins to serve a connection, or refuses it at the limit.
    fn admit(&self, accepted: AcceptedSocket) {
        let Acceptor { state, service, event_loop } = self;
        if !state.try_acquire_connection() {
            state.counters().rejected_connections.add(1);
            // A TLS client expects a handshake and no plain text.
            if service.tls.is_none() {
                accepted.send_refusal(TOO_MANY_CONNECTIONS);
            }
            return;
        }
        state.counters().total_connections.add(1);
        let socket = StreamSocket::new(accepted);
        let fd = socket.fd();
        let Some(clients) = service.tls else {
            event_loop.spawn_on(fd, Connection::new(socket, state.clone(), service.protocol));
            return;
        };
        // `Tls::load` makes sure that there is a configuration. Without one the connection is closed, never served in
        // plain text.
        match state.tls.as_ref().and_then(|tls| tls.configuration(clients)) {
            Some(config) => {
                let stream = TlsSocket::new(socket, config, state.clone(), event_loop.clone());
                event_loop.spawn_on(fd, Connection::new(stream, state.clone(), service.protocol));
            }
            None => state.release_connection(),
        }
    }
}

//! What serves connections: accepts them, begins them, does now and then what has to be done, and ends.
//!
//! All of it are tasks of one event loop (`event_loop.rs`), whose threads are the workers.
//!
//! The event loop has no timers. What depends on time is told by the thread that moves the clock ([`Shared::pulse`],
//! [`Shared::tell_round`]).

use super::connection::Connection;
use super::essential::Essential;
use super::event_loop::{EventLoop, note_work, yield_now};
use super::listener::{Group, Listeners};
use super::settings::{Service, Settings};
use super::shutdown::tell_stop;
use super::socket::{Accepted, DatagramSocket, ListeningSocket, StreamSocket};
use super::stream::Stream;
use super::threads::{self, Threads};
use super::tls::{Handshakes, Room, Tls, TlsConnection, TlsError};
use super::udp;
use crate::commands::Engine;
use crate::session::ShutdownMode;
use crate::telemetry::{Transport, WorkerCounters};
use log::{debug, error, warn};
use nix::errno::Errno;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::sync::Notify;

/// Answer to a connection over the limit.
const TOO_MANY: &[u8] = b"ERROR Too many open connections\r\n";

/// Connections accepted before those that are there have their turn.
const ACCEPTED_AT_ONCE: u64 = 16;

/// Seconds, two more at most, that a refused connection may take to be closed by its client.
const LINGER_SECS: u32 = 2;

/// Of all connections there may be, one in so many may be in its TLS handshake.
const HANDSHAKES_PART: usize = 2;

/// Work of accepting a connection, in bytes as `session::Budget` counts them.
const ACCEPT_WORK_BYTES: u32 = 2048;

/// What all workers share.
pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) settings: Settings,
    pub(super) handshakes: Handshakes,
    tls: Option<Tls>,
    /// Told when a client asks for the end.
    pub(super) stop_asked: Notify,
    ticks: AtomicU32,
    /// Wakes what waits for time to pass.
    pulse: Notify,
    /// Tells that it is time for a round of what is done now and then.
    round: Notify,
    stop: Notify,
    complained: AtomicBool,
    /// True once connections have had their time to be answered.
    grace_is_over: AtomicBool,
}

impl Shared {
    pub(super) fn new(engine: Arc<Engine>, settings: Settings, tls: Option<Tls>) -> Shared {
        Shared {
            engine,
            settings,
            handshakes: Handshakes::default(),
            tls,
            stop_asked: Notify::new(),
            ticks: AtomicU32::new(0),
            pulse: Notify::new(),
            round: Notify::new(),
            stop: Notify::new(),
            complained: AtomicBool::new(false),
            grace_is_over: AtomicBool::new(false),
        }
    }

    /// Wakes whatever waits for time to pass. Who does not wait is not disturbed.
    pub(super) fn pulse(&self) {
        self.pulse.notify_waiters();
    }

    /// A tick of the clock thread has passed.
    pub(super) fn count_tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    /// Ticks so far, about ten a second; wraps around.
    pub(super) fn ticks(&self) -> u32 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Tells that it is time for a round.
    pub(super) fn tell_round(&self) {
        self.round.notify_one();
    }

    /// A client asks for the end of the process.
    pub(super) fn ask_to_stop(&self, mode: ShutdownMode) {
        tell_stop(mode);
        self.stop_asked.notify_one();
    }

    /// Ends the wait for connections to be answered, with the next pulse.
    pub(super) fn end_grace(&self) {
        self.grace_is_over.store(true, Ordering::Relaxed);
    }

    /// Reads the certificates again, where TLS is served; on failure those in use stay.
    pub(super) fn refresh_certificates(&self) -> Result<(), TlsError> {
        let Some(tls) = &self.tls else { return Ok(()) };
        tls.refresh()?;
        self.engine.record_certificate_load();
        Ok(())
    }

    /// Begins the end: nothing is accepted any more, and what was received is answered.
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }
}

/// What serves, as its tasks see it. A single pointer, because every connection has one.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
}

impl Worker {
    /// Starts to serve, in threads of its own, which end when all has been answered.
    pub(super) fn start(shared: Arc<Shared>, listeners: Listeners) -> io::Result<Threads> {
        let threads = shared.settings.threads;
        let event_loop = EventLoop::new(threads)?;
        event_loop.spawn(Worker { shared }.work(event_loop.clone(), listeners));
        Threads::start(event_loop, threads)
    }

    /// The counters of this thread. Not to be held while waiting, as another thread may go on.
    pub(super) fn counters(&self) -> &WorkerCounters {
        self.shared.engine.counters().worker(threads::index())
    }

    async fn work(self, event_loop: Arc<EventLoop>, listeners: Listeners) {
        let mut working = Vec::new();
        for (socket, protocol) in listeners.udp {
            match DatagramSocket::new(socket.into(), &event_loop) {
                Ok(socket) => {
                    let fd = socket.fd();
                    let serve = Essential::new("a UDP socket", udp::serve(socket, self.clone(), protocol));
                    working.push(event_loop.spawn_on(fd, serve));
                }
                Err(error) => warn!("a UDP socket is lost: {error}"),
            }
        }
        for Group { socket, unix, service } in listeners.groups {
            let transport = if unix { Transport::Unix } else { Transport::Tcp };
            match ListeningSocket::new(socket.into(), transport, event_loop.clone()) {
                Ok(socket) => {
                    let fd = socket.fd();
                    let accept = self.clone().accept(socket, service, event_loop.clone());
                    working.push(event_loop.spawn_on(fd, Essential::new("a listening socket", accept)));
                }
                Err(error) => warn!("a listening socket is lost: {error}"),
            }
        }
        let maintenance = self.clone().run_maintenance();
        working.push(event_loop.spawn(Essential::new("maintenance", maintenance)));
        self.shared.stop.notified().await;
        for task in working {
            task.end();
        }
        self.drain().await;
        event_loop.stop();
    }

    /// What is done now and then, without end.
    async fn run_maintenance(self) {
        loop {
            let now_secs = self.shared.engine.clock().now().secs();
            self.end_idle_connections(now_secs);
            self.shared.round.notified().await;
        }
    }

    /// Closes the connections that have sent nothing for too long (`-o idle_timeout`), and those that were refused and do
    /// not close.
    fn end_idle_connections(&self, now_secs: u32) {
        self.shared.engine.connections().close_lingering(now_secs.saturating_sub(LINGER_SECS));
        let timeout_secs = self.shared.settings.idle_timeout_secs;
        if timeout_secs > 0 {
            let since_secs = now_secs.saturating_sub(timeout_secs);
            let ended = self.shared.engine.connections().close_idle(since_secs);
            self.counters().idle_kicks.add(ended);
        }
    }

    /// Lets every connection answer what it has received, for a limited time.
    async fn drain(&self) {
        let over = || self.shared.grace_is_over.load(Ordering::Relaxed);
        let connections = self.shared.engine.connections();
        while connections.open() > 0 && !over() {
            connections.shut_down_input();
            self.pause().await;
        }
    }

    /// Waits a little: up to the next pulse.
    pub(super) async fn pause(&self) {
        self.shared.pulse.notified().await;
    }

    /// Waits for this many pulses.
    pub(super) async fn pauses(self, pulses: u32) {
        for _ in 0..pulses {
            self.pause().await;
        }
    }

    async fn accept(self, mut socket: ListeningSocket, service: Service, event_loop: Arc<EventLoop>) {
        for turn in 1u64.. {
            self.wait_for_room().await;
            match poll_fn(|_| socket.poll_accept()).await {
                Ok(accepted) => {
                    note_work(ACCEPT_WORK_BYTES);
                    if service.tls.is_some() {
                        self.wait_for_handshakes().await;
                    }
                    // What a panic leaves half done goes with the connection; its message was written when it began.
                    let admit = AssertUnwindSafe(|| self.admit(accepted, service, &event_loop));
                    if catch_unwind(admit).is_err() {
                        error!("a connection was dropped, because accepting it failed");
                    }
                }
                Err(error) => self.accept_failed(&error).await,
            }
            if turn.is_multiple_of(ACCEPTED_AT_ONCE) {
                yield_now().await;
            }
        }
    }

    /// While a part of all connections there may be are in their TLS handshake, and none of them long enough to be ended,
    /// an accepted one waits, and others behind it in the backlog.
    async fn wait_for_handshakes(&self) {
        let handshakes_max = (self.shared.settings.max_connections / HANDSHAKES_PART).max(1);
        loop {
            match self.shared.handshakes.room(handshakes_max, self.shared.ticks()) {
                Room::Free => return,
                Room::Soon => yield_now().await,
                Room::Later => self.pause().await,
            }
        }
    }

    /// Under `-o no_maxconns_fast`, connections over the limit wait in the backlog.
    async fn wait_for_room(&self) {
        let Settings { max_connections, max_connections_fast, .. } = self.shared.settings;
        let full = || !max_connections_fast && self.shared.engine.connections().open() >= max_connections;
        if full() {
            self.counters().listen_disabled.add(1);
        }
        while full() {
            self.pause().await;
        }
    }

    /// A peer that left early is nothing; without descriptors, waiting is all that helps.
    async fn accept_failed(&self, error: &io::Error) {
        let exhausted = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM];
        if !exhausted.iter().any(|errno| error.raw_os_error() == Some(*errno as i32)) {
            return debug!("accept: {error}");
        }
        if !self.shared.complained.swap(true, Ordering::Relaxed) {
            warn!("cannot accept: {error}; connections wait until others leave");
        }
        self.counters().listen_disabled.add(1);
        self.pause().await;
    }

    /// Begins to serve a connection.
    fn admit(&self, accepted: Accepted, service: Service, event_loop: &Arc<EventLoop>) {
        if !self.enter() {
            self.counters().rejected_connections.add(1);
            // Outside TLS nothing must be told, and inside there is no TLS yet.
            return if service.tls.is_none() {
                accepted.tell(TOO_MANY)
            };
        }
        self.counters().total_connections.add(1);
        let socket = StreamSocket::new(accepted);
        let fd = socket.fd();
        let Some(clients) = service.tls else {
            event_loop.spawn_on(fd, Connection::new(socket, self.clone(), service.protocol));
            return;
        };
        // Without a configuration, which `Tls::load` rules out, there is no service: never one in the clear.
        match self.shared.tls.as_ref().and_then(|tls| tls.configuration(clients)) {
            Some(config) => {
                let stream = TlsConnection::new(socket, config, self.clone(), event_loop.clone());
                event_loop.spawn_on(fd, Connection::new(stream, self.clone(), service.protocol));
            }
            None => self.left(),
        }
    }

    /// Counts a connection in, unless the limit is reached; it counts itself out with [`Worker::left`].
    pub(super) fn enter(&self) -> bool {
        self.shared.engine.connections().try_acquire(self.shared.settings.max_connections)
    }

    /// A connection has gone.
    pub(super) fn left(&self) {
        self.shared.engine.connections().release();
        if !self.shared.settings.max_connections_fast {
            self.shared.pulse();
        }
    }
}

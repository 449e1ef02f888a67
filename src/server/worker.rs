//! A worker: one thread, one event loop, and the connections it accepted.
//!
//! TCP connections come from the worker's own listening sockets. A socket that exists only once (unix, inherited) is
//! accepted by one worker, which keeps the connection unless another has clearly fewer: short connections stay where
//! they came in, long ones spread.
//!
//! The event loop has no timers: it would look at them at every wait. What depends on time is told by the thread that
//! moves the clock ([`Shared::pulse`], [`Shared::ask_for_signs_of_life`]).

use super::connection::Connection;
use super::listener::{Group, Listeners};
use super::settings::{Binding, Service, Settings};
use super::shutdown::tell_stop;
use super::socket::{Accepted, ListeningSocket, StreamSocket};
use super::tls::{Handshakes, Tls, TlsConnection, TlsError};
use super::udp;
use crate::commands::Engine;
use crate::protocol::ShutdownMode;
use crate::telemetry::{Transport, WorkerCounters};
use log::{debug, warn};
use nix::errno::Errno;
use socket2::Socket;
use std::future::Future;
use std::io;
use std::ops::Deref;
use std::os::fd::RawFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::yield_now;

/// Answer to a connection over the limit.
const TOO_MANY: &[u8] = b"ERROR Too many open connections\r\n";

/// Calls for a part of the memory to be moved, per pulse: 10 MiB.
const RELOCATIONS_PER_PULSE: u32 = 40;

/// How often, once a second, a worker looks for freed memory after it has moved its part.
const LOOKS_AFTER_RELOCATION: u32 = 10;

/// What one worker shows to the others. Padded, so that they do not disturb each other.
#[repr(align(128))]
struct Desk {
    open: AtomicUsize,
    heartbeat_secs: AtomicU32,
    door: UnboundedSender<(Accepted, Service)>,
    /// Wakes what waits for time to pass.
    pulse: Notify,
    /// Asks for a sign of life.
    heartbeat: Notify,
    stop: Notify,
}

/// What all workers share.
pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) settings: Settings,
    pub(super) handshakes: Handshakes,
    tls: Option<Tls>,
    /// Told when a client asks for the end.
    pub(super) stop_asked: Notify,
    desks: Vec<Desk>,
    doors: parking_lot::Mutex<Vec<UnboundedReceiver<(Accepted, Service)>>>,
    complained: AtomicBool,
    /// True once connections have had their time to be answered.
    grace_is_over: AtomicBool,
}

impl Shared {
    pub(super) fn new(engine: Arc<Engine>, settings: Settings, tls: Option<Tls>) -> Shared {
        let now_secs = engine.clock().now().secs();
        let mut doors = Vec::new();
        let desks = (0..settings.threads)
            .map(|_| {
                let (door, receiver) = unbounded_channel();
                doors.push(receiver);
                let heartbeat_secs = AtomicU32::new(now_secs);
                Desk {
                    open: AtomicUsize::new(0),
                    heartbeat_secs,
                    door,
                    pulse: Notify::new(),
                    heartbeat: Notify::new(),
                    stop: Notify::new(),
                }
            })
            .collect();
        let doors = parking_lot::Mutex::new(doors);
        Shared {
            engine,
            settings,
            handshakes: Handshakes::default(),
            tls,
            stop_asked: Notify::new(),
            desks,
            doors,
            complained: AtomicBool::new(false),
            grace_is_over: AtomicBool::new(false),
        }
    }

    /// Wakes whatever waits for time to pass, in all workers. Who does not wait is not disturbed.
    pub(super) fn pulse(&self) {
        for desk in &self.desks {
            desk.pulse.notify_waiters();
        }
    }

    /// Asks every worker for a sign of life, see [`Shared::all_workers_alive`].
    pub(super) fn ask_for_signs_of_life(&self) {
        for desk in &self.desks {
            desk.heartbeat.notify_one();
        }
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
        self.engine.note_certificates();
        Ok(())
    }

    /// Begins the end: every worker stops accepting and answers what it has received.
    pub(super) fn stop(&self) {
        for desk in &self.desks {
            desk.stop.notify_one();
        }
    }

    /// True if every worker gave a sign of life lately.
    pub(super) fn all_workers_alive(&self, now_secs: u32) -> bool {
        self.desks.iter().all(|desk| {
            now_secs.saturating_sub(desk.heartbeat_secs.load(Ordering::Relaxed))
                <= super::WORKER_SILENT_MAX_SECS
        })
    }

    /// The worker for a connection that came in at `own`.
    fn deal(&self, own: usize) -> usize {
        let open = |worker: usize| self.desks[worker].open.load(Ordering::Relaxed);
        let least = (0..self.desks.len()).min_by_key(|worker| open(*worker)).unwrap_or(own);
        if open(own) > open(least) + 1 { least } else { own }
    }
}

/// A listening socket that a worker is to accept from.
struct Post {
    socket: Socket,
    unix: bool,
    service: Service,
    /// True if its connections are for all workers.
    dealt: bool,
}

/// What a connection needs of its socket.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// How it came here.
    fn transport(&self) -> Transport;

    /// Its descriptor.
    fn fd(&self) -> RawFd;

    /// Receives into the spare capacity of `page`; returns how many bytes came, 0 at the peer's end.
    fn poll_fill(&mut self, cx: &mut Context<'_>, page: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        pin!(self.read_buf(page)).poll(cx)
    }

    /// Does, without waiting, what is due before the socket is closed.
    fn say_goodbye(&mut self, _cx: &mut Context<'_>) {}
}

/// One worker, from inside. A single pointer, because every connection has one.
#[derive(Clone)]
pub(super) struct Worker(Arc<Place>);

/// Whose worker it is, and which.
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    pub(super) index: usize,
}

impl Deref for Worker {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.0
    }
}

impl Worker {
    /// The worker of that index.
    pub(super) fn new(shared: Arc<Shared>, index: usize) -> Worker {
        Worker(Arc::new(Place { shared, index }))
    }

    /// Starts all workers, each with its sockets.
    pub(super) fn start_all(shared: &Arc<Shared>, listeners: Listeners) -> io::Result<Vec<JoinHandle<()>>> {
        let threads = shared.settings.threads;
        let mut posts: Vec<Vec<Post>> = (0..threads).map(|_| Vec::new()).collect();
        for group in listeners.groups {
            let Group { sockets, unix, service } = group;
            let dealt = sockets.len() < threads;
            for (worker, socket) in sockets.into_iter().enumerate() {
                posts[worker].push(Post { socket, unix, service, dealt });
            }
        }
        let mut udp: Vec<Vec<(Socket, Binding)>> = (0..threads).map(|_| Vec::new()).collect();
        for (index, socket) in listeners.udp.into_iter().enumerate() {
            udp[index % threads].push(socket);
        }
        let doors = std::mem::take(&mut *shared.doors.lock());
        let mut handles = Vec::new();
        for (index, ((posts, udp), door)) in posts.into_iter().zip(udp).zip(doors).enumerate() {
            let worker = Worker::new(shared.clone(), index);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
            let thread = std::thread::Builder::new().name(format!("worker {index}"));
            handles.push(thread.spawn(move || runtime.block_on(worker.work(posts, udp, door)))?);
        }
        Ok(handles)
    }

    pub(super) fn counters(&self) -> &WorkerCounters {
        self.shared.engine.counters().worker(self.index)
    }

    fn desk(&self) -> &Desk {
        &self.shared.desks[self.index]
    }

    async fn work(
        self,
        posts: Vec<Post>,
        udp: Vec<(Socket, Binding)>,
        mut door: UnboundedReceiver<(Accepted, Service)>,
    ) {
        let mut accepting = Vec::new();
        for (socket, binding) in udp {
            match UdpSocket::from_std(socket.into()) {
                Ok(socket) => accepting.push(tokio::spawn(udp::serve(socket, self.clone(), binding))),
                Err(error) => warn!("a UDP socket is lost: {error}"),
            }
        }
        for Post { socket, unix, service, dealt } in posts {
            let transport = if unix { Transport::Unix } else { Transport::Tcp };
            match ListeningSocket::new(socket.into(), transport) {
                Ok(socket) => accepting.push(tokio::spawn(self.clone().accept(socket, service, dealt))),
                Err(error) => warn!("a listening socket is lost: {error}"),
            }
        }
        let worker = self.clone();
        accepting.push(tokio::spawn(async move {
            while let Some((accepted, service)) = door.recv().await {
                worker.admit(accepted, service);
            }
        }));
        let worker = self.clone();
        accepting.push(tokio::spawn(worker.keep_house()));
        self.desk().stop.notified().await;
        for task in accepting {
            task.abort();
        }
        self.drain().await;
    }

    /// What a worker does once a second, without end.
    async fn keep_house(self) {
        let (mut charged_bytes, mut looks) = (0, 0);
        loop {
            let now_secs = self.shared.engine.clock().now().secs();
            self.desk().heartbeat_secs.store(now_secs, Ordering::Relaxed);
            self.end_idle_connections(now_secs);
            if looks > 0 {
                // Moving frees much that nobody gives back, here and, until they are done too, by other workers.
                charged_bytes = u64::MAX;
                looks -= 1;
            }
            self.shared.engine.take_in_freed_memory(&mut charged_bytes);
            if self.relocate().await {
                looks = LOOKS_AFTER_RELOCATION;
                self.pause().await;
            } else {
                self.desk().heartbeat.notified().await;
            }
        }
    }

    /// Moves a part of what is held together, after the limit was lowered; true while there is more to do. Connections
    /// are served in between.
    async fn relocate(&self) -> bool {
        for _ in 0..RELOCATIONS_PER_PULSE {
            if !self.shared.engine.relocate(self.index) {
                return false;
            }
            yield_now().await;
        }
        true
    }

    /// Closes the connections that have sent nothing for too long (`-o idle_timeout`).
    fn end_idle_connections(&self, now_secs: u32) {
        let timeout_secs = self.shared.settings.idle_timeout_secs;
        if timeout_secs > 0 {
            let since_secs = now_secs.saturating_sub(timeout_secs);
            let ended = self.shared.engine.connections().end_idle(self.index, since_secs);
            self.counters().idle_kicks.add(ended);
        }
    }

    /// Lets every connection answer what it has received, for a limited time.
    async fn drain(&self) {
        let over = || self.shared.grace_is_over.load(Ordering::Relaxed);
        while self.desk().open.load(Ordering::Relaxed) > 0 && !over() {
            self.shared.engine.connections().end_input(self.index);
            self.pause().await;
        }
    }

    /// Waits a little: up to the next pulse.
    pub(super) async fn pause(&self) {
        self.desk().pulse.notified().await;
    }

    /// Waits for this many pulses.
    pub(super) async fn pauses(self, pulses: u32) {
        for _ in 0..pulses {
            self.pause().await;
        }
    }

    async fn accept(self, socket: ListeningSocket, service: Service, dealt: bool) {
        loop {
            self.wait_for_room(service).await;
            match socket.accept().await {
                Ok(accepted) if dealt => self.hand_over(accepted, service),
                Ok(accepted) => self.admit(accepted, service),
                Err(error) => self.accept_failed(&error).await,
            }
        }
    }

    /// Under `-o no_maxconns_fast`, connections over the limit wait in the backlog. So do those that want TLS while half
    /// of all connections there may be are in their handshake: who stops half way leaves room for the others.
    async fn wait_for_room(&self, service: Service) {
        let Settings { max_connections, max_connections_fast, .. } = self.shared.settings;
        let handshakes_max = (max_connections / 2).max(1);
        while service.tls.is_some() && self.shared.handshakes.count() >= handshakes_max {
            self.pause().await;
        }
        let full = || !max_connections_fast && self.shared.engine.connections().open() >= max_connections;
        if full() {
            self.counters().listen_disabled.add(1);
        }
        while full() {
            self.pause().await;
        }
    }

    fn hand_over(&self, accepted: Accepted, service: Service) {
        let to = self.shared.deal(self.index);
        if to == self.index {
            return self.admit(accepted, service);
        }
        // A closed door means that the end has begun; the connection ends with it.
        let _ = self.shared.desks[to].door.send((accepted, service));
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

    /// Begins to serve a connection in this worker's event loop.
    fn admit(&self, accepted: Accepted, service: Service) {
        if !self.enter() {
            self.counters().rejected_connections.add(1);
            // Outside TLS nothing must be told, and inside there is no TLS yet.
            return if service.tls.is_none() {
                accepted.tell(TOO_MANY)
            };
        }
        self.counters().total_connections.add(1);
        let socket = match StreamSocket::new(accepted) {
            Ok(socket) => socket,
            Err(error) => {
                warn!("an accepted connection is lost: {error}");
                return self.left();
            }
        };
        let Some(clients) = service.tls else {
            tokio::spawn(Connection::new(socket, self.clone(), service.binding));
            return;
        };
        // Without a configuration, which `Tls::load` rules out, there is no service: never one in the clear.
        match self.shared.tls.as_ref().and_then(|tls| tls.configuration(clients)) {
            Some(config) => {
                let stream = TlsConnection::new(socket, config, self.clone());
                tokio::spawn(Connection::new(stream, self.clone(), service.binding));
            }
            None => self.left(),
        }
    }

    /// Counts a connection in, unless the limit is reached; it counts itself out with [`Worker::left`].
    pub(super) fn enter(&self) -> bool {
        let entered = self.shared.engine.connections().try_enter(self.shared.settings.max_connections);
        if entered {
            self.desk().open.fetch_add(1, Ordering::Relaxed);
        }
        entered
    }

    /// A connection has gone.
    pub(super) fn left(&self) {
        self.desk().open.fetch_sub(1, Ordering::Relaxed);
        self.shared.engine.connections().leave();
        if !self.shared.settings.max_connections_fast {
            self.shared.pulse();
        }
    }
}

//! Sockets, threads, connections: moves bytes and knows no command.
//!
//! [`Tls::load`] reads certificates, [`bind_ports`] and [`Listeners::bind_unix`] open the sockets. They are apart from
//! [`run`], so that a daemon can call them before it drops its privileges. [`run`] serves until it is stopped and every
//! received request was answered.
//!
//! The workers are the threads of one event loop; any free worker serves a connection. The thread that calls [`run`]
//! moves the clock, runs the maintenance of the store and waits for signals. It reads no file: the files that SIGHUP
//! refers to are read by another thread (`reloader.rs`).
//!
//! # Imports
//! One way only, from the top down; modules of one line do not import each other:
//! 1. `mod.rs`: [`run`] and the clock thread;
//! 2. `workers`, `reloader`, `watchdog`: the tasks and threads of the server;
//! 3. `acceptor`: accepts and admits connections;
//! 4. `connection`, `tls_socket`, `udp`: serve a client or a UDP socket;
//! 5. `socket`: sockets in the event loop; `state`: the state that all tasks share;
//! 6. `tls`, `listener`, `stream`, `threads`, `essential`;
//! 7. `event_loop`, `handshakes`, `settings`, `shutdown`.

mod acceptor;
mod connection;
mod essential;
mod event_loop;
mod handshakes;
mod listener;
mod reloader;
mod settings;
mod shutdown;
mod socket;
mod state;
mod stream;
mod threads;
mod tls;
mod tls_socket;
mod udp;
mod watchdog;
mod workers;

pub use listener::{ListenError, Listeners, bind_ports};
pub use settings::{
    AcceptedProtocol, ClientCertificates, Hooks, InheritedSocket, KeyFormat, ListenAddress, MetricsAddress,
    Service, Settings, TlsSettings, UnixAddress,
};
pub use tls::{Tls, TlsError};

use crate::commands::Engine;
use crate::telemetry::Listener;
use event_loop::EventLoop;
use log::{info, warn};
use reloader::Reloader;
use shutdown::Event;
use state::{ServerState, TICK};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};
use watchdog::Watchdog;

/// Ticks between two requests for maintenance by the workers. Not a multiple of the second after which the allocator
/// returns freed memory to the system: a worker that frees memory at that moment would return all freed memory itself,
/// while its clients wait.
const TICKS_PER_MAINTENANCE: u32 = 13;

/// Rounds of maintenance of the store per tick, at most, while the store has more to do.
const MAINTENANCE_ROUNDS_MAX: u32 = 8;

/// Descriptors of the event loop that serves.
const DESCRIPTORS_OF_LOOP: usize = 2;

/// Descriptors of the event loop that waits for signals.
const DESCRIPTORS_OF_SIGNALS: usize = 8;

/// How long connections may take to be answered after the server was stopped.
const GRACE: Duration = Duration::from_secs(5);

/// Between two checks whether the last connection has closed.
const GRACE_CHECK: Duration = Duration::from_millis(5);

/// Serves until SIGTERM, SIGINT, SIGUSR1 or a `shutdown` command. Then stops accepting, answers the received requests
/// and returns.
pub fn run(
    listeners: Listeners,
    tls: Option<Tls>,
    settings: Settings,
    engine: Arc<Engine>,
    hooks: Hooks,
) -> io::Result<()> {
    check_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(listeners, ServerState::new(engine, settings, tls), hooks))
}

/// Makes sure that there are descriptors for the event loops and for one connection. Without a descriptor for signals,
/// the runtime would panic.
fn check_descriptors() -> io::Result<()> {
    let needed = DESCRIPTORS_OF_LOOP + DESCRIPTORS_OF_SIGNALS + 1;
    let opened: io::Result<Vec<File>> = (0..needed).map(|_| File::open("/dev/null")).collect();
    opened.map(drop).map_err(|error| {
        let line = format!("the event loops and one connection need {needed} more open files: {error}");
        io::Error::new(error.kind(), line)
    })
}

async fn serve(listeners: Listeners, state: ServerState, hooks: Hooks) -> io::Result<()> {
    let mut signals = shutdown::Signals::listen()?;
    let port_file = state.settings.port_file.clone();
    let engine = &state.engine;
    engine.record_certificate_load();
    let since_secs = engine.clock().now().secs();
    for (socket, _) in &listeners.udp {
        let fd = socket.as_raw_fd();
        engine.connections().add_listener(Listener { fd, since_secs, udp: true });
        info!("<{fd} server listening (udp)");
    }
    for stream in &listeners.streams {
        let fd = stream.socket.as_raw_fd();
        engine.connections().add_listener(Listener { fd, since_secs, udp: false });
        info!("<{fd} server listening ({})", stream.service.protocol.name());
    }
    let ports = listeners.ports();
    let state = Arc::new(state);
    // Before the first request, so that sampling includes it.
    state.engine.run_sampling();
    let threads = workers::start(state.clone(), listeners)?;
    if let Some(path) = port_file {
        // As in memcached, the daemon serves without the file.
        if let Err(error) = listener::write_port_file(&path, &ports) {
            warn!("Failed to write {}: {error}", path.display());
        }
    }
    state.engine.set_serving(true);
    (hooks.ready)();
    tick_until_stopped(&state, &mut signals, threads.event_loop(), &hooks.alive).await;
    state.engine.set_serving(false);
    (hooks.stopping)();
    state.stop();
    let mut checks_left = GRACE.as_millis() / GRACE_CHECK.as_millis();
    while !threads.are_finished() {
        match checks_left.checked_sub(1) {
            Some(left) => checks_left = left,
            None => state.end_grace(),
        }
        state.notify_tick();
        sleep(GRACE_CHECK).await;
    }
    if !threads.join() {
        warn!("a worker ended by a panic");
    }
    Ok(())
}

/// Moves the clock and runs all periodic work until a signal or a client stops the server.
async fn tick_until_stopped(
    state: &Arc<ServerState>,
    signals: &mut shutdown::Signals,
    event_loop: &EventLoop,
    alive: &(dyn Fn() + Send),
) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watchdog = Watchdog::new();
    let mut reloader = Reloader::default();
    let (mut alive_secs, mut ticks_to_maintenance) = (0, 0);
    loop {
        match signals.next(ticks.tick(), &state.shutdown_requested).await {
            Event::Stop => return,
            Event::Reload => {
                reloader.request(state);
                continue;
            }
            Event::Tick => {}
        }
        let now = state.engine.clock().tick();
        state.count_tick();
        state.notify_tick();
        if ticks_to_maintenance == 0 {
            state.request_maintenance();
            ticks_to_maintenance = TICKS_PER_MAINTENANCE;
        }
        ticks_to_maintenance -= 1;
        state.engine.run_sampling();
        for _ in 0..MAINTENANCE_ROUNDS_MAX {
            if !state.engine.run_maintenance() {
                break;
            }
        }
        let clients_are_served = watchdog.check(event_loop);
        state.engine.record_watchdog_check(clients_are_served);
        if now.secs() != alive_secs && clients_are_served {
            alive_secs = now.secs();
            alive();
        }
    }
}

//! Sockets, workers, connections: moves bytes and knows no command.
//!
//! [`Tls::load`] reads certificates, [`bind_ports`] and [`Listeners::bind_unix`] open the sockets (apart from [`run`], so
//! that a daemon can do it before it gives up its privileges); [`run`] serves until it is told to stop and every
//! connection was answered.
//!
//! Workers are the threads of one event loop; whichever is free serves a connection. The thread that calls [`run`] moves
//! the clock, does the store's background work and waits for signals, and never for a file: those that SIGHUP names are
//! read by another thread (`reloader.rs`).

mod connection;
mod essential;
mod event_loop;
mod listener;
mod reloader;
mod settings;
mod shutdown;
mod socket;
mod stream;
mod threads;
mod tls;
mod udp;
mod watchdog;
mod worker;

pub use listener::{ListenError, Listeners, bind_ports};
pub use settings::{
    AcceptedProtocol, Hooks, InheritedSocket, MetricsListen, Service, Settings, TcpListen, UnixListen,
};
pub use tls::{ClientCertificates, KeyFormat, Tls, TlsError, TlsSettings};

use crate::commands::Engine;
use crate::telemetry::Listener;
use event_loop::EventLoop;
use log::{info, warn};
use reloader::Reloader;
use shutdown::Next;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};
use watchdog::Watchdog;
use worker::{Shared, Worker};

/// Between two rounds of background work, and two pulses of the workers; the clock moves on with the first round of a
/// second.
const TICK: Duration = Duration::from_millis(100);

/// Between two rounds of what the workers do now and then. Not in step with the second for which the allocator keeps
/// freed memory: a worker that frees when it is over would give back itself all that others have freed, for which
/// everybody waits.
const TICKS_PER_ROUND: u32 = 13;

/// Rounds of background work done at once while the store says that there is more to do, per tick.
const MAINTENANCE_ROUNDS_MAX: u32 = 8;

/// Descriptors of the event loop that serves.
const DESCRIPTORS_OF_LOOP: usize = 2;

/// Descriptors of the event loop that waits for signals.
const DESCRIPTORS_OF_SIGNALS: usize = 8;

/// How long connections may take to be answered after the end has begun.
const GRACE: Duration = Duration::from_secs(5);

/// How often workers look whether their last connection has gone.
const GRACE_LOOK: Duration = Duration::from_millis(5);

/// Serves until SIGTERM, SIGINT, SIGUSR1 or a `shutdown` command; then stops accepting, answers what was received and
/// returns.
pub fn run(
    listeners: Listeners,
    tls: Option<Tls>,
    settings: Settings,
    engine: Arc<Engine>,
    hooks: Hooks,
) -> io::Result<()> {
    check_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(listeners, Shared::new(engine, settings, tls), hooks))
}

/// Makes sure that there are descriptors for the event loops and for one connection. The runtime panics where it finds
/// none for signals.
fn check_descriptors() -> io::Result<()> {
    let needed = DESCRIPTORS_OF_LOOP + DESCRIPTORS_OF_SIGNALS + 1;
    let taken: io::Result<Vec<File>> = (0..needed).map(|_| File::open("/dev/null")).collect();
    taken.map(drop).map_err(|error| {
        let line = format!("a connection and what serves it need {needed} more open files: {error}");
        io::Error::new(error.kind(), line)
    })
}

async fn serve(listeners: Listeners, shared: Shared, hooks: Hooks) -> io::Result<()> {
    let mut signals = shutdown::Signals::listen()?;
    let port_file = shared.settings.port_file.clone();
    let engine = &shared.engine;
    engine.record_certificate_load();
    let since_secs = engine.clock().now().secs();
    for (socket, _) in &listeners.udp {
        let fd = socket.as_raw_fd();
        engine.connections().add_listener(Listener { fd, since_secs, udp: true });
        info!("<{fd} server listening (udp)");
    }
    for group in &listeners.groups {
        let fd = group.socket.as_raw_fd();
        engine.connections().add_listener(Listener { fd, since_secs, udp: false });
        info!("<{fd} server listening ({})", group.service.protocol.name());
    }
    let ports = listeners.ports();
    let shared = Arc::new(shared);
    // From now on operations are sampled: the first request is seen as well.
    shared.engine.run_sampling();
    let workers = Worker::start(shared.clone(), listeners)?;
    if let Some(path) = port_file {
        // As memcached: the daemon goes on without the file.
        if let Err(error) = listener::write_port_file(&path, &ports) {
            warn!("Failed to write {}: {error}", path.display());
        }
    }
    shared.engine.set_serving(true);
    (hooks.ready)();
    tick_until_stopped(&shared, &mut signals, workers.event_loop(), &hooks.alive).await;
    shared.engine.set_serving(false);
    (hooks.stopping)();
    shared.stop();
    let mut looks_left = GRACE.as_millis() / GRACE_LOOK.as_millis();
    while !workers.are_finished() {
        match looks_left.checked_sub(1) {
            Some(left) => looks_left = left,
            None => shared.end_grace(),
        }
        shared.pulse();
        sleep(GRACE_LOOK).await;
    }
    if !workers.join() {
        warn!("the workers ended by a panic");
    }
    Ok(())
}

async fn tick_until_stopped(
    shared: &Arc<Shared>,
    signals: &mut shutdown::Signals,
    event_loop: &EventLoop,
    alive: &(dyn Fn() + Send),
) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watchdog = Watchdog::new();
    let mut reloader = Reloader::default();
    let (mut told_secs, mut ticks_to_round) = (0, 0);
    loop {
        match signals.next(ticks.tick(), &shared.stop_asked).await {
            Next::Stop => return,
            Next::Hangup => {
                reloader.request(shared);
                continue;
            }
            Next::Event => {}
        }
        let now = shared.engine.clock().tick();
        shared.count_tick();
        shared.pulse();
        if ticks_to_round == 0 {
            shared.tell_round();
            ticks_to_round = TICKS_PER_ROUND;
        }
        ticks_to_round -= 1;
        shared.engine.run_sampling();
        for _ in 0..MAINTENANCE_ROUNDS_MAX {
            if !shared.engine.run_maintenance() {
                break;
            }
        }
        let clients_are_served = watchdog.look(event_loop);
        shared.engine.record_watchdog_check(clients_are_served);
        if now.secs() != told_secs && clients_are_served {
            told_secs = now.secs();
            alive();
        }
    }
}

//! The state that all tasks of the server share.
//!
//! The event loop has no timers. The thread that moves the clock wakes the tasks that wait for time, by
//! [`ServerState::notify_tick`] and [`ServerState::request_maintenance`].

use super::handshakes::Handshakes;
use super::settings::Settings;
use super::shutdown::log_shutdown;
use super::threads;
use super::tls::{Tls, TlsError};
use crate::commands::Engine;
use crate::session::ShutdownMode;
use crate::telemetry::WorkerCounters;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Between two ticks of the thread that moves the clock.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The shared state. Every connection holds one pointer to it.
pub(super) struct ServerState {
    pub(super) engine: Arc<Engine>,
    pub(super) settings: Settings,
    pub(super) handshakes: Handshakes,
    pub(super) tls: Option<Tls>,
    /// Notified when a client requests a shutdown.
    pub(super) shutdown_requested: Notify,
    pub(super) maintenance_requested: Notify,
    pub(super) stop_requested: Notify,
    ticks: AtomicU32,
    tick: Notify,
    /// True once the failure to accept was logged.
    pub(super) accept_failure_logged: AtomicBool,
    /// True once connections have had their time to be answered.
    grace_is_over: AtomicBool,
}

impl ServerState {
    pub(super) fn new(engine: Arc<Engine>, settings: Settings, tls: Option<Tls>) -> ServerState {
        ServerState {
            engine,
            settings,
            handshakes: Handshakes::default(),
            tls,
            shutdown_requested: Notify::new(),
            maintenance_requested: Notify::new(),
            stop_requested: Notify::new(),
            ticks: AtomicU32::new(0),
            tick: Notify::new(),
            accept_failure_logged: AtomicBool::new(false),
            grace_is_over: AtomicBool::new(false),
        }
    }

    /// The counters of this thread. Not to be held across an `.await`: another thread may run the task afterwards.
    pub(super) fn counters(&self) -> &WorkerCounters {
        self.engine.counters().worker(threads::index())
    }

    /// Counts a tick of the clock thread.
    pub(super) fn count_tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    /// Ticks so far, about ten a second; wraps around.
    pub(super) fn ticks(&self) -> u32 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Wakes the tasks that wait for a tick.
    pub(super) fn notify_tick(&self) {
        self.tick.notify_waiters();
    }

    /// Waits for the next tick.
    pub(super) async fn wait_for_tick(&self) {
        self.tick.notified().await;
    }

    /// Waits for this many ticks.
    pub(super) async fn wait_for_ticks(self: Arc<Self>, ticks: u32) {
        for _ in 0..ticks {
            self.wait_for_tick().await;
        }
    }

    /// Wakes the maintenance task.
    pub(super) fn request_maintenance(&self) {
        self.maintenance_requested.notify_one();
    }

    /// Stops the server on behalf of a client.
    pub(super) fn request_shutdown(&self, mode: ShutdownMode) {
        log_shutdown(mode);
        self.shutdown_requested.notify_one();
    }

    /// Begins the end: nothing is accepted any more, and received requests are answered.
    pub(super) fn stop(&self) {
        self.stop_requested.notify_one();
    }

    /// Ends the wait for connections to be answered, at the next tick.
    pub(super) fn end_grace(&self) {
        self.grace_is_over.store(true, Ordering::Relaxed);
    }

    /// True once connections are no longer waited for.
    pub(super) fn is_grace_over(&self) -> bool {
        self.grace_is_over.load(Ordering::Relaxed)
    }

    /// Reads the certificates again, where TLS is served. After a failure the old ones stay in use.
    pub(super) fn refresh_certificates(&self) -> Result<(), TlsError> {
        let Some(tls) = &self.tls else { return Ok(()) };
        tls.refresh()?;
        self.engine.record_certificate_load();
        Ok(())
    }

    /// Takes one of the places for connections, unless the limit is reached. It is given back by
    /// [`ServerState::release_connection`].
    pub(super) fn try_acquire_connection(&self) -> bool {
        self.engine.connections().try_acquire(self.settings.max_connections)
    }

    /// Gives back the place of a closed connection.
    pub(super) fn release_connection(&self) {
        self.engine.connections().release();
        if !self.settings.max_connections_fast {
            self.notify_tick();
        }
    }
}

//! Signals to the server, and the end of the server by a signal or a `shutdown` command.

use crate::session::ShutdownMode;
use log::{info, warn};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// The event that came first.
pub(super) enum Event {
    /// A signal or a client stops the server.
    Stop,
    /// SIGHUP: files are to be read again.
    Reload,
    /// The tick that was waited for.
    Tick,
}

/// The signals that the server handles.
pub(super) struct Signals {
    stop: [(Signal, ShutdownMode); 3],
    hangup: Signal,
}

impl Signals {
    /// Installs the handlers. SIGPIPE is ignored by the runtime already.
    pub(super) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            stop: [
                (signal(SignalKind::terminate())?, ShutdownMode::Plain),
                (signal(SignalKind::interrupt())?, ShutdownMode::Plain),
                (signal(SignalKind::user_defined1())?, ShutdownMode::Graceful),
            ],
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a tick, a signal, or a client that requests a shutdown.
    pub(super) async fn next<T>(&mut self, tick: impl Future<Output = T>, requested: &Notify) -> Event {
        let mut tick = pin!(tick);
        let mut requested = pin!(requested.notified());
        poll_fn(|cx| {
            for (signal, mode) in &mut self.stop {
                if signal.poll_recv(cx).is_ready() {
                    log_shutdown(*mode);
                    return Poll::Ready(Event::Stop);
                }
            }
            if requested.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Event::Stop);
            }
            if self.hangup.poll_recv(cx).is_ready() {
                return Poll::Ready(Event::Reload);
            }
            tick.as_mut().poll(cx).map(|_| Event::Tick)
        })
        .await
    }
}

/// Logs the end of the process in memcached's words: a plain one only under `-v`, a graceful one always.
pub(super) fn log_shutdown(mode: ShutdownMode) {
    match mode {
        ShutdownMode::Plain => info!("Exiting normally"),
        ShutdownMode::Graceful => warn!("Gracefully stopping"),
    }
}

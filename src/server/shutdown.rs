//! What ends the server: signals, or a client's `shutdown`.

use crate::session::ShutdownMode;
use log::{info, warn};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// What came first.
pub(super) enum Next {
    /// The end.
    Stop,
    /// The operator wants files to be read again (SIGHUP).
    Hangup,
    /// What was waited for.
    Event,
}

/// The signals that a server listens to.
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

    /// Waits for `event`, a signal, or a client that asks for the end.
    pub(super) async fn next<T>(&mut self, event: impl Future<Output = T>, asked: &Notify) -> Next {
        let mut event = pin!(event);
        let mut asked = pin!(asked.notified());
        poll_fn(|cx| {
            for (signal, mode) in &mut self.stop {
                if signal.poll_recv(cx).is_ready() {
                    tell_stop(*mode);
                    return Poll::Ready(Next::Stop);
                }
            }
            if asked.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Next::Stop);
            }
            if self.hangup.poll_recv(cx).is_ready() {
                return Poll::Ready(Next::Hangup);
            }
            event.as_mut().poll(cx).map(|_| Next::Event)
        })
        .await
    }
}

/// Says that the process ends, in memcached's words: the one only under `-v`, the other always.
pub(super) fn tell_stop(mode: ShutdownMode) {
    match mode {
        ShutdownMode::Plain => info!("Exiting normally"),
        ShutdownMode::Graceful => warn!("Gracefully stopping"),
    }
}

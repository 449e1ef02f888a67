//! What ends the server: signals, or a client's `shutdown`.

use log::info;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// The signals that a server listens to.
pub(super) struct Signals {
    stop: [(Signal, &'static str); 3],
    hangup: Signal,
}

impl Signals {
    /// Installs the handlers. SIGPIPE is ignored by the runtime already.
    pub(super) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            stop: [
                (signal(SignalKind::terminate())?, "Exiting normally"),
                (signal(SignalKind::interrupt())?, "Exiting normally"),
                (signal(SignalKind::user_defined1())?, "Gracefully stopping"),
            ],
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for `event`; true if the end came first. `reread` is called on each hangup: a daemon outlives its
    /// terminal, and is asked by this signal to read its files again.
    pub(super) async fn stopped_before<T>(
        &mut self,
        event: impl Future<Output = T>,
        asked: &Notify,
        reread: impl Fn(),
    ) -> bool {
        let mut event = pin!(event);
        let mut asked = pin!(asked.notified());
        poll_fn(|cx| {
            for (signal, message) in &mut self.stop {
                if signal.poll_recv(cx).is_ready() {
                    info!("{message}");
                    return Poll::Ready(true);
                }
            }
            if asked.as_mut().poll(cx).is_ready() {
                info!("Exiting normally");
                return Poll::Ready(true);
            }
            while self.hangup.poll_recv(cx).is_ready() {
                reread();
            }
            event.as_mut().poll(cx).map(|_| false)
        })
        .await
    }
}

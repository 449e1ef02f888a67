//! A worker without thread, sockets or event loop: whoever brings a stream polls its connection by hand.
//!
//! For checks of the connection loop alone, which choose what each read and each write of the stream does.

use super::connection::Connection;
use super::settings::{Binding, Settings};
use super::worker::{Shared, Stream, Worker};
use crate::commands::Engine;
use std::future::Future;
use std::sync::Arc;

/// Connections at once.
const CONNECTIONS_MAX: usize = 10;

/// The worker.
pub struct LoneWorker(pub(super) Worker);

impl LoneWorker {
    /// A connection gives way after so many requests.
    pub fn new(engine: Arc<Engine>, requests_per_event: u32) -> LoneWorker {
        let settings = Settings {
            threads: 1,
            max_connections: CONNECTIONS_MAX,
            requests_per_event,
            backlog: 1,
            tcp: Vec::new(),
            udp: Vec::new(),
            unix: None,
            port_file: None,
            binding: Binding::Auto,
            inherited: Vec::new(),
            max_connections_fast: true,
            idle_timeout_secs: 0,
            socket_mark: 0,
            tls: None,
            metrics: None,
        };
        LoneWorker(Worker { shared: Arc::new(Shared::new(engine, settings, None)) })
    }

    /// The connection of a stream, as a listening socket would admit it; `None` if there are too many.
    pub fn serve<S: Stream>(&self, stream: S, binding: Binding) -> Option<impl Future<Output = ()> + use<S>> {
        self.0.enter().then(|| Connection::new(stream, self.0.clone(), binding))
    }
}

//! The HTTP server of `--metrics`: a status page for browsers, metrics for Prometheus, probes.
//!
//! | path | response |
//! | --- | --- |
//! | `/` | the status page, which fetches `/status.json` every two seconds |
//! | `/status.json` | the data of the page |
//! | `/metrics` | Prometheus text: the names of memcached_exporter (`exporter`) and larder's own (`larder_metrics`) |
//! | `/livez` | 200 while the worker threads make progress, else 503 |
//! | `/readyz` | 200 while clients are served, else 503 |
//!
//! The server runs on a thread of its own, never on a worker. There is no login, so requests only read, and only the
//! host names that `hosts` accepts are served. With `-X` no response contains keys.
//!
//! The cost is bounded for any number of clients and for slow readers: `http` limits the connections at once, the time
//! of each and the size of a request. A response is built at most once a second and shared (`response_cache`). At the
//! limit, a new connection replaces the oldest one, so that probes always get a response.

mod escape;
mod exporter;
mod exposition;
mod history;
mod hosts;
mod http;
mod larder_metrics;
mod response_cache;
mod snapshot;
mod status;

use crate::commands::Engine;
use hosts::Hosts;
use http::Site;
use log::info;
use response_cache::ResponseCache;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// Serves on a bound socket until the process ends. Requests must use an IP address, `localhost` or one of `names` as
/// their host.
pub fn start(socket: TcpListener, names: Vec<String>, engine: Arc<Engine>) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    info!("<{} server listening (metrics)", socket.as_raw_fd());
    let thread = std::thread::Builder::new().name("metrics".to_owned());
    thread.spawn(move || {
        runtime.block_on(async {
            match tokio::net::TcpListener::from_std(socket) {
                Ok(socket) => {
                    let site = Site { responses: ResponseCache::new(engine), hosts: Hosts::new(names) };
                    http::serve(socket, Arc::new(site), http::LIMITS).await;
                }
                Err(error) => log::warn!("--metrics stopped: cannot use its socket: {error}"),
            }
        });
    })?;
    Ok(())
}

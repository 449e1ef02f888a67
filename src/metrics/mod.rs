//! What an operator reads in a browser or lets Prometheus scrape (`--metrics`): figures, a status page, probes.
//!
//! | path | what it answers |
//! | --- | --- |
//! | `/` | the status page, which fetches `/status.json` every two seconds |
//! | `/status.json` | all that the page shows |
//! | `/metrics` | the text format of Prometheus: `exporter` has memcached_exporter's names, `larder_metrics` larder's |
//! | `/livez` | 200 while the process answers |
//! | `/readyz` | 200 while clients are served, else 503 |
//!
//! It runs on one thread of its own and never on a worker's. Nobody logs in, so it only reads, and only the hosts that
//! `hosts` accepts can be asked for. What it costs is bounded, however many ask and however slowly they read: connections
//! at once, the time of each, the size of a request (`http`), and answers are made at most once a second and shared
//! (`responses`). A new connection takes the place of the oldest one at the limit, so that probes are always answered. Names
//! of keys are in no answer under `-X`.

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

/// Serves on a socket that is bound already, from now on until the process ends. Requests must be for an IP address,
/// `localhost` or one of `names`.
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
                Err(error) => log::warn!("the socket of --metrics is lost: {error}"),
            }
        });
    })?;
    Ok(())
}

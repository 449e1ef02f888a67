//! Reads files again on SIGHUP, on a thread of its own.
//!
//! Reading may block for ever, at a pipe or a dead network file system, and the thread that waits for signals moves the
//! clock. There is one such thread, with at most one request in work and one waiting.

use super::state::ServerState;
use log::warn;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

/// The thread, started by the first request. It is not joined, because it may block when the process ends.
#[derive(Default)]
pub(super) struct Reloader {
    requests: Option<SyncSender<()>>,
}

impl Reloader {
    /// Requests that all files are read again. Does not wait.
    pub(super) fn request(&mut self, state: &Arc<ServerState>) {
        if self.requests.is_none() {
            match start(state.clone()) {
                Ok(requests) => self.requests = Some(requests),
                Err(error) => return warn!("files cannot be read again: {error}"),
            }
        }
        if let Some(requests) = &self.requests {
            // A request that waits already reads the files after this moment, so it serves for this one too.
            let _ = requests.try_send(());
        }
    }
}

fn start(state: Arc<ServerState>) -> io::Result<SyncSender<()>> {
    let (requests, requested) = sync_channel(1);
    Builder::new().name("reloader".to_owned()).spawn(move || run(&state, &requested))?;
    Ok(requests)
}

fn run(state: &ServerState, requested: &Receiver<()>) {
    while requested.recv().is_ok() {
        state.engine.reload_auth_file();
        if let Err(error) = state.refresh_certificates() {
            warn!("the old certificates stay in use: {error}");
        }
    }
}

//! Reads files again when the operator asks for it (SIGHUP), on a thread of its own.
//!
//! Reading may take forever, from a pipe or a dead network file system, and the thread that waits for signals moves the
//! clock. However often it is asked, there is one thread, at most one request that it works on and one that waits.

use super::worker::Shared;
use log::warn;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

/// The thread, from the first request on. It is not joined: it may be reading when the process ends.
#[derive(Default)]
pub(super) struct Reloader {
    requests: Option<SyncSender<()>>,
}

impl Reloader {
    /// Has all files read again. Does not wait.
    pub(super) fn request(&mut self, shared: &Arc<Shared>) {
        if self.requests.is_none() {
            match start(shared.clone()) {
                Ok(requests) => self.requests = Some(requests),
                Err(error) => return warn!("no files can be read again: {error}"),
            }
        }
        if let Some(requests) = &self.requests {
            // If a request waits already, its reading begins later than this one and sees the same files.
            let _ = requests.try_send(());
        }
    }
}

fn start(shared: Arc<Shared>) -> io::Result<SyncSender<()>> {
    let (requests, requested) = sync_channel(1);
    Builder::new().name("reloader".to_owned()).spawn(move || run(&shared, &requested))?;
    Ok(requests)
}

fn run(shared: &Shared, requested: &Receiver<()>) {
    while requested.recv().is_ok() {
        shared.engine.reload_auth_file();
        if let Err(error) = shared.refresh_certificates() {
            warn!("the certificates in use stay: {error}");
        }
    }
}

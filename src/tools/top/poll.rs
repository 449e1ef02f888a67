//! Polls the server once a second on a thread of its own, so that a slow server does not delay key presses.

use crate::clock::Stopwatch;
use crate::tools::address::Address;
use crate::tools::client::{Client, ToolError};
use crate::tools::stat_lines::StatLines;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Time between two polls.
const PERIOD: Duration = Duration::from_secs(1);

/// An event for the view.
pub enum Update {
    /// The server has replied.
    Snapshot(Box<Snapshot>),
    /// The server has not replied; the next poll connects again.
    ConnectionLost(ToolError),
    /// The view is to end.
    Stop,
}

/// The replies of one poll.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Time since polling began.
    pub at: Duration,
    /// `stats`.
    pub general: StatLines,
    /// `stats families`, or the reason why there is none.
    pub families: Result<StatLines, String>,
    /// `stats hotkeys`, or the reason why there is none.
    pub hot_keys: Result<StatLines, String>,
    /// Resident memory in bytes, if the server reports it.
    pub resident_bytes: Option<u64>,
}

/// Starts polling; it ends after the returned value is dropped.
pub fn start(address: &Address, updates: Sender<Update>) -> Sender<()> {
    let (sender, stop) = mpsc::channel();
    let address = address.clone();
    thread::spawn(move || poll_until_stopped(&address, &updates, &stop));
    sender
}

fn poll_until_stopped(address: &Address, updates: &Sender<Update>, stop: &Receiver<()>) {
    let watch = Stopwatch::start();
    let mut client = None;
    loop {
        let asked = round(address, &mut client, &watch);
        if asked.is_err() {
            client = None;
        }
        let describe = updates
            .send(asked.map_or_else(Update::ConnectionLost, |snapshot| Update::Snapshot(Box::new(snapshot))));
        if describe.is_err() || stop.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn round(address: &Address, client: &mut Option<Client>, watch: &Stopwatch) -> Result<Snapshot, ToolError> {
    let client = match client {
        Some(client) => client,
        None => client.insert(Client::connect(address)?),
    };
    let general = client.stats("")?;
    let at = watch.elapsed();
    let resident = optional(client.nonempty_stats("memory"))?;
    Ok(Snapshot {
        at,
        general,
        families: optional(client.stats("families"))?,
        hot_keys: optional(client.nonempty_stats("hotkeys"))?,
        resident_bytes: resident.ok().and_then(|stats| stats.number("resident")),
    })
}

/// A server may not support a request or may refuse it. All other errors end the connection.
fn optional(answer: Result<StatLines, ToolError>) -> Result<Result<StatLines, String>, ToolError> {
    match answer {
        Ok(stats) => Ok(Ok(stats)),
        Err(ToolError::UnknownRequest { .. }) => {
            Ok(Err("not supported by this server (larder supports it)".to_owned()))
        }
        Err(ToolError::Refused { line, .. }) => Ok(Err(format!("refused by this server: {line}"))),
        Err(error) => Err(error),
    }
}

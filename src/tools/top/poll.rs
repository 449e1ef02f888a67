//! Asks the server once a second, on a thread of its own: a server that hangs holds no key press up.

use crate::clock::Stopwatch;
use crate::tools::address::Address;
use crate::tools::client::{Client, ToolError};
use crate::tools::stat_lines::StatLines;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Between two rounds of questions.
const PERIOD: Duration = Duration::from_secs(1);

/// What happened.
pub enum Update {
    /// The server answered.
    Snapshot(Box<Snapshot>),
    /// It did not; it will be asked again.
    ConnectionLost(ToolError),
    /// The program is to end.
    Stop,
}

/// What the server said in one round.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Since the asking began.
    pub at: Duration,
    /// `stats`.
    pub general: StatLines,
    /// `stats families`, or why there is no such answer.
    pub families: Result<StatLines, String>,
    /// `stats hotkeys`, or why there is no such answer.
    pub hot_keys: Result<StatLines, String>,
    /// Resident memory in bytes, from servers that tell it.
    pub resident_bytes: Option<u64>,
}

/// Starts asking; it ends after the returned value is dropped.
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

/// A server may not know a question, or refuse it; all else that goes wrong costs the connection.
fn optional(answer: Result<StatLines, ToolError>) -> Result<Result<StatLines, String>, ToolError> {
    match answer {
        Ok(stats) => Ok(Ok(stats)),
        Err(ToolError::UnknownRequest { .. }) => Ok(Err("this server does not tell; larder does".to_owned())),
        Err(ToolError::Refused { line, .. }) => Ok(Err(format!("this server does not tell: {line}"))),
        Err(error) => Err(error),
    }
}

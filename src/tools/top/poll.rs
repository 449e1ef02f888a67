//! Asks the server once a second, on a thread of its own: a server that hangs holds no key press up.

use crate::clock::Stopwatch;
use crate::tools::address::Address;
use crate::tools::client::{Client, Trouble};
use crate::tools::figures::Figures;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Between two rounds of questions.
const PERIOD: Duration = Duration::from_secs(1);

/// What happened.
pub enum News {
    /// The server answered.
    Seen(Box<Snapshot>),
    /// It did not; it will be asked again.
    Lost(Trouble),
    /// The program is to end.
    Stop,
}

/// What the server said in one round.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Since the asking began.
    pub at: Duration,
    /// `stats`.
    pub general: Figures,
    /// `stats families`, or why there is no such answer.
    pub families: Result<Figures, String>,
    /// `stats hotkeys`, or why there is no such answer.
    pub hot_keys: Result<Figures, String>,
    /// Resident memory in bytes, from servers that tell it.
    pub resident_bytes: Option<u64>,
}

/// Starts asking; it ends after the returned value is dropped.
pub fn start(address: &Address, news: Sender<News>) -> Sender<()> {
    let (sender, stop) = mpsc::channel();
    let address = address.clone();
    thread::spawn(move || ask_on(&address, &news, &stop));
    sender
}

fn ask_on(address: &Address, news: &Sender<News>, stop: &Receiver<()>) {
    let watch = Stopwatch::start();
    let mut client = None;
    loop {
        let asked = round(address, &mut client, &watch);
        if asked.is_err() {
            client = None;
        }
        let told = news.send(asked.map_or_else(News::Lost, |snapshot| News::Seen(Box::new(snapshot))));
        if told.is_err() || stop.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn round(address: &Address, client: &mut Option<Client>, watch: &Stopwatch) -> Result<Snapshot, Trouble> {
    let client = match client {
        Some(client) => client,
        None => client.insert(Client::connect(address)?),
    };
    let general = client.stats("")?;
    let at = watch.elapsed();
    let resident = optional(client.explained("memory"))?;
    Ok(Snapshot {
        at,
        general,
        families: optional(client.stats("families"))?,
        hot_keys: optional(client.explained("hotkeys"))?,
        resident_bytes: resident.ok().and_then(|figures| figures.number("resident")),
    })
}

/// A server may not know a question, or refuse it; all else that goes wrong costs the connection.
fn optional(answer: Result<Figures, Trouble>) -> Result<Result<Figures, String>, Trouble> {
    match answer {
        Ok(figures) => Ok(Ok(figures)),
        Err(Trouble::Unknown { .. }) => Ok(Err("this server does not tell; larder does".to_owned())),
        Err(Trouble::Refused { line, .. }) => Ok(Err(format!("this server does not tell: {line}"))),
        Err(trouble) => Err(trouble),
    }
}

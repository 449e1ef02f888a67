//! Replays a trace over TCP on a server that is started for it.

use super::trace::{Misses, Request, Trace};
use crate::support::Failure;
use crate::support::affinity::Placement;
use crate::support::server::Server;
use socket2::Socket;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

/// Requests sent at once.
const BATCH: usize = 32;

/// All values are parts of this.
static VALUE: [u8; 1 << 19] = [b'v'; 1 << 19];

/// A connection to a server.
struct Client {
    socket: BufReader<Socket>,
    line: Vec<u8>,
}

impl Client {
    fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.socket.get_mut().write_all(bytes)?)
    }

    fn read_line(&mut self) -> Result<(), Failure> {
        self.line.clear();
        self.socket.read_until(b'\n', &mut self.line)?;
        Ok(())
    }

    /// Reads the reply to a `get`: the keys that were found.
    fn found(&mut self, found: &mut HashSet<u32>) -> Result<(), Failure> {
        found.clear();
        loop {
            self.read_line()?;
            if self.line == b"END\r\n" {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&self.line).into_owned();
            let words: Vec<&str> = text.split_whitespace().collect();
            let ["VALUE", key, _, length] = words[..] else { return Err(text.into()) };
            found.insert(Trace::key_number(key.as_bytes()));
            let length: usize = length.parse()?;
            self.line.resize(length + 2, 0);
            self.socket.read_exact(&mut self.line)?;
        }
    }

    /// Reads the reply to a `set`.
    fn stored(&mut self) -> Result<(), Failure> {
        self.read_line()?;
        match &self.line[..] {
            b"STORED\r\n" | b"SERVER_ERROR out of memory storing object\r\n" => Ok(()),
            line => Err(String::from_utf8_lossy(line).into()),
        }
    }

    /// Reads the reply to a `stats`.
    fn stats(&mut self) -> Result<HashMap<String, String>, Failure> {
        let mut stats = HashMap::new();
        loop {
            self.read_line()?;
            let text = String::from_utf8_lossy(&self.line);
            match text.split_whitespace().collect::<Vec<_>>()[..] {
                ["END"] => return Ok(stats),
                ["STAT", name, value] => stats.insert(name.to_owned(), value.to_owned()),
                _ => return Err(text.into()),
            };
        }
    }
}

/// A replay on one server.
pub struct Player<'a> {
    client: Client,
    trace: &'a Trace,
    started: Instant,
    /// Largest delay behind the pace.
    pub delay_max: Duration,
    /// Stopped at the end of the replay.
    _server: Server,
}

#[expect(clippy::disallowed_methods, reason = "a replay keeps its pace by the OS clock")]
impl Player<'_> {
    /// Starts the server; `{port}` and `{memory}` are filled in.
    pub fn start<'a>(command: &str, memory_mib: u64, trace: &'a Trace) -> Result<Player<'a>, Failure> {
        let server =
            Server::start(command, 1, Placement::Apart, false, &[("{memory}", &memory_mib.to_string())])?;
        let socket = BufReader::with_capacity(1 << 20, server.connect(false)?);
        let client = Client { socket, line: Vec::new() };
        Ok(Player { client, trace, started: Instant::now(), delay_max: Duration::ZERO, _server: server })
    }

    /// Replays the requests from `from` to `to` at their pace; counts reads and misses.
    pub fn play(&mut self, from: usize, to: usize) -> Result<Misses, Failure> {
        let mut misses = Misses::default();
        let mut found = HashSet::new();
        for (number, batch) in self.trace.requests[from..to].chunks(BATCH).enumerate() {
            self.keep_pace(from + number * BATCH);
            self.exchange(batch, &mut found, &mut misses)?;
        }
        Ok(misses)
    }

    /// The statistics of a topic, by name.
    pub fn stats(&mut self, topic: &str) -> Result<HashMap<String, String>, Failure> {
        self.client.send(format!("stats {topic}").trim_end().as_bytes())?;
        self.client.send(b"\r\n")?;
        self.client.stats()
    }

    fn keep_pace(&mut self, at: usize) {
        let due = Duration::from_secs_f64(at as f64 / f64::from(self.trace.requests_per_sec));
        let elapsed = self.started.elapsed();
        if due > elapsed + Duration::from_millis(1) {
            std::thread::sleep(due - elapsed);
        }
        self.delay_max = self.delay_max.max(elapsed.saturating_sub(due));
    }

    /// Sends reads in one batch, then stores the missed and the written keys.
    fn exchange(
        &mut self,
        batch: &[Request],
        found: &mut HashSet<u32>,
        misses: &mut Misses,
    ) -> Result<(), Failure> {
        let reads = |request: &&Request| !request.write;
        let mut asked: Vec<u32> = batch.iter().filter(reads).map(|request| request.key).collect();
        let count = asked.len();
        asked.sort_unstable();
        asked.dedup();
        found.clear();
        if count > 0 {
            self.get(&asked)?;
            self.client.found(found)?;
        }
        let mut stored: Vec<u32> = asked.into_iter().filter(|key| !found.contains(key)).collect();
        // A repeated key in the batch would have hit.
        misses.reads += count as u64;
        misses.misses += stored.len() as u64;
        stored.extend(batch.iter().filter(|request| request.write).map(|request| request.key));
        self.set(&stored)
    }

    fn get(&mut self, keys: &[u32]) -> Result<(), Failure> {
        let mut output = b"get".to_vec();
        for key in keys {
            output.push(b' ');
            self.trace.write_key(*key, &mut output);
        }
        output.extend_from_slice(b"\r\n");
        self.client.send(&output)
    }

    fn set(&mut self, keys: &[u32]) -> Result<(), Failure> {
        let mut output = Vec::new();
        for key in keys {
            let item = self.trace.items[*key as usize];
            output.extend_from_slice(b"set ");
            self.trace.write_key(*key, &mut output);
            write!(output, " 0 {} {}\r\n", item.ttl_secs, item.value_bytes)?;
            output.extend_from_slice(&VALUE[..item.value_bytes as usize]);
            output.extend_from_slice(b"\r\n");
        }
        self.client.send(&output)?;
        keys.iter().try_for_each(|_| self.client.stored())
    }
}

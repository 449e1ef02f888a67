//! Replays a trace over a socket against servers that speak memcached's text protocol, each started for it.

use super::inside::Misses;
use super::trace::{Request, Trace};
use crate::support::Failure;
use crate::support::server::Server;
use socket2::Socket;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

/// Requests sent at once.
const BATCH: usize = 32;

/// A connection to a server.
struct Client(BufReader<Socket>);

impl Client {
    fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.0.get_mut().write_all(bytes)?)
    }

    /// Reads the reply to a `get`: the keys that were there.
    fn found(&mut self, line: &mut Vec<u8>, found: &mut HashSet<u32>) -> Result<(), Failure> {
        found.clear();
        loop {
            line.clear();
            self.0.read_until(b'\n', line)?;
            if line == b"END\r\n" {
                return Ok(());
            }
            let text = String::from_utf8_lossy(line).into_owned();
            let words: Vec<&str> = text.split_whitespace().collect();
            let ["VALUE", key, _, length] = words[..] else { return Err(text.into()) };
            found.insert(Trace::key_number(key.as_bytes()));
            let length: usize = length.parse()?;
            line.resize(length + 2, 0);
            self.0.read_exact(line)?;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a replay keeps its pace by the OS clock")]
/// Replays a trace at its pace; counts reads from `counted_from` on, and says how far behind the pace it came.
pub fn replay(
    command: &str,
    memory_mib: u64,
    trace: &Trace,
    counted_from: usize,
) -> Result<(Misses, Duration), Failure> {
    let server = Server::start(command, 1, false, &[("{memory}", &memory_mib.to_string())])?;
    let mut client = Client(BufReader::with_capacity(1 << 20, server.connect(false)?));
    let (mut misses, mut late) = (Misses::default(), Duration::ZERO);
    let (mut line, mut found) = (Vec::new(), HashSet::new());
    let value = vec![b'v'; 1 << 19];
    let started = Instant::now();
    for (number, batch) in trace.requests.chunks(BATCH).enumerate() {
        let due = Duration::from_secs_f64((number * BATCH) as f64 / f64::from(trace.requests_per_sec));
        let elapsed = started.elapsed();
        if due > elapsed + Duration::from_millis(1) {
            std::thread::sleep(due - elapsed);
        }
        late = late.max(elapsed.saturating_sub(due));
        let reads = |request: &&Request| !request.write;
        let mut asked: Vec<u32> = batch.iter().filter(reads).map(|request| request.key).collect();
        let count = asked.len();
        asked.sort_unstable();
        asked.dedup();
        let mut output = Vec::new();
        if count > 0 {
            output.extend_from_slice(b"get");
            for key in &asked {
                output.push(b' ');
                trace.write_key(*key, &mut output);
            }
            output.extend_from_slice(b"\r\n");
            client.send(&output)?;
            client.found(&mut line, &mut found)?;
        }
        let mut stored: Vec<u32> = asked.into_iter().filter(|key| !found.contains(key)).collect();
        if number * BATCH >= counted_from {
            // A repeat within the batch would have hit.
            misses.reads += count as u64;
            misses.misses += stored.len() as u64;
        }
        stored.extend(batch.iter().filter(|request| request.write).map(|request| request.key));
        output.clear();
        for key in &stored {
            let item = trace.items[*key as usize];
            output.extend_from_slice(b"set ");
            trace.write_key(*key, &mut output);
            write!(output, " 0 {} {}\r\n", item.ttl_secs, item.value_bytes)?;
            output.extend_from_slice(&value[..item.value_bytes as usize]);
            output.extend_from_slice(b"\r\n");
        }
        client.send(&output)?;
        for _ in &stored {
            line.clear();
            client.0.read_until(b'\n', &mut line)?;
            if !matches!(&line[..], b"STORED\r\n" | b"SERVER_ERROR out of memory storing object\r\n") {
                return Err(String::from_utf8_lossy(&line).into());
            }
        }
    }
    Ok((misses, late))
}

//! Measures resident memory beyond `-m` during and after loads that are hard on an allocator, with one connection.

use crate::client::{Client, key};
use crate::contender::Contender;
use crate::support::Failure;
use crate::support::server::Server;
use fastrand::Rng;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Requests of each load.
const RANDOM_SETS: u64 = 5_000_000;
const SIZE_CHANGE_SETS: u64 = 1_000_000;
const GROWTHS: u64 = 200;
const APPENDS: u64 = 2_000_000;

/// Largest of the values of random size, in bytes. Sizes are uniform in their logarithm.
const RANDOM_MAX: f64 = 900_000.0;

/// Number of keys that are appended to, and the largest appended value in bytes.
const APPENDED_KEYS: u64 = 500;
const APPENDED_MAX: usize = 2000;

/// Requests between two measurements of the memory.
const PROBE_INTERVAL: u64 = 5000;

/// Time limit for releasing memory.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

const SEED: u64 = 1;

/// A load that runs one part in `share` of its requests and measures the memory.
type Run = fn(&mut MemoryProbe<'_>, u64) -> Result<(), Failure>;
const LOADS: [(&str, Run); 4] = [
    ("random sizes, 1 byte to 900 KB", random_sizes),
    ("values of 100 bytes, then of 1000, then of 100", size_change),
    ("one key with a value that grows to 1 MB, repeated", growing),
    ("appends to 500 keys up to the item limit", appends),
];

/// A connection, and the largest resident memory so far.
struct MemoryProbe<'a> {
    server: &'a Server,
    client: Client,
    highest: u64,
    requests: u64,
}

impl MemoryProbe<'_> {
    fn store(&mut self, command: &str, key: &str, value: &[u8]) -> Result<(), Failure> {
        self.client.store(command, key, value)?;
        self.requests += 1;
        if self.requests.is_multiple_of(PROBE_INTERVAL) {
            self.highest = self.highest.max(self.server.resident_bytes()?);
        }
        Ok(())
    }
}

pub(crate) fn measure(contenders: &[Contender], share: u64) -> Result<(), Failure> {
    println!("resident MiB beyond -m: maximum, at the end");
    for memory_mib in [64, 1024] {
        for (name, run) in LOADS {
            for contender in contenders {
                let server = contender.start(memory_mib)?;
                let mut probe = MemoryProbe {
                    client: Client::connect(&server)?,
                    server: &server,
                    highest: 0,
                    requests: 0,
                };
                run(&mut probe, share)?;
                probe.client.flush()?;
                let last = server.resident_bytes()?;
                let beyond = |bytes: u64| bytes as f64 / f64::from(1 << 20) - memory_mib as f64;
                println!(
                    "  -m {memory_mib:4}  {name:52} {:12} {:6.1} {:6.1}",
                    contender.name,
                    beyond(probe.highest.max(last)),
                    beyond(last)
                );
            }
        }
    }
    for contender in contenders {
        lowered_limit(contender, share)?;
    }
    Ok(())
}

/// A random length up to 900 KB, uniform in its logarithm.
pub(crate) fn random_len(rng: &mut Rng) -> usize {
    RANDOM_MAX.powf(rng.f64()) as usize
}

fn random_sizes(probe: &mut MemoryProbe<'_>, share: u64) -> Result<(), Failure> {
    let mut rng = Rng::with_seed(SEED);
    let value = vec![b'r'; RANDOM_MAX as usize];
    for _ in 0..RANDOM_SETS / share {
        let len = random_len(&mut rng);
        probe.store("set", &key(rng.u64(..1_000_000)), &value[..len])?;
    }
    Ok(())
}

fn size_change(probe: &mut MemoryProbe<'_>, share: u64) -> Result<(), Failure> {
    let value = [b's'; 1000];
    for (round, len) in [100, 1000, 100].into_iter().enumerate() {
        for number in 0..SIZE_CHANGE_SETS / share {
            probe.store("set", &key(round as u64 * SIZE_CHANGE_SETS + number), &value[..len])?;
        }
    }
    Ok(())
}

fn growing(probe: &mut MemoryProbe<'_>, share: u64) -> Result<(), Failure> {
    let value = vec![b'g'; 1 << 20];
    for round in 0..(GROWTHS / share).max(1) {
        let mut len = 1;
        while len < value.len() - 200 {
            probe.store("set", "grows", &value[..len])?;
            len += len / 20 + 1;
        }
        // Other values use the memory between the rounds.
        probe.store("set", &key(round), &value[..10_000])?;
    }
    Ok(())
}

fn appends(probe: &mut MemoryProbe<'_>, share: u64) -> Result<(), Failure> {
    let mut rng = Rng::with_seed(SEED);
    let more = [b'a'; APPENDED_MAX];
    for _ in 0..APPENDS / share {
        let name = key(rng.u64(..APPENDED_KEYS));
        // Values are sometimes replaced, so that all lengths exist at the same time.
        let command = if rng.u32(..200) == 0 { "set" } else { "append" };
        probe.store(command, &name, &more[..rng.usize(1..APPENDED_MAX)])?;
    }
    Ok(())
}

/// Lowers the limit while the memory is full, then raises and lowers it again.
fn lowered_limit(contender: &Contender, share: u64) -> Result<(), Failure> {
    let server = contender.start(64)?;
    let mut probe =
        MemoryProbe { client: Client::connect(&server)?, server: &server, highest: 0, requests: 0 };
    for (low, high) in [(16, 256), (32, 64)] {
        for mib in [high, low] {
            let answer = probe.client.ask(&format!("cache_memlimit {mib}\r\n"))?;
            let start = Instant::now();
            while server.resident_bytes()? > (mib + 8) << 20 && start.elapsed() < RELEASE_LIMIT {
                sleep(Duration::from_millis(10));
            }
            println!(
                "  cache_memlimit {mib:3}: {answer}, {:5.1} MiB resident after {:.2} s  {}",
                server.resident_bytes()? as f64 / f64::from(1 << 20),
                start.elapsed().as_secs_f64(),
                contender.name
            );
            if mib == high {
                random_sizes(&mut probe, share.max(100))?;
                size_change(&mut probe, share)?;
                probe.client.flush()?;
            }
        }
    }
    Ok(())
}

//! Resident memory during and after loads that are hard on an allocator, beyond `-m`, with no connection open but one.

use crate::Contender;
use crate::client::{Client, key};
use crate::support::Failure;
use crate::support::server::Server;
use fastrand::Rng;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Of requests, in a load.
const RANDOM_SETS: u64 = 5_000_000;
const SHIFT_SETS: u64 = 1_000_000;
const GROWTHS: u64 = 200;
const APPENDS: u64 = 2_000_000;

/// Values of a random size, in bytes: as many of each power of two.
const RANDOM_MAX: f64 = 900_000.0;

/// Keys that are appended to, and by how many bytes.
const APPENDED_KEYS: u64 = 500;
const APPENDED_MAX: usize = 2000;

/// Between two looks at the memory, in requests.
const LOOK_EVERY: u64 = 5000;

/// How long memory may take to be given back.
const PATIENCE: Duration = Duration::from_secs(5);

const SEED: u64 = 1;

/// A load that runs in a share of its requests and looks at the memory all along.
type Run = fn(&mut Look<'_>, u64) -> Result<(), Failure>;
const LOADS: [(&str, Run); 4] = [
    ("random sizes, 1 byte to 900 KB", random_sizes),
    ("values of 100 bytes, then of 1000, then of 100", shift),
    ("one key whose value grows to 1 MB, again and again", growing),
    ("500 keys appended to until they are full", appends),
];

/// A connection, and the most that the server has had resident.
struct Look<'a> {
    server: &'a Server,
    client: Client,
    highest: u64,
    requests: u64,
}

impl Look<'_> {
    fn store(&mut self, command: &str, key: &str, value: &[u8]) -> Result<(), Failure> {
        self.client.store(command, key, value)?;
        self.requests += 1;
        if self.requests.is_multiple_of(LOOK_EVERY) {
            self.highest = self.highest.max(self.server.resident_bytes()?);
        }
        Ok(())
    }
}

pub(crate) fn measure(contenders: &[Contender], share: u64) -> Result<(), Failure> {
    println!("resident MiB beyond -m: at the most, and at the end");
    for memory_mib in [64, 1024] {
        for (name, run) in LOADS {
            for contender in contenders {
                let server = contender.start(memory_mib)?;
                let mut look =
                    Look { client: Client::connect(&server)?, server: &server, highest: 0, requests: 0 };
                run(&mut look, share)?;
                look.client.flush()?;
                let last = server.resident_bytes()?;
                let beyond = |bytes: u64| bytes as f64 / f64::from(1 << 20) - memory_mib as f64;
                println!(
                    "  -m {memory_mib:4}  {name:52} {:12} {:6.1} {:6.1}",
                    contender.name,
                    beyond(look.highest.max(last)),
                    beyond(last)
                );
            }
        }
    }
    for contender in contenders {
        given_back(contender, share)?;
    }
    Ok(())
}

/// As many lengths of each power of two, up to 900 KB.
pub(crate) fn random_len(rng: &mut Rng) -> usize {
    RANDOM_MAX.powf(rng.f64()) as usize
}

fn random_sizes(look: &mut Look<'_>, share: u64) -> Result<(), Failure> {
    let mut rng = Rng::with_seed(SEED);
    let value = vec![b'r'; RANDOM_MAX as usize];
    for _ in 0..RANDOM_SETS / share {
        let len = random_len(&mut rng);
        look.store("set", &key(rng.u64(..1_000_000)), &value[..len])?;
    }
    Ok(())
}

fn shift(look: &mut Look<'_>, share: u64) -> Result<(), Failure> {
    let value = [b's'; 1000];
    for (round, len) in [100, 1000, 100].into_iter().enumerate() {
        for number in 0..SHIFT_SETS / share {
            look.store("set", &key(round as u64 * SHIFT_SETS + number), &value[..len])?;
        }
    }
    Ok(())
}

fn growing(look: &mut Look<'_>, share: u64) -> Result<(), Failure> {
    let value = vec![b'g'; 1 << 20];
    for round in 0..(GROWTHS / share).max(1) {
        let mut len = 1;
        while len < value.len() - 200 {
            look.store("set", "grows", &value[..len])?;
            len += len / 20 + 1;
        }
        // Between the rounds other values take what it left.
        look.store("set", &key(round), &value[..10_000])?;
    }
    Ok(())
}

fn appends(look: &mut Look<'_>, share: u64) -> Result<(), Failure> {
    let mut rng = Rng::with_seed(SEED);
    let more = [b'a'; APPENDED_MAX];
    for _ in 0..APPENDS / share {
        let name = key(rng.u64(..APPENDED_KEYS));
        // Once in a while a value starts anew, so that values of all lengths lie beside each other.
        let command = if rng.u32(..200) == 0 { "set" } else { "append" };
        look.store(command, &name, &more[..rng.usize(1..APPENDED_MAX)])?;
    }
    Ok(())
}

/// A limit that is lowered while the memory is full, raised and lowered again.
fn given_back(contender: &Contender, share: u64) -> Result<(), Failure> {
    let server = contender.start(64)?;
    let mut look = Look { client: Client::connect(&server)?, server: &server, highest: 0, requests: 0 };
    for (low, high) in [(16, 256), (32, 64)] {
        for mib in [high, low] {
            let answer = look.client.ask(&format!("cache_memlimit {mib}\r\n"))?;
            let start = Instant::now();
            while server.resident_bytes()? > (mib + 8) << 20 && start.elapsed() < PATIENCE {
                sleep(Duration::from_millis(10));
            }
            println!(
                "  cache_memlimit {mib:3}: {answer}, {:5.1} MiB resident after {:.2} s  {}",
                server.resident_bytes()? as f64 / f64::from(1 << 20),
                start.elapsed().as_secs_f64(),
                contender.name
            );
            if mib == high {
                random_sizes(&mut look, share.max(100))?;
                shift(&mut look, share)?;
                look.client.flush()?;
            }
        }
    }
    Ok(())
}

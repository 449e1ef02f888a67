//! Measures resident memory with several connections, four times a second: by how much it exceeds `-m` + 8 MiB + 64 KiB
//! per connection.

use crate::bound::random_len;
use crate::client::{Client, key};
use crate::contender::Contender;
use crate::support::Failure;
use fastrand::Rng;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// Duration of each load.
const TIME: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(250);

const BASE_BYTES: u64 = 8 << 20;
const PER_CONNECTION_BYTES: u64 = 64 << 10;

const SMALL_KEYS: u64 = 2_000_000;

/// The next operation of the connection with this number.
type Step = fn(&mut Client, &mut Rng, u64) -> Result<(), Failure>;

/// Name, connections, operation.
const LOADS: [(&str, u64, Step); 4] = [
    ("random sizes, 1 byte to 900 KB", 4, random_sizes),
    ("90 % small, 7 % up to 70 KB, 3 % 1 MB", 4, mix),
    ("500 KB sets into a cache full of small items", 20, large_after_small),
    ("appends to values of all lengths", 4, appends),
];

pub(crate) fn measure(contenders: &[Contender], share: u64) -> Result<(), Failure> {
    println!("resident MiB beyond -m, 8 MiB and 64 KiB per connection: median, maximum, at the end");
    let time = TIME / share.min(100) as u32;
    for memory_mib in [64, 256, 1024] {
        for threads in [1, 4, 8] {
            for load in LOADS {
                for contender in contenders {
                    let beyond = run(contender, memory_mib, threads, load, time)?;
                    println!(
                        "  -m {memory_mib:4} -t {threads}  {:46} {:12} {:6.1} {:6.1} {:6.1}",
                        load.0, contender.name, beyond[0], beyond[1], beyond[2]
                    );
                }
            }
        }
    }
    Ok(())
}

fn run(
    contender: &Contender,
    memory_mib: u64,
    threads: usize,
    (_, connections, step): (&str, u64, Step),
    time: Duration,
) -> Result<[f64; 3], Failure> {
    let server = contender.start_with_threads(memory_mib, threads)?;
    let bound = (memory_mib << 20) + BASE_BYTES + connections * PER_CONNECTION_BYTES;
    let stopped = AtomicBool::new(false);
    let mut samples = Vec::new();
    scope(|scope| -> Result<(), Failure> {
        let mut clients = Vec::new();
        for number in 0..connections {
            let mut client = Client::connect(&server)?;
            let stopped = &stopped;
            clients.push(scope.spawn(move || {
                let mut rng = Rng::with_seed(number);
                while !stopped.load(Ordering::Relaxed) {
                    if step(&mut client, &mut rng, number).is_err() {
                        return false;
                    }
                }
                client.flush().is_ok()
            }));
        }
        let end = Instant::now() + time;
        while Instant::now() < end {
            samples.push(server.resident_bytes()?);
            sleep(INTERVAL.min(time));
        }
        stopped.store(true, Ordering::Relaxed);
        match clients.into_iter().all(|client| client.join().unwrap_or(false)) {
            true => Ok(()),
            false => Err("a client failed".into()),
        }
    })?;
    let last = server.resident_bytes()?;
    samples.sort_unstable();
    let beyond = |bytes: u64| (bytes as f64 - bound as f64) / f64::from(1 << 20);
    let highest = samples.last().copied().unwrap_or(0).max(last);
    Ok([samples[samples.len() / 2], highest, last].map(beyond))
}

static BYTES: [u8; 1 << 20] = [b'c'; 1 << 20];

fn random_sizes(client: &mut Client, rng: &mut Rng, _: u64) -> Result<(), Failure> {
    let len = random_len(rng);
    client.store("set", &key(rng.u64(..1_000_000)), &BYTES[..len])
}

fn mix(client: &mut Client, rng: &mut Rng, _: u64) -> Result<(), Failure> {
    let len = match rng.u32(..100) {
        0..90 => rng.usize(1..200),
        90..97 => rng.usize(100..70_000),
        _ => 1_000_000,
    };
    client.store("set", &key(rng.u64(..SMALL_KEYS)), &BYTES[..len])
}

/// The first connection fills the memory with small items before the large ones come, and continues with a few of them.
fn large_after_small(client: &mut Client, rng: &mut Rng, number: u64) -> Result<(), Failure> {
    if number == 0 {
        return client.store("set", &key(rng.u64(..SMALL_KEYS)), &BYTES[..100]);
    }
    client.store("set", &key(SMALL_KEYS + rng.u64(..10_000)), &BYTES[..500_000])
}

fn appends(client: &mut Client, rng: &mut Rng, number: u64) -> Result<(), Failure> {
    let name = key(number * 1000 + rng.u64(..500));
    let command = if rng.u32(..200) == 0 { "set" } else { "append" };
    client.store(command, &name, &BYTES[..rng.usize(1..2000)])
}

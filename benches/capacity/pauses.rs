//! How long one get a millisecond waits: on a quiet server, while small items come in as fast as they can, and while
//! all of them are flushed.
//!
//! A get also waits while the machine gives the server no CPU. How long the server itself was at work during the get
//! is what it may be the reason of; of that the largest is shown, too.

use crate::Contender;
use crate::client::{Client, key};
use crate::support::Failure;
use crate::support::affinity::{self, LOAD_CPU, SERVER_CPU};
use crate::support::server::{CpuStopwatch, Server};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

const ITEMS: u64 = 10_000_000;
const VALUE: &[u8] = &[b'x'; 20];
const MEMORY_MIB: u64 = 1024;
const EVERY: Duration = Duration::from_millis(1);
const QUIET: Duration = Duration::from_secs(3);

/// How far behind its pace the asking may come before it gives up the gap.
const LATE_MAX: Duration = Duration::from_millis(50);

pub(crate) fn measure(contenders: &[Contender], share: u64) -> Result<(), Failure> {
    println!(
        "one get a millisecond, -m {MEMORY_MIB}, {} sets of {} bytes: milliseconds",
        ITEMS / share,
        VALUE.len()
    );
    println!(
        "  {:12} {:22} {:>8} {:>8} {:>8} {:>8} {:>10}",
        "", "", "p50", "p99", "p99.9", "max", "max at work"
    );
    for contender in contenders {
        let server = contender.start(MEMORY_MIB)?;
        // The load has its own CPU; who asks must not wait for it.
        affinity::hold(&[SERVER_CPU, LOAD_CPU])?;
        let mut probe = Probe { client: Client::connect(&server)?, stopwatch: server.stopwatch()? };
        probe.client.store("set", "probe", b"1")?;
        probe.client.flush()?;
        let start = Instant::now();
        show(contender, "quiet", ask_until(&mut probe, || start.elapsed() > QUIET / share.min(100) as u32)?);
        let load = beside(&server, move |client| {
            for number in 0..ITEMS / share {
                client.store("set", &key(number), VALUE)?;
            }
            client.flush()
        })?;
        show(contender, "under sets", ask_until(&mut probe, || load.is_finished())?);
        join(load)?;
        let load = beside(&server, |client| {
            sleep(Duration::from_millis(20));
            match client.ask("flush_all\r\n")?.as_str() {
                "OK" => sleep(Duration::from_secs(1)),
                answer => return Err(answer.into()),
            }
            Ok(())
        })?;
        show(contender, "under flush_all", ask_until(&mut probe, || load.is_finished())?);
        join(load)?;
    }
    Ok(())
}

/// Something done on a connection of its own in a thread of its own; a failure comes as text.
fn beside(
    server: &Server,
    work: impl FnOnce(&mut Client) -> Result<(), Failure> + Send + 'static,
) -> Result<JoinHandle<Result<(), String>>, Failure> {
    let mut client = Client::connect(server)?;
    Ok(spawn(move || {
        affinity::hold(&[LOAD_CPU]).and_then(|()| work(&mut client)).map_err(|failure| failure.to_string())
    }))
}

fn join(load: JoinHandle<Result<(), String>>) -> Result<(), Failure> {
    Ok(load.join().map_err(|_| "the load panicked")??)
}

/// Who asks.
struct Probe {
    client: Client,
    stopwatch: CpuStopwatch,
}

/// A get: how long it took, and how long the server was at work meanwhile, in milliseconds.
struct Wait {
    millis: f64,
    at_work_millis: f64,
}

/// A get a millisecond.
fn ask_until(probe: &mut Probe, done: impl Fn() -> bool) -> Result<Vec<Wait>, Failure> {
    let asked = ["probe".to_owned()];
    let mut waits = Vec::new();
    let mut next = Instant::now();
    while !done() {
        let worked_before = probe.stopwatch.nanos()?;
        let start = Instant::now();
        probe.client.get(&asked)?;
        let millis = start.elapsed().as_secs_f64() * 1000.0;
        let at_work_millis = (probe.stopwatch.nanos()? - worked_before) as f64 / 1e6;
        waits.push(Wait { millis, at_work_millis: at_work_millis.min(millis) });
        let now = Instant::now();
        next = (next + EVERY).max(now.checked_sub(LATE_MAX).unwrap_or(now));
        sleep(next.saturating_duration_since(now));
    }
    Ok(waits)
}

fn show(contender: &Contender, when: &str, mut waits: Vec<Wait>) {
    waits.sort_by(|one, other| one.millis.total_cmp(&other.millis));
    let at = |share: f64| waits[((waits.len() as f64 * share) as usize).min(waits.len() - 1)].millis;
    let at_work = waits.iter().map(|wait| wait.at_work_millis).fold(0.0, f64::max);
    println!(
        "  {:12} {when:22} {:8.3} {:8.3} {:8.3} {:8.3} {at_work:10.3}",
        contender.name,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

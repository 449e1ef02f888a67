//! Measures the latency of one get per millisecond: on an idle server, while small items are stored at full speed, and
//! while all items are flushed. Two more columns show causes outside the server: `on CPU` is the longest latency
//! without the time in which the measuring thread waited for a CPU; `stolen` is the time for which the host gave a CPU
//! of this virtual machine to others.

use crate::client::{Client, key};
use crate::contender::Contender;
use crate::support::Failure;
use crate::support::affinity::{self, LOAD_CPU, SERVER_CPU};
use crate::support::schedstat::Scheduled;
use crate::support::server::Server;
use nix::unistd::{SysconfVar, sysconf};
use std::path::Path;
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

const ITEMS: u64 = 10_000_000;
const VALUE: &[u8] = &[b'x'; 20];
const MEMORY_MIB: u64 = 1024;
const PERIOD: Duration = Duration::from_millis(1);
const QUIET: Duration = Duration::from_secs(3);

/// Longest delay of the schedule before it is skipped.
const LATE_MAX: Duration = Duration::from_millis(50);

pub(crate) fn measure(contenders: &[Contender], share: u64) -> Result<(), Failure> {
    println!(
        "one get per millisecond, -m {MEMORY_MIB}, {} sets of {} bytes: milliseconds",
        ITEMS / share,
        VALUE.len()
    );
    println!(
        "  {:12} {:22} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "", "", "p50", "p99", "p99.9", "max", "on CPU", "stolen"
    );
    for contender in contenders {
        let server = contender.start(MEMORY_MIB)?;
        // The load has its own CPU, which the measuring thread need not use.
        affinity::pin(&[SERVER_CPU, LOAD_CPU])?;
        let mut probe = Client::connect(&server)?;
        probe.store("set", "probe", b"1")?;
        probe.flush()?;
        let start = Instant::now();
        show(
            contender,
            "quiet",
            measure_until(&mut probe, || start.elapsed() > QUIET / share.min(100) as u32)?,
        );
        let load = in_background(&server, move |client| {
            for number in 0..ITEMS / share {
                client.store("set", &key(number), VALUE)?;
            }
            client.flush()
        })?;
        show(contender, "under sets", measure_until(&mut probe, || load.is_finished())?);
        join(load)?;
        let load = in_background(&server, |client| {
            sleep(Duration::from_millis(20));
            match client.ask("flush_all\r\n")?.as_str() {
                "OK" => sleep(Duration::from_secs(1)),
                answer => return Err(answer.into()),
            }
            Ok(())
        })?;
        show(contender, "under flush_all", measure_until(&mut probe, || load.is_finished())?);
        join(load)?;
    }
    Ok(())
}

/// Runs `work` in a thread with a connection of its own; an error is returned as text.
fn in_background(
    server: &Server,
    work: impl FnOnce(&mut Client) -> Result<(), Failure> + Send + 'static,
) -> Result<JoinHandle<Result<(), String>>, Failure> {
    let mut client = Client::connect(server)?;
    Ok(spawn(move || {
        affinity::pin(&[LOAD_CPU]).and_then(|()| work(&mut client)).map_err(|failure| failure.to_string())
    }))
}

fn join(load: JoinHandle<Result<(), String>>) -> Result<(), Failure> {
    Ok(load.join().map_err(|_| "the load panicked")??)
}

/// Measurements of one phase, in milliseconds.
struct Latencies {
    waits: Vec<f64>,
    /// The longest latency without the time that the measuring thread waited for a CPU.
    longest_on_cpu: f64,
    /// Time for which the host gave a CPU of this machine to others.
    stolen: f64,
}

/// Time for which the host gave CPUs to others since the machine started, in milliseconds with a resolution of about
/// ten: the eighth number in the first line of /proc/stat, in ticks (proc(5)).
fn stolen_millis() -> Result<f64, Failure> {
    let millis_per_tick = 1000.0 / sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100) as f64;
    let stat = std::fs::read_to_string("/proc/stat")?;
    let ticks = stat.split_whitespace().nth(8).and_then(|ticks| ticks.parse::<f64>().ok());
    Ok(ticks.ok_or("no stolen time in /proc/stat")? * millis_per_tick)
}

/// Time that this thread has waited for a CPU so far, in milliseconds.
fn queued_millis() -> Result<f64, Failure> {
    Ok(Scheduled::of(Path::new("/proc/thread-self"))?.queued_nanos as f64 / 1e6)
}

/// Latencies of one get per millisecond.
fn measure_until(probe: &mut Client, done: impl Fn() -> bool) -> Result<Latencies, Failure> {
    let asked = ["probe".to_owned()];
    let mut waits = Vec::new();
    let mut longest_on_cpu = 0.0_f64;
    let stolen_before = stolen_millis()?;
    let mut next = Instant::now();
    while !done() {
        let queued_before = queued_millis()?;
        let start = Instant::now();
        probe.get(&asked)?;
        let wait = start.elapsed().as_secs_f64() * 1000.0;
        longest_on_cpu = longest_on_cpu.max(wait - (queued_millis()? - queued_before));
        waits.push(wait);
        let now = Instant::now();
        next = (next + PERIOD).max(now.checked_sub(LATE_MAX).unwrap_or(now));
        sleep(next.saturating_duration_since(now));
    }
    Ok(Latencies { waits, longest_on_cpu, stolen: stolen_millis()? - stolen_before })
}

fn show(contender: &Contender, when: &str, Latencies { mut waits, longest_on_cpu, stolen }: Latencies) {
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() as f64 * share) as usize).min(waits.len() - 1)];
    println!(
        "  {:12} {when:22} {:8.3} {:8.3} {:8.3} {:8.3} {longest_on_cpu:8.3} {stolen:8.0}",
        contender.name,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

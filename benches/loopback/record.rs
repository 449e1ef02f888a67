//! Measurements of a turn, and their table.

use crate::loads::{Kind, Load};
use crate::support::Failure;
use crate::support::affinity::Placement;
use crate::support::medians::{median, median_ratio};
use crate::support::server::{Server, Usage};
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Measurements of one turn of one server.
#[derive(Clone, Copy)]
pub(crate) struct Measurements {
    operations_per_sec: f64,
    cpu_micros: f64,
    user_micros: f64,
    busy: f64,
    background_percent: f64,
    p50_micros: f64,
    p99_micros: f64,
    p999_micros: f64,
    resident_mib: f64,
    /// Set by the idle load.
    pub(crate) bytes_per_connection: Option<u64>,
    /// Batches since the first connection, including the warm-up.
    pub(crate) batches: usize,
}

impl Measurements {
    pub(crate) fn new(
        server: &Server,
        before: Usage,
        after: Usage,
        operations: u64,
        elapsed: Duration,
        mut nanos: Vec<u32>,
    ) -> Result<Measurements, Failure> {
        let operations = operations.max(1) as f64;
        let cpu_nanos = (after.cpu_nanos - before.cpu_nanos) as f64;
        let user = (after.user_ticks - before.user_ticks) as f64;
        let all = user + (after.system_ticks - before.system_ticks) as f64;
        // The scheduler reports the sum in nanoseconds; the ticks give the share of user mode.
        let user_share = if all > 0.0 { user / all } else { 0.0 };
        nanos.sort_unstable();
        let percentile = |share: f64| {
            let index = (nanos.len() as f64 * share) as usize;
            nanos
                .get(index.min(nanos.len().saturating_sub(1)))
                .map_or(0.0, |nanos| f64::from(*nanos) / 1000.0)
        };
        Ok(Measurements {
            operations_per_sec: operations / elapsed.as_secs_f64(),
            cpu_micros: cpu_nanos / operations / 1000.0,
            user_micros: cpu_nanos * user_share / operations / 1000.0,
            busy: cpu_nanos / elapsed.as_nanos() as f64,
            background_percent: (after.background_nanos - before.background_nanos) as f64
                / cpu_nanos.max(1.0)
                * 100.0,
            p50_micros: percentile(0.5),
            p99_micros: percentile(0.99),
            p999_micros: percentile(0.999),
            resident_mib: server.resident_bytes()? as f64 / f64::from(1 << 20),
            bytes_per_connection: None,
            batches: 0,
        })
    }
}

/// Name and value of a column. The first five also have ratios.
type Column = (&'static str, fn(&Measurements) -> f64);
const COLUMNS: [Column; 9] = [
    ("CPU us/op", |measurements| measurements.cpu_micros),
    ("op/s", |measurements| measurements.operations_per_sec),
    ("p50 us", |measurements| measurements.p50_micros),
    ("p99 us", |measurements| measurements.p99_micros),
    ("user us/op", |measurements| measurements.user_micros),
    ("p99.9 us", |measurements| measurements.p999_micros),
    ("busy", |measurements| measurements.busy),
    ("background %", |measurements| measurements.background_percent),
    ("RSS MiB", |measurements| measurements.resident_mib),
];
const RATIOS: usize = 5;

/// A turn of a server.
struct Turn {
    load: &'static str,
    server: String,
    round: u64,
    measurements: Measurements,
}

/// All turns so far.
pub(crate) struct Record {
    out: Option<File>,
    turns: Vec<Turn>,
    progress: bool,
}

impl Record {
    pub(crate) fn new(out: Option<&String>) -> Result<Record, Failure> {
        let mut out = out.map(File::create).transpose()?;
        if let Some(out) = &mut out {
            let names: Vec<_> = COLUMNS.iter().map(|(name, _)| *name).collect();
            writeln!(out, "load\tserver\tround\t{}\tbytes/connection", names.join("\t"))?;
        }
        Ok(Record { out, turns: Vec::new(), progress: std::io::stderr().is_terminal() })
    }

    pub(crate) fn title(&self, load: &Load) {
        let transport = if load.unix { "unix socket" } else { "TCP" };
        let encrypted = if load.tls { ", TLS" } else { "" };
        let clients = match load.kind {
            Kind::Exchange(_) => format!("{} connections, depth {}", load.connections, load.depth),
            Kind::Churn { gets } => format!("connect, {gets} get(s), close, one connection after the other"),
            Kind::Idle => "connections that stay idle after a get".to_owned(),
        };
        let cpus = match load.placement {
            Placement::Overlapping => "on all CPUs",
            Placement::Apart | Placement::Free => "on one CPU, the load on another",
        };
        println!(
            "\n{}: {clients}, by {transport}{encrypted}, values of {} bytes; {} server thread(s) {cpus}",
            load.name, load.value_len, load.threads
        );
    }

    pub(crate) fn progress(&self, load: &Load, name: &str, round: u64, rounds: u64) {
        if self.progress {
            eprint!("\r\x1b[K{}: round {round} of {rounds}, {name}", load.name);
        }
    }

    pub(crate) fn add(
        &mut self,
        load: &Load,
        name: &str,
        round: u64,
        measurements: Measurements,
    ) -> Result<(), Failure> {
        if let Some(out) = &mut self.out {
            let columns: Vec<_> = COLUMNS.iter().map(|(_, of)| format!("{:.3}", of(&measurements))).collect();
            let bytes = measurements.bytes_per_connection.map_or(String::new(), |bytes| bytes.to_string());
            writeln!(out, "{}\t{name}\t{round}\t{}\t{bytes}", load.name, columns.join("\t"))?;
        }
        self.turns.push(Turn { load: load.name, server: name.to_owned(), round, measurements });
        Ok(())
    }

    /// Prints the medians of a load.
    pub(crate) fn table(&self, load: &Load) {
        if self.progress {
            eprint!("\r\x1b[K");
        }
        print!("{:<12}", "");
        for (index, (name, _)) in COLUMNS.iter().enumerate() {
            print!("{name:>width$}{}", if index < RATIOS { "  ratio" } else { "" }, width = width(name));
        }
        println!();
        let turns: Vec<&Turn> = self.turns.iter().filter(|turn| turn.load == load.name).collect();
        let mut servers: Vec<&str> = Vec::new();
        for turn in &turns {
            if !servers.contains(&turn.server.as_str()) {
                servers.push(&turn.server);
            }
        }
        for server in &servers {
            print!("{server:<12}");
            for (index, (name, of)) in COLUMNS.iter().enumerate() {
                let by_round = |server: &str| -> Vec<(u64, f64)> {
                    let turns = turns.iter().filter(|turn| turn.server == server);
                    turns.map(|turn| (turn.round, of(&turn.measurements))).collect()
                };
                let measurements = by_round(server);
                let median = median(measurements.iter().map(|(_, value)| *value).collect());
                let digits = if median >= 1000.0 { 0 } else { 2 };
                print!("{median:>width$.digits$}", width = width(name));
                if index < RATIOS {
                    print!("{}", median_ratio(&measurements, &by_round(servers[0])));
                }
            }
            // Later rounds reuse the memory of the first.
            let first = turns.iter().find(|turn| turn.server == *server);
            if let Some(bytes) = first.and_then(|turn| turn.measurements.bytes_per_connection) {
                print!("   {bytes} bytes per connection");
            }
            println!();
        }
    }
}

/// Characters of a column of figures.
fn width(name: &str) -> usize {
    name.len().max(9) + 2
}

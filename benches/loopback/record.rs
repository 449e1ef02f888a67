//! What a turn has cost, and the table of it.

use crate::loads::Load;
use crate::support::Failure;
use crate::support::server::{Server, Used};
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// The figures of one turn of one server.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    operations_per_sec: f64,
    cpu_micros: f64,
    user_micros: f64,
    busy: f64,
    aside_percent: f64,
    p50_micros: f64,
    p99_micros: f64,
    p999_micros: f64,
    resident_mib: f64,
    /// Set by the load that looks for it.
    pub(crate) bytes_per_connection: Option<u64>,
    /// Batches answered from the first connection on, the time before the figures count included.
    pub(crate) batches: usize,
}

impl Figures {
    pub(crate) fn new(
        server: &Server,
        before: Used,
        after: Used,
        operations: u64,
        elapsed: Duration,
        mut nanos: Vec<u32>,
    ) -> Result<Figures, Failure> {
        let operations = operations.max(1) as f64;
        let cpu_nanos = (after.cpu_nanos - before.cpu_nanos) as f64;
        let user = (after.user_ticks - before.user_ticks) as f64;
        let all = user + (after.system_ticks - before.system_ticks) as f64;
        // The scheduler knows the sum to the nanosecond, the ticks only how it divides.
        let user_share = if all > 0.0 { user / all } else { 0.0 };
        nanos.sort_unstable();
        let percentile = |share: f64| {
            let index = (nanos.len() as f64 * share) as usize;
            nanos
                .get(index.min(nanos.len().saturating_sub(1)))
                .map_or(0.0, |nanos| f64::from(*nanos) / 1000.0)
        };
        Ok(Figures {
            operations_per_sec: operations / elapsed.as_secs_f64(),
            cpu_micros: cpu_nanos / operations / 1000.0,
            user_micros: cpu_nanos * user_share / operations / 1000.0,
            busy: cpu_nanos / elapsed.as_nanos() as f64,
            aside_percent: (after.aside_nanos - before.aside_nanos) as f64 / cpu_nanos.max(1.0) * 100.0,
            p50_micros: percentile(0.5),
            p99_micros: percentile(0.99),
            p999_micros: percentile(0.999),
            resident_mib: server.resident_bytes()? as f64 / f64::from(1 << 20),
            bytes_per_connection: None,
            batches: 0,
        })
    }
}

/// Name, and how to get it; the first three are also shown as ratios.
type Column = (&'static str, fn(&Figures) -> f64);
const COLUMNS: [Column; 9] = [
    ("CPU us/op", |figures| figures.cpu_micros),
    ("user us/op", |figures| figures.user_micros),
    ("p50 us", |figures| figures.p50_micros),
    ("p99 us", |figures| figures.p99_micros),
    ("p99.9 us", |figures| figures.p999_micros),
    ("op/s", |figures| figures.operations_per_sec),
    ("busy", |figures| figures.busy),
    ("aside %", |figures| figures.aside_percent),
    ("RSS MiB", |figures| figures.resident_mib),
];
const RATIOS: usize = 3;

/// All turns so far.
pub(crate) struct Record {
    out: Option<File>,
    turns: Vec<(&'static str, String, Figures)>,
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
        println!(
            "\n{}: {} connections by {transport}{encrypted}, depth {}, values of {} bytes, {} server thread(s)",
            load.name, load.connections, load.depth, load.value_len, load.threads
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
        figures: Figures,
    ) -> Result<(), Failure> {
        if let Some(out) = &mut self.out {
            let columns: Vec<_> = COLUMNS.iter().map(|(_, of)| format!("{:.3}", of(&figures))).collect();
            let bytes = figures.bytes_per_connection.map_or(String::new(), |bytes| bytes.to_string());
            writeln!(out, "{}\t{name}\t{round}\t{}\t{bytes}", load.name, columns.join("\t"))?;
        }
        self.turns.push((load.name, name.to_owned(), figures));
        Ok(())
    }

    /// Prints the medians of a load.
    pub(crate) fn table(&self, load: &Load) {
        if self.progress {
            eprint!("\r\x1b[K");
        }
        let mut names: Vec<&str> = Vec::new();
        for (of, name, _) in &self.turns {
            if *of == load.name && !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        print!("{:<12}", "");
        for (index, (name, _)) in COLUMNS.iter().enumerate() {
            print!("{name:>11}{}", if index < RATIOS { "  ratio" } else { "" });
        }
        println!();
        let mut first: Option<[f64; COLUMNS.len()]> = None;
        for name in names {
            let of_this = |of: &&(&str, String, Figures)| of.0 == load.name && of.1 == name;
            let turns: Vec<_> = self.turns.iter().filter(of_this).map(|(.., figures)| figures).collect();
            let medians = COLUMNS.map(|(_, of)| median(turns.iter().map(|figures| of(figures)).collect()));
            let first = *first.get_or_insert(medians);
            print!("{name:<12}");
            for (index, median) in medians.iter().enumerate() {
                let digits = if *median >= 1000.0 { 0 } else { 2 };
                print!("{median:>11.digits$}");
                if index < RATIOS {
                    print!("{:>7.2}", median / first[index]);
                }
            }
            // Later rounds find the memory of the first.
            if let Some(bytes) = turns.first().and_then(|figures| figures.bytes_per_connection) {
                print!("   {bytes} bytes per connection");
            }
            println!();
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

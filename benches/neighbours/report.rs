//! The table: one row per server, kind and number of heavy clients.

use crate::kinds::{Kind, Unit};
use crate::light_client::Latencies;
use crate::support::medians::{median, median_ratio};

/// Result of one measurement.
pub(crate) struct Measured {
    pub(crate) latencies: Latencies,
    /// The heavy clients' counts per second.
    pub(crate) heavy_per_sec: f64,
}

/// Measurements of a server, each with the number of its round.
pub(crate) struct Row {
    pub(crate) server: String,
    pub(crate) rounds: Vec<(u64, Measured)>,
}

pub(crate) fn print_header() {
    println!(
        "{:<15} {:>7} {:>7} {:<12}{:>10}  ratio{:>10}  ratio{:>10}  ratio{:>17}  ratio",
        "kind", "threads", "clients", "server", "p50 ms", "p99 ms", "max ms", "heavy"
    );
}

/// Prints the medians of the rounds.
pub(crate) fn print(kind: &Kind, threads: usize, clients: usize, rows: &[Row]) {
    for row in rows.iter().filter(|row| !row.rounds.is_empty()) {
        print!("{:<15} {threads:>7} {clients:>7} {:<12}", kind.name, row.server);
        for of in [
            |measured: &Measured| measured.latencies.p50,
            |measured: &Measured| measured.latencies.p99,
            |measured: &Measured| measured.latencies.max,
        ] {
            print!("{:>10.3}{}", median_of(row, of), ratio(row, rows, of));
        }
        if clients > 0 {
            let of = |measured: &Measured| measured.heavy_per_sec;
            let (scale, unit) = match kind.unit {
                Unit::Bytes => (1e6, "MB/s"),
                Unit::Connections => (1.0, "conn/s"),
            };
            print!("{:>10.1} {unit:<6}{}", median_of(row, of) / scale, ratio(row, rows, of));
        }
        println!();
    }
}

fn by_round(row: &Row, of: fn(&Measured) -> f64) -> Vec<(u64, f64)> {
    row.rounds.iter().map(|(round, measured)| (*round, of(measured))).collect()
}

fn median_of(row: &Row, of: fn(&Measured) -> f64) -> f64 {
    median(by_round(row, of).into_iter().map(|(_, figure)| figure).collect())
}

/// The median of the ratios to the first server that was measured.
fn ratio(row: &Row, rows: &[Row], of: fn(&Measured) -> f64) -> String {
    let first = rows.iter().find(|row| !row.rounds.is_empty()).unwrap_or(row);
    median_ratio(&by_round(row, of), &by_round(first, of))
}

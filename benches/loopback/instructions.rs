//! User instructions of a request, counted by callgrind: repeatable whatever else the machine does.
//!
//! The slope between two lengths of a run, so that start and end do not count. Under callgrind the server is slow
//! enough for every batch to be one request at depth 1.

use crate::loads::{self, Kind, LOADS, Load, Mix};
use crate::support::Failure;
use crate::support::server::Server;
use crate::target::LARDER_COUNTED;
use std::fs;
use std::io::{Read, Write};

const FEW: usize = 2_000;
const MANY: usize = 12_000;
const KEYS: u64 = 1000;

const COUNTED: &[&str] = &["get", "get-deep", "get-100-keys", "mg", "binary-get"];

pub(crate) fn count() -> Result<(), Failure> {
    println!("{:<16}{:>24}", "load", "instructions per operation");
    for name in COUNTED {
        let load = LOADS.iter().find(|load| load.name == *name).ok_or("no such load")?;
        let Kind::Exchange(mix) = load.kind else { continue };
        println!("{name:<16}{:>24.0}", slope(load, mix)?);
    }
    let load = LOADS.iter().find(|load| load.name == "mix").ok_or("no such load")?;
    println!("{:<16}{:>24.0}", "set", slope(load, Mix::Text { sets: 100 })?);
    Ok(())
}

fn slope(load: &Load, mix: Mix) -> Result<f64, Failure> {
    let few = instructions(load, mix, FEW)?;
    let many = instructions(load, mix, MANY)?;
    Ok((many.0 - few.0) as f64 / (many.1 - few.1) as f64)
}

/// Instructions of a whole run, and its operations.
fn instructions(load: &Load, mix: Mix, operations: usize) -> Result<(u64, u64), Failure> {
    let counted = std::env::temp_dir().join(format!("loopback-{}.callgrind", std::process::id()));
    let command =
        format!("valgrind --tool=callgrind --callgrind-out-file={} {LARDER_COUNTED}", counted.display());
    let server = Server::start(&command, 1, false, &[])?;
    loads::fill(&server, load, KEYS)?;
    let mut socket = server.connect(false)?;
    let mut done = 0;
    let mut buffer = Vec::new();
    for batch in loads::batches(load, mix, KEYS, 1).iter().cycle() {
        if done >= operations as u64 {
            break;
        }
        socket.write_all(&batch.requests)?;
        buffer.resize(batch.reply_len, 0);
        socket.read_exact(&mut buffer)?;
        done += batch.operations;
    }
    drop(socket);
    server.stop()?;
    let profile = fs::read_to_string(&counted)?;
    fs::remove_file(&counted)?;
    let summary =
        profile.lines().find_map(|line| line.strip_prefix("summary: ").or(line.strip_prefix("totals: ")));
    Ok((summary.ok_or("callgrind left no summary")?.trim().parse()?, done))
}

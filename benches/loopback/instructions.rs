//! Counts user instructions per request with callgrind, which is repeatable on a busy machine.
//!
//! The result is the slope between two run lengths, so that start and end of a run do not count. Under callgrind the
//! server is slow: every batch at depth 1 is one request, and nearly every operation is sampled, where a fast server
//! samples a few thousand per second. So the thread of the clock is left out, and so are the functions that only
//! sampled operations call.

use crate::fill::fill;
use crate::loads::{self, Kind, LOADS, Load, Mix};
use crate::support::Failure;
use crate::support::affinity::Placement;
use crate::support::server::Server;
use crate::target::LARDER_COUNTED;
use std::fs::{self, DirEntry};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const FEW: usize = 2_000;
const MANY: usize = 12_000;
const KEYS: u64 = 1000;

/// The thread of the clock, by callgrind's numbering.
const CLOCK_THREAD: &str = "thread: 1";

/// Functions that only sampled operations call.
const SAMPLING: &[&str] = &["Sampler::keep", "Shard>::sampled_item"];

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

/// Instructions and operations of a whole run.
fn instructions(load: &Load, mix: Mix, operations: usize) -> Result<(u64, u64), Failure> {
    let counted = std::env::temp_dir().join(format!("loopback-{}.callgrind", std::process::id()));
    let command = format!(
        "valgrind --tool=callgrind --separate-threads=yes --callgrind-out-file={} {LARDER_COUNTED}",
        counted.display()
    );
    let server = Server::start(&command, 1, Placement::Apart, false, &[])?;
    fill(&server, load, KEYS)?;
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
    let (mut sum, mut samples) = (0, 0);
    for file in output_files(&counted)? {
        let (all, for_samples) =
            cost(&fs::read_to_string(&file)?).ok_or("callgrind has left a file without a sum")?;
        sum += all - for_samples;
        samples += for_samples;
        fs::remove_file(file)?;
    }
    if samples == 0 {
        return Err(format!("no call of {SAMPLING:?} was recorded; were they renamed?").into());
    }
    Ok((sum, done))
}

/// The output files of a run: one per thread, and an empty one.
fn output_files(base: &Path) -> io::Result<Vec<PathBuf>> {
    fs::remove_file(base)?;
    let (folder, name) = (base.parent().unwrap_or(Path::new("/")), base.file_name().unwrap_or_default());
    let files = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let named = |file: &DirEntry| file.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes());
    Ok(files.iter().filter(|file| named(file)).map(DirEntry::path).collect())
}

/// Instructions of a thread, and those of them that are for samples.
fn cost(profile: &str) -> Option<(u64, u64)> {
    let all = profile.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse::<u64>().ok()?;
    if profile.lines().any(|line| line == CLOCK_THREAD) {
        return Some((0, 0));
    }
    // callgrind names a function once, as `(number) name`, and then uses the number.
    let sampling: Vec<&str> = profile
        .lines()
        .filter(|line| SAMPLING.iter().any(|name| line.ends_with(name)))
        .filter_map(|line| Some(line.split_once('=')?.1.split_once(' ')?.0))
        .collect();
    let mut for_samples = 0;
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        let called = line.strip_prefix("cfn=").and_then(|name| name.split(' ').next());
        if called.is_some_and(|number| sampling.contains(&number)) {
            // `calls=...` is followed by a line with the inclusive cost of the call.
            let cost = lines.nth(1)?.split(' ').nth(1)?;
            for_samples += cost.parse::<u64>().ok()?;
        }
    }
    Some((all, for_samples))
}

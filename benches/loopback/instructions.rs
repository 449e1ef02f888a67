//! User instructions of a request, counted by callgrind: repeatable whatever else the machine does.
//!
//! The slope between two lengths of a run, so that start and end do not count. Under callgrind the server is slow
//! enough for every batch to be one request at depth 1, and so slow that it samples nearly every operation for whoever
//! explains the cache, which a fast one does a few thousand times a second at the most. So the thread that ticks is
//! left out, and so are the functions that only a sampled operation calls.

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

/// The thread that ticks, as callgrind numbers them.
const TICKING_THREAD: &str = "thread: 1";

/// What only a sampled operation calls.
const SAMPLING: &[&str] = &["Shard>::keep_sample", "Shard>::facts"];

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
    let command = format!(
        "valgrind --tool=callgrind --separate-threads=yes --callgrind-out-file={} {LARDER_COUNTED}",
        counted.display()
    );
    let server = Server::start(&command, 1, Placement::Apart, false, &[])?;
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
    let mut sum = 0;
    for file in written(&counted)? {
        sum += of_requests(&fs::read_to_string(&file)?).ok_or("callgrind has left a file without a sum")?;
        fs::remove_file(file)?;
    }
    Ok((sum, done))
}

/// The files of a run: one for each thread, and one that stays empty.
fn written(base: &Path) -> io::Result<Vec<PathBuf>> {
    fs::remove_file(base)?;
    let (folder, name) = (base.parent().unwrap_or(Path::new("/")), base.file_name().unwrap_or_default());
    let files = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let named = |file: &DirEntry| file.file_name().as_encoded_bytes().starts_with(name.as_encoded_bytes());
    Ok(files.iter().filter(|file| named(file)).map(DirEntry::path).collect())
}

/// Instructions that a thread has spent on requests: all but those for its samples.
fn of_requests(profile: &str) -> Option<u64> {
    let all = profile.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse::<u64>().ok()?;
    if profile.lines().any(|line| line == TICKING_THREAD) {
        return Some(0);
    }
    // A function is named once, `(number) name`, and is its number from there on.
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
            // `calls=...`, then the line of the call and what it has taken with all below it.
            let cost = lines.nth(1)?.split(' ').nth(1)?;
            for_samples += cost.parse::<u64>().ok()?;
        }
    }
    Some(all - for_samples)
}

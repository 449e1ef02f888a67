//! Heavy clients that send requests without waiting for replies, while a thread reads the replies.

use crate::connection::{Target, ask, connect, drain, expect, flood};
use crate::counter;
use crate::items::{LARGE, LARGE_BYTES, SEVERAL, SMALL};
use crate::support::Failure;
use std::io::{Read, Write};

/// Bytes of a value that exceeds every item limit.
const TOO_LARGE_BYTES: usize = 2_000_000_000;

/// Bytes of it per write.
const TOO_LARGE_BLOCK: usize = 1_000_000;

/// Distinct keys of the sets of large values.
const LARGE_SETS: usize = 20;

/// Small requests per write.
const SMALL_REQUESTS: usize = 10_000;

/// Requests per write if the requests or their replies are large.
const LARGE_REQUESTS: usize = 100;

/// Sets after each `flush_all`.
const SETS_PER_FLUSH: usize = 100;

pub(crate) fn large_gets(target: &Target) -> Result<(), Failure> {
    let request = format!("get {LARGE}\r\n");
    pipeline(target, &request, "END\r\n", "VALUE ", LARGE_REQUESTS)
}

pub(crate) fn multigets(target: &Target) -> Result<(), Failure> {
    let keys: Vec<String> = (0..SEVERAL).map(|number| format!("k{number}")).collect();
    let request = format!("get {}\r\n", keys.join(" "));
    pipeline(target, &request, "END\r\n", "VALUE ", LARGE_REQUESTS)
}

pub(crate) fn small_gets(target: &Target) -> Result<(), Failure> {
    let request = format!("get {SMALL}\r\n");
    pipeline(target, &request, "END\r\n", "VALUE ", SMALL_REQUESTS)
}

pub(crate) fn large_sets(target: &Target) -> Result<(), Failure> {
    let mut block = Vec::new();
    for number in 0..LARGE_SETS {
        write!(block, "set x{number} 0 0 {LARGE_BYTES}\r\n")?;
        block.extend([b'x'; LARGE_BYTES]);
        block.extend(b"\r\n");
    }
    let mut stream = connect(target.port)?;
    let first = &block[..block.len() / LARGE_SETS];
    expect(&ask(&mut stream, first, b"\r\n")?, b"STORED")?;
    drain(&stream)?;
    flood(&mut stream, &block)
}

pub(crate) fn too_large(target: &Target) -> Result<(), Failure> {
    let mut stream = connect(target.port)?;
    drain(&stream)?;
    let block = [b'x'; TOO_LARGE_BLOCK];
    loop {
        write!(stream, "set x 0 0 {TOO_LARGE_BYTES}\r\n")?;
        for _ in 0..TOO_LARGE_BYTES / TOO_LARGE_BLOCK {
            stream.write_all(&block)?;
            counter::count(block.len());
        }
        stream.write_all(b"\r\n")?;
    }
}

pub(crate) fn stats(target: &Target) -> Result<(), Failure> {
    pipeline(target, "stats\r\n", "END\r\n", "STAT ", LARGE_REQUESTS)
}

pub(crate) fn stats_items(target: &Target) -> Result<(), Failure> {
    let mut stream = connect(target.port)?;
    for request in [b"stats items\r\n", b"stats slabs\r\n"] {
        expect(&ask(&mut stream, request, b"END\r\n")?, b"STAT ")?;
    }
    drain(&stream)?;
    flood(&mut stream, &b"stats items\r\nstats slabs\r\n".repeat(LARGE_REQUESTS))
}

pub(crate) fn flush_all(target: &Target) -> Result<(), Failure> {
    let mut stream = connect(target.port)?;
    expect(&ask(&mut stream, b"flush_all\r\n", b"\r\n")?, b"OK")?;
    drain(&stream)?;
    let mut block = b"flush_all\r\n".to_vec();
    for number in 0..SETS_PER_FLUSH {
        write!(block, "set k{number} 0 0 10\r\nxxxxxxxxxx\r\n")?;
    }
    flood(&mut stream, &block)
}

pub(crate) fn binary_gets(target: &Target) -> Result<(), Failure> {
    let mut request = vec![0x80, 0, 0, SMALL.len() as u8, 0, 0, 0, 0, 0, 0, 0, SMALL.len() as u8];
    request.extend([0; 12]);
    request.extend(SMALL.as_bytes());
    let mut stream = connect(target.port)?;
    // The reply ends with the value. Status 0 is success.
    let reply = ask(&mut stream, &request, b"xxxx")?;
    expect(&reply, &[0x81, 0, 0, 0, 4, 0, 0, 0])?;
    drain(&stream)?;
    flood(&mut stream, &request.repeat(SMALL_REQUESTS))
}

pub(crate) fn watch(target: &Target) -> Result<(), Failure> {
    let mut watcher = connect(target.port)?;
    watcher.write_all(b"watch fetchers mutations\r\n")?;
    // Lines about requests of other clients may follow immediately.
    let mut reply = [0; 4];
    watcher.read_exact(&mut reply)?;
    expect(&reply, b"OK\r\n")?;
    drain(&watcher)?;
    small_gets(target)
}

/// Sends a request once to check start and end of its reply, then `count` of them per write.
fn pipeline(target: &Target, request: &str, end: &str, start: &str, count: usize) -> Result<(), Failure> {
    let mut stream = connect(target.port)?;
    expect(&ask(&mut stream, request.as_bytes(), end.as_bytes())?, start.as_bytes())?;
    drain(&stream)?;
    flood(&mut stream, request.repeat(count).as_bytes())
}

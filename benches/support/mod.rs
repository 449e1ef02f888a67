//! What benches of real servers share: a server of its own ports and CPU, and the names they come with.
//!
//! Each bench that needs it says `#[path = "../support/mod.rs"] mod support;`.

#![allow(dead_code, reason = "each bench uses its part")]

pub(crate) mod affinity;
pub(crate) mod medians;
pub(crate) mod server;
pub(crate) mod tls;

use std::error::Error;
use std::fs;
use std::path::Path;

/// Anything that ends the run, in words.
pub(crate) type Failure = Box<dyn Error>;

/// Name and command of servers given as `NAME=COMMAND`.
pub(crate) fn named<'a>(
    servers: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<(String, String)>, Failure> {
    let split = |server: &String| match server.split_once('=') {
        Some((name, command)) => Ok((name.to_owned(), command.to_owned())),
        None => Err(format!("{server}: not NAME=COMMAND").into()),
    };
    servers.into_iter().map(split).collect()
}

/// What the scheduler says of a thread: the first two numbers of its schedstat (the kernel's sched-stats).
pub(crate) struct Scheduled {
    /// How long it was on a CPU, in nanoseconds.
    pub(crate) ran_nanos: u64,
    /// How long it wanted to be and was not.
    pub(crate) queued_nanos: u64,
}

impl Scheduled {
    /// Of the thread of this directory of /proc.
    pub(crate) fn of(thread: &Path) -> Result<Scheduled, Failure> {
        let schedstat = fs::read_to_string(thread.join("schedstat"))?;
        let mut numbers = schedstat.split_whitespace().map(str::parse);
        let mut next = || Ok::<u64, Failure>(numbers.next().ok_or("a short schedstat")??);
        Ok(Scheduled { ran_nanos: next()?, queued_nanos: next()? })
    }
}

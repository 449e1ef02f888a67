//! What benches of real servers share: a server of its own ports and CPU, and the names they come with.
//!
//! Each bench that needs it says `#[path = "../support/mod.rs"] mod support;`.

#![allow(dead_code, reason = "each bench uses its part")]

pub(crate) mod affinity;
pub(crate) mod server;

use std::error::Error;

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

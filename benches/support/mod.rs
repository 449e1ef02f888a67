//! Shared by benches of real servers: starting a server, CPU affinity, medians, TLS.
//!
//! A bench includes it with `#[path = "../support/mod.rs"] mod support;`.

#![allow(dead_code, reason = "each bench uses its part")]

pub(crate) mod affinity;
mod failure;
pub(crate) mod medians;
pub(crate) mod schedstat;
pub(crate) mod server;
pub(crate) mod tls;

pub(crate) use failure::Failure;

/// Name and command of servers in the form `NAME=COMMAND`.
pub(crate) fn named<'a>(
    servers: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<(String, String)>, Failure> {
    let split = |server: &String| match server.split_once('=') {
        Some((name, command)) => Ok((name.to_owned(), command.to_owned())),
        None => Err(format!("{server}: not NAME=COMMAND").into()),
    };
    servers.into_iter().map(split).collect()
}

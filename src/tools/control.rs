//! `larder ping`, `delete` and `set-memory`: one request and a line about its reply.

use super::client::{Client, ToolError};
use super::escape::escape;
use super::{json, units};
use crate::clock::Stopwatch;
use serde_json::json;

/// Asks for the version and measures the round trip.
pub fn ping(client: &mut Client, json: bool) -> Result<String, ToolError> {
    let start = Stopwatch::start();
    let line = client.one_line("version", &["VERSION "])?;
    let micros = start.elapsed().as_secs_f64() * 1e6;
    let version = line.trim_start_matches("VERSION ");
    let server = client.server();
    Ok(if json {
        json::line(&json!({ "server": server, "version": version, "round_trip_us": micros.round() }))
    } else {
        format!("{server} answers: version {version}, round trip {}\n", units::micros(micros))
    })
}

/// Deletes a key, which must be stored.
pub fn delete(client: &mut Client, key: &str, json: bool) -> Result<String, ToolError> {
    let line = client.one_line(&format!("delete {key}"), &["DELETED", "NOT_FOUND"])?;
    let escaped = escape(key.as_bytes());
    if line != "DELETED" {
        return Err(ToolError::NotStored { key: escaped });
    }
    Ok(if json {
        json::line(&json!({ "key": key, "deleted": true }))
    } else {
        format!("{escaped}: deleted\n")
    })
}

/// Sets the memory limit of the running server.
pub fn set_memory(client: &mut Client, megabytes: u64, json: bool) -> Result<String, ToolError> {
    client.one_line(&format!("cache_memlimit {megabytes}"), &["OK"])?;
    let server = client.server();
    Ok(if json {
        json::line(&json!({ "server": server, "limit_bytes": megabytes << 20 }))
    } else {
        let limit = units::bytes(megabytes << 20);
        format!("{server}: the memory limit is {limit} until the server restarts\n")
    })
}

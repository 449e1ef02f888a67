//! Short connections: connect, request, close, one after the other, as a web request does. And idle connections.

use crate::loads;
use crate::record::Measurements;
use crate::support::Failure;
use crate::support::server::Server;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Connections of the idle load.
const IDLE_CONNECTIONS: usize = 9500;

/// Connections before the measurement begins.
const WARM_UP: usize = 200;

const VALUE_LEN: usize = 100;

pub(crate) fn run(
    server: &Server,
    gets: usize,
    unix: bool,
    keys: u64,
    turn: Duration,
) -> Result<Measurements, Failure> {
    let exchanges: Vec<_> = (0..keys.min(1000)).map(|number| loads::get(&[number], VALUE_LEN)).collect();
    let connect_and_get = |number: usize| -> Result<u32, Failure> {
        let start = Instant::now();
        let mut socket = server.connect(unix)?;
        for get in 0..gets {
            let (request, reply) = &exchanges[(number + get) % exchanges.len()];
            exchange_request(&mut socket, request, reply)?;
        }
        Ok(start.elapsed().as_nanos().min(u32::MAX.into()) as u32)
    };
    for number in 0..WARM_UP {
        connect_and_get(number)?;
    }
    let mut nanos = Vec::new();
    let (start, before) = (Instant::now(), server.usage()?);
    while start.elapsed() < turn {
        nanos.push(connect_and_get(nanos.len())?);
    }
    let elapsed = start.elapsed();
    Measurements::new(server, before, server.usage()?, nanos.len() as u64, elapsed, nanos)
}

/// Opens connections with one request each, and measures the memory that they cost. An operation is a connection.
pub(crate) fn idle(server: &Server) -> Result<Measurements, Failure> {
    let (request, reply) = loads::get(&[0], VALUE_LEN);
    let (start, before) = (Instant::now(), server.usage()?);
    let resident_before = server.resident_bytes()?;
    let mut sockets = Vec::new();
    let mut nanos = Vec::new();
    for _ in 0..IDLE_CONNECTIONS {
        let start = Instant::now();
        let mut socket = server.connect(false)?;
        exchange_request(&mut socket, &request, &reply)?;
        sockets.push(socket);
        nanos.push(start.elapsed().as_nanos().min(u32::MAX.into()) as u32);
    }
    let connections = sockets.len() as u64;
    let grown = server.resident_bytes()?.saturating_sub(resident_before);
    let mut measurements =
        Measurements::new(server, before, server.usage()?, connections, start.elapsed(), nanos)?;
    measurements.bytes_per_connection = Some(grown / connections);
    Ok(measurements)
}

fn exchange_request(socket: &mut (impl Read + Write), request: &[u8], reply: &[u8]) -> Result<(), Failure> {
    let mut got = [0; 4096];
    let mut at = 0;
    socket.write_all(request)?;
    while at < reply.len() {
        let read = socket.read(&mut got[at..])?;
        if read == 0 {
            return Err("closed before the reply".into());
        }
        at += read;
    }
    if got[..at] != *reply {
        return Err(format!("answered with {}", got[..at].escape_ascii()).into());
    }
    Ok(())
}

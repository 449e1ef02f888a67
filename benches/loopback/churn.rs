//! Connections that go: connect, ask, close, one after the other, as a web request does. And connections that stay
//! and do nothing.

use crate::loads;
use crate::record::Figures;
use crate::support::Failure;
use crate::support::server::Server;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

/// Connections of the idle load.
const IDLE_CONNECTIONS: usize = 9500;

/// Connections that nothing is measured of yet.
const WARM_UP: usize = 200;

const VALUE_LEN: usize = 100;

pub(crate) fn run(
    server: &Server,
    gets: usize,
    unix: bool,
    keys: u64,
    turn: Duration,
) -> Result<Figures, Failure> {
    let exchanges: Vec<_> = (0..keys.min(1000)).map(|number| loads::get(&[number], VALUE_LEN)).collect();
    let visit = |number: usize| -> Result<u32, Failure> {
        let start = Instant::now();
        let mut socket = server.connect(unix)?;
        for get in 0..gets {
            let (request, reply) = &exchanges[(number + get) % exchanges.len()];
            ask(&mut socket, request, reply)?;
        }
        Ok(start.elapsed().as_nanos().min(u32::MAX.into()) as u32)
    };
    for number in 0..WARM_UP {
        visit(number)?;
    }
    let mut nanos = Vec::new();
    let (start, before) = (Instant::now(), server.used()?);
    while start.elapsed() < turn {
        nanos.push(visit(nanos.len())?);
    }
    let elapsed = start.elapsed();
    Figures::new(server, before, server.used()?, nanos.len() as u64, elapsed, nanos)
}

/// Opens connections, lets each ask once, and looks what they have cost in memory: an operation is a connection.
pub(crate) fn idle(server: &Server) -> Result<Figures, Failure> {
    let (request, reply) = loads::get(&[0], VALUE_LEN);
    let (start, before) = (Instant::now(), server.used()?);
    let resident_before = server.resident_bytes()?;
    let mut sockets = Vec::new();
    let mut nanos = Vec::new();
    for _ in 0..IDLE_CONNECTIONS {
        let start = Instant::now();
        let mut socket = server.connect(false)?;
        ask(&mut socket, &request, &reply)?;
        sockets.push(socket);
        nanos.push(start.elapsed().as_nanos().min(u32::MAX.into()) as u32);
    }
    let connections = sockets.len() as u64;
    let grown = server.resident_bytes()?.saturating_sub(resident_before);
    let mut figures = Figures::new(server, before, server.used()?, connections, start.elapsed(), nanos)?;
    figures.bytes_per_connection = Some(grown / connections);
    Ok(figures)
}

fn ask(socket: &mut (impl Read + Write), request: &[u8], reply: &[u8]) -> Result<(), Failure> {
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

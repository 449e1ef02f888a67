//! Connections of the clients.

use crate::counter;
use crate::support::Failure;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::thread::{sleep, spawn};
use std::time::Duration;

const READ_BYTES: usize = 1 << 20;

/// Pause of a client while all local ports are in use by recently closed connections.
const PORT_PAUSE: Duration = Duration::from_millis(1);

/// The server, for a heavy client.
pub(crate) struct Target {
    /// The port for TCP, UDP or TLS.
    pub(crate) port: u16,
    /// The file of the trusted certificate; empty without TLS.
    pub(crate) certificate: PathBuf,
    /// True for the smoke size, in which clients send less.
    pub(crate) smoke: bool,
}

/// Opens a connection without Nagle's algorithm.
pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => sleep(PORT_PAUSE),
            connected => {
                let stream = connected?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
        }
    }
}

/// Sends a request and reads its reply up to and including `end`.
pub(crate) fn ask(stream: &mut TcpStream, request: &[u8], end: &[u8]) -> Result<Vec<u8>, Failure> {
    stream.write_all(request)?;
    let mut reply = Vec::new();
    let mut buffer = [0; 4096];
    while !reply.ends_with(end) {
        match stream.read(&mut buffer)? {
            0 => return Err("the server closed a connection".into()),
            read => reply.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(reply)
}

/// Fails unless a reply starts with `start`, so that no client sends requests that the server refuses.
pub(crate) fn expect(reply: &[u8], start: &[u8]) -> Result<(), Failure> {
    match reply.starts_with(start) {
        true => Ok(()),
        false => Err(format!("answered with {}", reply[..reply.len().min(80)].escape_ascii()).into()),
    }
}

/// Reads from a connection in a thread of its own. The process fails if the connection ends.
pub(crate) fn drain(stream: &TcpStream) -> io::Result<()> {
    let mut stream = stream.try_clone()?;
    spawn(move || {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => counter::fail("the server closed the connection"),
                Ok(read) => counter::count(read),
                Err(error) => counter::fail(&error.to_string()),
            }
        }
    });
    Ok(())
}

/// Sends a block repeatedly until the connection fails.
pub(crate) fn flood(stream: &mut TcpStream, block: &[u8]) -> Result<(), Failure> {
    loop {
        stream.write_all(block)?;
        counter::count(block.len());
    }
}

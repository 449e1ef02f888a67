//! Connections of the clients.

use crate::counter;
use crate::support::Failure;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::thread::{sleep, spawn};
use std::time::Duration;

const READ_BYTES: usize = 1 << 20;

/// How long a client waits when all local ports belong to connections that were just closed.
const PORTS_LACK: Duration = Duration::from_millis(1);

/// What a heavy client is told of the server.
pub(crate) struct Target {
    /// Where it serves the clients: by TCP, by UDP, or by TLS.
    pub(crate) port: u16,
    /// The certificate to trust; empty without TLS.
    pub(crate) certificate: PathBuf,
    /// In smoke size a client goes easy on the server.
    pub(crate) smoke: bool,
}

/// A new connection, without delay on its packets.
pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => sleep(PORTS_LACK),
            connected => {
                let stream = connected?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
        }
    }
}

/// Sends a request and reads to the end of its reply, which is known by its last bytes.
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

/// Fails unless a reply begins as expected, so that no client is heavy with requests that the server refuses.
pub(crate) fn expect(reply: &[u8], start: &[u8]) -> Result<(), Failure> {
    match reply.starts_with(start) {
        true => Ok(()),
        false => Err(format!("answered with {}", reply[..reply.len().min(80)].escape_ascii()).into()),
    }
}

/// Receives what comes on a connection in a thread of its own. The client fails if the connection ends.
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

/// Sends a block again and again, until the connection fails.
pub(crate) fn flood(stream: &mut TcpStream, block: &[u8]) -> Result<(), Failure> {
    loop {
        stream.write_all(block)?;
        counter::count(block.len());
    }
}

//! Heavy clients that repeat one step: dumps, connections, datagrams at a fixed rate.

use crate::connection::{Target, ask, connect, expect};
use crate::counter;
use crate::items::LARGE;
use crate::support::{Failure, tls};
use rustls::StreamOwned;
use rustls::client::Resumption;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

const READ_BYTES: usize = 1 << 20;

/// The end of a dump. memcached refuses a dump while another one runs.
const DUMP_ENDS: [&[u8]; 2] = [b"END\r\n", b"BUSY currently processing crawler request\r\n"];

/// Rates in a whole run and in the smoke size.
const DATAGRAMS_PER_SEC: u32 = 300;
const SMOKE_DATAGRAMS_PER_SEC: u32 = 30;

/// Longest delay of the schedule before it is skipped.
const LATE_MAX: Duration = Duration::from_millis(50);

const DATAGRAM_MAX_BYTES: usize = 64 << 10;

/// Header of a UDP request: request id, sequence number, number of datagrams, reserved.
const UDP_HEADER: [u8; 8] = [0, 1, 0, 0, 0, 1, 0, 0];

pub(crate) fn metadump(target: &Target) -> Result<(), Failure> {
    let mut stream = connect(target.port)?;
    let mut buffer = vec![0; READ_BYTES];
    loop {
        stream.write_all(b"lru_crawler metadump all\r\n")?;
        let mut tail = Vec::new();
        while !DUMP_ENDS.iter().any(|end| tail.ends_with(end)) {
            let begun = tail.len();
            match stream.read(&mut buffer)? {
                0 => return Err("the server closed the connection".into()),
                read => {
                    counter::count(read);
                    tail.extend_from_slice(&buffer[read.saturating_sub(64)..read]);
                    tail.drain(..tail.len().saturating_sub(64));
                    if begun == 0 && buffer.starts_with(b"ERROR") {
                        return Err("the server has no metadump".into());
                    }
                }
            }
        }
    }
}

pub(crate) fn connects(target: &Target) -> Result<(), Failure> {
    loop {
        connect(target.port)?;
        counter::count(1);
    }
}

/// The get after each handshake ensures that the server has completed it.
pub(crate) fn tls_handshakes(target: &Target) -> Result<(), Failure> {
    let mut config = tls::client(&target.certificate)?;
    config.resumption = Resumption::disabled();
    let config = Arc::new(config);
    loop {
        let mut stream = StreamOwned::new(tls::session(config.clone())?, connect(target.port)?);
        stream.write_all(b"get missing\r\n")?;
        let mut reply = [0; 5];
        stream.read_exact(&mut reply)?;
        expect(&reply, b"END\r\n")?;
        counter::count(1);
    }
}

/// One login per connection, because servers close a connection after a few failures.
pub(crate) fn failed_logins(target: &Target) -> Result<(), Failure> {
    loop {
        let mut stream = connect(target.port)?;
        let reply = ask(&mut stream, b"set login 0 0 10\r\nuser wrong\r\n", b"\r\n")?;
        expect(&reply, b"CLIENT_ERROR authentication failure")?;
        counter::count(1);
    }
}

pub(crate) fn udp_large_gets(target: &Target) -> Result<(), Failure> {
    expect(&ask(&mut connect(target.port)?, format!("get {LARGE}\r\n").as_bytes(), b"END\r\n")?, b"VALUE ")?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, target.port))?;
    let receiver = socket.try_clone()?;
    spawn(move || {
        let mut buffer = vec![0; DATAGRAM_MAX_BYTES];
        loop {
            match receiver.recv(&mut buffer) {
                Ok(received) => counter::count(received),
                Err(error) => counter::fail(&error.to_string()),
            }
        }
    });
    let request = [&UDP_HEADER, format!("get {LARGE}\r\n").as_bytes()].concat();
    let pace = if target.smoke { SMOKE_DATAGRAMS_PER_SEC } else { DATAGRAMS_PER_SEC };
    let mut next = Instant::now();
    loop {
        socket.send(&request)?;
        let now = Instant::now();
        next = (next + Duration::from_secs(1) / pace).max(now.checked_sub(LATE_MAX).unwrap_or(now));
        sleep(next.saturating_duration_since(now));
    }
}

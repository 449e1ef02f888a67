//! The light client: one get of a missing key every 3 ms on a long-lived connection.

use crate::connection::{ask, connect, expect};
use crate::support::Failure;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A line of the file of users.
pub(crate) const USER: &str = "user:password\n";

const LOGIN: &[u8] = b"set login 0 0 13\r\nuser password\r\n";

const PAUSE: Duration = Duration::from_millis(3);

/// A longer latency counts as this one and ends the measurement: the server starves the client.
const LATENCY_MAX: Duration = Duration::from_secs(10);

pub(crate) struct LightClient(TcpStream);

/// Latencies in milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Latencies {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl LightClient {
    /// Connects, and logs in if the server requires it.
    pub(crate) fn connect(port: u16, logs_in: bool) -> Result<LightClient, Failure> {
        let mut stream = connect(port)?;
        stream.set_read_timeout(Some(LATENCY_MAX))?;
        if logs_in {
            expect(&ask(&mut stream, LOGIN, b"\r\n")?, b"STORED")?;
        }
        let mut light_client = LightClient(stream);
        light_client.latency()?;
        Ok(light_client)
    }

    /// Measures for this time.
    pub(crate) fn run(&mut self, duration: Duration) -> Result<Latencies, Failure> {
        let mut latencies = Vec::new();
        let start = Instant::now();
        while start.elapsed() < duration {
            let latency = self.latency()?;
            latencies.push(latency.as_secs_f64() * 1000.0);
            if latency >= LATENCY_MAX {
                break;
            }
            sleep(PAUSE);
        }
        latencies.sort_by(f64::total_cmp);
        let at = |share: f64| latencies[((latencies.len() as f64 * share) as usize).min(latencies.len() - 1)];
        Ok(Latencies { p50: at(0.5), p99: at(0.99), max: at(1.0) })
    }

    /// The latency of one get.
    fn latency(&mut self) -> Result<Duration, Failure> {
        let start = Instant::now();
        self.0.write_all(b"get missing\r\n")?;
        let mut reply = [0; 5];
        match self.0.read_exact(&mut reply) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(LATENCY_MAX),
            read => read?,
        }
        let latency = start.elapsed();
        expect(&reply, b"END\r\n")?;
        Ok(latency)
    }
}

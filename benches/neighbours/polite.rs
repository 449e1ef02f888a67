//! The polite client: one get of a missing key every 3 ms on a connection that it keeps.

use crate::connection::{ask, connect, expect};
use crate::support::Failure;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The user of servers that ask for a login, as a line of their file.
pub(crate) const USER: &str = "user:password\n";

const LOGIN: &[u8] = b"set login 0 0 13\r\nuser password\r\n";

const PAUSE: Duration = Duration::from_millis(3);

/// A wait that is longer counts as this long and ends the measurement: the server starves the client.
const WAIT_MAX: Duration = Duration::from_secs(10);

pub(crate) struct Polite(TcpStream);

/// How long it has waited for replies, in milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Waits {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) longest: f64,
}

impl Polite {
    /// Connects, and logs in if the server asks for it.
    pub(crate) fn connect(port: u16, logs_in: bool) -> Result<Polite, Failure> {
        let mut stream = connect(port)?;
        stream.set_read_timeout(Some(WAIT_MAX))?;
        if logs_in {
            expect(&ask(&mut stream, LOGIN, b"\r\n")?, b"STORED")?;
        }
        let mut polite = Polite(stream);
        polite.wait()?;
        Ok(polite)
    }

    /// Asks for so long.
    pub(crate) fn run(&mut self, duration: Duration) -> Result<Waits, Failure> {
        let mut waits = Vec::new();
        let start = Instant::now();
        while start.elapsed() < duration {
            let wait = self.wait()?;
            waits.push(wait.as_secs_f64() * 1000.0);
            if wait >= WAIT_MAX {
                break;
            }
            sleep(PAUSE);
        }
        waits.sort_by(f64::total_cmp);
        let at = |share: f64| waits[((waits.len() as f64 * share) as usize).min(waits.len() - 1)];
        Ok(Waits { p50: at(0.5), p99: at(0.99), longest: at(1.0) })
    }

    /// How long one get takes.
    fn wait(&mut self) -> Result<Duration, Failure> {
        let start = Instant::now();
        self.0.write_all(b"get missing\r\n")?;
        let mut reply = [0; 5];
        match self.0.read_exact(&mut reply) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(WAIT_MAX),
            read => read?,
        }
        let wait = start.elapsed();
        expect(&reply, b"END\r\n")?;
        Ok(wait)
    }
}

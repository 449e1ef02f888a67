//! A connection that sends many requests at once.

use crate::support::Failure;
use crate::support::server::Server;
use socket2::Socket;
use std::io::{BufRead, BufReader, Read, Write};

/// Requests sent before their replies are read.
const BATCH: usize = 400;

/// Bytes sent before their replies are read.
const BATCH_BYTES: usize = 1 << 20;

/// Length of the keys of [`key`].
pub(crate) const KEY_LEN: usize = 20;

/// A key of 20 bytes.
pub(crate) fn key(number: u64) -> String {
    format!("k{number:0width$}", width = KEY_LEN - 1)
}

pub(crate) struct Client {
    replies: BufReader<Socket>,
    /// Unsent requests, and their number.
    output: Vec<u8>,
    waiting: usize,
    line: Vec<u8>,
    /// Replies to sets other than `STORED` and out of memory.
    pub(crate) refused: u64,
}

impl Client {
    pub(crate) fn connect(server: &Server) -> Result<Client, Failure> {
        Ok(Client {
            replies: BufReader::with_capacity(1 << 20, server.connect(false)?),
            output: Vec::new(),
            waiting: 0,
            line: Vec::new(),
            refused: 0,
        })
    }

    /// Stores a value with `command`, at the latest in [`Client::flush`].
    pub(crate) fn store(&mut self, command: &str, key: &str, value: &[u8]) -> Result<(), Failure> {
        write!(self.output, "{command} {key} 0 0 {}\r\n", value.len())?;
        self.output.extend_from_slice(value);
        self.output.extend_from_slice(b"\r\n");
        self.waiting += 1;
        if self.waiting == BATCH || self.output.len() > BATCH_BYTES { self.flush() } else { Ok(()) }
    }

    /// Sends the pending requests and reads the replies.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.replies.get_mut().write_all(&self.output)?;
        self.output.clear();
        for _ in 0..std::mem::take(&mut self.waiting) {
            let stored =
                matches!(self.read_line()?, b"STORED\r\n" | b"SERVER_ERROR out of memory storing object\r\n");
            self.refused += u64::from(!stored);
        }
        Ok(())
    }

    /// The number of these keys that are stored.
    pub(crate) fn get(&mut self, keys: &[String]) -> Result<u64, Failure> {
        let request = format!("get {}\r\n", keys.join(" "));
        self.replies.get_mut().write_all(request.as_bytes())?;
        let mut found = 0;
        loop {
            let line = String::from_utf8_lossy(self.read_line()?).into_owned();
            let Some(value_len) =
                line.strip_prefix("VALUE ").and_then(|rest| rest.trim_end().rsplit(' ').next())
            else {
                return if line == "END\r\n" { Ok(found) } else { Err(line.into()) };
            };
            let value_len: usize = value_len.parse()?;
            self.line.resize(value_len + 2, 0);
            self.replies.read_exact(&mut self.line)?;
            found += 1;
        }
    }

    /// Sends a request with a one-line reply.
    pub(crate) fn ask(&mut self, request: &str) -> Result<String, Failure> {
        self.replies.get_mut().write_all(request.as_bytes())?;
        Ok(String::from_utf8_lossy(self.read_line()?).trim_end().to_owned())
    }

    fn read_line(&mut self) -> Result<&[u8], Failure> {
        self.line.clear();
        if self.replies.read_until(b'\n', &mut self.line)? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(&self.line)
    }
}

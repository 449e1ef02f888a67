//! A blocking client of the text protocol: one request at a time, with time limits and bounded replies.
//!
//! It sends only requests that change nothing, except `delete` and `cache_memlimit`. A reply that exceeds its bound is
//! [`ToolError::InvalidReply`]. Only the list of keys has no bound, because it is processed line by line and not
//! stored.

use super::address::Address;
use super::escape::escape;
use super::reply::{self, Item, WhyReply};
use super::stat_lines::StatLines;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Time limit for connecting, and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest line in bytes. A percent-encoded key of 250 bytes takes 750.
const LINE_MAX_BYTES: usize = 8 * 1024;

/// Most lines of a reply to `stats`: `stats conns` has four for each connection.
const LINES_MAX: usize = 1 << 20;

/// Why a tool has no result, as one line for the operator.
#[derive(Debug)]
pub enum ToolError {
    /// No connection could be made.
    ConnectFailed {
        /// The address.
        server: String,
        /// The reason.
        error: io::Error,
    },
    /// The connection ended, or the server did not reply in time.
    ConnectionLost {
        /// The address.
        server: String,
        /// The reason.
        error: io::Error,
    },
    /// The server does not support the request.
    UnknownRequest {
        /// The address.
        server: String,
        /// The request.
        request: String,
    },
    /// The server refused the request.
    Refused {
        /// The address.
        server: String,
        /// The request.
        request: String,
        /// The reply, escaped.
        line: String,
    },
    /// The reply does not have the form that the protocol defines.
    InvalidReply {
        /// The address.
        server: String,
        /// The request.
        request: String,
    },
    /// No item has this key.
    NotStored {
        /// The key, escaped.
        key: String,
    },
    /// The output failed.
    Output(io::Error),
    /// The live view needs a terminal.
    NoTerminal,
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToolError::ConnectFailed { server, error } => {
                write!(f, "cannot connect to {server}: {}", describe(error))
            }
            ToolError::ConnectionLost { server, error } => {
                write!(f, "connection to {server} lost: {}", describe(error))
            }
            ToolError::UnknownRequest { server, request } => {
                let why = if is_larder_extension(request) {
                    "it is not larder, or an older version"
                } else {
                    "no server supports it"
                };
                write!(f, "{server} does not support \"{request}\": {why}")
            }
            ToolError::Refused { server, request, line } => {
                write!(f, "{server} refuses \"{request}\": {line}")
            }
            ToolError::InvalidReply { server, request } => {
                write!(f, "{server} sent an invalid reply to \"{request}\"")
            }
            ToolError::NotStored { key } => {
                write!(f, "{key} is not stored (larder why {key} tells the reason)")
            }
            ToolError::Output(error) => write!(f, "cannot write: {}", describe(error)),
            ToolError::NoTerminal => f.write_str("standard output is not a terminal; use --json"),
        }
    }
}

impl std::error::Error for ToolError {}

/// All other I/O errors are errors of the output.
impl From<io::Error> for ToolError {
    fn from(error: io::Error) -> ToolError {
        ToolError::Output(error)
    }
}

/// True for requests that a plain memcached does not support.
fn is_larder_extension(request: &str) -> bool {
    match request.strip_prefix("stats ") {
        Some(topic) => ["advisor", "hotkeys", "families", "memory", "latency"].contains(&topic),
        None => request.starts_with("why "),
    }
}

/// The system's message without its number; a plain message for a timeout.
fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("no reply within {} seconds", TIMEOUT.as_secs())
        }
        io::ErrorKind::UnexpectedEof => "the server closed it".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

/// A value with its flags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredValue {
    /// The client flags.
    pub flags: u32,
    /// Seconds until it expires; `None`: never.
    pub left_secs: Option<u64>,
    /// The bytes of the value.
    pub data: Vec<u8>,
}

/// A TCP or Unix stream.
trait Stream: Read + Write + Send {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

/// A connection to a server.
pub struct Client {
    server: String,
    stream: BufReader<Box<dyn Stream>>,
    /// The last line, without its end.
    line: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn connect(address: &Address) -> Result<Client, ToolError> {
        let server = address.to_string();
        match open(address) {
            Ok(stream) => {
                Ok(Client { server, stream: BufReader::with_capacity(64 * 1024, stream), line: Vec::new() })
            }
            Err(error) => Err(ToolError::ConnectFailed { server, error }),
        }
    }

    /// The address of the server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// `stats`, with a topic unless it is empty. The result may be empty.
    pub fn stats(&mut self, topic: &str) -> Result<StatLines, ToolError> {
        let request = format!("stats {topic}").trim_end().to_owned();
        self.ask(&request)?;
        let mut stats = StatLines::default();
        loop {
            self.read_line()?;
            match reply::stat(&self.line) {
                _ if self.line == b"END" => return Ok(stats),
                // The whole reply to `stats reset`.
                _ if self.line == b"RESET" => return Ok(stats),
                Some((name, value)) if stats.len() < LINES_MAX => stats.push(name, value),
                _ => return Err(self.classify_unexpected_line(&request)),
            }
        }
    }

    /// As [`Client::stats`], for topics that are never empty on larder.
    pub fn nonempty_stats(&mut self, topic: &str) -> Result<StatLines, ToolError> {
        match self.stats(topic)? {
            stats if stats.is_empty() => Err(ToolError::UnknownRequest {
                server: self.server.clone(),
                request: format!("stats {topic}"),
            }),
            stats => Ok(stats),
        }
    }

    /// `why KEY`.
    pub fn why(&mut self, key: &str) -> Result<WhyReply, ToolError> {
        let request = format!("why {key}");
        self.ask(&request)?;
        self.read_line()?;
        reply::why(&self.line).ok_or_else(|| self.classify_unexpected_line(&request))
    }

    /// Sends a request whose reply is one line, and returns the line if it has one of these beginnings.
    pub fn one_line(&mut self, request: &str, beginnings: &[&str]) -> Result<String, ToolError> {
        self.ask(request)?;
        self.read_line()?;
        if beginnings.iter().any(|beginning| self.line.starts_with(beginning.as_bytes())) {
            return Ok(escape(&self.line));
        }
        Err(self.classify_unexpected_line(request))
    }

    /// The value of a key with its flags; `None` if the key is not stored.
    pub fn value(&mut self, key: &str) -> Result<Option<StoredValue>, ToolError> {
        let request = format!("mg {key} f t v");
        self.ask(&request)?;
        self.read_line()?;
        if self.line == b"EN" {
            return Ok(None);
        }
        let Some((bytes, flags, left_secs)) = reply::value_header(&self.line) else {
            return Err(self.classify_unexpected_line(&request));
        };
        let mut data = Vec::new();
        let read = (&mut self.stream).take(bytes + 2).read_to_end(&mut data);
        let lost = |error| ToolError::ConnectionLost { server: self.server.clone(), error };
        if read.map_err(lost)? as u64 != bytes + 2 {
            return Err(lost(io::ErrorKind::UnexpectedEof.into()));
        }
        if !data.ends_with(b"\r\n") {
            return Err(self.invalid_reply(&request));
        }
        data.truncate(data.len() - 2);
        Ok(Some(StoredValue { flags, left_secs, data }))
    }

    /// `lru_crawler metadump all`: passes every item to `each` until it returns false.
    pub fn for_each_item(
        &mut self,
        mut each: impl FnMut(&Item<'_>) -> io::Result<bool>,
    ) -> Result<(), ToolError> {
        let request = "lru_crawler metadump all";
        self.ask(request)?;
        self.read_line()?;
        // Some versions send this line before the list.
        if self.line == b"OK" {
            self.read_line()?;
        }
        loop {
            match reply::item(&self.line) {
                _ if self.line == b"END" => return Ok(()),
                None => return Err(self.classify_unexpected_line(request)),
                Some(item) => {
                    if !each(&item)? {
                        return Ok(());
                    }
                }
            }
            self.read_line()?;
        }
    }

    /// The error for a reply that lacks a required value.
    pub fn invalid_reply(&self, request: &str) -> ToolError {
        ToolError::InvalidReply { server: self.server.clone(), request: request.to_owned() }
    }

    fn ask(&mut self, request: &str) -> Result<(), ToolError> {
        let sent = self.stream.get_mut().write_all(format!("{request}\r\n").as_bytes());
        sent.map_err(|error| ToolError::ConnectionLost { server: self.server.clone(), error })
    }

    fn read_line(&mut self) -> Result<(), ToolError> {
        self.line.clear();
        let mut bounded = (&mut self.stream).take(LINE_MAX_BYTES as u64);
        let error = match bounded.read_until(b'\n', &mut self.line) {
            Ok(_) if self.line.last() == Some(&b'\n') => {
                self.line.truncate(self.line.trim_ascii_end().len());
                return Ok(());
            }
            Ok(read) if read < LINE_MAX_BYTES => io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => io::Error::other(format!("it sent a line of more than {LINE_MAX_BYTES} bytes")),
            Err(error) => error,
        };
        Err(ToolError::ConnectionLost { server: self.server.clone(), error })
    }

    /// The error for a last line that none of the expected forms match.
    fn classify_unexpected_line(&self, request: &str) -> ToolError {
        let (server, request) = (self.server.clone(), request.to_owned());
        match self.line.as_slice() {
            b"ERROR" => ToolError::UnknownRequest { server, request },
            line if reply::is_refusal(line) => ToolError::Refused { server, request, line: escape(line) },
            _ => ToolError::InvalidReply { server, request },
        }
    }
}

fn open(address: &Address) -> io::Result<Box<dyn Stream>> {
    match address {
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            Ok(Box::new(stream))
        }
        Address::Tcp { host, port } => {
            let mut failure = io::Error::other("the host name has no address");
            for address in (host.as_str(), *port).to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, TIMEOUT) {
                    Ok(stream) => {
                        stream.set_read_timeout(Some(TIMEOUT))?;
                        stream.set_write_timeout(Some(TIMEOUT))?;
                        stream.set_nodelay(true)?;
                        return Ok(Box::new(stream));
                    }
                    Err(error) => failure = error,
                }
            }
            Err(failure)
        }
    }
}

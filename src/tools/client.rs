//! A blocking client of the text protocol: one question at a time, every wait and every answer bounded.
//!
//! It asks only what changes nothing. An answer longer than its bound is [`ToolError::InvalidReply`]; only the list of
//! keys has no bound, because it is handed on line by line and never held.

use super::address::Address;
use super::escape::escape;
use super::reply::{self, Item, WhyReply};
use super::stat_lines::StatLines;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long to wait for a connection, and for the server to send or take something.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest line that is read, in bytes. A key of 250 bytes takes 750 encoded.
const LINE_MAX_BYTES: usize = 8 * 1024;

/// Lines of one answer to `stats`: `stats conns` has four for each connection.
const LINES_MAX: usize = 1 << 20;

/// WhyReply there is no answer: what to tell the operator, in one line.
#[derive(Debug)]
pub enum ToolError {
    /// Nobody answers there.
    ConnectFailed {
        /// Where.
        server: String,
        /// WhyReply.
        error: io::Error,
    },
    /// The connection ended, or the server went silent.
    ConnectionLost {
        /// Which.
        server: String,
        /// WhyReply.
        error: io::Error,
    },
    /// The server does not know the question.
    UnknownRequest {
        /// Which.
        server: String,
        /// The question.
        request: String,
    },
    /// The server said no.
    Refused {
        /// Which.
        server: String,
        /// The question.
        request: String,
        /// Its line, without control characters.
        line: String,
    },
    /// The server said what no server says.
    InvalidReply {
        /// Which.
        server: String,
        /// The question.
        request: String,
    },
    /// Nothing can be shown.
    Output(io::Error),
    /// There is no terminal to show a live view on.
    NoTerminal,
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToolError::ConnectFailed { server, error } => {
                write!(f, "cannot connect to {server}: {}", describe(error))
            }
            ToolError::ConnectionLost { server, error } => write!(f, "lost {server}: {}", describe(error)),
            ToolError::UnknownRequest { server, request } => {
                let why = if is_larder_extension(request) {
                    "it is no larder, or an older one"
                } else {
                    "no server does"
                };
                write!(f, "{server} does not know \"{request}\": {why}")
            }
            ToolError::Refused { server, request, line } => {
                write!(f, "{server} refuses \"{request}\": {line}")
            }
            ToolError::InvalidReply { server, request } => {
                write!(f, "{server} answers \"{request}\" with what is no answer to it")
            }
            ToolError::Output(error) => write!(f, "cannot write: {}", describe(error)),
            ToolError::NoTerminal => f.write_str("no terminal to show this on; --json prints without one"),
        }
    }
}

impl std::error::Error for ToolError {}

/// What is left to go wrong when the server is not asked.
impl From<io::Error> for ToolError {
    fn from(error: io::Error) -> ToolError {
        ToolError::Output(error)
    }
}

/// True for what a plain memcached cannot answer.
fn is_larder_extension(request: &str) -> bool {
    match request.strip_prefix("stats ") {
        Some(topic) => ["advisor", "hotkeys", "families", "memory", "latency"].contains(&topic),
        None => request.starts_with("why "),
    }
}

/// What the system says, without its number, in words that fit a timeout.
fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("no answer within {} seconds", TIMEOUT.as_secs())
        }
        io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

/// TCP or a unix socket.
trait Stream: Read + Write + Send {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

/// A connection.
pub struct Client {
    server: String,
    stream: BufReader<Box<dyn Stream>>,
    /// The line read last, without its end.
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

    /// Where the server is.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// `stats`, with a topic unless that is empty. An answer without a line is empty here.
    pub fn stats(&mut self, topic: &str) -> Result<StatLines, ToolError> {
        let request = format!("stats {topic}").trim_end().to_owned();
        self.ask(&request)?;
        let mut stats = StatLines::default();
        loop {
            self.read_line()?;
            match reply::stat(&self.line) {
                _ if self.line == b"END" => return Ok(stats),
                // How `stats reset` ends, and nothing else is said.
                _ if self.line == b"RESET" => return Ok(stats),
                Some((name, value)) if stats.len() < LINES_MAX => stats.push(name, value),
                _ => return Err(self.classify_unexpected_line(&request)),
            }
        }
    }

    /// As [`Client::stats`], of what every larder has something to say of.
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

    /// `lru_crawler metadump all`: every item, as it comes, until `each` wants no more.
    pub fn for_each_item(
        &mut self,
        mut each: impl FnMut(&Item<'_>) -> io::Result<bool>,
    ) -> Result<(), ToolError> {
        let request = "lru_crawler metadump all";
        self.ask(request)?;
        self.read_line()?;
        // That the list begins; some versions say so.
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

    /// That an answer lacks what it must have.
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
            Ok(_) => io::Error::other("a line without end"),
            Err(error) => error,
        };
        Err(ToolError::ConnectionLost { server: self.server.clone(), error })
    }

    /// What the last line means where none of the expected was found.
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
            let mut failure = io::Error::other("the name has no address");
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

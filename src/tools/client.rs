//! A blocking client of the text protocol: one question at a time, every wait and every answer bounded.
//!
//! It asks only what changes nothing. An answer longer than its bound is [`Trouble::Unreadable`]; only the list of
//! keys has no bound, because it is handed on line by line and never held.

use super::address::Address;
use super::escape::shown;
use super::figures::Figures;
use super::reply::{self, Item, Why};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long to wait for a connection, and for the server to send or take something.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest line that is read, in bytes. A key of 250 bytes takes 750 encoded.
const LINE_MAX_BYTES: usize = 8 * 1024;

/// Lines of one answer to `stats`: `stats conns` has four for each connection.
const LINES_MAX: usize = 1 << 20;

/// Why there is no answer: what to tell the operator, in one line.
#[derive(Debug)]
pub enum Trouble {
    /// Nobody answers there.
    NotReached {
        /// Where.
        server: String,
        /// Why.
        error: io::Error,
    },
    /// The connection ended, or the server went silent.
    Lost {
        /// Which.
        server: String,
        /// Why.
        error: io::Error,
    },
    /// The server does not know the question.
    Unknown {
        /// Which.
        server: String,
        /// The question.
        question: String,
    },
    /// The server said no.
    Refused {
        /// Which.
        server: String,
        /// The question.
        question: String,
        /// Its line, without control characters.
        line: String,
    },
    /// The server said what no server says.
    Unreadable {
        /// Which.
        server: String,
        /// The question.
        question: String,
    },
    /// Nothing can be shown.
    Output(io::Error),
    /// There is no terminal to show a live view on.
    NoTerminal,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::NotReached { server, error } => write!(f, "cannot connect to {server}: {}", told(error)),
            Trouble::Lost { server, error } => write!(f, "lost {server}: {}", told(error)),
            Trouble::Unknown { server, question } => {
                let why = if is_of_larder(question) {
                    "it is no larder, or an older one"
                } else {
                    "no server does"
                };
                write!(f, "{server} does not know \"{question}\": {why}")
            }
            Trouble::Refused { server, question, line } => {
                write!(f, "{server} refuses \"{question}\": {line}")
            }
            Trouble::Unreadable { server, question } => {
                write!(f, "{server} answers \"{question}\" with what is no answer to it")
            }
            Trouble::Output(error) => write!(f, "cannot write: {}", told(error)),
            Trouble::NoTerminal => f.write_str("no terminal to show this on; --json prints without one"),
        }
    }
}

impl std::error::Error for Trouble {}

/// What is left to go wrong when the server is not asked.
impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Output(error)
    }
}

/// True for what a plain memcached cannot answer.
fn is_of_larder(question: &str) -> bool {
    match question.strip_prefix("stats ") {
        Some(topic) => ["advisor", "hotkeys", "families", "memory", "latency"].contains(&topic),
        None => question.starts_with("why "),
    }
}

/// What the system says, without its number, in words that fit a timeout.
fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("no answer within {} seconds", PATIENCE.as_secs())
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
    pub fn connect(address: &Address) -> Result<Client, Trouble> {
        let server = address.to_string();
        match open(address) {
            Ok(stream) => {
                Ok(Client { server, stream: BufReader::with_capacity(64 * 1024, stream), line: Vec::new() })
            }
            Err(error) => Err(Trouble::NotReached { server, error }),
        }
    }

    /// Where the server is.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// `stats`, with a topic unless that is empty. An answer without a line is empty here.
    pub fn stats(&mut self, topic: &str) -> Result<Figures, Trouble> {
        let question = format!("stats {topic}").trim_end().to_owned();
        self.ask(&question)?;
        let mut figures = Figures::default();
        loop {
            self.read_line()?;
            match reply::stat(&self.line) {
                _ if self.line == b"END" => return Ok(figures),
                // How `stats reset` ends, and nothing else is said.
                _ if self.line == b"RESET" => return Ok(figures),
                Some((name, value)) if figures.len() < LINES_MAX => figures.push(name, value),
                _ => return Err(self.not_answered(&question)),
            }
        }
    }

    /// As [`Client::stats`], of what every larder has something to say of.
    pub fn explained(&mut self, topic: &str) -> Result<Figures, Trouble> {
        match self.stats(topic)? {
            figures if figures.is_empty() => {
                Err(Trouble::Unknown { server: self.server.clone(), question: format!("stats {topic}") })
            }
            figures => Ok(figures),
        }
    }

    /// `why KEY`.
    pub fn why(&mut self, key: &str) -> Result<Why, Trouble> {
        let question = format!("why {key}");
        self.ask(&question)?;
        self.read_line()?;
        reply::why(&self.line).ok_or_else(|| self.not_answered(&question))
    }

    /// `lru_crawler metadump all`: every item, as it comes, until `each` wants no more.
    pub fn for_each_item(
        &mut self,
        mut each: impl FnMut(&Item<'_>) -> io::Result<bool>,
    ) -> Result<(), Trouble> {
        let question = "lru_crawler metadump all";
        self.ask(question)?;
        self.read_line()?;
        // That the list begins; some versions say so.
        if self.line == b"OK" {
            self.read_line()?;
        }
        loop {
            match reply::item(&self.line) {
                _ if self.line == b"END" => return Ok(()),
                None => return Err(self.not_answered(question)),
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
    pub fn unreadable(&self, question: &str) -> Trouble {
        Trouble::Unreadable { server: self.server.clone(), question: question.to_owned() }
    }

    fn ask(&mut self, question: &str) -> Result<(), Trouble> {
        let sent = self.stream.get_mut().write_all(format!("{question}\r\n").as_bytes());
        sent.map_err(|error| Trouble::Lost { server: self.server.clone(), error })
    }

    fn read_line(&mut self) -> Result<(), Trouble> {
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
        Err(Trouble::Lost { server: self.server.clone(), error })
    }

    /// What the last line means where none of the expected was found.
    fn not_answered(&self, question: &str) -> Trouble {
        let (server, question) = (self.server.clone(), question.to_owned());
        match self.line.as_slice() {
            b"ERROR" => Trouble::Unknown { server, question },
            line if reply::is_refusal(line) => Trouble::Refused { server, question, line: shown(line) },
            _ => Trouble::Unreadable { server, question },
        }
    }
}

fn open(address: &Address) -> io::Result<Box<dyn Stream>> {
    match address {
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Box::new(stream))
        }
        Address::Tcp { host, port } => {
            let mut failure = io::Error::other("the name has no address");
            for address in (host.as_str(), *port).to_socket_addrs()? {
                match TcpStream::connect_timeout(&address, PATIENCE) {
                    Ok(stream) => {
                        stream.set_read_timeout(Some(PATIENCE))?;
                        stream.set_write_timeout(Some(PATIENCE))?;
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

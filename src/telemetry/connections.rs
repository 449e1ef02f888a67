//! The table of open connections: what `stats conns` lists, and whom a shutdown has to wake.
//!
//! Several tables, each locked when a connection comes or goes or somebody asks; a request touches only the two
//! words of its own [`Connection`]. Invariant: an entry is in the table exactly while its descriptor is open, because
//! a connection takes itself out before its socket is closed.

use nix::sys::socket::{
    AddressFamily, Shutdown, SockaddrLike, SockaddrStorage, getpeername, getsockname, shutdown,
};
use parking_lot::Mutex;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};

/// Rows of `stats conns` made at once, at most.
pub const ROWS_PER_CALL: usize = 32;

/// What a connection is doing, in the words of `stats conns`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ConnectionState {
    /// Waiting for a request.
    Read,
    /// Executing one.
    ParseCommand,
    /// Receiving a value.
    ReceiveValue,
    /// Dropping a data block.
    Swallow,
    /// Waiting for the peer to read.
    Write,
    /// On its way out.
    Closing,
    /// Sending the log.
    Watch,
    /// Refused; waiting for the peer to close.
    Lingering,
}

impl ConnectionState {
    /// memcached's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            ConnectionState::Read => "conn_read",
            ConnectionState::ParseCommand => "conn_parse_cmd",
            ConnectionState::ReceiveValue => "conn_nread",
            ConnectionState::Swallow => "conn_swallow",
            ConnectionState::Write => "conn_mwrite",
            ConnectionState::Closing | ConnectionState::Lingering => "conn_closing",
            ConnectionState::Watch => "conn_watch",
        }
    }

    fn from_u8(value: u8) -> ConnectionState {
        use ConnectionState::*;
        [Read, ParseCommand, ReceiveValue, Swallow, Write, Closing, Watch, Lingering]
            .into_iter()
            .find(|s| *s as u8 == value)
            .unwrap_or(Read)
    }
}

/// How a client came here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// TCP, encrypted or not.
    Tcp,
    /// A unix socket.
    Unix,
}

/// One open connection.
#[derive(Debug)]
pub struct Connection {
    transport: Transport,
    last_command_secs: AtomicU32,
    state: AtomicU8,
}

impl Connection {
    /// Notes what it does and when it last got a command, in the seconds of the process clock.
    pub fn record_command(&self, state: ConnectionState, now_secs: u32) {
        self.state.store(state as u8, Ordering::Relaxed);
        self.last_command_secs.store(now_secs, Ordering::Relaxed);
    }

    /// Notes what it does.
    pub fn set_state(&self, state: ConnectionState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// True if [`Connections::close_idle`] has ended its input.
    pub fn was_closed_idle(&self) -> bool {
        self.state.load(Ordering::Relaxed) == ConnectionState::Closing as u8
    }
}

/// A listening socket.
#[derive(Clone, Copy, Debug)]
pub struct Listener {
    /// Its descriptor.
    pub fd: RawFd,
    /// When it was opened.
    pub since_secs: u32,
    /// True for a UDP socket, which is served as it is.
    pub udp: bool,
}

/// Who is at the other end of a connection, in the words of `watch connevents`.
#[derive(Clone, Debug)]
pub struct PeerAddress {
    /// Address without port, or `unix`.
    pub host: String,
    /// Port; 0 without one.
    pub port: u16,
    /// `tcp` or `local`.
    pub transport: &'static str,
}

impl PeerAddress {
    /// The peer of an open connection; one that is gone already has no address any more.
    pub fn of(fd: RawFd) -> PeerAddress {
        let address: nix::Result<SockaddrStorage> = getpeername(fd);
        let tcp = |host: String, port| PeerAddress { host, port, transport: "tcp" };
        match address {
            Ok(address) => match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
                (Some(v4), _) => tcp(v4.ip().to_string(), v4.port()),
                (_, Some(v6)) => tcp(v6.ip().to_string(), v6.port()),
                _ => PeerAddress { host: "unix".to_owned(), port: 0, transport: "local" },
            },
            Err(_) => tcp("gone".to_owned(), 0),
        }
    }
}

/// One line group of `stats conns`.
#[derive(Debug)]
pub struct Row {
    /// The descriptor.
    pub fd: RawFd,
    /// True for a UDP socket.
    pub udp: bool,
    /// The peer's address, or a listener's own.
    pub address: String,
    /// Where it came in; `None` for a listener.
    pub listen_address: Option<String>,
    /// memcached's word for its state.
    pub state: &'static str,
    /// When it last got a command.
    pub last_command_secs: u32,
}

/// The connections of one descriptor in so many. The kernel hands out the lowest that is free, so there are few empty
/// places.
#[derive(Default, Debug)]
struct Table(Vec<Option<Arc<Connection>>>);

impl Table {
    fn insert(&mut self, place: usize, connection: Arc<Connection>) {
        if place >= self.0.len() {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(connection);
    }

    fn remove(&mut self, place: usize) {
        if let Some(connection) = self.0.get_mut(place) {
            *connection = None;
        }
    }

    /// With their places.
    fn iter(&self) -> impl Iterator<Item = (usize, &Connection)> {
        self.0.iter().enumerate().filter_map(|(place, connection)| Some((place, &**connection.as_ref()?)))
    }
}

/// All open connections and listeners.
#[derive(Debug)]
pub struct Connections {
    tables: Box<[Mutex<Table>]>,
    listening: Mutex<Vec<Listener>>,
    /// Of them, those there were at the last reset.
    listening_before: AtomicUsize,
    open: AtomicUsize,
    open_max: AtomicUsize,
}

impl Connections {
    /// With this many tables, for as many threads.
    pub fn new(tables: usize) -> Connections {
        Connections {
            tables: (0..tables).map(|_| Mutex::default()).collect(),
            listening: Mutex::default(),
            listening_before: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            open_max: AtomicUsize::new(0),
        }
    }

    /// Counts a connection in if fewer than `limit` are open; it must be counted out with [`Connections::release`].
    pub fn try_acquire(&self, limit: usize) -> bool {
        let entered = self
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < limit).then_some(open + 1));
        if let Ok(before) = entered {
            self.open_max.fetch_max(before + 1, Ordering::Relaxed);
        }
        entered.is_ok()
    }

    /// Counts a connection out.
    pub fn release(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// The most that were ever open at once.
    pub fn open_max(&self) -> usize {
        self.open_max.load(Ordering::Relaxed)
    }

    /// The table of a descriptor, and its place there.
    fn place(&self, fd: RawFd) -> (&Mutex<Table>, usize) {
        let (fd, tables) = (fd.unsigned_abs() as usize, self.tables.len());
        (&self.tables[fd % tables], fd / tables)
    }

    /// Calls `visit` with every connection and its descriptor.
    fn for_each(&self, mut visit: impl FnMut(RawFd, &Connection)) {
        for (first, table) in self.tables.iter().enumerate() {
            for (place, connection) in table.lock().iter() {
                let fd = RawFd::try_from(place * self.tables.len() + first);
                visit(fd.unwrap_or(RawFd::MAX), connection);
            }
        }
    }

    /// Puts a connection into a table.
    pub fn add(&self, fd: RawFd, transport: Transport, now_secs: u32) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            transport,
            last_command_secs: AtomicU32::new(now_secs),
            state: AtomicU8::new(ConnectionState::Read as u8),
        });
        let (table, place) = self.place(fd);
        table.lock().insert(place, connection.clone());
        connection
    }

    /// Takes a connection out; call it before its socket is closed.
    pub fn remove(&self, fd: RawFd) {
        let (table, place) = self.place(fd);
        table.lock().remove(place);
    }

    /// Notes a listening socket.
    pub fn add_listener(&self, listening: Listener) {
        self.listening.lock().push(listening);
    }

    /// Number of listening sockets.
    pub fn listeners(&self) -> usize {
        self.listening.lock().len()
    }

    /// Listener sockets noted since the last reset.
    pub fn listeners_since_reset(&self) -> u64 {
        (self.listeners() - self.listening_before.load(Ordering::Relaxed)) as u64
    }

    /// Counts listening sockets anew.
    pub fn reset(&self) {
        self.listening_before.store(self.listeners(), Ordering::Relaxed);
    }

    /// Ends the input of every connection: each answers what it has received, then closes itself.
    pub fn shut_down_input(&self) {
        self.for_each(|fd, _| {
            // An error means that the peer is gone already.
            let _ = shutdown(fd, Shutdown::Read);
        });
    }

    /// Ends the input of those TCP connections that wait for a request and got none since `since_secs`: each closes
    /// itself. Returns how many.
    pub fn close_idle(&self, since_secs: u32) -> u64 {
        let mut ended = 0;
        self.for_each(|fd, connection| {
            let waits = connection.state.load(Ordering::Relaxed) == ConnectionState::Read as u8;
            let idle = connection.last_command_secs.load(Ordering::Relaxed) < since_secs;
            if connection.transport == Transport::Tcp && waits && idle {
                connection.set_state(ConnectionState::Closing);
                let _ = shutdown(fd, Shutdown::Read);
                ended += 1;
            }
        });
        ended
    }

    /// Ends those connections that were refused before `since_secs` and whose peer has not closed yet.
    pub fn close_lingering(&self, since_secs: u32) {
        self.for_each(|fd, connection| {
            let lingers = connection.state.load(Ordering::Relaxed) == ConnectionState::Lingering as u8;
            if lingers && connection.last_command_secs.load(Ordering::Relaxed) < since_secs {
                let _ = shutdown(fd, Shutdown::Both);
            }
        });
    }

    /// What is open, by descriptor, from `first` on: at most `ROWS_PER_CALL` rows, and the descriptor to go on from, if
    /// there are more. Each row takes two system calls.
    pub fn rows(&self, first: RawFd) -> (Vec<Row>, Option<RawFd>) {
        let listening = self.listening.lock().clone();
        let opened =
            self.tables.iter().map(|table| table.lock().0.len()).max().unwrap_or(0) * self.tables.len();
        let end = listening.iter().map(|listening| listening.fd + 1).max().unwrap_or(0);
        let end = end.max(RawFd::try_from(opened).unwrap_or(RawFd::MAX));
        let mut rows = Vec::new();
        for fd in first..end {
            if rows.len() == ROWS_PER_CALL {
                return (rows, Some(fd));
            }
            if let Some(listening) = listening.iter().find(|listening| listening.fd == fd) {
                rows.push(listening_row(listening));
                continue;
            }
            let (table, place) = self.place(fd);
            if let Some(Some(connection)) = table.lock().0.get(place) {
                rows.push(connection_row(fd, connection));
            }
        }
        (rows, None)
    }
}

fn listening_row(listening: &Listener) -> Row {
    Row {
        fd: listening.fd,
        udp: listening.udp,
        address: match address(getsockname(listening.fd)) {
            tcp if listening.udp => tcp.replacen("tcp", "udp", 1),
            address => address,
        },
        listen_address: None,
        state: if listening.udp { ConnectionState::Read.word() } else { "conn_listening" },
        last_command_secs: listening.since_secs,
    }
}

fn connection_row(fd: RawFd, connection: &Connection) -> Row {
    Row {
        fd,
        udp: false,
        address: address(getpeername(fd)),
        listen_address: Some(address(getsockname(fd))),
        state: ConnectionState::from_u8(connection.state.load(Ordering::Relaxed)).word(),
        last_command_secs: connection.last_command_secs.load(Ordering::Relaxed),
    }
}

/// An address in memcached's form: `tcp:127.0.0.1:11211`, `tcp6:[::1]:11211`, `unix:/path`.
fn address(address: nix::Result<SockaddrStorage>) -> String {
    let Ok(address) = address else { return "gone".to_owned() };
    match address.family() {
        Some(AddressFamily::Inet) => format!("tcp:{address}"),
        Some(AddressFamily::Inet6) => format!("tcp6:{address}"),
        Some(AddressFamily::Unix) => {
            let path = address.as_unix_addr().and_then(|unix| unix.path());
            format!("unix:{}", path.map_or_else(String::new, |path| path.display().to_string()))
        }
        _ => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn rows_come_in_parts_and_each_once() {
        let table = Connections::new(3);
        let pairs: Vec<_> = (0..2 * ROWS_PER_CALL).map(|_| UnixStream::pair().unwrap()).collect();
        for (socket, _) in &pairs[1..] {
            table.add(socket.as_raw_fd(), Transport::Unix, 1);
        }
        let listener = pairs[0].0.as_raw_fd();
        table.add_listener(Listener { fd: listener, since_secs: 1, udp: false });
        let (mut found, mut next) = (Vec::new(), Some(0));
        while let Some(first) = next {
            let (rows, more) = table.rows(first);
            assert!(rows.len() <= ROWS_PER_CALL);
            found.extend(rows.into_iter().map(|row| row.fd));
            next = more;
        }
        // Descriptors that other tests have closed are given out again, in any order.
        let mut expected: Vec<RawFd> = pairs.iter().map(|(socket, _)| socket.as_raw_fd()).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_tcp_connections_that_wait_too_long_are_ended_and_each_once() {
        let table = Connections::new(1);
        let pairs: Vec<_> = (0..4).map(|_| UnixStream::pair().unwrap()).collect();
        let fd = |index: usize| pairs[index].0.as_raw_fd();
        table.add(fd(0), Transport::Tcp, 10);
        table.add(fd(1), Transport::Tcp, 11);
        table.add(fd(2), Transport::Unix, 10);
        table.add(fd(3), Transport::Tcp, 10).set_state(ConnectionState::ReceiveValue);
        assert_eq!(table.close_idle(10), 0);
        assert_eq!(table.close_idle(11), 1);
        assert_eq!(table.close_idle(11), 0);
        assert_eq!((&pairs[0].0).read(&mut [0]).unwrap(), 0);
        pairs[1].0.set_nonblocking(true).unwrap();
        assert!((&pairs[1].0).read(&mut [0]).is_err());
        assert_eq!(table.rows(0).0.iter().filter(|row| row.state == "conn_closing").count(), 1);
    }
}

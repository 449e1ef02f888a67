//! The table of open connections, for `stats conns`, idle timeouts and shutdown.
//!
//! The table has several parts, each locked when a connection is added, removed or listed. A request only writes the
//! two atomics of its own [`Connection`]. Invariant: an entry exists exactly while its descriptor is open, because a
//! connection removes its entry before it closes its socket.

use nix::sys::socket::{
    AddressFamily, Shutdown, SockaddrLike, SockaddrStorage, getpeername, getsockname, shutdown,
};
use parking_lot::Mutex;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};

/// Rows of `stats conns` returned by one call, at most.
pub const ROWS_PER_CALL: usize = 32;

/// The state of a connection, as `stats conns` shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ConnectionState {
    /// Waiting for a request.
    Read,
    /// Executing a request.
    ParseCommand,
    /// Receiving a value.
    ReceiveValue,
    /// Discarding a data block.
    Swallow,
    /// Waiting for the client to read replies.
    Write,
    /// Closing.
    Closing,
    /// Sending the log to a watcher.
    Watch,
    /// Refused; waiting for the client to close.
    Lingering,
}

impl ConnectionState {
    /// The name in memcached.
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

/// The transport of a connection.
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
    /// Sets the state and the time of the last command, in seconds of the process clock.
    pub fn record_command(&self, state: ConnectionState, now_secs: u32) {
        self.state.store(state as u8, Ordering::Relaxed);
        self.last_command_secs.store(now_secs, Ordering::Relaxed);
    }

    /// Sets the state.
    pub fn set_state(&self, state: ConnectionState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// True if [`Connections::close_idle`] has shut down its input.
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
    /// True for a UDP socket.
    pub udp: bool,
}

/// The address of the client of a connection, as `watch connevents` shows it.
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
    /// The peer address of a socket; `gone` after the client has closed.
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

/// One socket in `stats conns`.
#[derive(Debug)]
pub struct Row {
    /// The descriptor.
    pub fd: RawFd,
    /// True for a UDP socket.
    pub udp: bool,
    /// The address of the client, or that of a listener.
    pub address: String,
    /// The local address of a connection; `None` for a listener.
    pub listen_address: Option<String>,
    /// The state by its name in memcached.
    pub state: &'static str,
    /// Time of the last command.
    pub last_command_secs: u32,
}

/// A part of the table: the descriptors with the same remainder. The kernel assigns the lowest free descriptor, so few
/// slots are empty.
#[derive(Default, Debug)]
struct Table(Vec<Option<Arc<Connection>>>);

impl Table {
    fn insert(&mut self, slot: usize, connection: Arc<Connection>) {
        if slot >= self.0.len() {
            self.0.resize(slot + 1, None);
        }
        self.0[slot] = Some(connection);
    }

    fn remove(&mut self, slot: usize) {
        if let Some(connection) = self.0.get_mut(slot) {
            *connection = None;
        }
    }

    /// The connections with their slots.
    fn iter(&self) -> impl Iterator<Item = (usize, &Connection)> {
        self.0.iter().enumerate().filter_map(|(slot, connection)| Some((slot, &**connection.as_ref()?)))
    }
}

/// All open connections and listeners.
#[derive(Debug)]
pub struct Connections {
    tables: Box<[Mutex<Table>]>,
    listeners: Mutex<Vec<Listener>>,
    /// The number of listeners at the last reset.
    listeners_at_reset: AtomicUsize,
    open: AtomicUsize,
    open_max: AtomicUsize,
}

impl Connections {
    /// A table with this many parts, for as many threads.
    pub fn new(tables: usize) -> Connections {
        Connections {
            tables: (0..tables).map(|_| Mutex::default()).collect(),
            listeners: Mutex::default(),
            listeners_at_reset: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            open_max: AtomicUsize::new(0),
        }
    }

    /// Takes a place for a connection if fewer than `limit` are open. It is given back by [`Connections::release`].
    pub fn try_acquire(&self, limit: usize) -> bool {
        let acquired = self
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < limit).then_some(open + 1));
        if let Ok(before) = acquired {
            self.open_max.fetch_max(before + 1, Ordering::Relaxed);
        }
        acquired.is_ok()
    }

    /// Gives back the place of a closed connection.
    pub fn release(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// The highest number of open connections so far.
    pub fn open_max(&self) -> usize {
        self.open_max.load(Ordering::Relaxed)
    }

    /// The part of the table for a descriptor, and its slot there.
    fn slot(&self, fd: RawFd) -> (&Mutex<Table>, usize) {
        let (fd, tables) = (fd.unsigned_abs() as usize, self.tables.len());
        (&self.tables[fd % tables], fd / tables)
    }

    /// Calls `visit` with every connection and its descriptor.
    fn for_each(&self, mut visit: impl FnMut(RawFd, &Connection)) {
        for (first, table) in self.tables.iter().enumerate() {
            for (slot, connection) in table.lock().iter() {
                let fd = RawFd::try_from(slot * self.tables.len() + first);
                visit(fd.unwrap_or(RawFd::MAX), connection);
            }
        }
    }

    /// Adds a connection.
    pub fn add(&self, fd: RawFd, transport: Transport, now_secs: u32) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            transport,
            last_command_secs: AtomicU32::new(now_secs),
            state: AtomicU8::new(ConnectionState::Read as u8),
        });
        let (table, slot) = self.slot(fd);
        table.lock().insert(slot, connection.clone());
        connection
    }

    /// Removes a connection. To be called before its socket is closed.
    pub fn remove(&self, fd: RawFd) {
        let (table, slot) = self.slot(fd);
        table.lock().remove(slot);
    }

    /// Adds a listening socket.
    pub fn add_listener(&self, listening: Listener) {
        self.listeners.lock().push(listening);
    }

    /// Number of listening sockets.
    pub fn listeners(&self) -> usize {
        self.listeners.lock().len()
    }

    /// Listening sockets added since the last reset.
    pub fn listeners_since_reset(&self) -> u64 {
        (self.listeners() - self.listeners_at_reset.load(Ordering::Relaxed)) as u64
    }

    /// Counts listening sockets from 0 again.
    pub fn reset(&self) {
        self.listeners_at_reset.store(self.listeners(), Ordering::Relaxed);
    }

    /// Shuts down the input of every connection. Each answers the requests that it has received and closes.
    pub fn shut_down_input(&self) {
        self.for_each(|fd, _| {
            // An error means that the client has closed.
            let _ = shutdown(fd, Shutdown::Read);
        });
    }

    /// Shuts down the input of those TCP connections that wait for a request and got none since `since_secs`, so that
    /// they close. Returns their number.
    pub fn close_idle(&self, since_secs: u32) -> u64 {
        let mut closed = 0;
        self.for_each(|fd, connection| {
            let is_waiting = connection.state.load(Ordering::Relaxed) == ConnectionState::Read as u8;
            let is_idle = connection.last_command_secs.load(Ordering::Relaxed) < since_secs;
            if connection.transport == Transport::Tcp && is_waiting && is_idle {
                connection.set_state(ConnectionState::Closing);
                let _ = shutdown(fd, Shutdown::Read);
                closed += 1;
            }
        });
        closed
    }

    /// Shuts down the connections that were refused before `since_secs` and are still open.
    pub fn close_lingering(&self, since_secs: u32) {
        self.for_each(|fd, connection| {
            let is_lingering = connection.state.load(Ordering::Relaxed) == ConnectionState::Lingering as u8;
            if is_lingering && connection.last_command_secs.load(Ordering::Relaxed) < since_secs {
                let _ = shutdown(fd, Shutdown::Both);
            }
        });
    }

    /// The open sockets in the order of their descriptors, from `first` on: at most `ROWS_PER_CALL` rows, and the
    /// descriptor to continue from if there are more. Each row takes two system calls.
    pub fn rows(&self, first: RawFd) -> (Vec<Row>, Option<RawFd>) {
        let listeners = self.listeners.lock().clone();
        let opened =
            self.tables.iter().map(|table| table.lock().0.len()).max().unwrap_or(0) * self.tables.len();
        let end = listeners.iter().map(|listener| listener.fd + 1).max().unwrap_or(0);
        let end = end.max(RawFd::try_from(opened).unwrap_or(RawFd::MAX));
        let mut rows = Vec::new();
        for fd in first..end {
            if rows.len() == ROWS_PER_CALL {
                return (rows, Some(fd));
            }
            if let Some(listener) = listeners.iter().find(|listener| listener.fd == fd) {
                rows.push(listener_row(listener));
                continue;
            }
            let (table, slot) = self.slot(fd);
            if let Some(Some(connection)) = table.lock().0.get(slot) {
                rows.push(connection_row(fd, connection));
            }
        }
        (rows, None)
    }
}

fn listener_row(listener: &Listener) -> Row {
    Row {
        fd: listener.fd,
        udp: listener.udp,
        address: match address(getsockname(listener.fd)) {
            tcp if listener.udp => tcp.replacen("tcp", "udp", 1),
            address => address,
        },
        listen_address: None,
        state: if listener.udp { ConnectionState::Read.word() } else { "conn_listening" },
        last_command_secs: listener.since_secs,
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
    fn rows_are_returned_in_parts_and_each_once() {
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
        // The kernel reuses descriptors that other tests have closed, in any order.
        let mut expected: Vec<RawFd> = pairs.iter().map(|(socket, _)| socket.as_raw_fd()).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_tcp_connections_that_wait_too_long_are_closed_and_each_once() {
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

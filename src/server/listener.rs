//! Opens listening sockets, with one line for every way it can fail.

use super::settings::{
    AcceptedProtocol, InheritedSocket, MetricsListen, Service, Settings, TcpListen, UnixListen,
};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::stat::{Mode, umask};
use rustix::net::sockopt::set_tcp_quickack;
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What is asked for as the send buffer of a UDP socket; large, as an answer may be many datagrams.
const UDP_SEND_BUFFER_BYTES: usize = 256 << 20;

/// Why a socket could not be opened. Shown as memcached shows it.
#[derive(Debug)]
pub struct ListenError {
    what: String,
    source: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.source.raw_os_error() {
            Some(number) => Errno::from_raw(number).desc().to_owned(),
            None => self.source.to_string(),
        };
        write!(f, "failed to listen on {}: {reason}", self.what)
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The socket of one address, and what is served there.
pub(super) struct Group {
    pub(super) socket: Socket,
    pub(super) unix: bool,
    pub(super) service: Service,
}

impl Group {
    fn unix(socket: Socket, protocol: AcceptedProtocol) -> Group {
        Group { socket, unix: true, service: Service { protocol, tls: None } }
    }
}

/// All listening sockets.
pub struct Listeners {
    pub(super) groups: Vec<Group>,
    /// UDP sockets, one for an address, and what is spoken there.
    pub(super) udp: Vec<(Socket, AcceptedProtocol)>,
    metrics: Option<TcpListener>,
    /// Where that is, port resolved.
    metrics_address: Option<SocketAddr>,
}

impl Listeners {
    /// Opens the unix socket of `settings`, if there is one. A socket file that nobody listens on any more is
    /// replaced; one with a live server behind it is an error.
    pub fn bind_unix(&mut self, settings: &Settings) -> Result<(), ListenError> {
        let Some(unix) = &settings.unix else { return Ok(()) };
        let socket = bind_path(unix, settings.backlog).map_err(|source| ListenError {
            what: format!("UNIX socket: {}", unix.path.display()),
            source,
        })?;
        self.groups.push(Group::unix(socket, settings.protocol));
        Ok(())
    }

    /// The socket of `--metrics`, once, for whoever serves it.
    pub fn take_metrics(&mut self) -> Option<TcpListener> {
        self.metrics.take()
    }

    fn bind_metrics(&mut self, listen: &MetricsListen) -> io::Result<()> {
        let socket = TcpListener::bind((listen.host.as_str(), listen.port))?;
        self.metrics_address = Some(socket.local_addr()?);
        self.metrics = Some(socket);
        Ok(())
    }

    fn take_over(&mut self, inherited: InheritedSocket, settings: &Settings) -> io::Result<()> {
        let protocol = settings.protocol;
        match inherited {
            InheritedSocket::Tcp(listener) => {
                let socket = Socket::from(listener);
                socket.set_nonblocking(true)?;
                inherit(&socket)?;
                acknowledge_by_reply(&socket)?;
                let service = Service { tls: settings.tls.as_ref().map(|tls| tls.clients), protocol };
                self.groups.push(Group { socket, unix: false, service });
            }
            InheritedSocket::Unix(listener) => {
                listener.set_nonblocking(true)?;
                self.groups.push(Group::unix(listener.into(), protocol));
            }
            InheritedSocket::Udp(socket) => {
                socket.set_nonblocking(true)?;
                self.udp.push((socket.into(), protocol));
            }
        }
        Ok(())
    }

    /// True if there is nothing to listen on.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.udp.is_empty()
    }

    /// The addresses bound, ports resolved, each with the word of the port file for what is served there.
    pub(super) fn ports(&self) -> Vec<(&'static str, SocketAddr)> {
        let tcp = self.groups.iter().map(|group| ("TCP", &group.socket));
        let all = tcp.chain(self.udp.iter().map(|(socket, _)| ("UDP", socket)));
        let bound = all.filter_map(|(word, socket)| Some((word, socket.local_addr().ok()?.as_socket()?)));
        bound.chain(self.metrics_address.map(|address| ("HTTP", address))).collect()
    }
}

/// Opens the TCP and UDP sockets of `settings` and takes over its inherited ones.
pub fn bind_ports(settings: &mut Settings) -> Result<Listeners, ListenError> {
    let mut listeners =
        Listeners { groups: Vec::new(), udp: Vec::new(), metrics: None, metrics_address: None };
    let mut left_out = None;
    for inherited in std::mem::take(&mut settings.inherited) {
        listeners
            .take_over(inherited, settings)
            .map_err(|source| ListenError { what: "an inherited socket".to_owned(), source })?;
    }
    for listen in &settings.tcp {
        let what = match listen.text.as_str() {
            "" => format!("TCP port {}", listen.port),
            text => format!("one of interface(s) {text}"),
        };
        match bind_listen(listen, settings) {
            Ok(groups) => listeners.groups.extend(groups),
            Err(source) if listen.optional && is_absent_family(&source) => {
                left_out = Some(ListenError { what, source });
            }
            Err(source) => return Err(ListenError { what, source }),
        }
    }
    for listen in &settings.udp {
        let what = match listen.text.as_str() {
            "" => format!("UDP port {}", listen.port),
            text => format!("one of interface(s) {text}"),
        };
        match bind_udp(listen, settings) {
            Ok(sockets) => {
                let protocol = listen.service.protocol;
                listeners.udp.extend(sockets.into_iter().map(|socket| (socket, protocol)));
            }
            Err(source) if listen.optional && is_absent_family(&source) => {
                left_out = Some(ListenError { what, source });
            }
            Err(source) => return Err(ListenError { what, source }),
        }
    }
    match left_out {
        Some(error) if listeners.is_empty() => return Err(error),
        _ => {}
    }
    if let Some(listen) = &settings.metrics {
        let what = format!("metrics address {listen}");
        listeners.bind_metrics(listen).map_err(|source| ListenError { what, source })?;
    }
    Ok(listeners)
}

/// True if the machine does not have this kind of address at all.
fn is_absent_family(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32)
}

fn bind_listen(listen: &TcpListen, settings: &Settings) -> io::Result<Vec<Group>> {
    let Some(host) = &listen.host else {
        let v4 = bind_address(SocketAddr::from(([0, 0, 0, 0], listen.port)), listen, settings)?;
        let v6 = bind_address(SocketAddr::from(([0u16; 8], listen.port)), listen, settings);
        return match v6 {
            Ok(v6) => Ok(vec![v4, v6]),
            Err(error) if is_absent_family(&error) => Ok(vec![v4]),
            Err(error) => Err(error),
        };
    };
    let mut addresses: Vec<SocketAddr> = (host.as_str(), listen.port).to_socket_addrs()?.collect();
    addresses.dedup();
    addresses.into_iter().map(|address| bind_address(address, listen, settings)).collect()
}

/// No address is shared: one that is in use is an error.
fn bind_udp(listen: &TcpListen, settings: &Settings) -> io::Result<Vec<Socket>> {
    let bind = |address: SocketAddr| {
        let socket =
            Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        mark(&socket, settings)?;
        // The kernel takes as much of it as it may.
        socket.set_send_buffer_size(UDP_SEND_BUFFER_BYTES)?;
        socket.bind(&address.into())?;
        Ok(socket)
    };
    let Some(host) = &listen.host else {
        let v4 = bind(SocketAddr::from(([0, 0, 0, 0], listen.port)))?;
        return match bind(SocketAddr::from(([0u16; 8], listen.port))) {
            Ok(v6) => Ok(vec![v4, v6]),
            Err(error) if is_absent_family(&error) => Ok(vec![v4]),
            Err(error) => Err(error),
        };
    };
    let mut addresses: Vec<SocketAddr> = (host.as_str(), listen.port).to_socket_addrs()?.collect();
    addresses.dedup();
    addresses.into_iter().map(bind).collect()
}

fn mark(socket: &Socket, settings: &Settings) -> io::Result<()> {
    if settings.socket_mark != 0 {
        setsockopt(socket, sockopt::Mark, &settings.socket_mark)?;
    }
    Ok(())
}

fn bind_address(address: SocketAddr, listen: &TcpListen, settings: &Settings) -> io::Result<Group> {
    let socket = new_socket(address, settings)?;
    socket.bind(&address.into())?;
    socket.listen(settings.backlog)?;
    acknowledge_by_reply(&socket)?;
    Ok(Group { socket, unix: false, service: listen.service })
}

fn new_socket(address: SocketAddr, settings: &Settings) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    mark(&socket, settings)?;
    inherit(&socket)?;
    Ok(socket)
}

/// Options that accepted sockets inherit from the listening one, which saves the calls on each of them.
fn inherit(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(true)
}

/// Has the first reply of accepted sockets acknowledge their first request, which saves a packet; where no reply can
/// follow yet, the connection acknowledges at once (`Stream::acknowledge`). For a socket that listens already, because
/// listen(2) forgets it.
fn acknowledge_by_reply(socket: &Socket) -> io::Result<()> {
    Ok(set_tcp_quickack(socket, false)?)
}

fn bind_path(unix: &UnixListen, backlog: i32) -> io::Result<Socket> {
    if fs::symlink_metadata(&unix.path).is_ok_and(|found| found.file_type().is_socket()) {
        if UnixStream::connect(&unix.path).is_ok() {
            return Err(io::Error::from_raw_os_error(Errno::EADDRINUSE as i32));
        }
        fs::remove_file(&unix.path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    let address = socket2::SockAddr::unix(&unix.path)?;
    let before = umask(Mode::from_bits_truncate(!unix.mask & 0o777));
    let bound = socket.bind(&address);
    umask(before);
    bound?;
    socket.listen(backlog)?;
    Ok(socket)
}

/// Writes the bound ports, one line each, by way of a second file, so that a reader never sees half of it. Leaves nothing
/// behind if that fails.
pub(super) fn write_port_file(path: &Path, ports: &[(&str, SocketAddr)]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".lck");
    let line = |(word, address): &(&str, SocketAddr)| {
        format!("{word} INET{}: {}\n", if address.is_ipv6() { "6" } else { "" }, address.port())
    };
    let lines: String = ports.iter().map(line).collect();
    let written = fs::write(&unfinished, lines).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // On a full disk the file is there, and empty. If it is not there, there is nothing to remove.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

//! Opens the listening sockets. Each failure is described in one line.

use super::settings::{
    AcceptedProtocol, InheritedSocket, ListenAddress, MetricsAddress, Service, Settings, UnixAddress,
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

/// Requested size of the send buffer of a UDP socket. Large, because a reply may be many datagrams.
const UDP_SEND_BUFFER_BYTES: usize = 256 << 20;

/// Why a socket could not be opened, in memcached's words.
#[derive(Debug)]
pub struct ListenError {
    address: String,
    source: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.source.raw_os_error() {
            Some(number) => Errno::from_raw(number).desc().to_owned(),
            None => self.source.to_string(),
        };
        write!(f, "failed to listen on {}: {reason}", self.address)
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A listening stream socket, and how its clients are served.
pub(super) struct StreamListener {
    pub(super) socket: Socket,
    pub(super) unix: bool,
    pub(super) service: Service,
}

impl StreamListener {
    fn unix(socket: Socket, protocol: AcceptedProtocol) -> StreamListener {
        StreamListener { socket, unix: true, service: Service { protocol, tls: None } }
    }
}

/// All listening sockets.
pub struct Listeners {
    pub(super) streams: Vec<StreamListener>,
    /// UDP sockets, one for each address, and their protocol.
    pub(super) udp: Vec<(Socket, AcceptedProtocol)>,
    metrics: Option<TcpListener>,
    /// The address of that socket, with its port.
    metrics_address: Option<SocketAddr>,
}

impl Listeners {
    /// Opens the unix socket of `settings`, if there is one. A socket file without a server is replaced; a socket file
    /// of a running server is an error.
    pub fn bind_unix(&mut self, settings: &Settings) -> Result<(), ListenError> {
        let Some(unix) = &settings.unix else { return Ok(()) };
        let socket = bind_path(unix, settings.backlog).map_err(|source| ListenError {
            address: format!("UNIX socket: {}", unix.path.display()),
            source,
        })?;
        self.streams.push(StreamListener::unix(socket, settings.protocol));
        Ok(())
    }

    /// Takes the socket of `--metrics`.
    pub fn take_metrics(&mut self) -> Option<TcpListener> {
        self.metrics.take()
    }

    fn bind_metrics(&mut self, listen: &MetricsAddress) -> io::Result<()> {
        let socket = TcpListener::bind((listen.host.as_str(), listen.port))?;
        self.metrics_address = Some(socket.local_addr()?);
        self.metrics = Some(socket);
        Ok(())
    }

    fn add_inherited(&mut self, inherited: InheritedSocket, settings: &Settings) -> io::Result<()> {
        let protocol = settings.protocol;
        match inherited {
            InheritedSocket::Tcp(listener) => {
                let socket = Socket::from(listener);
                socket.set_nonblocking(true)?;
                set_inherited_options(&socket)?;
                delay_acknowledgements(&socket)?;
                let service = Service { tls: settings.tls.as_ref().map(|tls| tls.clients), protocol };
                self.streams.push(StreamListener { socket, unix: false, service });
            }
            InheritedSocket::Unix(listener) => {
                listener.set_nonblocking(true)?;
                self.streams.push(StreamListener::unix(listener.into(), protocol));
            }
            InheritedSocket::Udp(socket) => {
                socket.set_nonblocking(true)?;
                self.udp.push((socket.into(), protocol));
            }
        }
        Ok(())
    }

    /// True without any socket for clients of the cache.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.udp.is_empty()
    }

    /// The bound addresses with their ports, each with the word of the port file for its service.
    pub(super) fn ports(&self) -> Vec<(&'static str, SocketAddr)> {
        let tcp = self.streams.iter().map(|listener| ("TCP", &listener.socket));
        let all = tcp.chain(self.udp.iter().map(|(socket, _)| ("UDP", socket)));
        let bound = all.filter_map(|(word, socket)| Some((word, socket.local_addr().ok()?.as_socket()?)));
        bound.chain(self.metrics_address.map(|address| ("HTTP", address))).collect()
    }
}

/// Opens the TCP and UDP sockets and the metrics socket of `settings`, and takes its inherited sockets.
pub fn bind_ports(settings: &mut Settings) -> Result<Listeners, ListenError> {
    let mut listeners =
        Listeners { streams: Vec::new(), udp: Vec::new(), metrics: None, metrics_address: None };
    for inherited in std::mem::take(&mut settings.inherited) {
        listeners
            .add_inherited(inherited, settings)
            .map_err(|source| ListenError { address: "an inherited socket".to_owned(), source })?;
    }
    let mut skipped = None;
    for listen in &settings.tcp {
        if let Some(streams) = bind_or_skip("TCP", listen, settings, &mut skipped, bind_tcp)? {
            listeners.streams.extend(streams);
        }
    }
    for listen in &settings.udp {
        if let Some(sockets) = bind_or_skip("UDP", listen, settings, &mut skipped, bind_udp)? {
            let protocol = listen.service.protocol;
            listeners.udp.extend(sockets.into_iter().map(|socket| (socket, protocol)));
        }
    }
    match skipped {
        Some(error) if listeners.is_empty() => return Err(error),
        _ => {}
    }
    if let Some(listen) = &settings.metrics {
        let address = format!("metrics address {listen}");
        listeners.bind_metrics(listen).map_err(|source| ListenError { address, source })?;
    }
    Ok(listeners)
}

/// Opens the sockets of an address by `bind`. Without its address family, an optional address is skipped and its error
/// kept in `skipped`.
fn bind_or_skip<T>(
    transport: &str,
    listen: &ListenAddress,
    settings: &Settings,
    skipped: &mut Option<ListenError>,
    bind: impl FnOnce(&ListenAddress, &Settings) -> io::Result<T>,
) -> Result<Option<T>, ListenError> {
    let address = match listen.text.as_str() {
        "" => format!("{transport} port {}", listen.port),
        text => format!("one of interface(s) {text}"),
    };
    match bind(listen, settings) {
        Ok(sockets) => Ok(Some(sockets)),
        Err(source) if listen.optional && is_absent_family(&source) => {
            *skipped = Some(ListenError { address, source });
            Ok(None)
        }
        Err(source) => Err(ListenError { address, source }),
    }
}

/// True if the machine does not have this address family.
fn is_absent_family(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32)
}

fn bind_tcp(listen: &ListenAddress, settings: &Settings) -> io::Result<Vec<StreamListener>> {
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

/// Without SO_REUSEADDR: an address in use is an error.
fn bind_udp(listen: &ListenAddress, settings: &Settings) -> io::Result<Vec<Socket>> {
    let bind = |address: SocketAddr| {
        let socket =
            Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        mark(&socket, settings)?;
        // The kernel limits the size to net.core.wmem_max.
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

fn bind_address(
    address: SocketAddr,
    listen: &ListenAddress,
    settings: &Settings,
) -> io::Result<StreamListener> {
    let socket = new_socket(address, settings)?;
    socket.bind(&address.into())?;
    socket.listen(settings.backlog)?;
    delay_acknowledgements(&socket)?;
    Ok(StreamListener { socket, unix: false, service: listen.service })
}

fn new_socket(address: SocketAddr, settings: &Settings) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    mark(&socket, settings)?;
    set_inherited_options(&socket)?;
    Ok(socket)
}

/// Sets options that accepted sockets inherit, which saves the calls for each of them.
fn set_inherited_options(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_keepalive(true)
}

/// Delays the acknowledgement of the first request of an accepted socket until its reply, which saves a packet. Where
/// no reply follows, the connection acknowledges at once (`Stream::acknowledge`). To be called after listen(2), which
/// resets the option.
fn delay_acknowledgements(socket: &Socket) -> io::Result<()> {
    Ok(set_tcp_quickack(socket, false)?)
}

fn bind_path(unix: &UnixAddress, backlog: i32) -> io::Result<Socket> {
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

/// Writes the bound ports, one line each. The file is written under another name and renamed, so that readers never see
/// an incomplete one. After a failure no file is left.
pub(super) fn write_port_file(path: &Path, ports: &[(&str, SocketAddr)]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".lck");
    let line = |(word, address): &(&str, SocketAddr)| {
        format!("{word} INET{}: {}\n", if address.is_ipv6() { "6" } else { "" }, address.port())
    };
    let lines: String = ports.iter().map(line).collect();
    let written = fs::write(&temporary, lines).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // On a full disk an empty file may exist. Without a file this fails, which is no problem.
        let _ = fs::remove_file(&temporary);
    }
    written
}

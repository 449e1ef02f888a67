//! What the server is told by `options`.

use super::tls::{ClientCertificates, TlsSettings};
use std::fmt;
use std::path::PathBuf;

pub use crate::session::AcceptedProtocol;

/// Checked by `options`.
#[derive(Debug)]
pub struct Settings {
    /// Worker threads (`-t`), at least 1.
    pub threads: usize,
    /// Client connections served at once (`-c`), at least 1.
    pub max_connections: usize,
    /// Requests of one connection per wake-up (`-R`), at least 1.
    pub requests_per_event: u32,
    /// Connections that may wait to be accepted (`-b`).
    pub backlog: i32,
    /// TCP addresses to listen on.
    pub tcp: Vec<TcpListen>,
    /// UDP addresses to listen on.
    pub udp: Vec<TcpListen>,
    /// What is answered to one datagram, at most, in bytes (`-o udp_reply_max`).
    pub udp_reply_max_bytes: usize,
    /// Unix socket to listen on.
    pub unix: Option<UnixListen>,
    /// File to write the bound ports to (MEMCACHED_PORT_FILENAME).
    pub port_file: Option<PathBuf>,
    /// What is spoken (`-B`).
    pub protocol: AcceptedProtocol,
    /// Sockets handed over by the service manager; [`super::bind_ports`] takes them.
    pub inherited: Vec<InheritedSocket>,
    /// True: a connection over the limit is told so and closed. False: it waits until another one leaves.
    pub max_connections_fast: bool,
    /// Seconds after which a TCP connection without a request is closed (`-o idle_timeout`); 0 for never.
    pub idle_timeout_secs: u32,
    /// Mark of the packets of TCP connections (`-o sock_cookie_id`); 0 for none.
    pub socket_mark: u32,
    /// TLS (`-Z`).
    pub tls: Option<TlsSettings>,
    /// Where `--metrics` is served, by others than the workers; [`super::bind_ports`] opens it.
    pub metrics: Option<MetricsListen>,
}

/// How the clients of a listening socket are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Service {
    /// What is spoken.
    pub protocol: AcceptedProtocol,
    /// TLS, and what it asks of them; `None` for plain text.
    pub tls: Option<ClientCertificates>,
}

/// An address to listen on, by TCP or by UDP.
#[derive(Clone, Debug)]
pub struct TcpListen {
    /// Name or address; `None` for all interfaces, IPv4 and IPv6.
    pub host: Option<String>,
    /// Port; 0 lets the OS choose.
    pub port: u16,
    /// How its clients are served.
    pub service: Service,
    /// As the operator wrote it, for messages; empty if it is a default.
    pub text: String,
    /// True if it may be left out when the machine does not have this address family.
    pub optional: bool,
}

/// The address of `--metrics`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricsListen {
    /// Name or address.
    pub host: String,
    /// Port; 0 lets the OS choose.
    pub port: u16,
    /// Host names that requests may be for, that of `host` among them.
    pub names: Vec<String>,
}

impl fmt::Display for MetricsListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MetricsListen { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// A unix socket to listen on.
#[derive(Clone, Debug)]
pub struct UnixListen {
    /// Where.
    pub path: PathBuf,
    /// Mode of the socket file (`-a`).
    pub mask: u32,
}

/// A socket opened by somebody else, to listen on.
#[derive(Debug)]
pub enum InheritedSocket {
    /// TCP.
    Tcp(std::net::TcpListener),
    /// Unix.
    Unix(std::os::unix::net::UnixListener),
    /// UDP.
    Udp(std::net::UdpSocket),
}

/// What the process wants to do at the turns of the server's life.
pub struct Hooks {
    /// All sockets are served.
    pub ready: Box<dyn FnOnce() + Send>,
    /// Once a second while all workers are alive.
    pub alive: Box<dyn Fn() + Send>,
    /// The end has begun.
    pub stopping: Box<dyn FnOnce() + Send>,
}

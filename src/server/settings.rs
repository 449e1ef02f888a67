//! The settings of the server, checked by `options`.

use std::fmt;
use std::path::PathBuf;

pub use crate::session::AcceptedProtocol;

/// The settings.
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
    pub tcp: Vec<ListenAddress>,
    /// UDP addresses to listen on.
    pub udp: Vec<ListenAddress>,
    /// Bytes of the replies to one datagram, at most (`-o udp_reply_max`).
    pub udp_reply_max_bytes: usize,
    /// Unix socket to listen on.
    pub unix: Option<UnixAddress>,
    /// File to write the bound ports to (MEMCACHED_PORT_FILENAME).
    pub port_file: Option<PathBuf>,
    /// The protocol of addresses that name none (`-B`).
    pub protocol: AcceptedProtocol,
    /// Sockets handed over by the service manager; [`super::bind_ports`] takes them.
    pub inherited: Vec<InheritedSocket>,
    /// True: a connection over the limit is refused. False: it waits until another one closes.
    pub max_connections_fast: bool,
    /// Seconds after which a TCP connection without a request is closed (`-o idle_timeout`); 0 for never.
    pub idle_timeout_secs: u32,
    /// Mark of the packets of TCP connections (`-o sock_cookie_id`); 0 for none.
    pub socket_mark: u32,
    /// TLS (`-Z`).
    pub tls: Option<TlsSettings>,
    /// Address of `--metrics`. [`super::bind_ports`] opens it, and the module `metrics` serves it.
    pub metrics: Option<MetricsAddress>,
}

/// How the clients of a listening socket are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Service {
    /// The protocol.
    pub protocol: AcceptedProtocol,
    /// TLS, with or without client certificates; `None` for plain text.
    pub tls: Option<ClientCertificates>,
}

/// A TCP or UDP address to listen on.
#[derive(Clone, Debug)]
pub struct ListenAddress {
    /// Name or address; `None` for all interfaces, IPv4 and IPv6.
    pub host: Option<String>,
    /// Port; 0 lets the OS choose.
    pub port: u16,
    /// How its clients are served.
    pub service: Service,
    /// As written by the operator, for messages; empty for a default.
    pub text: String,
    /// True if the address is skipped on a machine without its address family.
    pub optional: bool,
}

/// The address of `--metrics`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricsAddress {
    /// Name or address.
    pub host: String,
    /// Port; 0 lets the OS choose.
    pub port: u16,
    /// SessionContext names that requests may use, including `host`.
    pub names: Vec<String>,
}

impl fmt::Display for MetricsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MetricsAddress { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// A unix socket to listen on.
#[derive(Clone, Debug)]
pub struct UnixAddress {
    /// The socket file.
    pub path: PathBuf,
    /// Permissions of the socket file (`-a`).
    pub mask: u32,
}

/// A listening socket that the service manager opened.
#[derive(Debug)]
pub enum InheritedSocket {
    /// TCP.
    Tcp(std::net::TcpListener),
    /// Unix.
    Unix(std::os::unix::net::UnixListener),
    /// UDP.
    Udp(std::net::UdpSocket),
}

/// Called by the server when its state changes.
pub struct Hooks {
    /// All sockets are served.
    pub ready: Box<dyn FnOnce() + Send>,
    /// Clients are served. Called once a second.
    pub alive: Box<dyn Fn() + Send>,
    /// The server stops.
    pub stopping: Box<dyn FnOnce() + Send>,
}

/// Whether clients are asked for a certificate of the operator's authority.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientCertificates {
    /// They are not asked for one.
    Ignored,
    /// They are asked; one that they present must be valid.
    Requested,
    /// They must present a valid one.
    Required,
}

/// The format of the key file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyFormat {
    /// PEM.
    Pem,
    /// ASN.1 DER.
    Der,
}

/// The settings of TLS. `options` checks them, except for the files.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// The certificate of the server and the intermediate ones, PEM.
    pub chain_cert: PathBuf,
    /// The private key of that certificate.
    pub key: PathBuf,
    /// The format of `key`.
    pub key_format: KeyFormat,
    /// Authorities of client certificates, PEM.
    pub ca_cert: Option<PathBuf>,
    /// For listening sockets whose address has no mode of its own.
    pub clients: ClientCertificates,
    /// True: TLS 1.3 only. False: TLS 1.2 as well.
    pub only_tls13: bool,
    /// Cipher suites of TLS 1.2, as OpenSSL lists them; `None` for all.
    pub ciphers: Option<String>,
    /// Keep sessions for resumption.
    pub session_cache: bool,
}

//! A daemon with all transports: TCP, a unix socket, TLS, and TLS with client certificates.

use crate::support::{Authority, CertifiedKey, Client, Daemon, TlsClient, larder};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Tcp,
    Unix,
    Tls,
    MutualTls,
}

/// All transports.
pub const TRANSPORTS: [Transport; 4] =
    [Transport::Tcp, Transport::Unix, Transport::Tls, Transport::MutualTls];

/// The daemon, stopped when this value is dropped.
pub struct AllTransports {
    pub daemon: Daemon,
    authority: Authority,
    identity: CertifiedKey,
}

impl AllTransports {
    /// Starts the daemon with these arguments. `{users}` stands for a password file with the user `ann` and the
    /// password `secret`.
    pub fn start(args: &str) -> AllTransports {
        let authority = Authority::new();
        let identity = authority.sign();
        let users = authority.file("users");
        std::fs::write(&users, "ann:secret\n").unwrap();
        let listen = "-l notls:127.0.0.1,btls:127.0.0.2,mtls:127.0.0.3";
        let args = args.replace("{users}", users.to_str().unwrap());
        let daemon = larder(&format!("{args} {listen} {} {}", authority.options(), authority.ca_option()))
            .env("MEMCACHED_SASL_PWDB", &users)
            .arg("-s")
            .arg(authority.file("socket"))
            .start();
        AllTransports { daemon, authority, identity }
    }

    /// The password file.
    pub fn users(&self) -> PathBuf {
        self.authority.file("users")
    }

    /// Connects by the transport.
    #[track_caller]
    pub fn connect(&self, by: Transport) -> Client {
        match by {
            Transport::Tcp => Client::tcp(self.address(by)),
            Transport::Unix => Client::unix(&self.authority.file("socket")),
            Transport::Tls => self.tls(None).connect(self.address(by)),
            Transport::MutualTls => self.tls(Some(&self.identity)).connect(self.address(by)),
        }
    }

    /// Connects to the address of the transport without TLS.
    #[track_caller]
    pub fn connect_without_tls(&self, by: Transport) -> Client {
        match by {
            Transport::Unix => self.connect(by),
            _ => Client::tcp(self.address(by)),
        }
    }

    fn tls(&self, identity: Option<&CertifiedKey>) -> TlsClient {
        self.authority.client(identity, &[&TLS13, &TLS12])
    }

    fn address(&self, by: Transport) -> SocketAddr {
        let index = match by {
            Transport::Tcp | Transport::Unix => 0,
            Transport::Tls => 1,
            Transport::MutualTls => 2,
        };
        SocketAddr::from(([127, 0, 0, 1 + index], self.daemon.addresses()[usize::from(index)].port()))
    }

    /// The ClientHello message of a TLS handshake.
    pub fn client_hello(&self) -> Vec<u8> {
        let name = ServerName::try_from("localhost").unwrap();
        let mut session = ClientConnection::new(self.tls(None).0, name).unwrap();
        let mut hello = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut hello).unwrap();
        }
        hello
    }
}

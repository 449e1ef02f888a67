//! One daemon that is reached in every way there is: TCP, a unix socket, TLS, and TLS that asks for a certificate.

use crate::support::{Authority, CertifiedKey, Client, Daemon, TlsClient, larder};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A way to reach a daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Tcp,
    Unix,
    Tls,
    MutualTls,
}

/// All of them.
pub const TRANSPORTS: [Transport; 4] =
    [Transport::Tcp, Transport::Unix, Transport::Tls, Transport::MutualTls];

/// The daemon; it ends with this value.
pub struct Everywhere {
    pub daemon: Daemon,
    authority: Authority,
    pair: CertifiedKey,
}

impl Everywhere {
    /// Starts it with these arguments and a file of users, `ann` with `secret`, which `-Y {users}` names.
    pub fn start(args: &str) -> Everywhere {
        let authority = Authority::new();
        let pair = authority.sign();
        let users = authority.file("users");
        std::fs::write(&users, "ann:secret\n").unwrap();
        let listen = "-l notls:127.0.0.1,btls:127.0.0.2,mtls:127.0.0.3";
        let args = args.replace("{users}", users.to_str().unwrap());
        let daemon = larder(&format!("{args} {listen} {} {}", authority.options(), authority.ca_option()))
            .env("MEMCACHED_SASL_PWDB", &users)
            .arg("-s")
            .arg(authority.file("socket"))
            .start();
        Everywhere { daemon, authority, pair }
    }

    /// The file of users.
    pub fn users(&self) -> PathBuf {
        self.authority.file("users")
    }

    /// Connects.
    #[track_caller]
    pub fn connect(&self, by: Transport) -> Client {
        match by {
            Transport::Tcp => Client::tcp(self.address(by)),
            Transport::Unix => Client::unix(&self.authority.file("socket")),
            Transport::Tls => self.tls(None).connect(self.address(by)),
            Transport::MutualTls => self.tls(Some(&self.pair)).connect(self.address(by)),
        }
    }

    /// Connects without TLS, whatever is spoken there.
    #[track_caller]
    pub fn connect_in_the_clear(&self, by: Transport) -> Client {
        match by {
            Transport::Unix => self.connect(by),
            _ => Client::tcp(self.address(by)),
        }
    }

    fn tls(&self, pair: Option<&CertifiedKey>) -> TlsClient {
        self.authority.client(pair, &[&TLS13, &TLS12])
    }

    fn address(&self, by: Transport) -> SocketAddr {
        let index = match by {
            Transport::Tcp | Transport::Unix => 0,
            Transport::Tls => 1,
            Transport::MutualTls => 2,
        };
        SocketAddr::from(([127, 0, 0, 1 + index], self.daemon.addresses()[usize::from(index)].port()))
    }

    /// The first message of a handshake, as a TLS client sends it.
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

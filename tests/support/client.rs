//! A client that sends and receives raw bytes.

use super::WAIT_MAX;
use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, ClientConnection, ProtocolVersion, StreamOwned};
use socket2::{Domain, Socket as Socket2, Type};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// A connection to a daemon.
pub struct Client(Socket);

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A TCP connection whose reads and writes fail after [`WAIT_MAX`].
#[track_caller]
fn connect(address: SocketAddr) -> TcpStream {
    with_timeouts(TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}")))
}

fn with_timeouts(stream: TcpStream) -> TcpStream {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    stream.set_write_timeout(Some(WAIT_MAX)).unwrap();
    stream
}

impl Client {
    /// Connects by TCP.
    #[track_caller]
    pub fn tcp(address: SocketAddr) -> Client {
        Client(Socket::Tcp(connect(address)))
    }

    /// Connects by TCP from an address that no other client has, so that failed logins of others do not delay it.
    #[track_caller]
    pub fn tcp_from_new_address(address: SocketAddr) -> Client {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let [_, high, middle, low] = NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let source = SocketAddr::from(([127, high + 1, middle, low], 0));
        let socket = Socket2::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&source.into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Client(Socket::Tcp(with_timeouts(socket.into())))
    }

    /// Connects by TCP; all bytes go through the TLS session.
    #[track_caller]
    pub fn tls(address: SocketAddr, session: ClientConnection) -> Client {
        Client(Socket::Tls(Box::new(StreamOwned::new(session, connect(address)))))
    }

    /// Sends bytes on the TCP connection below TLS.
    #[track_caller]
    pub fn send_below_tls(&mut self, bytes: &[u8]) {
        let Socket::Tls(tls) = &mut self.0 else { panic!("not a TLS client") };
        tls.sock.write_all(bytes).unwrap();
    }

    /// A second handle to the connection: one thread reads while another one writes.
    #[track_caller]
    pub fn try_clone(&self) -> Client {
        let Socket::Tcp(tcp) = &self.0 else { panic!("not plain TCP") };
        Client(Socket::Tcp(tcp.try_clone().unwrap()))
    }

    /// True if the daemon replies, false if it closes the connection.
    pub fn is_served(&mut self) -> bool {
        let mut reply = [0; 16];
        let sent = self.write_all(b"version\r\n");
        sent.and_then(|()| self.read_exact(&mut reply)).is_ok() && &reply == b"VERSION 1.6.45\r\n"
    }

    /// The TLS session after the handshake: version, cipher suite, the daemon's certificate.
    #[track_caller]
    pub fn session(&self) -> (ProtocolVersion, CipherSuite, CertificateDer<'static>) {
        let Socket::Tls(tls) = &self.0 else { panic!("not a TLS client") };
        let certificate = tls.conn.peer_certificates().unwrap()[0].clone().into_owned();
        let suite = tls.conn.negotiated_cipher_suite().unwrap().suite();
        (tls.conn.protocol_version().unwrap(), suite, certificate)
    }

    /// Connects to a unix socket.
    #[track_caller]
    pub fn unix(path: &Path) -> Client {
        let stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        stream.set_write_timeout(Some(WAIT_MAX)).unwrap();
        Client(Socket::Unix(stream))
    }

    /// Sends bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.write_all(bytes.as_ref()).and_then(|()| self.flush()).expect("the daemon reads the request");
    }

    /// Receives exactly these bytes.
    #[track_caller]
    pub fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let expected = bytes.as_ref();
        let mut got = vec![0; expected.len()];
        let mut at = 0;
        while at < got.len() {
            match self.read(&mut got[at..]) {
                Ok(0) => break,
                Ok(read) => at += read,
                Err(error) => panic!("{error}, received {:?}, not {:?}", text(&got[..at]), text(expected)),
            }
            if got[..at] != expected[..at] {
                break;
            }
        }
        assert_eq!(text(&got[..at]), text(expected));
    }

    /// Sends a request and receives exactly this reply.
    #[track_caller]
    pub fn ask(&mut self, request: impl AsRef<[u8]>, reply: impl AsRef<[u8]>) {
        self.send(request);
        self.expect(reply);
    }

    /// Receives bytes up to and including the first `end`.
    #[track_caller]
    pub fn read_until(&mut self, end: &str) -> String {
        let mut got = Vec::new();
        while !got.ends_with(end.as_bytes()) {
            let mut byte = [0];
            let read =
                self.read(&mut byte).unwrap_or_else(|error| panic!("{error}, received {:?}", text(&got)));
            assert_eq!(read, 1, "closed, received {:?}", text(&got));
            got.push(byte[0]);
        }
        text(&got)
    }

    /// Receives everything until the daemon closes or resets the connection.
    #[track_caller]
    pub fn read_to_close(&mut self) -> String {
        let mut got = Vec::new();
        match self.read_to_end(&mut got) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => panic!("{error}"),
            _ => text(&got),
        }
    }

    /// Closes the sending side; replies can still be received. The daemon may have closed the connection already.
    pub fn close_sending(&mut self) {
        let how = std::net::Shutdown::Write;
        let closed = match &self.0 {
            Socket::Tcp(tcp) => tcp.shutdown(how),
            Socket::Unix(unix) => unix.shutdown(how),
            Socket::Tls(tls) => tls.sock.shutdown(how),
        };
        match closed {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            closed => closed.unwrap(),
        }
    }

    /// The value of one `stats` line.
    #[track_caller]
    pub fn stat(&mut self, topic: &str, name: &str) -> String {
        let topic = if topic.is_empty() { String::new() } else { format!(" {topic}") };
        self.send(format!("stats{topic}\r\n"));
        let report = self.read_until("END\r\n");
        let start = format!("STAT {name} ");
        let value = report.lines().find_map(|line| line.strip_prefix(&start));
        value.unwrap_or_else(|| panic!("no {name} in {report}")).to_owned()
    }
}

impl Read for Client {
    /// Retries after a signal: the system does not restart a read that has a timeout.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.0 {
                Socket::Tcp(tcp) => tcp.read(buffer),
                Socket::Unix(unix) => unix.read(buffer),
                Socket::Tls(tls) => tls.read(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Write for Client {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Socket::Tcp(tcp) => tcp.write(buffer),
            Socket::Unix(unix) => unix.write(buffer),
            Socket::Tls(tls) => tls.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Socket::Tls(tls) => tls.flush(),
            _ => Ok(()),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

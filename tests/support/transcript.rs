//! One connection from first to last byte: everything is sent, the sending side is closed, and everything that the
//! server sends until it closes is the transcript. No marker and no delay is needed: a server replies to all that it
//! received and then closes.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Deref;
use std::time::Duration;

/// Longest wait for the server. It is only reached when the test has failed.
pub const WAIT_MAX: Duration = Duration::from_secs(120);

/// The bytes that a server sent on one connection, and how the connection ended.
pub struct Transcript {
    pub bytes: Vec<u8>,
    /// The server reset the connection, which may have discarded replies that were on their way.
    pub was_reset: bool,
    /// The request could not be sent completely.
    pub send_error: Option<io::Error>,
}

impl Deref for Transcript {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// How the connection ended, for the message of a failed test.
impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.was_reset { "reset" } else { "closed" };
        write!(f, "{end} by the server after {} bytes", self.bytes.len())?;
        match &self.send_error {
            None => Ok(()),
            Some(error) => write!(f, ", before the whole request was sent ({error})"),
        }
    }
}

/// Connects to a server on the loopback address.
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
    stream.set_nodelay(true).expect("a TCP socket");
    stream.set_read_timeout(Some(WAIT_MAX)).expect("a TCP socket");
    stream.set_write_timeout(Some(WAIT_MAX)).expect("a TCP socket");
    stream
}

/// Sends each piece by a write of its own and returns everything that the server sent.
pub fn transcript<'a>(port: u16, pieces: impl IntoIterator<Item = &'a [u8]>) -> Transcript {
    let stream = connect(port);
    std::thread::scope(|scope| {
        // Replies are read while requests are written: otherwise each side could wait for the other.
        let received = scope.spawn(|| read_to_end(&stream, |_| {}));
        // A server may close early: its replies are compared all the same.
        let send_error = pieces.into_iter().find_map(|piece| (&stream).write_all(piece).err());
        let _ = stream.shutdown(Shutdown::Write);
        let received = received.join().expect("the replies are read");
        Transcript { send_error, ..received }
    })
}

/// Reads until the server closes. `progress` gets all bytes so far whenever more have arrived.
pub fn read_to_end(mut stream: &TcpStream, mut progress: impl FnMut(&[u8])) -> Transcript {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let was_reset = match stream.read(&mut buffer) {
            Ok(0) => Some(false),
            Ok(read) => {
                bytes.extend_from_slice(&buffer[..read]);
                None
            }
            Err(error) => match error.kind() {
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Some(true),
                ErrorKind::Interrupted => None,
                _ => panic!("the server neither replies nor closes ({error}) after {} bytes", bytes.len()),
            },
        };
        if let Some(was_reset) = was_reset {
            return Transcript { bytes, was_reset, send_error: None };
        }
        progress(&bytes);
    }
}

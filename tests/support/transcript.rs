//! A whole conversation at once: everything is sent, the sending side is closed, everything that comes back is the
//! transcript. Needs no marker and no waiting: a server answers what it received and then closes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Bound on any single wait for the server; a test that meets it has failed.
pub const WAIT_MAX: Duration = Duration::from_secs(20);

/// Connects to a server on the loopback address.
pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
    stream.set_nodelay(true).expect("a TCP socket");
    stream.set_read_timeout(Some(WAIT_MAX)).expect("a TCP socket");
    stream.set_write_timeout(Some(WAIT_MAX)).expect("a TCP socket");
    stream
}

/// Sends the pieces, each by a write of its own, and returns everything that came back.
pub fn transcript<'a>(port: u16, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let stream = connect(port);
    std::thread::scope(|scope| {
        // Answers are read while requests are written, else both sides could wait for each other.
        let answers = scope.spawn(|| read_to_end(&stream, |_| {}));
        for piece in pieces {
            // A server that closes early is seen by what it answered.
            if (&stream).write_all(piece).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
        answers.join().expect("the answers are read")
    })
}

/// Everything that comes until the server closes; `seen` gets all of it so far whenever there is more.
pub fn read_to_end(mut stream: &TcpStream, mut seen: impl FnMut(&[u8])) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return all,
            Ok(read) => all.extend_from_slice(&buffer[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                return all;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                panic!("the server neither answers nor closes ({error}) behind {} bytes", all.len())
            }
        }
        seen(&all);
    }
}

//! A request and all replies to it, on a connection of its own.

use crate::support::Daemon;

/// Sends the stream, closes the sending side, and returns everything that the daemon sends until it closes. So
/// superfluous replies are found as well as missing ones.
#[track_caller]
pub fn conversation(daemon: &Daemon, stream: impl AsRef<[u8]>) -> String {
    let mut client = daemon.connect();
    client.send(stream);
    client.close_sending();
    client.read_to_close()
}

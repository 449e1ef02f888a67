//! A whole conversation on a connection of its own.

use crate::support::Daemon;

/// Sends everything, says that nothing more comes, and returns all that is heard until the daemon closes. So an answer
/// too much is seen as well as one that is missing.
#[track_caller]
pub fn conversation(daemon: &Daemon, stream: impl AsRef<[u8]>) -> String {
    let mut client = daemon.connect();
    client.send(stream);
    client.close_sending();
    client.read_to_close()
}

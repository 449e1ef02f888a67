//! A stream to memcached in phases: a phase is sent after all replies to the phases before it have arrived.
//!
//! memcached changes a number in place and pads it with spaces, unless an unsent reply refers to the item; then it
//! stores the new number without padding. In a pipeline the result depends on timing. larder always pads. So each incr
//! and decr for memcached starts a new phase.

use crate::transcript::{Transcript, connect, read_to_end};
use memchr::memmem;
use std::io::Write;
use std::net::Shutdown;
use std::sync::mpsc;

/// A part of a stream that is sent after `separators` replies to separators have arrived.
pub struct Phase {
    pub separators: usize,
    pub bytes: Vec<u8>,
}

/// Sends the phases, each in pieces of the lengths that `split` returns, and returns everything that the server sent.
pub fn phased_transcript(
    port: u16,
    phases: &[Phase],
    separator_reply: &[u8],
    mut split: impl FnMut(&[u8]) -> Vec<usize>,
) -> Transcript {
    let stream = connect(port);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let received = scope.spawn(|| {
            let (mut count, mut from) = (0, 0);
            // Dropped with this thread: if the server closes early, the loop below ends.
            let sender = sender;
            read_to_end(&stream, |all| {
                while let Some(at) = memmem::find(&all[from..], separator_reply) {
                    count += 1;
                    from += at + separator_reply.len();
                }
                let _ = sender.send(count);
            })
        });
        let mut separators = 0;
        let mut send_error = None;
        'sending: for phase in phases {
            while separators < phase.separators {
                match receiver.recv() {
                    Ok(count) => separators = count,
                    Err(_) => break 'sending,
                }
            }
            let mut rest = &phase.bytes[..];
            for len in split(rest) {
                let (piece, after) = rest.split_at(len);
                if let Err(error) = (&stream).write_all(piece) {
                    send_error = Some(error);
                    break 'sending;
                }
                rest = after;
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
        let received = received.join().expect("the replies are read");
        Transcript { send_error, ..received }
    })
}

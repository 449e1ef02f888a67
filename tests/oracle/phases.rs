//! A stream to the oracle, with pauses where it must have sent all that it owes.
//!
//! memcached changes a number in place and pads it, but not while a reply that is not yet sent refers to it; then the
//! new number has no padding. Which of the two happens to a pipeline depends on when the pipeline was read. larder
//! always pads. So the oracle gets its incr and decr with nothing unsent before them.

use crate::transcript::{connect, read_to_end};
use memchr::memmem;
use std::io::Write;
use std::net::Shutdown;
use std::sync::mpsc;

/// A part of a stream that is sent when `answers` separators have been answered.
pub struct Phase {
    pub answers: usize,
    pub bytes: Vec<u8>,
}

/// Sends the phases, each cut into pieces by `tear`, and returns everything that came back.
pub fn phased_transcript(
    port: u16,
    phases: &[Phase],
    separator_answer: &[u8],
    mut tear: impl FnMut(&[u8]) -> Vec<usize>,
) -> Vec<u8> {
    let stream = connect(port);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let answers = scope.spawn(|| {
            let (mut count, mut from) = (0, 0);
            // The sender ends with this thread, which ends the waiting below if the server closes early.
            let tell = tell;
            read_to_end(&stream, |all| {
                while let Some(at) = memmem::find(&all[from..], separator_answer) {
                    count += 1;
                    from += at + separator_answer.len();
                }
                let _ = tell.send(count);
            })
        });
        let mut answered = 0;
        'sending: for phase in phases {
            while answered < phase.answers {
                match told.recv() {
                    Ok(count) => answered = count,
                    Err(_) => break 'sending,
                }
            }
            let mut rest = &phase.bytes[..];
            for len in tear(rest) {
                let (piece, behind) = rest.split_at(len);
                if (&stream).write_all(piece).is_err() {
                    break 'sending;
                }
                rest = behind;
            }
        }
        let _ = stream.shutdown(Shutdown::Write);
        answers.join().expect("the answers are read")
    })
}

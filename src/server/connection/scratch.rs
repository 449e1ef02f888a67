//! The buffers of a thread, which serve whichever connection it runs, and what leaves them with a connection.
//!
//! Invariant: what is kept between two turns is bounded: one buffer of input, one of output, and as many for replies that
//! are put off as a round has connections.

use crate::clock::Stopwatch;
use crate::commands::CommandFamily;
use crate::protocol::ReplyBuffer;
use crate::protocol::limits::{LINE_MAX_BYTES, VALUE_INLINE_MAX_BYTES};
use crate::server::event_loop::{ROUND_MAX, take_second_turn};
use std::cell::RefCell;

/// Size of a thread's input buffer, and so of the largest read.
pub(super) const SCRATCH_BYTES: usize = 64 * 1024;

/// The time of one batch of requests in so many is taken.
const TIMED_ONE_IN: u32 = 128;

/// Replies that may wait until the others of the round have been read, at most.
pub(super) const PUT_OFF_MAX_BYTES: usize = 4 * 1024;

/// An incomplete request fits the buffer with room to spare, so a read always has somewhere to go.
const _: () = assert!(LINE_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 4 < SCRATCH_BYTES / 2);

/// When a batch of requests came, and what it asks first.
pub(super) type Timed = (Stopwatch, CommandFamily);

/// Replies that the socket did not take at once, or that were put off.
#[derive(Default)]
pub(super) struct Unsent {
    pub(super) replies: ReplyBuffer,
    /// Bytes of them that were sent.
    pub(super) sent: usize,
    /// Set until the first attempt to send what was put off.
    pub(super) timed: Option<Timed>,
    was_put_off: bool,
}

impl Unsent {
    /// What is left of these replies after so many bytes.
    pub(super) fn left_of(replies: ReplyBuffer, sent: usize) -> Box<Unsent> {
        Box::new(Unsent { replies, sent, ..Unsent::default() })
    }
}

/// The buffers of a thread.
pub(super) struct Scratch {
    pub(super) input: Box<[u8]>,
    pub(super) output: ReplyBuffer,
    /// Batches up to the next one whose time is taken.
    untimed: u32,
    /// The batch at hand, if its time is taken.
    pub(super) timed: Option<Timed>,
    /// For replies that are put off. As many as a round has connections, at most.
    #[expect(clippy::vec_box, reason = "the allocations are what is kept")]
    spare: Vec<Box<Unsent>>,
}

impl Scratch {
    fn new() -> Scratch {
        let input = vec![0; SCRATCH_BYTES].into();
        Scratch { input, output: ReplyBuffer::default(), untimed: 0, timed: None, spare: Vec::new() }
    }

    /// Moves the replies out of the thread's buffer, if they are so short that they can be put off.
    pub(super) fn put_off(&mut self) -> Option<Box<Unsent>> {
        let replies =
            self.output.plain().filter(|replies| (1..=PUT_OFF_MAX_BYTES).contains(&replies.len()))?;
        if !take_second_turn() {
            return None;
        }
        let mut unsent = self.spare.pop().unwrap_or_default();
        unsent.replies.push(replies);
        unsent.timed = self.timed.take();
        unsent.was_put_off = true;
        self.output.clear();
        Some(unsent)
    }

    /// Keeps the memory of what was put off and has been sent.
    pub(super) fn keep(&mut self, mut sent: Box<Unsent>) {
        if sent.was_put_off && self.spare.len() < ROUND_MAX {
            sent.replies.clear();
            sent.sent = 0;
            self.spare.push(sent);
        }
    }

    /// True if the time of the batch that has just come is to be taken.
    pub(super) fn takes_time(&mut self) -> bool {
        let now = self.untimed == 0;
        self.untimed = if now { TIMED_ONE_IN - 1 } else { self.untimed - 1 };
        now
    }
}

thread_local! {
    pub(super) static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch::new());
}

//! The buffers of a thread, which serve whichever connection it runs, and what leaves them with a connection.
//!
//! Invariant: what a connection keeps between two turns is bounded by `HELD_MAX_BYTES`, large values apart.

use crate::clock::Stopwatch;
use crate::commands::CommandFamily;
use crate::session::{INPUT_MAX_BYTES, ReplyBuffer};
use std::cell::RefCell;

/// The time of one batch of requests in so many is taken.
const TIMED_ONE_IN: u32 = 128;

/// When a batch of requests came, and what it asks first.
pub(super) type Timed = (Stopwatch, CommandFamily);

/// Replies that the socket or the work budget did not allow to be sent at once.
pub(super) struct Unsent {
    pub(super) replies: ReplyBuffer,
    /// Bytes of them that were sent.
    pub(super) sent: usize,
}

/// The buffers of a thread.
pub(super) struct Scratch {
    pub(super) input: Box<[u8]>,
    pub(super) output: ReplyBuffer,
    /// Batches up to the next one whose time is taken.
    untimed: u32,
    /// The batch at hand, if its time is taken.
    pub(super) timed: Option<Timed>,
}

impl Scratch {
    fn new() -> Scratch {
        let input = vec![0; INPUT_MAX_BYTES].into();
        Scratch { input, output: ReplyBuffer::default(), untimed: 0, timed: None }
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

//! The buffers of a thread, used by each connection during its turn.

use crate::clock::Stopwatch;
use crate::commands::CommandFamily;
use crate::session::{INPUT_MAX_BYTES, ReplyBuffer};
use std::cell::RefCell;

/// One batch of requests in so many is timed.
const BATCHES_PER_TIMED: u32 = 128;

/// When a batch of requests came, and the family of its first command.
pub(super) type TimedBatch = (Stopwatch, CommandFamily);

/// The buffers of a thread.
pub(super) struct Scratch {
    pub(super) input: Box<[u8]>,
    pub(super) output: ReplyBuffer,
    /// Batches before the next one that is timed.
    untimed: u32,
    /// The current batch, if it is timed.
    pub(super) timed: Option<TimedBatch>,
}

impl Scratch {
    fn new() -> Scratch {
        let input = vec![0; INPUT_MAX_BYTES].into();
        Scratch { input, output: ReplyBuffer::default(), untimed: 0, timed: None }
    }

    /// Counts a batch that has come; true if it is to be timed.
    pub(super) fn is_next_batch_timed(&mut self) -> bool {
        let timed = self.untimed == 0;
        self.untimed = if timed { BATCHES_PER_TIMED - 1 } else { self.untimed - 1 };
        timed
    }
}

thread_local! {
    pub(super) static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch::new());
}

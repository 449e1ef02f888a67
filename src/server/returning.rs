//! Gives back to the system what was freed, by a thread of its own.
//!
//! What a flush leaves takes milliseconds. A worker that wants the same CPU meanwhile should have most of it, so this
//! thread is nicer than all others; the kernel may still let it finish a slice (`decisions::d21`). Must never: take a lock
//! of the store, as others would wait for it as long as it is kept waiting.

use super::worker::Shared;
use rustix::process::setpriority_process;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// A tenth of the weight of the others (nice(2), sched(7)).
const NICE: i32 = 10;

/// Between two looks for what the allocator could give back.
const LOOK: Duration = Duration::from_millis(100);

/// The same while it may have much: whoever frees after the second for which it keeps freed memory gives it back, and
/// that should be this thread.
const LOOK_AFTER_MUCH: Duration = Duration::from_millis(10);

/// The thread; ended by [`Returning::end`].
pub(super) struct Returning {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Returning {
    /// Starts it.
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Returning> {
        let (stop, stopped) = channel();
        let thread = Builder::new().name("returning".to_owned()).spawn(move || run(&shared, &stopped))?;
        Ok(Returning { stop, thread })
    }

    /// Ends it. False if it has ended by a panic.
    pub(super) fn end(self) -> bool {
        drop(self.stop);
        self.thread.join().is_ok()
    }
}

fn run(shared: &Shared, stopped: &Receiver<()>) {
    // Where it is forbidden, workers wait a little longer.
    let _ = setpriority_process(None, NICE);
    loop {
        let look = if shared.take_look() { LOOK_AFTER_MUCH } else { LOOK };
        if stopped.recv_timeout(look) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        shared.engine.return_freed_memory();
    }
}

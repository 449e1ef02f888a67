//! The threads of an event loop.
//!
//! Invariant: the threads of an event loop have different indexes, so data kept by index has one writer.

use super::event_loop::EventLoop;
use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

thread_local! {
    /// Threads outside of an event loop have the index 0.
    static INDEX: Cell<usize> = const { Cell::new(0) };
}

/// The index of this thread.
pub(super) fn index() -> usize {
    INDEX.get()
}

/// The threads of an event loop.
pub(super) struct Threads {
    event_loop: Arc<EventLoop>,
    running: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts this many threads.
    pub(super) fn start(event_loop: Arc<EventLoop>, threads: usize) -> io::Result<Threads> {
        let mut started = Threads { event_loop, running: Vec::with_capacity(threads) };
        for index in 0..threads {
            let event_loop = started.event_loop.clone();
            let thread = Builder::new().name("worker".to_owned()).spawn(move || {
                INDEX.set(index);
                event_loop.run(index);
            });
            match thread {
                Ok(thread) => started.running.push(thread),
                Err(error) => {
                    started.event_loop.stop();
                    started.join();
                    return Err(error);
                }
            }
        }
        Ok(started)
    }

    /// The event loop that they run.
    pub(super) fn event_loop(&self) -> &EventLoop {
        &self.event_loop
    }

    /// True once all have ended.
    pub(super) fn are_finished(&self) -> bool {
        self.running.iter().all(JoinHandle::is_finished)
    }

    /// Waits until all have ended, and cancels the tasks that remain. False if a thread has panicked.
    pub(super) fn join(self) -> bool {
        let joined: Vec<_> = self.running.into_iter().map(JoinHandle::join).collect();
        self.event_loop.cancel_all();
        joined.iter().all(Result::is_ok)
    }
}

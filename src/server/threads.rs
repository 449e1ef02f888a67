//! The threads that serve: their event loop, and what each of them has of its own.
//!
//! Invariant: no two threads of an event loop have the same index, so what is kept by index has one writer.

use super::event_loop::EventLoop;
use parking_lot::{Condvar, Mutex};
use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// In place of a time: the thread is at no piece of work.
const RESTS: u32 = 0;

/// How long a thread waits for others to do what every thread is to do.
const EVERY_THREAD_MAX: Duration = Duration::from_millis(10);

thread_local! {
    /// A thread that is alone, or outside of all event loops, has the first.
    static INDEX: Cell<usize> = const { Cell::new(0) };
}

/// Which of the threads this is.
pub(super) fn index() -> usize {
    INDEX.get()
}

/// The threads of an event loop.
pub(super) struct Threads {
    event_loop: Arc<EventLoop>,
    running: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts so many.
    pub(super) fn start(event_loop: Arc<EventLoop>, threads: usize) -> io::Result<Threads> {
        let mut started = Threads { event_loop, running: Vec::with_capacity(threads) };
        for index in 0..threads {
            let event_loop = started.event_loop.clone();
            let thread = Builder::new().name("worker".to_owned()).spawn(move || {
                INDEX.set(index);
                event_loop.run();
            });
            match thread {
                Ok(thread) => started.running.push(thread),
                Err(error) => {
                    started.event_loop.end();
                    started.join();
                    return Err(error);
                }
            }
        }
        Ok(started)
    }

    /// True once all have ended.
    pub(super) fn are_finished(&self) -> bool {
        self.running.iter().all(JoinHandle::is_finished)
    }

    /// Waits until all have ended, and ends what they have left. False if one has ended by a panic.
    pub(super) fn join(self) -> bool {
        let joined: Vec<_> = self.running.into_iter().map(JoinHandle::join).collect();
        self.event_loop.end_tasks();
        joined.iter().all(Result::is_ok)
    }
}

/// Since when a thread has been at one piece of work. Padded, so that threads do not disturb each other.
#[derive(Default)]
#[repr(align(128))]
struct Sign(AtomicU32);

/// The signs of life of all threads.
pub(super) struct Signs(Box<[Sign]>);

impl Signs {
    pub(super) fn new(threads: usize) -> Signs {
        Signs((0..threads).map(|_| Sign::default()).collect())
    }

    /// This thread begins a piece of work, which must not wait.
    pub(super) fn begin_work(&self, now_secs: u32) {
        self.0[index()].0.store(now_secs, Ordering::Relaxed);
    }

    /// This thread has done what it began.
    pub(super) fn end_work(&self) {
        self.0[index()].0.store(RESTS, Ordering::Relaxed);
    }

    /// True if no thread has been at one piece of work for longer than `max_secs`.
    pub(super) fn all_alive(&self, now_secs: u32, max_secs: u32) -> bool {
        self.0.iter().all(|sign| match sign.0.load(Ordering::Relaxed) {
            RESTS => true,
            at_work_secs => now_secs.saturating_sub(at_work_secs) <= max_secs,
        })
    }
}

/// Has every thread of the event loop do `work` once. Who has done it waits for the others, so that nobody does it
/// twice, but not for long: one that is busy all the time may be left out.
pub(super) fn on_every_thread(
    event_loop: &Arc<EventLoop>,
    threads: usize,
    work: impl Fn() + Send + Sync + 'static,
) {
    let shared = Arc::new((work, Mutex::new(threads), Condvar::new()));
    for _ in 0..threads {
        let shared = shared.clone();
        event_loop.spawn(async move {
            let (work, missing, all_came) = &*shared;
            work();
            let mut missing = missing.lock();
            *missing -= 1;
            all_came.notify_all();
            all_came.wait_while_for(&mut missing, |missing| *missing > 0, EVERY_THREAD_MAX);
        });
    }
    event_loop.call_all();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_rests_is_alive_and_one_that_works_too_long_is_not() {
        let signs = Signs::new(2);
        assert!(signs.all_alive(1000, 5));
        signs.begin_work(100);
        assert!(signs.all_alive(105, 5));
        assert!(!signs.all_alive(106, 5));
        signs.end_work();
        assert!(signs.all_alive(106, 5));
    }
}

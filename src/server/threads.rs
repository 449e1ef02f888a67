//! The threads that serve: their event loop, and what each of them has of its own.
//!
//! One thread alone has an event loop that nobody shares, which costs less. Several share one, and who has nothing to
//! do takes over what waits for another (`decisions::d12`): a connection is served by whichever thread is free.
//!
//! Invariant: no two threads of the event loop have the same index, so what is kept by index has one writer.

use super::worker::Shared;
use parking_lot::{Condvar, Mutex};
use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

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

/// The event loop, with as many threads as the settings say. A single one is the thread that runs it.
pub(super) fn event_loop(shared: &Arc<Shared>) -> io::Result<Runtime> {
    let threads = shared.settings.threads;
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let started = AtomicUsize::new(0);
    builder
        .enable_io()
        .worker_threads(threads)
        .thread_name("worker")
        .on_thread_start(move || INDEX.set(started.fetch_add(1, Ordering::Relaxed)))
        .build()
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
pub(super) fn on_every_thread(threads: usize, work: impl Fn() + Send + Sync + 'static) {
    let shared = Arc::new((work, Mutex::new(threads), Condvar::new()));
    for _ in 0..threads {
        let shared = shared.clone();
        tokio::spawn(async move {
            let (work, missing, all_came) = &*shared;
            work();
            let mut missing = missing.lock();
            *missing -= 1;
            all_came.notify_all();
            all_came.wait_while_for(&mut missing, |missing| *missing > 0, EVERY_THREAD_MAX);
        });
    }
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

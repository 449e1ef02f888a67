//! A task: a future, and the right to run it, which one thread has at a time.
//!
//! Its state is one byte. Readiness is added to it; the thread that adds to an idle task has the right to run it. A
//! thread that ran the task gives the right back only if nothing has come meanwhile, and schedules it again otherwise.
//! Readiness that a turn did not take is kept for the next one.
//!
//! Invariants: one thread at a time runs a task; after readiness it runs once more; a task that has ended is not run
//! again and is deregistered before its descriptor is closed.

use crate::sync::{AtomicU8, Mutex, Ordering, thread_local};
use std::cell::Cell;
use std::future::Future;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// There is something to receive.
pub const READABLE: u8 = 1;
/// There is room to send.
pub const WRITABLE: u8 = 2;
/// The peer hung up or ended its side, or the connection is broken: no more readiness will come.
pub const HANGUP: u8 = 4;
/// The task was woken by its waker.
const WOKEN: u8 = 8;
/// A thread has the right to run the task, or it is scheduled.
const SCHEDULED: u8 = 16;

/// What a task learns about its descriptor.
const OF_DESCRIPTOR: u8 = READABLE | WRITABLE | HANGUP;

thread_local! {
    /// Readiness of the task that this thread runs.
    static READINESS: Cell<u8> = const { Cell::new(0) };
    /// True if that task yielded in this turn.
    static YIELDED: Cell<bool> = const { Cell::new(false) };
    /// Work done by this thread since it was taken last, in bytes.
    static WORK: Cell<u32> = const { Cell::new(0) };
}

/// What has happened to the descriptor of the running task since it asked last.
pub fn take_readiness() -> u8 {
    READINESS.with(Cell::take)
}

/// Ends the turn of the running task, which has more to do: it runs again after the others.
pub fn yield_turn<T>(cx: &mut Context<'_>) -> Poll<T> {
    YIELDED.with(|yielded| yielded.set(true));
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// True if the running task yielded in this turn.
pub fn has_yielded() -> bool {
    YIELDED.with(Cell::get)
}

/// Counts work of the running task, in bytes as `session::Budget` counts them.
pub fn note_work(bytes: u32) {
    WORK.with(|work| work.set(work.get().saturating_add(bytes)));
}

/// Takes the work that this thread has done.
pub fn take_work() -> u32 {
    WORK.with(Cell::take)
}

/// Runs tasks.
pub trait Executor: Send + Sync + 'static {
    /// Has a task run soon; after those that did not yield, if it yielded.
    fn schedule(&self, task: Arc<dyn Run>, yielded: bool);

    /// Forgets the task of this descriptor, which is about to be closed.
    fn deregister(&self, fd: RawFd);
}

/// A task, whatever its future.
pub trait Run: Send + Sync {
    /// Adds readiness. True if the caller has to run the task.
    fn notice(&self, readiness: u8) -> bool;

    /// Runs it once. Only for a caller that has the right to.
    fn run(self: Arc<Self>);

    /// Ends it, as soon as no thread runs it.
    fn end(&self);
}

/// A task that lives until its future is ready, panics, or is ended.
pub struct Task<F, E> {
    executor: Arc<E>,
    fd: Option<RawFd>,
    state: AtomicU8,
    work: Mutex<Option<Work<F>>>,
}

struct Work<F> {
    future: F,
    /// Keeps the task alive.
    waker: Waker,
    /// Readiness that was not taken.
    left: u8,
}

impl<F: Future<Output = ()> + Send + Unpin + 'static, E: Executor> Task<F, E> {
    /// A task that is to be scheduled. `fd` is what its readiness is about.
    pub fn new(executor: Arc<E>, fd: Option<RawFd>, future: F) -> Arc<Self> {
        let state = AtomicU8::new(SCHEDULED);
        let task = Arc::new(Task { executor, fd, state, work: Mutex::new(None) });
        let waker = Waker::from(task.clone());
        *task.work.lock() = Some(Work { future, waker, left: 0 });
        task
    }

    fn deregister(&self) {
        if let Some(fd) = self.fd {
            self.executor.deregister(fd);
        }
    }
}

impl<F: Future<Output = ()> + Send + Unpin + 'static, E: Executor> Run for Task<F, E> {
    fn notice(&self, readiness: u8) -> bool {
        self.state.fetch_or(readiness | SCHEDULED, Ordering::AcqRel) & SCHEDULED == 0
    }

    fn run(self: Arc<Self>) {
        let readiness = self.state.swap(SCHEDULED, Ordering::AcqRel);
        let mut place = self.work.lock();
        // A task that has ended stays scheduled, so no thread runs it again.
        let Some(work) = place.as_mut() else { return };
        READINESS.with(|news| news.set((readiness & OF_DESCRIPTOR) | work.left));
        YIELDED.with(|yielded| yielded.set(false));
        let mut cx = Context::from_waker(&work.waker);
        // What a panic leaves half done goes with the future.
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut work.future).poll(&mut cx)));
        work.left = take_readiness();
        if let Ok(Poll::Pending) = polled {
            drop(place);
            let idle = self.state.compare_exchange(SCHEDULED, 0, Ordering::AcqRel, Ordering::Acquire);
            if idle.is_err() {
                let executor = self.executor.clone();
                executor.schedule(self, has_yielded());
            }
            return;
        }
        self.deregister();
        let ended = place.take();
        drop(place);
        // The message of a panic was written when it began.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(ended)));
    }

    fn end(&self) {
        let ended = self.work.lock().take();
        if ended.is_some() {
            self.deregister();
        }
        drop(ended);
    }
}

impl<F: Future<Output = ()> + Send + Unpin + 'static, E: Executor> Wake for Task<F, E> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.notice(WOKEN) {
            self.executor.schedule(self.clone(), false);
        }
    }
}

//! A task: a future, and the right to run it, which one thread has at a time.
//!
//! The state of a task is one byte, to which readiness is added. The thread that adds readiness to an idle task gets
//! the right to run it. After a turn that thread gives the right back if no readiness has come since, and otherwise
//! schedules the task again. Readiness that a turn did not take is kept for the next one.
//!
//! Invariants: one thread at a time runs a task; after readiness the task runs once more; a task that has ended is not
//! run again and is deregistered before its descriptor is closed.

use crate::sync::{AtomicU8, Mutex, Ordering, thread_local};
use std::cell::Cell;
use std::future::Future;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// There is input.
pub const READABLE: u8 = 1;
/// There is room for output.
pub const WRITABLE: u8 = 2;
/// The client closed the connection or its sending side, or the connection failed: no more readiness will come.
pub const HANGUP: u8 = 4;
/// The task was woken by its waker.
const WOKEN: u8 = 8;
/// A thread has the right to run the task, or it is scheduled.
const SCHEDULED: u8 = 16;

/// The bits of the state that are readiness of the descriptor.
const OF_DESCRIPTOR: u8 = READABLE | WRITABLE | HANGUP;

thread_local! {
    /// Readiness of the task that this thread runs.
    static READINESS: Cell<u8> = const { Cell::new(0) };
    /// True if that task yielded in this turn.
    static YIELDED: Cell<bool> = const { Cell::new(false) };
    /// Work of this thread since [`take_work`], in bytes.
    static WORK: Cell<u32> = const { Cell::new(0) };
}

/// Takes the readiness that the descriptor of the running task has got since the last call.
pub fn take_readiness() -> u8 {
    READINESS.with(Cell::take)
}

/// Ends the turn of the running task, which has work left: the task runs again after the others.
pub fn yield_turn<T>(cx: &mut Context<'_>) -> Poll<T> {
    YIELDED.with(|yielded| yielded.set(true));
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// True if the running task yielded in this turn.
pub fn has_yielded() -> bool {
    YIELDED.with(Cell::get)
}

/// Counts work of the running task, in bytes as `session::Budget` counts it.
pub fn note_work(bytes: u32) {
    WORK.with(|work| work.set(work.get().saturating_add(bytes)));
}

/// Takes the work of this thread.
pub fn take_work() -> u32 {
    WORK.with(Cell::take)
}

/// Runs tasks.
pub trait Executor: Send + Sync + 'static {
    /// Puts a task into the run queue, behind the tasks that did not yield if `yielded`.
    fn schedule(&self, task: Arc<dyn Run>, yielded: bool);

    /// Removes the task of a descriptor that is about to be closed.
    fn deregister(&self, fd: RawFd);
}

/// A task with any future.
pub trait Run: Send + Sync {
    /// Adds readiness. True if the caller gets the right to run the task.
    fn add_readiness(&self, readiness: u8) -> bool;

    /// Runs one turn. Only for a caller with the right to run the task.
    fn run(self: Arc<Self>);

    /// Drops the future, after the current turn if there is one.
    fn cancel(&self);
}

/// A task that exists until its future is ready or panics, or the task is cancelled.
pub struct Task<F, E> {
    executor: Arc<E>,
    fd: Option<RawFd>,
    state: AtomicU8,
    work: Mutex<Option<Work<F>>>,
}

struct Work<F> {
    future: F,
    /// Keeps the task in memory.
    waker: Waker,
    /// Readiness that the last turn did not take.
    untaken: u8,
}

impl<F: Future<Output = ()> + Send + Unpin + 'static, E: Executor> Task<F, E> {
    /// A task that the caller schedules. `fd` is the descriptor of its readiness.
    pub fn new(executor: Arc<E>, fd: Option<RawFd>, future: F) -> Arc<Self> {
        let state = AtomicU8::new(SCHEDULED);
        let task = Arc::new(Task { executor, fd, state, work: Mutex::new(None) });
        let waker = Waker::from(task.clone());
        *task.work.lock() = Some(Work { future, waker, untaken: 0 });
        task
    }

    fn deregister(&self) {
        if let Some(fd) = self.fd {
            self.executor.deregister(fd);
        }
    }
}

impl<F: Future<Output = ()> + Send + Unpin + 'static, E: Executor> Run for Task<F, E> {
    fn add_readiness(&self, readiness: u8) -> bool {
        self.state.fetch_or(readiness | SCHEDULED, Ordering::AcqRel) & SCHEDULED == 0
    }

    fn run(self: Arc<Self>) {
        let readiness = self.state.swap(SCHEDULED, Ordering::AcqRel);
        let mut slot = self.work.lock();
        // An ended task keeps SCHEDULED set, so no thread runs it again.
        let Some(work) = slot.as_mut() else { return };
        READINESS.with(|current| current.set((readiness & OF_DESCRIPTOR) | work.untaken));
        YIELDED.with(|yielded| yielded.set(false));
        let mut cx = Context::from_waker(&work.waker);
        // The incomplete work of a panic is dropped with the future.
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut work.future).poll(&mut cx)));
        work.untaken = take_readiness();
        if let Ok(Poll::Pending) = polled {
            drop(slot);
            let idle = self.state.compare_exchange(SCHEDULED, 0, Ordering::AcqRel, Ordering::Acquire);
            if idle.is_err() {
                let executor = self.executor.clone();
                executor.schedule(self, has_yielded());
            }
            return;
        }
        self.deregister();
        let ended = slot.take();
        drop(slot);
        // The panic was logged when it began.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(ended)));
    }

    fn cancel(&self) {
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
        if self.add_readiness(WOKEN) {
            self.executor.schedule(self.clone(), false);
        }
    }
}

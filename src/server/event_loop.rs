//! The event loop: threads that wait together for sockets, and run the task of each that is ready.
//!
//! [`scheduler`] decides which thread runs what, [`epoll`] finds readiness, [`task`] keeps one thread at a time at a task.
//! There are no timers: the thread that moves the clock wakes whatever waits for time.

mod epoll;
mod scheduler;
mod task;

pub(super) use epoll::Interest;
pub(super) use task::{HANGUP, READABLE, WRITABLE, has_yielded, note_work, take_readiness, yield_turn};

use epoll::Epoll;
use scheduler::{Heartbeat, Scheduler};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use task::{Executor, Run, Task};

/// The event loop.
pub(super) struct EventLoop {
    scheduler: Arc<Scheduler<Epoll>>,
    heartbeats: Box<[Heartbeat]>,
}

/// A task, for the one who may have to end it.
pub(super) struct Handle(Arc<dyn Run>);

impl Handle {
    /// Ends the task; it is gone when this returns.
    pub(super) fn end(&self) {
        self.0.end();
    }
}

impl EventLoop {
    /// An event loop for so many threads, each of which calls [`EventLoop::run`].
    pub(super) fn new(threads: usize) -> io::Result<Arc<EventLoop>> {
        Ok(Arc::new(EventLoop {
            scheduler: Arc::new(Scheduler::new(Epoll::new()?, threads)),
            heartbeats: (0..threads).map(|_| Heartbeat::new()).collect(),
        }))
    }

    /// Has a task run that has no descriptor.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Handle {
        let task = Task::new(self.scheduler.clone(), None, Box::pin(future));
        self.scheduler.schedule(task.clone(), false);
        Handle(task)
    }

    /// Has the task of this descriptor run. The descriptor is closed with the future, and not before; the future asks for
    /// its readiness by [`EventLoop::register`].
    pub(super) fn spawn_on(
        &self,
        fd: RawFd,
        future: impl Future<Output = ()> + Send + Unpin + 'static,
    ) -> Handle {
        let task: Arc<dyn Run> = Task::new(self.scheduler.clone(), Some(fd), future);
        self.scheduler.poller().add_task(fd, task.clone());
        self.scheduler.schedule(task.clone(), false);
        Handle(task)
    }

    /// Waits for a descriptor from now on. Readiness that it has already is told as well.
    pub(super) fn register(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        self.scheduler.poller().register(fd, interest)
    }

    /// Waits for something else at a registered descriptor. Readiness that it has already is told again.
    pub(super) fn reregister(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        self.scheduler.poller().reregister(fd, interest)
    }

    /// Sees to it that another thread notices readiness during the turn at hand, which may take long.
    pub(super) fn ensure_waiter(&self) {
        self.scheduler.ensure_waiter();
    }

    /// Runs tasks until the end, as the thread with this index.
    pub(super) fn run(&self, index: usize) {
        self.scheduler.run(&self.heartbeats[index]);
    }

    /// The turn that each thread is at, if it is at one.
    pub(super) fn turns(&self) -> impl Iterator<Item = Option<u64>> {
        self.heartbeats.iter().map(Heartbeat::turn)
    }

    /// Ends every thread's [`EventLoop::run`].
    pub(super) fn stop(&self) {
        self.scheduler.stop();
    }

    /// Ends all tasks that have a descriptor or are scheduled. For when no thread runs any more.
    pub(super) fn end_tasks(&self) {
        let by_descriptor = self.scheduler.poller().take_tasks();
        for task in by_descriptor.into_iter().chain(self.scheduler.take_tasks()) {
            task.end();
        }
    }
}

/// Lets other tasks run once.
pub(super) async fn yield_now() {
    let mut yielded = false;
    poll_fn(
        |cx| {
            if std::mem::replace(&mut yielded, true) { std::task::Poll::Ready(()) } else { yield_turn(cx) }
        },
    )
    .await;
}

/// Runs a task alone in an event loop, to its end.
#[cfg(test)]
pub(super) fn run_alone(
    event_loop: &Arc<EventLoop>,
    fd: RawFd,
    task: impl Future<Output = ()> + Send + 'static,
) {
    use std::sync::atomic::{AtomicBool, Ordering};
    struct StopLoop(Arc<EventLoop>);
    impl Drop for StopLoop {
        fn drop(&mut self) {
            self.0.stop();
        }
    }
    let stops = StopLoop(event_loop.clone());
    let passed = Arc::new(AtomicBool::new(false));
    let passes = passed.clone();
    let task = async move {
        let _stops = stops;
        task.await;
        passes.store(true, Ordering::Relaxed);
    };
    event_loop.spawn_on(fd, Box::pin(task));
    event_loop.run(0);
    assert!(passed.load(Ordering::Relaxed), "the task has panicked");
}

#[cfg(test)]
mod tests;

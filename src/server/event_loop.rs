//! The event loop: threads that share one epoll instance and run the tasks of ready sockets.
//!
//! [`scheduler`] decides which thread runs which task, [`epoll`] reports readiness, [`task`] makes sure that one thread
//! at a time runs a task. There are no timers: the thread that moves the clock wakes the tasks that wait for time.

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

/// A handle to a task.
pub(super) struct TaskHandle(Arc<dyn Run>);

impl TaskHandle {
    /// Cancels the task. Its future is dropped when this returns.
    pub(super) fn cancel(&self) {
        self.0.cancel();
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

    /// Spawns a task without a descriptor.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        let task = Task::new(self.scheduler.clone(), None, Box::pin(future));
        self.scheduler.schedule(task.clone(), false);
        TaskHandle(task)
    }

    /// Spawns the task of a descriptor. The future owns the descriptor, and calls [`EventLoop::register`] for its
    /// readiness.
    pub(super) fn spawn_on(
        &self,
        fd: RawFd,
        future: impl Future<Output = ()> + Send + Unpin + 'static,
    ) -> TaskHandle {
        let task: Arc<dyn Run> = Task::new(self.scheduler.clone(), Some(fd), future);
        self.scheduler.poller().add_task(fd, task.clone());
        self.scheduler.schedule(task.clone(), false);
        TaskHandle(task)
    }

    /// Registers a descriptor. Readiness that it already has is reported too.
    pub(super) fn register(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        self.scheduler.poller().register(fd, interest)
    }

    /// Changes the interest in a registered descriptor. Readiness that it already has is reported again.
    pub(super) fn reregister(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        self.scheduler.poller().reregister(fd, interest)
    }

    /// Makes sure that another thread polls during the current turn, which may take long.
    pub(super) fn ensure_poller(&self) {
        self.scheduler.ensure_poller();
    }

    /// Runs tasks until [`EventLoop::stop`], as the thread with this index.
    pub(super) fn run(&self, index: usize) {
        self.scheduler.run(&self.heartbeats[index]);
    }

    /// The number of the turn that each thread runs, if it runs one.
    pub(super) fn turns(&self) -> impl Iterator<Item = Option<u64>> {
        self.heartbeats.iter().map(Heartbeat::turn)
    }

    /// Stops [`EventLoop::run`] in every thread.
    pub(super) fn stop(&self) {
        self.scheduler.stop();
    }

    /// Cancels all tasks that have a descriptor or are scheduled. To be called after all threads have ended.
    pub(super) fn cancel_all(&self) {
        let by_descriptor = self.scheduler.poller().take_tasks();
        for task in by_descriptor.into_iter().chain(self.scheduler.take_tasks()) {
            task.cancel();
        }
    }
}

/// Yields: the task runs again after the others.
pub(super) async fn yield_now() {
    let mut yielded = false;
    poll_fn(
        |cx| {
            if std::mem::replace(&mut yielded, true) { std::task::Poll::Ready(()) } else { yield_turn(cx) }
        },
    )
    .await;
}

/// Runs a single task in an event loop, to its end.
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
    let stop = StopLoop(event_loop.clone());
    let finished = Arc::new(AtomicBool::new(false));
    let finishes = finished.clone();
    let task = async move {
        let _stop = stop;
        task.await;
        finishes.store(true, Ordering::Relaxed);
    };
    event_loop.spawn_on(fd, Box::pin(task));
    event_loop.run(0);
    assert!(finished.load(Ordering::Relaxed), "the task has panicked");
}

#[cfg(test)]
mod tests;

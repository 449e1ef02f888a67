//! Decides which thread runs which task, and which thread polls.
//!
//! One thread at a time waits in the poller for readiness; the others run tasks or are parked. After a wait the polling
//! thread runs the ready tasks and polls again; tasks beyond its share go to the run queue for the others. Tasks that
//! yielded, because their work budget was exhausted, have a queue of their own. A thread that runs them polls between
//! two of them without waiting, and makes sure that another thread waits in the poller: readiness is then noticed
//! although one of the two threads is off its CPU (`decisions::d12`).
//!
//! The scheduler does not know what a task does. It holds no lock while a task runs or while it polls.
//! Invariants, checked by `tests/schedules`:
//! E1 A scheduled task is run.
//! E2 Between two polls a thread runs no more than one batch ([`BATCH_WORK_BYTES`]), the turn that fills it, and one
//!    turn of a task that yielded. While it runs tasks that yielded, another thread waits in the poller if one was
//!    parked; a wait that ends to run a batch may be resumed by the same thread.
//! E3 With more than one thread, at least one runs no task that yielded.

use super::task::{Executor, Run, take_work};
use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering, thread_local};
use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::sync::Arc;

/// Work of tasks that one thread runs between two polls, in bytes, without the last turn.
pub const BATCH_WORK_BYTES: u32 = 32 * 1024;

/// Tasks that a thread takes from the run queue at once, at most, if there are other threads.
const SHARE_MAX: usize = 4;

/// Length of the run queue above which another thread is unparked.
const BACKLOG_MAX: usize = 1;

thread_local! {
    /// True in the threads that run tasks.
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Finds the tasks whose descriptors are ready.
pub trait Poller: Send + Sync + 'static {
    /// Appends the tasks that became ready and that this thread has the right to run to `ready`, or to `hung_up` after
    /// a hang-up. If `wait`, it waits for such a task or for [`Poller::wake`].
    fn poll(&self, wait: bool, ready: &mut Vec<Arc<dyn Run>>, hung_up: &mut Vec<Arc<dyn Run>>);

    /// Ends the current wait, or else the next one.
    fn wake(&self);

    /// Removes the task of this descriptor.
    fn deregister(&self, fd: RawFd);
}

/// The turns of one thread. Padded, so that two threads never write to one cache line.
#[repr(align(128))]
pub struct Heartbeat(AtomicU64);

impl Heartbeat {
    /// A heartbeat outside of a turn.
    pub fn new() -> Heartbeat {
        Heartbeat(AtomicU64::new(0))
    }

    /// The number of the current turn, if there is one.
    pub fn turn(&self) -> Option<u64> {
        let beat = self.0.load(Ordering::Relaxed);
        (beat % 2 == 1).then_some(beat)
    }

    /// Runs one turn of a task.
    fn run(&self, task: Arc<dyn Run>) {
        // Load and store are enough, because there is one writer.
        let beat = self.0.load(Ordering::Relaxed);
        self.0.store(beat.wrapping_add(1), Ordering::Relaxed);
        task.run();
        self.0.store(beat.wrapping_add(2), Ordering::Relaxed);
    }
}

/// The run queue, and the threads that wait for tasks.
#[derive(Default)]
struct RunQueue {
    ready: VecDeque<Arc<dyn Run>>,
    yielded: VecDeque<Arc<dyn Run>>,
    /// Threads that run a yielded task.
    running_yielded: usize,
    parked: usize,
    /// Threads that were unparked and do not run yet.
    unparking: usize,
}

impl RunQueue {
    fn len(&self) -> u64 {
        (self.ready.len() + self.yielded.len()) as u64
    }

    /// Counts a parked thread as unparking; false if there is none. The caller notifies the thread.
    fn unpark_one(&mut self) -> bool {
        let parked = self.parked > self.unparking;
        self.unparking += usize::from(parked);
        parked
    }

    /// The same if the run queue is too long and no thread is unparking.
    fn unpark_for_backlog(&mut self) -> bool {
        self.unparking == 0 && self.ready.len() + self.yielded.len() > BACKLOG_MAX && self.unpark_one()
    }
}

/// A scheduler for a number of threads.
pub struct Scheduler<P> {
    poller: P,
    threads: usize,
    queue: Mutex<RunQueue>,
    /// Length of the run queue at its last change, to be read without the lock.
    queued: AtomicU64,
    unpark: Condvar,
    /// True while a thread waits in the poller.
    has_poller: AtomicBool,
    /// Waits in the poller that have begun.
    waits: AtomicU64,
    stopped: AtomicBool,
}

impl<P: Poller> Scheduler<P> {
    /// A scheduler for this many threads, each of which calls [`Scheduler::run`].
    pub fn new(poller: P, threads: usize) -> Scheduler<P> {
        Scheduler {
            poller,
            threads,
            queue: Mutex::default(),
            queued: AtomicU64::new(0),
            unpark: Condvar::new(),
            has_poller: AtomicBool::new(false),
            waits: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// The poller.
    pub fn poller(&self) -> &P {
        &self.poller
    }

    /// Runs tasks until [`Scheduler::stop`].
    pub fn run(&self, heartbeat: &Heartbeat) {
        IS_WORKER.with(|is| is.set(true));
        let (mut batch, mut hung_up) = (Vec::new(), Vec::new());
        // Work since the last poll, in bytes.
        let mut done = 0;
        let mut seen_waits = 0;
        // True if there were yielded tasks before that poll.
        let mut yielded = false;
        while !self.stopped.load(Ordering::Acquire) {
            self.run_ready(heartbeat, &mut batch, &mut done);
            if yielded {
                self.run_yielded(heartbeat, &mut seen_waits);
            }
            done = 0;
            let may_wait;
            (yielded, may_wait) = self.inspect_queue();
            if !self.has_many_threads() || !may_wait {
                self.poller.poll(may_wait, &mut batch, &mut hung_up);
            } else if self.has_poller.swap(true, Ordering::AcqRel) {
                self.park();
                continue;
            } else {
                self.waits.fetch_add(1, Ordering::AcqRel);
                self.poller.poll(true, &mut batch, &mut hung_up);
                self.has_poller.store(false, Ordering::Release);
            }
            self.take_polled(&mut batch, &mut hung_up);
            self.run_batch(heartbeat, &mut batch, &mut done);
            // No client waits for hung-up connections, so new connections run before them.
            if !hung_up.is_empty() {
                self.change_queue_and_share(|queue| queue.ready.extend(hung_up.drain(..)));
            }
        }
        // Another thread may be about to wait in the poller, and this thread has consumed the wake-up.
        self.poller.wake();
    }

    /// Stops [`Scheduler::run`] in every thread.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake_all();
    }

    /// Wakes all threads that are parked or wait in the poller.
    fn wake_all(&self) {
        let unparked = self.change_queue(|queue| {
            let parked = queue.parked - queue.unparking;
            queue.unparking = queue.parked;
            parked
        });
        for _ in 0..unparked {
            self.unpark.notify_one();
        }
        self.poller.wake();
    }

    /// Takes all scheduled tasks. To be called after all threads have ended.
    pub fn take_tasks(&self) -> Vec<Arc<dyn Run>> {
        self.change_queue(|queue| {
            let ready = std::mem::take(&mut queue.ready);
            ready.into_iter().chain(std::mem::take(&mut queue.yielded)).collect()
        })
    }

    /// Makes sure that another thread waits in the poller, if one is parked. For a task at the start of a turn that may
    /// take longer than its work budget allows.
    pub fn ensure_poller(&self) {
        if !self.has_many_threads() || self.has_poller.load(Ordering::Acquire) {
            return;
        }
        let unpark = {
            let mut queue = self.queue.lock();
            !self.has_poller.load(Ordering::Acquire) && queue.unparking == 0 && queue.unpark_one()
        };
        if unpark {
            self.unpark.notify_one();
        }
    }

    fn has_many_threads(&self) -> bool {
        self.threads > 1
    }

    /// The number of tasks, of `tasks` in the run queue, that one thread takes at once.
    fn share_of(&self, tasks: usize) -> usize {
        if self.has_many_threads() { (tasks / self.threads).clamp(1, SHARE_MAX) } else { tasks }
    }

    /// Threads that may run yielded tasks at once. One thread is left for ready tasks.
    fn running_yielded_max(&self) -> usize {
        self.threads.saturating_sub(1).max(1)
    }

    /// True if this thread may run a task of the queue.
    fn has_work(&self, queue: &RunQueue) -> bool {
        let may_run_yielded = queue.running_yielded < self.running_yielded_max();
        !queue.ready.is_empty() || !queue.yielded.is_empty() && may_run_yielded
    }

    fn change_queue<T>(&self, change: impl FnOnce(&mut RunQueue) -> T) -> T {
        let mut queue = self.queue.lock();
        let changed = change(&mut queue);
        self.queued.store(queue.len(), Ordering::Release);
        changed
    }

    /// Changes the queue, and unparks a thread if the queue is too long afterwards.
    fn change_queue_and_share<T>(&self, change: impl FnOnce(&mut RunQueue) -> T) -> T {
        let (changed, unpark) = self.change_queue(|queue| {
            let changed = change(queue);
            (changed, queue.unpark_for_backlog())
        });
        if unpark {
            self.unpark.notify_one();
        }
        changed
    }

    /// Runs the tasks that are ready now, until a batch of work is done.
    fn run_ready(&self, heartbeat: &Heartbeat, batch: &mut Vec<Arc<dyn Run>>, done: &mut u32) {
        let mut remaining = self.queued.load(Ordering::Acquire) as usize;
        while remaining > 0 && *done < BATCH_WORK_BYTES {
            self.change_queue_and_share(|queue| {
                let share = self.share_of(queue.ready.len()).min(remaining).min(queue.ready.len());
                batch.extend(queue.ready.drain(..share));
            });
            if batch.is_empty() {
                return;
            }
            remaining -= batch.len();
            self.run_batch(heartbeat, batch, done);
        }
    }

    /// Runs these tasks until a batch of work is done, and puts the others back at the front of the queue.
    fn run_batch(&self, heartbeat: &Heartbeat, batch: &mut Vec<Arc<dyn Run>>, done: &mut u32) {
        take_work();
        let mut tasks = batch.drain(..);
        for task in tasks.by_ref() {
            heartbeat.run(task);
            *done = done.saturating_add(take_work());
            if *done >= BATCH_WORK_BYTES {
                break;
            }
        }
        if tasks.len() > 0 {
            self.change_queue_and_share(|queue| tasks.rev().for_each(|task| queue.ready.push_front(task)));
        }
    }

    /// Runs one task that yielded, if this thread may. `seen_waits` is the number of waits at the last such turn. If it
    /// has changed since, the polling thread only runs a short batch and waits again soon, so that unparking another
    /// thread would be wasteful.
    fn run_yielded(&self, heartbeat: &Heartbeat, seen_waits: &mut u64) {
        if self.queued.load(Ordering::Acquire) == 0 {
            return;
        }
        let task = self.change_queue_and_share(|queue| {
            if queue.running_yielded >= self.running_yielded_max() {
                return None;
            }
            let task = queue.yielded.pop_front()?;
            queue.running_yielded += 1;
            Some(task)
        });
        if let Some(task) = task {
            let waits = self.waits.load(Ordering::Acquire);
            if std::mem::replace(seen_waits, waits) == waits {
                self.ensure_poller();
            }
            heartbeat.run(task);
            self.queue.lock().running_yielded -= 1;
        }
    }

    /// Leaves in `ready` this thread's share of the tasks that a poll has found, and puts the rest into the queue,
    /// behind the tasks that have waited longer.
    fn take_polled(&self, ready: &mut Vec<Arc<dyn Run>>, hung_up: &mut Vec<Arc<dyn Run>>) {
        if ready.is_empty() {
            std::mem::swap(ready, hung_up);
        }
        let queued = self.queued.load(Ordering::Acquire) > 0;
        if queued || self.has_many_threads() && ready.len() > 1 {
            self.change_queue_and_share(|queue| {
                let share = if queue.ready.is_empty() { self.share_of(ready.len()) } else { 0 };
                queue.ready.extend(ready.drain(share.min(ready.len())..));
            });
        }
    }

    /// Whether there are tasks that yielded, and whether this thread may wait because it has no task to run.
    fn inspect_queue(&self) -> (bool, bool) {
        if self.queued.load(Ordering::Acquire) == 0 {
            return (false, true);
        }
        let queue = self.queue.lock();
        (!queue.yielded.is_empty(), !self.has_work(&queue))
    }

    /// Waits to be unparked, while another thread waits in the poller.
    fn park(&self) {
        let mut queue = self.queue.lock();
        let stopped = self.stopped.load(Ordering::Acquire);
        if !self.has_work(&queue) && self.has_poller.load(Ordering::Acquire) && !stopped {
            queue.parked += 1;
            self.unpark.wait(&mut queue);
            queue.parked -= 1;
            queue.unparking = queue.unparking.saturating_sub(1);
        }
    }
}

impl<P: Poller> Executor for Scheduler<P> {
    fn schedule(&self, task: Arc<dyn Run>, yielded: bool) {
        self.change_queue(|queue| {
            let list = if yielded { &mut queue.yielded } else { &mut queue.ready };
            list.push_back(task);
        });
        // A thread that runs tasks checks the queue before it waits.
        if !IS_WORKER.with(Cell::get) {
            self.poller.wake();
        }
    }

    fn deregister(&self, fd: RawFd) {
        self.poller.deregister(fd);
    }
}

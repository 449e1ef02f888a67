//! Which thread runs which task, and which thread waits for readiness.
//!
//! One thread at a time waits for readiness, the others run tasks or are parked. A thread that waited runs what became
//! ready and waits again; it leaves what is too much to the others. Tasks that yielded, because they used up their work
//! budget, have a queue of their own. A thread that runs them polls between two of them without waiting, and has another
//! thread wait: the one notices readiness when the other is off its CPU (`decisions::d12`).
//!
//! Must never: know what a task does, hold its lock while a task runs or while it polls.
//! Invariants, tried by `tests/schedules`:
//! E1 A scheduled task is run.
//! E2 A thread runs no more than one batch ([`BATCH_WORK_BYTES`]), the turn that fills it and one turn of a task that
//!    yielded between two polls. While it runs tasks that yielded, another thread waits for readiness if one was parked;
//!    a wait that ends to run a batch may be resumed by the same thread.
//! E3 With more than one thread, at least one runs no task that yielded.

use super::task::{Executor, Run, take_work};
use crate::sync::{AtomicBool, AtomicU64, Condvar, Mutex, Ordering, thread_local};
use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::sync::Arc;

/// Work of tasks that one thread runs between two polls, in bytes, the last turn apart.
pub const BATCH_WORK_BYTES: u32 = 32 * 1024;

/// Tasks that a thread takes at once while there are other threads, at most.
const SHARE_MAX: usize = 4;

/// Tasks that a thread may leave behind before another is woken.
const LEFT_BEHIND_MAX: usize = 1;

thread_local! {
    /// True for the threads that run tasks.
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// Finds the tasks whose descriptors are ready.
pub trait Poller: Send + Sync + 'static {
    /// Appends the tasks that became ready and that this thread now has the right to run; those whose peer hung up to
    /// `hung_up`. Waits until there are some or [`Poller::wake`] was called, if `wait`.
    fn poll(&self, wait: bool, ready: &mut Vec<Arc<dyn Run>>, hung_up: &mut Vec<Arc<dyn Run>>);

    /// Ends the wait of the thread that waits, or the next one.
    fn wake(&self);

    /// Forgets the task of this descriptor.
    fn deregister(&self, fd: RawFd);
}

/// Turns of one thread. Padded, so that threads do not disturb each other.
#[repr(align(128))]
pub struct Heartbeat(AtomicU64);

impl Heartbeat {
    /// At no turn.
    pub fn new() -> Heartbeat {
        Heartbeat(AtomicU64::new(0))
    }

    /// The number of the turn that is running, if one is.
    pub fn turn(&self) -> Option<u64> {
        let beat = self.0.load(Ordering::Relaxed);
        (beat % 2 == 1).then_some(beat)
    }

    /// Runs one turn of a task.
    fn run(&self, task: Arc<dyn Run>) {
        // It has one writer.
        let beat = self.0.load(Ordering::Relaxed);
        self.0.store(beat.wrapping_add(1), Ordering::Relaxed);
        task.run();
        self.0.store(beat.wrapping_add(2), Ordering::Relaxed);
    }
}

/// Tasks that wait for a thread, and threads that wait for tasks.
#[derive(Default)]
struct Queue {
    ready: VecDeque<Arc<dyn Run>>,
    yielded: VecDeque<Arc<dyn Run>>,
    /// Threads that run a yielded task.
    running_yielded: usize,
    parked: usize,
    /// Threads that were unparked and are not running yet.
    unparking: usize,
}

impl Queue {
    fn len(&self) -> u64 {
        (self.ready.len() + self.yielded.len()) as u64
    }

    /// Counts one of the parked threads as unparking, if there is one; true if it is to be notified.
    fn unpark_one(&mut self) -> bool {
        let parked = self.parked > self.unparking;
        self.unparking += usize::from(parked);
        parked
    }

    /// The same if too many tasks are left behind and no thread is on its way.
    fn unpark_for_backlog(&mut self) -> bool {
        self.unparking == 0 && self.ready.len() + self.yielded.len() > LEFT_BEHIND_MAX && self.unpark_one()
    }
}

/// The scheduler of some threads.
pub struct Scheduler<P> {
    poller: P,
    threads: usize,
    queue: Mutex<Queue>,
    /// Length of the queue as of its last change, for a look without the lock.
    queued: AtomicU64,
    unpark: Condvar,
    /// True while a thread waits for readiness.
    waiting: AtomicBool,
    /// Waits that have begun.
    waits: AtomicU64,
    stopped: AtomicBool,
}

impl<P: Poller> Scheduler<P> {
    /// For so many threads, each of which calls [`Scheduler::run`].
    pub fn new(poller: P, threads: usize) -> Scheduler<P> {
        Scheduler {
            poller,
            threads,
            queue: Mutex::default(),
            queued: AtomicU64::new(0),
            unpark: Condvar::new(),
            waiting: AtomicBool::new(false),
            waits: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// What finds ready tasks.
    pub fn poller(&self) -> &P {
        &self.poller
    }

    /// Runs tasks until [`Scheduler::stop`].
    pub fn run(&self, heartbeat: &Heartbeat) {
        IS_WORKER.with(|is| is.set(true));
        let (mut batch, mut hung_up) = (Vec::new(), Vec::new());
        // Work since the last poll of this thread or another, in bytes.
        let mut done = 0;
        let mut seen_waits = 0;
        // True if tasks yielded before that poll.
        let mut yielded = false;
        while !self.stopped.load(Ordering::Acquire) {
            self.run_ready(heartbeat, &mut batch, &mut done);
            if yielded {
                self.run_yielded(heartbeat, &mut seen_waits);
            }
            done = 0;
            let may_wait;
            (yielded, may_wait) = self.look_at_queue();
            if !self.is_shared() || !may_wait {
                self.poller.poll(may_wait, &mut batch, &mut hung_up);
            } else if self.waiting.swap(true, Ordering::AcqRel) {
                self.park();
                continue;
            } else {
                self.waits.fetch_add(1, Ordering::AcqRel);
                self.poller.poll(true, &mut batch, &mut hung_up);
                self.waiting.store(false, Ordering::Release);
            }
            self.take_polled(&mut batch, &mut hung_up);
            self.run_batch(heartbeat, &mut batch, &mut done);
            // No client waits for these, so connections that have come meanwhile run before them.
            if !hung_up.is_empty() {
                self.share_queue(|queue| queue.ready.extend(hung_up.drain(..)));
            }
        }
        // Another thread may be about to wait, and this one has taken the wake-up.
        self.poller.wake();
    }

    /// Ends every thread's [`Scheduler::run`].
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.wake_all();
    }

    /// Has every thread that is parked or waits go on.
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

    /// Takes all scheduled tasks, for when no thread runs any more.
    pub fn take_tasks(&self) -> Vec<Arc<dyn Run>> {
        self.change_queue(|queue| {
            let ready = std::mem::take(&mut queue.ready);
            ready.into_iter().chain(std::mem::take(&mut queue.yielded)).collect()
        })
    }

    /// Sees to it that another thread waits for readiness, if one is parked. For a task at the start of a turn that may
    /// take longer than its work budget allows.
    pub fn ensure_waiter(&self) {
        if !self.is_shared() || self.waiting.load(Ordering::Acquire) {
            return;
        }
        let unpark = {
            let mut queue = self.queue.lock();
            !self.waiting.load(Ordering::Acquire) && queue.unparking == 0 && queue.unpark_one()
        };
        if unpark {
            self.unpark.notify_one();
        }
    }

    fn is_shared(&self) -> bool {
        self.threads > 1
    }

    /// Of so many tasks, those that one thread takes at once.
    fn share_of(&self, tasks: usize) -> usize {
        if self.is_shared() { (tasks / self.threads).clamp(1, SHARE_MAX) } else { tasks }
    }

    /// Threads that may run yielded tasks at once: one is left for those that are ready.
    fn running_yielded_max(&self) -> usize {
        self.threads.saturating_sub(1).max(1)
    }

    /// True if this thread would find something to run in the queue.
    fn has_work(&self, queue: &Queue) -> bool {
        let may_run_yielded = queue.running_yielded < self.running_yielded_max();
        !queue.ready.is_empty() || !queue.yielded.is_empty() && may_run_yielded
    }

    fn change_queue<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue.lock();
        let changed = change(&mut queue);
        self.queued.store(queue.len(), Ordering::Release);
        changed
    }

    /// Changes the queue and unparks a thread if too much is left behind.
    fn share_queue<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let (changed, unpark) = self.change_queue(|queue| {
            let changed = change(queue);
            (changed, queue.unpark_for_backlog())
        });
        if unpark {
            self.unpark.notify_one();
        }
        changed
    }

    /// Runs tasks that are ready, as many as there are now, until a batch of work is done.
    fn run_ready(&self, heartbeat: &Heartbeat, batch: &mut Vec<Arc<dyn Run>>, done: &mut u32) {
        let mut left = self.queued.load(Ordering::Acquire) as usize;
        while left > 0 && *done < BATCH_WORK_BYTES {
            self.share_queue(|queue| {
                let share = self.share_of(queue.ready.len()).min(left).min(queue.ready.len());
                batch.extend(queue.ready.drain(..share));
            });
            if batch.is_empty() {
                return;
            }
            left -= batch.len();
            self.run_batch(heartbeat, batch, done);
        }
    }

    /// Runs these tasks until a batch of work is done; the others go back to the front of the queue.
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
            self.share_queue(|queue| tasks.rev().for_each(|task| queue.ready.push_front(task)));
        }
    }

    /// Runs one task that yielded, if this thread may. `seen_waits` are the waits up to the last such turn: a thread that
    /// only runs a short batch waits again soon, and to unpark another one would cost both more.
    fn run_yielded(&self, heartbeat: &Heartbeat, seen_waits: &mut u64) {
        if self.queued.load(Ordering::Acquire) == 0 {
            return;
        }
        let task = self.share_queue(|queue| {
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
                self.ensure_waiter();
            }
            heartbeat.run(task);
            self.queue.lock().running_yielded -= 1;
        }
    }

    /// Leaves in `ready` what this thread runs at once of what a poll has found, and puts the rest into the queue, behind
    /// the tasks that have waited longer.
    fn take_polled(&self, ready: &mut Vec<Arc<dyn Run>>, hung_up: &mut Vec<Arc<dyn Run>>) {
        if ready.is_empty() {
            std::mem::swap(ready, hung_up);
        }
        let queued = self.queued.load(Ordering::Acquire) > 0;
        if queued || self.is_shared() && ready.len() > 1 {
            self.share_queue(|queue| {
                let share = if queue.ready.is_empty() { self.share_of(ready.len()) } else { 0 };
                queue.ready.extend(ready.drain(share.min(ready.len())..));
            });
        }
    }

    /// True if there are tasks that yielded, and true if there is nothing that this thread could run instead of waiting.
    fn look_at_queue(&self) -> (bool, bool) {
        if self.queued.load(Ordering::Acquire) == 0 {
            return (false, true);
        }
        let queue = self.queue.lock();
        (!queue.yielded.is_empty(), !self.has_work(&queue))
    }

    /// Waits for tasks or to be woken, while another thread waits for readiness.
    fn park(&self) {
        let mut queue = self.queue.lock();
        let stopped = self.stopped.load(Ordering::Acquire);
        if !self.has_work(&queue) && self.waiting.load(Ordering::Acquire) && !stopped {
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
            let lane = if yielded { &mut queue.yielded } else { &mut queue.ready };
            lane.push_back(task);
        });
        // A thread that runs tasks looks into the queue before it waits.
        if !IS_WORKER.with(Cell::get) {
            self.poller.wake();
        }
    }

    fn deregister(&self, fd: RawFd) {
        self.poller.deregister(fd);
    }
}

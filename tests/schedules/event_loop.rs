//! The event loop: the right to run a task, and the scheduler with its queue, its parked threads and the one that
//! polls.

#[path = "../../src/server/event_loop/scheduler.rs"]
#[expect(dead_code, reason = "the event loop uses more of it")]
mod scheduler;
#[path = "../../src/server/event_loop/task.rs"]
mod task;

use crate::many_orders;
use crate::sync::{AtomicBool, AtomicU8, AtomicU64, Condvar, Mutex, Ordering};
use scheduler::{BATCH_WORK_BYTES, Heartbeat, Poller, Scheduler};
use shuttle::thread;
use std::future::poll_fn;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::task::Poll;
use task::{Executor, HANGUP, READABLE, Run, Task, WRITABLE, note_work, take_readiness, yield_turn};

/// An executor that only keeps its tasks, and what it was told to deregister.
#[derive(Default)]
struct Queue {
    scheduled: Mutex<Vec<Arc<dyn Run>>>,
    deregistered: Mutex<Vec<RawFd>>,
}

impl Queue {
    fn run_all(&self) {
        loop {
            let Some(task) = self.scheduled.lock().pop() else { return };
            task.run();
        }
    }
}

impl Executor for Queue {
    fn schedule(&self, task: Arc<dyn Run>, _yielded: bool) {
        self.scheduled.lock().push(task);
    }

    fn deregister(&self, fd: RawFd) {
        self.deregistered.lock().push(fd);
    }
}

/// A thread that has readiness for a task, and then runs what is scheduled.
fn readies(queue: &Arc<Queue>, task: &Arc<dyn Run>, readiness: u8) -> thread::JoinHandle<()> {
    let (queue, task) = (queue.clone(), task.clone());
    thread::spawn(move || {
        if task.add_readiness(readiness) {
            task.run();
        }
        queue.run_all();
    })
}

#[test]
fn all_readiness_arrives_and_one_thread_at_a_time_runs_the_task() {
    many_orders(|| {
        let queue = Arc::new(Queue::default());
        let seen = Arc::new(AtomicU8::new(0));
        let running = Arc::new(AtomicBool::new(false));
        let future = {
            let seen = seen.clone();
            poll_fn(move |_| {
                let readiness = take_readiness();
                assert!(!running.swap(true, Ordering::AcqRel), "two threads at once");
                seen.fetch_or(readiness, Ordering::AcqRel);
                running.store(false, Ordering::Release);
                Poll::<()>::Pending
            })
        };
        let task: Arc<dyn Run> = Task::new(queue.clone(), Some(5), future);
        queue.schedule(task.clone(), false);
        let threads = [READABLE, WRITABLE, HANGUP].map(|readiness| readies(&queue, &task, readiness));
        queue.run_all();
        threads.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(seen.load(Ordering::Acquire), READABLE | WRITABLE | HANGUP);
        assert!(queue.deregistered.lock().is_empty(), "no turn has ended by a panic");
        task.cancel();
    });
}

#[test]
fn a_task_ends_once_and_is_deregistered_once() {
    many_orders(|| {
        let queue = Arc::new(Queue::default());
        let turns = Arc::new(AtomicU8::new(0));
        let future = {
            let turns = turns.clone();
            poll_fn(move |_| {
                turns.fetch_add(1, Ordering::AcqRel);
                if take_readiness() & HANGUP == 0 { Poll::Pending } else { Poll::Ready(()) }
            })
        };
        let task: Arc<dyn Run> = Task::new(queue.clone(), Some(5), future);
        queue.schedule(task.clone(), false);
        let threads = [READABLE, HANGUP].map(|readiness| readies(&queue, &task, readiness));
        task.cancel();
        queue.run_all();
        threads.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(*queue.deregistered.lock(), [5]);
        let turns_taken = turns.load(Ordering::Acquire);
        if task.add_readiness(WRITABLE) {
            task.run();
        }
        assert_eq!(turns.load(Ordering::Acquire), turns_taken, "it ran after its end");
    });
}

/// Sockets, as epoll would know them: which are ready, and what has happened between two polls.
#[derive(Default)]
struct Sockets {
    state: Mutex<State>,
    changed: Condvar,
    /// Threads that wait in [`Poller::poll`].
    waiting: AtomicU64,
    /// Work of a thread alone since its last poll, in bytes.
    unpolled_work: AtomicU64,
    most_unpolled_work: AtomicU64,
}

#[derive(Default)]
struct State {
    tasks: Vec<Arc<dyn Run>>,
    ready: Vec<usize>,
    woken: bool,
}

impl Sockets {
    /// A request arrives at a socket.
    fn ready(&self, socket: usize) {
        self.state.lock().ready.push(socket);
        self.changed.notify_one();
    }

    /// A task has worked.
    fn note(&self, bytes: u32) {
        note_work(bytes);
        let unpolled = self.unpolled_work.fetch_add(bytes.into(), Ordering::AcqRel) + u64::from(bytes);
        self.most_unpolled_work.fetch_max(unpolled, Ordering::AcqRel);
    }
}

impl Poller for Arc<Sockets> {
    fn poll(&self, wait: bool, ready: &mut Vec<Arc<dyn Run>>, _hung_up: &mut Vec<Arc<dyn Run>>) {
        if wait {
            assert_eq!(self.waiting.fetch_add(1, Ordering::AcqRel), 0, "one thread waits");
        }
        self.unpolled_work.store(0, Ordering::Release);
        let mut state = self.state.lock();
        while wait && state.ready.is_empty() && !state.woken {
            self.changed.wait(&mut state);
        }
        state.woken = false;
        for socket in std::mem::take(&mut state.ready) {
            if state.tasks[socket].add_readiness(READABLE) {
                ready.push(state.tasks[socket].clone());
            }
        }
        if wait {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn wake(&self) {
        self.state.lock().woken = true;
        self.changed.notify_one();
    }

    fn deregister(&self, _fd: RawFd) {}
}

/// A scheduler over such sockets, and what its tasks do.
struct Loop {
    sockets: Arc<Sockets>,
    scheduler: Arc<Scheduler<Arc<Sockets>>>,
    /// Tasks that are to answer before the loop stops.
    left: Arc<AtomicU64>,
}

impl Loop {
    fn new(threads: usize, answers: u64) -> Loop {
        let sockets = Arc::new(Sockets::default());
        let scheduler = Arc::new(Scheduler::new(sockets.clone(), threads));
        Loop { sockets, scheduler, left: Arc::new(AtomicU64::new(answers)) }
    }

    /// A task that answers the first request of its socket with so much work, in bytes, in turns of one batch.
    fn answers_once(&self, work_bytes: u32) {
        let (sockets, left) = (self.sockets.clone(), self.left.clone());
        let scheduler = self.scheduler.clone();
        let (mut asked, mut to_do) = (false, work_bytes);
        let future = poll_fn(move |cx| {
            asked |= take_readiness() != 0;
            if !asked {
                return Poll::Pending;
            }
            let now = to_do.min(BATCH_WORK_BYTES);
            sockets.note(now);
            to_do -= now;
            if to_do > 0 {
                return yield_turn(cx);
            }
            if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                scheduler.stop();
            }
            Poll::Ready(())
        });
        let mut state = self.sockets.state.lock();
        let fd = RawFd::try_from(state.tasks.len()).unwrap();
        let task: Arc<dyn Run> = Task::new(self.scheduler.clone(), Some(fd), future);
        state.tasks.push(task.clone());
        drop(state);
        self.scheduler.schedule(task, false);
    }

    /// Runs the loop by so many threads until it stops.
    fn run(&self, threads: usize, requests: usize) {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let scheduler = self.scheduler.clone();
                thread::spawn(move || scheduler.run(&Heartbeat::new()))
            })
            .collect();
        for socket in 0..requests {
            self.sockets.ready(socket);
        }
        workers.into_iter().for_each(|it| it.join().unwrap());
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Tasks and scheduler hold each other.
        let tasks = std::mem::take(&mut self.sockets.state.lock().tasks);
        tasks.iter().chain(&self.scheduler.take_tasks()).for_each(|task| task.cancel());
    }
}

/// E1, and that a loop of parked and polling threads stops: shuttle fails where all threads wait.
#[test]
fn every_request_is_answered_and_every_thread_ends() {
    for threads in 1..=3 {
        many_orders(move || {
            let event_loop = Loop::new(threads, 3);
            [100, 3 * BATCH_WORK_BYTES, 100].into_iter().for_each(|work| event_loop.answers_once(work));
            event_loop.run(threads, 3);
            assert_eq!(event_loop.left.load(Ordering::Acquire), 0);
        });
    }
}

/// The first half of E2, where it can be told from the order alone: a thread alone polls between two turns.
#[test]
fn a_thread_alone_polls_between_two_turns() {
    many_orders(|| {
        let event_loop = Loop::new(1, 2);
        [4 * BATCH_WORK_BYTES, 3 * BATCH_WORK_BYTES]
            .into_iter()
            .for_each(|work| event_loop.answers_once(work));
        event_loop.run(1, 2);
        let most = event_loop.sockets.most_unpolled_work.load(Ordering::Acquire);
        assert!(most <= u64::from(2 * BATCH_WORK_BYTES), "{most} bytes of work without a poll");
    });
}

/// E3: one thread is left for what becomes ready, however many tasks yield.
#[test]
fn tasks_that_yield_leave_a_thread_to_the_others() {
    many_orders(|| {
        let event_loop = Loop::new(2, 3);
        let yielding = Arc::new(AtomicU64::new(0));
        for _ in 0..2 {
            let (yielding, left, scheduler) =
                (yielding.clone(), event_loop.left.clone(), event_loop.scheduler.clone());
            let mut turns = 0;
            let task = Task::new(
                event_loop.scheduler.clone(),
                None,
                poll_fn(move |cx| {
                    turns += 1;
                    // The first turn is like that of any other task.
                    if turns > 1 {
                        assert_eq!(yielding.fetch_add(1, Ordering::AcqRel), 0, "two run yielded tasks");
                        yielding.fetch_sub(1, Ordering::AcqRel);
                    }
                    if turns < 4 {
                        return yield_turn(cx);
                    }
                    if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                        scheduler.stop();
                    }
                    Poll::Ready(())
                }),
            );
            event_loop.scheduler.schedule(task, false);
        }
        event_loop.answers_once(100);
        event_loop.run(2, 1);
    });
}

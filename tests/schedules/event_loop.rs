//! The event loop: the right to run a task, and the scheduler with its run queue, parked threads and polling thread.

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

/// An executor that records the scheduled tasks and deregistered descriptors.
#[derive(Default)]
struct RecordingExecutor {
    scheduled: Mutex<Vec<Arc<dyn Run>>>,
    deregistered: Mutex<Vec<RawFd>>,
}

impl RecordingExecutor {
    fn run_all(&self) {
        loop {
            let Some(task) = self.scheduled.lock().pop() else { return };
            task.run();
        }
    }
}

impl Executor for RecordingExecutor {
    fn schedule(&self, task: Arc<dyn Run>, _yielded: bool) {
        self.scheduled.lock().push(task);
    }

    fn deregister(&self, fd: RawFd) {
        self.deregistered.lock().push(fd);
    }
}

/// A thread that adds readiness to a task, and then runs the scheduled tasks.
fn spawn_readiness(
    executor: &Arc<RecordingExecutor>,
    task: &Arc<dyn Run>,
    readiness: u8,
) -> thread::JoinHandle<()> {
    let (executor, task) = (executor.clone(), task.clone());
    thread::spawn(move || {
        if task.add_readiness(readiness) {
            task.run();
        }
        executor.run_all();
    })
}

#[test]
fn all_readiness_arrives_and_one_thread_at_a_time_runs_the_task() {
    many_orders(|| {
        let executor = Arc::new(RecordingExecutor::default());
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
        let task: Arc<dyn Run> = Task::new(executor.clone(), Some(5), future);
        executor.schedule(task.clone(), false);
        let threads =
            [READABLE, WRITABLE, HANGUP].map(|readiness| spawn_readiness(&executor, &task, readiness));
        executor.run_all();
        threads.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(seen.load(Ordering::Acquire), READABLE | WRITABLE | HANGUP);
        assert!(executor.deregistered.lock().is_empty(), "no turn has ended by a panic");
        task.cancel();
    });
}

#[test]
fn a_task_ends_once_and_is_deregistered_once() {
    many_orders(|| {
        let executor = Arc::new(RecordingExecutor::default());
        let turns = Arc::new(AtomicU8::new(0));
        let future = {
            let turns = turns.clone();
            poll_fn(move |_| {
                turns.fetch_add(1, Ordering::AcqRel);
                if take_readiness() & HANGUP == 0 { Poll::Pending } else { Poll::Ready(()) }
            })
        };
        let task: Arc<dyn Run> = Task::new(executor.clone(), Some(5), future);
        executor.schedule(task.clone(), false);
        let threads = [READABLE, HANGUP].map(|readiness| spawn_readiness(&executor, &task, readiness));
        task.cancel();
        executor.run_all();
        threads.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(*executor.deregistered.lock(), [5]);
        let turns_taken = turns.load(Ordering::Acquire);
        if task.add_readiness(WRITABLE) {
            task.run();
        }
        assert_eq!(turns.load(Ordering::Acquire), turns_taken, "it ran after its end");
    });
}

/// Simulated sockets: those that are ready, and the work between two polls.
#[derive(Default)]
struct Sockets {
    state: Mutex<State>,
    changed: Condvar,
    /// Threads that wait in [`Poller::poll`].
    waiting: AtomicU64,
    /// Work since the last poll of a single thread, in bytes.
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

    /// Counts work of a task.
    fn count_work(&self, bytes: u32) {
        note_work(bytes);
        let unpolled = self.unpolled_work.fetch_add(bytes.into(), Ordering::AcqRel) + u64::from(bytes);
        self.most_unpolled_work.fetch_max(unpolled, Ordering::AcqRel);
    }
}

impl Poller for Arc<Sockets> {
    fn poll(&self, wait: bool, ready: &mut Vec<Arc<dyn Run>>, _hung_up: &mut Vec<Arc<dyn Run>>) {
        if wait {
            assert_eq!(self.waiting.fetch_add(1, Ordering::AcqRel), 0, "two threads wait in the poller");
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

/// A scheduler with simulated sockets, and the number of tasks to answer.
struct Loop {
    sockets: Arc<Sockets>,
    scheduler: Arc<Scheduler<Arc<Sockets>>>,
    /// Tasks that must answer before the loop stops.
    unanswered: Arc<AtomicU64>,
}

impl Loop {
    fn new(threads: usize, answers: u64) -> Loop {
        let sockets = Arc::new(Sockets::default());
        let scheduler = Arc::new(Scheduler::new(sockets.clone(), threads));
        Loop { sockets, scheduler, unanswered: Arc::new(AtomicU64::new(answers)) }
    }

    /// Adds a task that answers the first request of its socket with this much work, in bytes, in turns of one batch.
    fn add_task(&self, work_bytes: u32) {
        let (sockets, unanswered) = (self.sockets.clone(), self.unanswered.clone());
        let scheduler = self.scheduler.clone();
        let (mut requested, mut to_do) = (false, work_bytes);
        let future = poll_fn(move |cx| {
            requested |= take_readiness() != 0;
            if !requested {
                return Poll::Pending;
            }
            let now = to_do.min(BATCH_WORK_BYTES);
            sockets.count_work(now);
            to_do -= now;
            if to_do > 0 {
                return yield_turn(cx);
            }
            if unanswered.fetch_sub(1, Ordering::AcqRel) == 1 {
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

    /// Runs the loop with this many threads until it stops.
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
        // Tasks and scheduler refer to each other.
        let tasks = std::mem::take(&mut self.sockets.state.lock().tasks);
        tasks.iter().chain(&self.scheduler.take_tasks()).for_each(|task| task.cancel());
    }
}

/// E1, and that parked and polling threads stop: shuttle reports a deadlock if all threads wait.
#[test]
fn every_request_is_answered_and_every_thread_ends() {
    for threads in 1..=3 {
        many_orders(move || {
            let event_loop = Loop::new(threads, 3);
            [100, 3 * BATCH_WORK_BYTES, 100].into_iter().for_each(|work| event_loop.add_task(work));
            event_loop.run(threads, 3);
            assert_eq!(event_loop.unanswered.load(Ordering::Acquire), 0);
        });
    }
}

/// The first half of E2, in the case that depends on the order alone: a single thread polls between two turns.
#[test]
fn a_single_thread_polls_between_two_turns() {
    many_orders(|| {
        let event_loop = Loop::new(1, 2);
        [4 * BATCH_WORK_BYTES, 3 * BATCH_WORK_BYTES].into_iter().for_each(|work| event_loop.add_task(work));
        event_loop.run(1, 2);
        let most = event_loop.sockets.most_unpolled_work.load(Ordering::Acquire);
        assert!(most <= u64::from(2 * BATCH_WORK_BYTES), "{most} bytes of work without a poll");
    });
}

/// E3: one thread is left for ready tasks, however many tasks yield.
#[test]
fn tasks_that_yield_leave_a_thread_to_the_others() {
    many_orders(|| {
        let event_loop = Loop::new(2, 3);
        let yielding = Arc::new(AtomicU64::new(0));
        for _ in 0..2 {
            let (yielding, unanswered, scheduler) =
                (yielding.clone(), event_loop.unanswered.clone(), event_loop.scheduler.clone());
            let mut turns = 0;
            let task = Task::new(
                event_loop.scheduler.clone(),
                None,
                poll_fn(move |cx| {
                    turns += 1;
                    // In the first turn the task has not yielded yet.
                    if turns > 1 {
                        assert_eq!(
                            yielding.fetch_add(1, Ordering::AcqRel),
                            0,
                            "two threads run yielded tasks"
                        );
                        yielding.fetch_sub(1, Ordering::AcqRel);
                    }
                    if turns < 4 {
                        return yield_turn(cx);
                    }
                    if unanswered.fetch_sub(1, Ordering::AcqRel) == 1 {
                        scheduler.stop();
                    }
                    Poll::Ready(())
                }),
            );
            event_loop.scheduler.schedule(task, false);
        }
        event_loop.add_task(100);
        event_loop.run(2, 1);
    });
}

//! The event loop: threads that wait together for sockets, and run the task of each that has news.
//!
//! One thread at a time waits at the epoll instance (epoll(7)), edge-triggered, and the others rest. What has news goes
//! into the queue of all, but for what the thread that waited takes up itself; who takes a task and leaves enough others
//! behind has a resting thread come (`decisions::d12`, `decisions::d18`). A thread that is alone needs no queue for that.
//! Whose peer has ended its side has its turn after the others, and after who has come meanwhile: nobody waits for it.
//! A task has one descriptor at most, by whose number it is found.
//!
//! Must never: know what a task does, or have timers (the thread that moves the clock calls whoever waits for time).
//! Invariants: a task is struck off before its descriptor is closed, so a number that is used again leads to nobody
//! else; a thread rests only while another waits or works, which comes back to wait.

mod task;

pub(super) use task::{ENDED, TO_RECEIVE, TO_SEND, take_news, take_second_turn};

use parking_lot::{Condvar, Mutex};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use task::{Home, Run, Task, run_round};

/// In place of a descriptor: somebody rang.
const BELL: u64 = u64::MAX;

/// Sockets with news that are taken up at once, at most.
const EVENTS_MAX: usize = 256;

/// Tasks that a thread runs in one round, at most.
pub(super) const ROUND_MAX: usize = 16;

/// Tasks that a thread takes up at once while there are other threads, at most.
const SHARE_MAX: usize = 4;

/// Tasks that a thread may leave behind before another is to come.
const LEFT_BEHIND_MAX: usize = 1;

thread_local! {
    /// True for the threads of event loops.
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

/// What a socket is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Interest {
    /// That there is something to receive.
    ToReceive,
    /// That, or room to send.
    ToReceiveAndSend,
}

impl Interest {
    fn flags(self) -> EventFlags {
        let to_receive = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        match self {
            Interest::ToReceive => to_receive,
            Interest::ToReceiveAndSend => to_receive | EventFlags::OUT,
        }
    }
}

/// By what epoll names a descriptor.
fn number_of(fd: BorrowedFd<'_>) -> EventData {
    EventData::new_u64(u64::try_from(fd.as_raw_fd()).unwrap_or(BELL))
}

/// What epoll says, as a task is told.
fn news_of(flags: EventFlags) -> u8 {
    let mut news = 0;
    if flags.intersects(EventFlags::IN | EventFlags::PRI) {
        news |= TO_RECEIVE;
    }
    if flags.contains(EventFlags::OUT) {
        news |= TO_SEND;
    }
    if flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
        news |= TO_RECEIVE | TO_SEND | ENDED;
    }
    news
}

/// The event loop.
pub(super) struct EventLoop {
    epoll: OwnedFd,
    bell: OwnedFd,
    threads: usize,
    /// By descriptor.
    tasks: Mutex<Vec<Option<Arc<dyn Run>>>>,
    queue: Mutex<Queue>,
    /// Tasks in the queue, as of its last change: who only asks whether there are some needs no lock.
    queued: AtomicUsize,
    /// Tells resting threads to come.
    come: Condvar,
    /// Held by the thread that waits.
    waiting: Mutex<()>,
    ended: AtomicBool,
}

/// What waits for a thread, and the threads that wait for it.
#[derive(Default)]
struct Queue {
    tasks: VecDeque<Arc<dyn Run>>,
    resting: usize,
    /// Told to come, and not there yet.
    called: usize,
}

impl Queue {
    /// Counts so many of the resting threads as called, or all that are not yet; returns how many.
    fn call(&mut self, threads: usize) -> usize {
        let calls = threads.min(self.resting.saturating_sub(self.called));
        self.called += calls;
        calls
    }

    /// Moves the next round of tasks, at most so many.
    fn take_round(&mut self, tasks_max: usize, round: &mut Vec<Arc<dyn Run>>) {
        while round.len() < tasks_max
            && let Some(task) = self.tasks.pop_front_if(|task| round.is_empty() || task.has_descriptor())
        {
            let has_descriptor = task.has_descriptor();
            round.push(task);
            if !has_descriptor {
                return;
            }
        }
    }

    /// Counts one as called if too much is left behind and none is on its way; returns how many.
    fn call_for_help(&mut self) -> usize {
        if self.tasks.len() > LEFT_BEHIND_MAX && self.called == 0 { self.call(1) } else { 0 }
    }
}

/// A task, for who may have to end it.
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
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN | EventFlags::ET)?;
        Ok(Arc::new(EventLoop {
            epoll,
            bell,
            threads,
            tasks: Mutex::default(),
            queue: Mutex::default(),
            queued: AtomicUsize::new(0),
            come: Condvar::new(),
            waiting: Mutex::default(),
            ended: AtomicBool::new(false),
        }))
    }

    /// Has a task run that has no descriptor.
    pub(super) fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) -> Handle {
        let task = Task::new(self.clone(), None, Box::pin(future));
        self.queue(task.clone());
        Handle(task)
    }

    /// Has the task of this descriptor run. The descriptor is closed with the future, and not before; it is waited for
    /// once the future has asked for it by [`EventLoop::wait_for`].
    pub(super) fn spawn_on(
        self: &Arc<Self>,
        fd: RawFd,
        future: impl Future<Output = ()> + Send + Unpin + 'static,
    ) -> Handle {
        let task: Arc<dyn Run> = Task::new(self.clone(), Some(fd), future);
        if let Ok(fd) = usize::try_from(fd) {
            let mut tasks = self.tasks.lock();
            if tasks.len() <= fd {
                tasks.resize(fd + 1, None);
            }
            tasks[fd] = Some(task.clone());
        }
        self.queue(task.clone());
        Handle(task)
    }

    /// Waits for a descriptor from now on. What has already happened is told as well.
    pub(super) fn wait_for(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, number_of(fd), interest.flags())?)
    }

    /// Waits for something else at a descriptor that is waited for. What has already happened is told again.
    pub(super) fn wait_for_more(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, number_of(fd), interest.flags())?)
    }

    /// Runs tasks until the end.
    pub(super) fn run(&self) {
        SERVES.set(true);
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut tasks = Vec::with_capacity(EVENTS_MAX);
        let mut ended = Vec::with_capacity(EVENTS_MAX);
        let mut second_turns = Vec::with_capacity(ROUND_MAX);
        while !self.ended.load(Ordering::Acquire) {
            self.run_queue(&mut tasks, &mut second_turns);
            let waiting = self.is_shared().then(|| self.waiting.try_lock());
            if matches!(waiting, Some(None)) {
                self.rest();
                continue;
            }
            self.wait(&mut events);
            drop(waiting);
            self.find(&events, &mut tasks, &mut ended);
            // Without others they need no queue.
            if tasks.is_empty() {
                std::mem::swap(&mut tasks, &mut ended);
            }
            if self.is_shared() {
                self.leave_to_all(&mut tasks);
            }
            let mut with_news = tasks.drain(..);
            while with_news.len() > 0 {
                run_round(with_news.by_ref().take(ROUND_MAX), &mut second_turns);
            }
            if !ended.is_empty() {
                self.change_queue(|queue| queue.tasks.extend(ended.drain(..)));
            }
        }
        // The thread that waits next may not have seen the end, and who waited has taken the bell.
        self.ring();
    }

    fn is_shared(&self) -> bool {
        self.threads > 1
    }

    /// Of so many tasks, those that one thread takes up at once.
    fn share_of(&self, tasks: usize) -> usize {
        (tasks / self.threads).clamp(1, if self.is_shared() { SHARE_MAX } else { ROUND_MAX })
    }

    /// Runs what is in the queue now; what comes in meanwhile has its turn after the sockets.
    fn run_queue(&self, round: &mut Vec<Arc<dyn Run>>, second_turns: &mut Vec<Arc<dyn Run>>) {
        let mut left = self.queued.load(Ordering::Acquire);
        while left > 0 {
            self.call(|queue| {
                queue.take_round(self.share_of(queue.tasks.len()).min(left), round);
                queue.call_for_help()
            });
            if round.is_empty() {
                return;
            }
            left -= round.len();
            run_round(round.drain(..), second_turns);
        }
    }

    fn change_queue<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.queue.lock();
        let changed = change(&mut queue);
        self.queued.store(queue.tasks.len(), Ordering::Release);
        changed
    }

    /// Waits until there is news, or only looks for some if something is in the queue.
    fn wait(&self, events: &mut Vec<epoll::Event>) {
        let at_once = (self.queued.load(Ordering::Acquire) > 0).then(Timespec::default);
        events.clear();
        // Interrupted, it has nothing to tell.
        let waited = epoll::wait(&self.epoll, spare_capacity(events), at_once.as_ref());
        debug_assert!(matches!(waited, Ok(_) | Err(Errno::INTR)));
    }

    /// Finds the tasks that news are about and that nobody runs; those whose peer has ended its side go to `ended`.
    fn find(
        &self,
        events: &[epoll::Event],
        with_news: &mut Vec<Arc<dyn Run>>,
        ended: &mut Vec<Arc<dyn Run>>,
    ) {
        let tasks = self.tasks.lock();
        for event in events {
            let number = usize::try_from(event.data.u64()).ok();
            let Some(task) = number.and_then(|number| tasks.get(number)?.as_ref()) else { continue };
            let news = news_of(event.flags);
            if task.notice(news) {
                let found = if news & ENDED == 0 { &mut *with_news } else { &mut *ended };
                found.push(task.clone());
            }
        }
    }

    /// Puts all but this thread's share into the queue.
    fn leave_to_all(&self, with_news: &mut Vec<Arc<dyn Run>>) {
        if with_news.len() > 1 {
            self.call(|queue| {
                queue.tasks.extend(with_news.drain(self.share_of(with_news.len())..));
                queue.call_for_help()
            });
        }
    }

    /// Rests until called.
    fn rest(&self) {
        let mut queue = self.queue.lock();
        if queue.tasks.is_empty() && !self.ended.load(Ordering::Acquire) {
            queue.resting += 1;
            self.come.wait(&mut queue);
            queue.resting -= 1;
            queue.called = queue.called.saturating_sub(1);
        }
    }

    /// Changes the queue, and has as many of the resting threads come as `change` has counted as called.
    fn call(&self, change: impl FnOnce(&mut Queue) -> usize) {
        for _ in 0..self.change_queue(change) {
            self.come.notify_one();
        }
    }

    /// Has every thread that rests or waits come.
    pub(super) fn call_all(&self) {
        self.call(|queue| queue.call(usize::MAX));
        self.ring();
    }

    /// Wakes the thread that waits.
    fn ring(&self) {
        // It fails when it has been rung 2^64 times.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// Ends every thread's [`EventLoop::run`] and, after them, every task.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.call_all();
    }

    /// Ends all tasks that have a descriptor or are in the queue. For when no thread runs any more.
    pub(super) fn end_tasks(&self) {
        let by_descriptor = std::mem::take(&mut *self.tasks.lock());
        let queued = self.change_queue(|queue| std::mem::take(&mut queue.tasks));
        for task in by_descriptor.into_iter().flatten().chain(queued) {
            task.end();
        }
    }
}

impl Home for EventLoop {
    fn queue(&self, task: Arc<dyn Run>) {
        self.change_queue(|queue| queue.tasks.push_back(task));
        // A thread of the loop looks into the queue before it waits.
        if !SERVES.get() {
            self.ring();
        }
    }

    fn strike_off(&self, fd: RawFd) {
        if let Ok(fd) = usize::try_from(fd)
            && let Some(place) = self.tasks.lock().get_mut(fd)
        {
            *place = None;
        }
    }
}

/// Gives way to others once.
pub(super) async fn give_way() {
    let mut given = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs a task alone in an event loop, to its end.
#[cfg(test)]
pub(super) fn run_alone(
    event_loop: &Arc<EventLoop>,
    fd: RawFd,
    task: impl Future<Output = ()> + Send + 'static,
) {
    struct EndLoop(Arc<EventLoop>);
    impl Drop for EndLoop {
        fn drop(&mut self) {
            self.0.end();
        }
    }
    let ends = EndLoop(event_loop.clone());
    let passed = Arc::new(AtomicBool::new(false));
    let passes = passed.clone();
    let task = async move {
        let _ends = ends;
        task.await;
        passes.store(true, Ordering::Relaxed);
    };
    event_loop.spawn_on(fd, Box::pin(task));
    event_loop.run();
    assert!(passed.load(Ordering::Relaxed), "the task has panicked");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::threads::{self, Threads};
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::channel;
    use tokio::sync::Notify;

    #[test]
    fn a_call_from_outside_wakes_a_task_that_has_no_descriptor() {
        let event_loop = EventLoop::new(2).unwrap();
        let threads = Threads::start(event_loop.clone(), 2).unwrap();
        let called = Arc::new(Notify::new());
        let (tell, told) = channel();
        let waits = called.clone();
        event_loop.spawn(async move {
            waits.notified().await;
            tell.send(threads::index()).unwrap();
        });
        called.notify_one();
        assert!(told.recv().unwrap() < 2);
        event_loop.end();
        assert!(threads.join());
    }

    #[test]
    fn every_thread_is_called_and_every_thread_ends() {
        let event_loop = EventLoop::new(4).unwrap();
        let threads = Threads::start(event_loop.clone(), 4).unwrap();
        let (tell, told) = channel();
        threads::on_every_thread(&event_loop, 4, move || tell.send(threads::index()).unwrap());
        let mut came: Vec<usize> = told.iter().collect();
        came.sort_unstable();
        assert_eq!(came, [0, 1, 2, 3]);
        event_loop.end();
        assert!(threads.join());
    }

    #[test]
    fn an_end_at_any_moment_reaches_every_thread() {
        for turns in 0..5000 {
            let event_loop = EventLoop::new(3).unwrap();
            let threads = Threads::start(event_loop.clone(), 3).unwrap();
            let ends = event_loop.clone();
            event_loop.spawn(async move {
                for _ in 0..turns % 20 {
                    give_way().await;
                }
                ends.end();
            });
            assert!(threads.join(), "each thread has ended, and by no panic");
        }
    }

    #[test]
    fn a_round_has_a_second_turn_for_who_asks_and_is_not_alone() {
        let event_loop = EventLoop::new(1).unwrap();
        let turns = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = channel();
        let sockets = [0; 3].map(|_| UnixStream::pair().unwrap());
        for (number, (socket, _)) in sockets.iter().enumerate() {
            let (turns, tell) = (turns.clone(), tell.clone());
            let mut asks = number != 1;
            event_loop.spawn_on(
                socket.as_raw_fd(),
                poll_fn(move |_| {
                    turns.lock().push(number);
                    if std::mem::take(&mut asks) {
                        assert!(take_second_turn());
                        assert!(!take_second_turn(), "there is one");
                        return Poll::Pending;
                    }
                    assert!(number == 1 || !take_second_turn(), "and no third");
                    tell.send(()).unwrap();
                    Poll::Ready(())
                }),
            );
        }
        let threads = Threads::start(event_loop.clone(), 1).unwrap();
        (0..3).for_each(|_| told.recv().unwrap());
        assert_eq!(*turns.lock(), [0, 1, 2, 0, 2]);
        let (socket, _) = UnixStream::pair().unwrap();
        event_loop.spawn_on(
            socket.as_raw_fd(),
            poll_fn(move |_| {
                assert!(!take_second_turn(), "it is alone");
                tell.send(()).unwrap();
                Poll::Ready(())
            }),
        );
        told.recv().unwrap();
        event_loop.end();
        assert!(threads.join());
    }

    #[test]
    fn who_has_ended_has_its_turn_after_who_has_just_come() {
        let event_loop = EventLoop::new(1).unwrap();
        let turns = Arc::new(Mutex::new(Vec::new()));
        let (leaving, left) = UnixStream::pair().unwrap();
        let (asking, asked) = UnixStream::pair().unwrap();
        for (name, socket) in [("leaving", &leaving), ("asking", &asking)] {
            let (home, turns) = (event_loop.clone(), turns.clone());
            let socket = socket.try_clone().unwrap();
            let mut waits = false;
            event_loop.spawn_on(
                socket.as_raw_fd(),
                poll_fn(move |_| {
                    if !std::mem::replace(&mut waits, true) {
                        home.wait_for(socket.as_fd(), Interest::ToReceive).unwrap();
                        return Poll::Pending;
                    }
                    turns.lock().push(name);
                    if name == "asking" {
                        let turns = turns.clone();
                        home.spawn(async move { turns.lock().push("come") });
                    } else {
                        home.end();
                    }
                    Poll::Ready(())
                }),
            );
        }
        let mut asks = asked.try_clone().unwrap();
        event_loop.spawn(async move {
            drop(left);
            asks.write_all(b"x").unwrap();
        });
        event_loop.run();
        assert_eq!(*turns.lock(), ["asking", "come", "leaving"]);
    }

    #[test]
    fn a_task_without_a_descriptor_is_in_no_round_with_others() {
        let event_loop = EventLoop::new(1).unwrap();
        let (tell, told) = channel();
        for _ in 0..3 {
            let tell = tell.clone();
            event_loop.spawn(async move { tell.send(take_second_turn()).unwrap() });
        }
        let threads = Threads::start(event_loop.clone(), 1).unwrap();
        (0..3).for_each(|_| assert_eq!(told.recv(), Ok(false)));
        event_loop.end();
        assert!(threads.join());
    }

    #[test]
    fn a_task_that_is_ended_is_gone_at_once() {
        let event_loop = EventLoop::new(1).unwrap();
        let threads = Threads::start(event_loop.clone(), 1).unwrap();
        let (tell, told) = channel();
        let handle = event_loop.spawn(async move {
            tell.send(1).unwrap();
            std::future::pending::<()>().await;
            tell.send(2).unwrap();
        });
        assert_eq!(told.recv(), Ok(1));
        handle.end();
        assert!(told.recv().is_err(), "nobody is left who could tell");
        event_loop.end();
        assert!(threads.join());
    }
}

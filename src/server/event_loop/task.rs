//! A task: a future, and the right to run it, which one thread has at a time.
//!
//! Its state is one byte. Whoever brings news adds them to it and, if nobody had the right to run the task, has it from
//! then on; whoever ran the task gives the right back only if nothing has come meanwhile, and puts the task into the
//! queue otherwise, so that others get their turn. News that a turn did not take wait for the next one.
//!
//! A thread runs tasks by rounds ([`run_round`]). A task may ask for a second turn in the round, after the first turns of
//! the others, and keeps the right to run until then.
//!
//! Invariants: one thread at a time runs a task; after news it is run once more; what has ended is not run again and,
//! before its descriptor is closed, is struck off by its home; a second turn is taken in the round that gave it, by the
//! same thread.

use crate::sync::{AtomicU8, Mutex, Ordering};
use std::cell::Cell;
use std::future::Future;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// There is something to receive.
pub const TO_RECEIVE: u8 = 1;
/// There is room to send.
pub const TO_SEND: u8 = 2;
/// The peer has ended its side, or the connection is broken: there is nothing to wait for any more.
pub const ENDED: u8 = 4;
/// Somebody called.
const CALLED: u8 = 8;
/// A thread has the right to run it, or it is in the queue.
const BUSY: u8 = 16;

/// What a task learns about its descriptor.
const OF_DESCRIPTOR: u8 = TO_RECEIVE | TO_SEND | ENDED;

/// What the round of a thread has for the task at hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SecondTurn {
    /// It has none: the task is alone, or this is its second turn.
    None,
    /// It has one.
    Free,
    /// The task has asked for it.
    Taken,
}

thread_local! {
    /// News of the task that this thread runs.
    static NEWS: Cell<u8> = const { Cell::new(0) };
    static SECOND_TURN: Cell<SecondTurn> = const { Cell::new(SecondTurn::None) };
}

/// What has happened to the descriptor of the task at hand since it asked last.
pub fn take_news() -> u8 {
    NEWS.take()
}

/// Asks for a second turn of the task at hand in this round. True if it gets one, and then it has to be pending.
pub fn take_second_turn() -> bool {
    let free = SECOND_TURN.get() == SecondTurn::Free;
    if free {
        SECOND_TURN.set(SecondTurn::Taken);
    }
    free
}

/// Runs these tasks once each, and then those that have asked for a second turn. The caller has the right to run them;
/// `second_turns` is empty before and after.
pub fn run_round(round: impl ExactSizeIterator<Item = Arc<dyn Run>>, second_turns: &mut Vec<Arc<dyn Run>>) {
    let free = if round.len() > 1 { SecondTurn::Free } else { SecondTurn::None };
    for task in round {
        SECOND_TURN.set(free);
        second_turns.extend(task.run());
    }
    SECOND_TURN.set(SecondTurn::None);
    for task in second_turns.drain(..) {
        task.run();
    }
}

/// Where tasks belong.
pub trait Home: Send + Sync + 'static {
    /// Has a task run soon.
    fn queue(&self, task: Arc<dyn Run>);

    /// Forgets the task of this descriptor, which is about to be closed.
    fn strike_off(&self, fd: RawFd);
}

/// A task, whatever its future.
pub trait Run: Send + Sync {
    /// Adds news. True if the caller has to run it.
    fn notice(&self, news: u8) -> bool;

    /// Runs it once. Only for who has the right to, and who keeps it if the task comes back: for a second turn.
    fn run(self: Arc<Self>) -> Option<Arc<dyn Run>>;

    /// True if it may be in a round with others: one that has no descriptor may wait for other threads.
    fn has_descriptor(&self) -> bool;

    /// Ends it, as soon as nobody runs it.
    fn end(&self);
}

/// A task that lives until its future is ready, panics, or is ended.
pub struct Task<F, H> {
    home: Arc<H>,
    fd: Option<RawFd>,
    state: AtomicU8,
    work: Mutex<Option<Work<F>>>,
}

struct Work<F> {
    future: F,
    /// Keeps the task, whoever else forgets it.
    waker: Waker,
    /// News that were not taken.
    left: u8,
}

impl<F: Future<Output = ()> + Send + Unpin + 'static, H: Home> Task<F, H> {
    /// A task that is to be put into the queue. `fd` is what its news are about.
    pub fn new(home: Arc<H>, fd: Option<RawFd>, future: F) -> Arc<Self> {
        let task = Arc::new(Task { home, fd, state: AtomicU8::new(BUSY), work: Mutex::new(None) });
        let waker = Waker::from(task.clone());
        *task.work.lock() = Some(Work { future, waker, left: 0 });
        task
    }

    fn strike_off(&self) {
        if let Some(fd) = self.fd {
            self.home.strike_off(fd);
        }
    }
}

impl<F: Future<Output = ()> + Send + Unpin + 'static, H: Home> Run for Task<F, H> {
    fn notice(&self, news: u8) -> bool {
        self.state.fetch_or(news | BUSY, Ordering::AcqRel) & BUSY == 0
    }

    fn has_descriptor(&self) -> bool {
        self.fd.is_some()
    }

    fn run(self: Arc<Self>) -> Option<Arc<dyn Run>> {
        let news = self.state.swap(BUSY, Ordering::AcqRel);
        let mut place = self.work.lock();
        // One that has ended stays busy, so nobody runs it again.
        let work = place.as_mut()?;
        NEWS.set((news & OF_DESCRIPTOR) | work.left);
        let mut cx = Context::from_waker(&work.waker);
        // What a panic leaves half done goes with the future.
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut work.future).poll(&mut cx)));
        work.left = NEWS.take();
        if let Ok(Poll::Pending) = polled {
            drop(place);
            if SECOND_TURN.get() == SecondTurn::Taken {
                return Some(self);
            }
            let given_back = self.state.compare_exchange(BUSY, 0, Ordering::AcqRel, Ordering::Acquire);
            if given_back.is_err() {
                let home = self.home.clone();
                home.queue(self);
            }
            return None;
        }
        self.strike_off();
        let ended = place.take();
        drop(place);
        // The message of a panic has been written when it began.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(ended)));
        None
    }

    fn end(&self) {
        let ended = self.work.lock().take();
        if ended.is_some() {
            self.strike_off();
        }
        drop(ended);
    }
}

impl<F: Future<Output = ()> + Send + Unpin + 'static, H: Home> Wake for Task<F, H> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.notice(CALLED) {
            self.home.queue(self.clone());
        }
    }
}

//! Readiness of descriptors, by epoll (epoll(7)), edge-triggered.
//!
//! A task has at most one descriptor and is found by its number. Invariant: a task is deregistered before its
//! descriptor is closed, so a reused number never finds an old task.

use super::scheduler::Poller;
use super::task::{HANGUP, READABLE, Run, WRITABLE};
use parking_lot::Mutex;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

/// Stands for the waker in place of a descriptor.
const WAKER: u64 = u64::MAX;

/// Events of one call, at most.
const EVENTS_MAX: usize = 256;

thread_local! {
    static EVENTS: RefCell<Vec<epoll::Event>> = RefCell::new(Vec::with_capacity(EVENTS_MAX));
}

/// The readiness that a socket is registered for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::server) enum Interest {
    /// Input.
    Readable,
    /// Input, or room for output.
    ReadableAndWritable,
}

impl Interest {
    fn flags(self) -> EventFlags {
        let readable = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        match self {
            Interest::Readable => readable,
            Interest::ReadableAndWritable => readable | EventFlags::OUT,
        }
    }
}

/// The readiness of a task for the flags of an event.
fn readiness_of(flags: EventFlags) -> u8 {
    let mut readiness = 0;
    if flags.intersects(EventFlags::IN | EventFlags::PRI) {
        readiness |= READABLE;
    }
    if flags.contains(EventFlags::OUT) {
        readiness |= WRITABLE;
    }
    if flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
        readiness |= READABLE | WRITABLE | HANGUP;
    }
    readiness
}

/// The number by which an event refers to a descriptor.
fn number_of(fd: BorrowedFd<'_>) -> EventData {
    EventData::new_u64(u64::try_from(fd.as_raw_fd()).unwrap_or(WAKER))
}

/// An epoll instance and the tasks of its descriptors.
pub(in crate::server) struct Epoll {
    epoll: OwnedFd,
    waker: OwnedFd,
    /// Indexed by descriptor.
    tasks: Mutex<Vec<Option<Arc<dyn Run>>>>,
}

impl Epoll {
    pub(super) fn new() -> io::Result<Epoll> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &waker, EventData::new_u64(WAKER), EventFlags::IN | EventFlags::ET)?;
        Ok(Epoll { epoll, waker, tasks: Mutex::default() })
    }

    /// Adds the task of a descriptor. Once the descriptor is registered, the task gets its readiness.
    pub(super) fn add_task(&self, fd: RawFd, task: Arc<dyn Run>) {
        if let Ok(fd) = usize::try_from(fd) {
            let mut tasks = self.tasks.lock();
            if tasks.len() <= fd {
                tasks.resize(fd + 1, None);
            }
            tasks[fd] = Some(task);
        }
    }

    /// Registers a descriptor. Readiness that it already has is reported too.
    pub(super) fn register(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, number_of(fd), interest.flags())?)
    }

    /// Changes the interest in a registered descriptor. Readiness that it already has is reported again.
    pub(super) fn reregister(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, number_of(fd), interest.flags())?)
    }

    /// Takes the tasks of all descriptors.
    pub(super) fn take_tasks(&self) -> Vec<Arc<dyn Run>> {
        std::mem::take(&mut *self.tasks.lock()).into_iter().flatten().collect()
    }
}

impl Poller for Epoll {
    fn poll(&self, wait: bool, ready: &mut Vec<Arc<dyn Run>>, hung_up: &mut Vec<Arc<dyn Run>>) {
        EVENTS.with_borrow_mut(|events| {
            events.clear();
            let no_wait = (!wait).then(Timespec::default);
            // After an interruption there are no events.
            let polled = epoll::wait(&self.epoll, spare_capacity(events), no_wait.as_ref());
            debug_assert!(matches!(polled, Ok(_) | Err(Errno::INTR)));
            if events.is_empty() {
                return;
            }
            let tasks = self.tasks.lock();
            for event in events {
                let number = usize::try_from(event.data.u64()).ok();
                let Some(task) = number.and_then(|number| tasks.get(number)?.as_ref()) else { continue };
                let readiness = readiness_of(event.flags);
                if task.add_readiness(readiness) {
                    let found = if readiness & HANGUP == 0 { &mut *ready } else { &mut *hung_up };
                    found.push(task.clone());
                }
            }
        });
    }

    fn wake(&self) {
        // A write fails only when the counter would overflow; then the waker is readable anyway.
        let _ = rustix::io::write(&self.waker, &1u64.to_ne_bytes());
    }

    fn deregister(&self, fd: RawFd) {
        if let Ok(fd) = usize::try_from(fd)
            && let Some(slot) = self.tasks.lock().get_mut(fd)
        {
            *slot = None;
        }
    }
}

//! Readiness of descriptors, by epoll (epoll(7)), edge-triggered.
//!
//! A task has one descriptor at most, by whose number it is found. Invariant: a task is deregistered before its
//! descriptor is closed, so a number that is used again leads to no other task.

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

/// In place of a descriptor: the waker.
const WAKER: u64 = u64::MAX;

/// Descriptors whose readiness is taken at once, at most.
const EVENTS_MAX: usize = 256;

thread_local! {
    static EVENTS: RefCell<Vec<epoll::Event>> = RefCell::new(Vec::with_capacity(EVENTS_MAX));
}

/// What is waited for at a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::server) enum Interest {
    /// Something to receive.
    Readable,
    /// That, or room to send.
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

/// What epoll tells, as a task is told.
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

/// By what epoll names a descriptor.
fn number_of(fd: BorrowedFd<'_>) -> EventData {
    EventData::new_u64(u64::try_from(fd.as_raw_fd()).unwrap_or(WAKER))
}

/// An epoll instance and the tasks of its descriptors.
pub(in crate::server) struct Epoll {
    epoll: OwnedFd,
    waker: OwnedFd,
    /// By descriptor.
    tasks: Mutex<Vec<Option<Arc<dyn Run>>>>,
}

impl Epoll {
    pub(super) fn new() -> io::Result<Epoll> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &waker, EventData::new_u64(WAKER), EventFlags::IN | EventFlags::ET)?;
        Ok(Epoll { epoll, waker, tasks: Mutex::default() })
    }

    /// Tells this task of the readiness of its descriptor from now on, once that is registered.
    pub(super) fn add_task(&self, fd: RawFd, task: Arc<dyn Run>) {
        if let Ok(fd) = usize::try_from(fd) {
            let mut tasks = self.tasks.lock();
            if tasks.len() <= fd {
                tasks.resize(fd + 1, None);
            }
            tasks[fd] = Some(task);
        }
    }

    /// Waits for a descriptor from now on. Readiness that it has already is told as well.
    pub(super) fn register(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, number_of(fd), interest.flags())?)
    }

    /// Waits for something else at a registered descriptor. Readiness that it has already is told again.
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
            let at_once = (!wait).then(Timespec::default);
            // Interrupted, it has nothing to tell.
            let polled = epoll::wait(&self.epoll, spare_capacity(events), at_once.as_ref());
            debug_assert!(matches!(polled, Ok(_) | Err(Errno::INTR)));
            if events.is_empty() {
                return;
            }
            let tasks = self.tasks.lock();
            for event in events {
                let number = usize::try_from(event.data.u64()).ok();
                let Some(task) = number.and_then(|number| tasks.get(number)?.as_ref()) else { continue };
                let readiness = readiness_of(event.flags);
                if task.notice(readiness) {
                    let found = if readiness & HANGUP == 0 { &mut *ready } else { &mut *hung_up };
                    found.push(task.clone());
                }
            }
        });
    }

    fn wake(&self) {
        // It fails when it was written 2^64 times.
        let _ = rustix::io::write(&self.waker, &1u64.to_ne_bytes());
    }

    fn deregister(&self, fd: RawFd) {
        if let Ok(fd) = usize::try_from(fd)
            && let Some(place) = self.tasks.lock().get_mut(fd)
        {
            *place = None;
        }
    }
}

//! The TLS handshakes in progress: their number is limited, and a client that stops half way loses its slot to others.

use nix::sys::socket::{Shutdown, shutdown};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::sync::Arc;

/// Ticks that a handshake has before it may be closed for another one.
const PROTECTED_TICKS: u32 = 3;

/// Handshakes that have begun and not ended, of all workers, oldest first.
#[derive(Default, Debug)]
pub(super) struct Handshakes(Arc<Mutex<InProgress>>);

#[derive(Default, Debug)]
struct InProgress {
    next: u64,
    /// By the order in which they began.
    begun: BTreeMap<u64, Begun>,
}

#[derive(Debug)]
struct Begun {
    fd: RawFd,
    /// When it began, in ticks.
    since: u32,
    /// True once its socket was shut down.
    is_ending: bool,
}

/// When another handshake may begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Availability {
    Now,
    /// As soon as the oldest handshake has ended; its socket was shut down.
    Soon,
    /// At the next tick at the earliest.
    NextTick,
}

impl Handshakes {
    /// When another handshake may begin, if at most `max` may be in progress. If there are that many, the oldest one is
    /// shut down once its protected time is over.
    pub(super) fn availability(&self, max: usize, ticks: u32) -> Availability {
        let mut in_progress = self.0.lock();
        if in_progress.begun.len() < max {
            return Availability::Now;
        }
        let Some(mut oldest) = in_progress.begun.first_entry() else { return Availability::Now };
        let oldest = oldest.get_mut();
        if oldest.is_ending {
            return Availability::Soon;
        }
        if ticks.wrapping_sub(oldest.since) < PROTECTED_TICKS {
            return Availability::NextTick;
        }
        // A slot is dropped before its socket is closed, so the descriptor is still that of this handshake. An error
        // means that the client has closed.
        let _ = shutdown(oldest.fd, Shutdown::Both);
        oldest.is_ending = true;
        Availability::Soon
    }

    /// Takes a slot for the handshake at a socket.
    pub(super) fn begin(&self, fd: RawFd, ticks: u32) -> HandshakeSlot {
        let mut in_progress = self.0.lock();
        let number = in_progress.next;
        in_progress.next += 1;
        in_progress.begun.insert(number, Begun { fd, since: ticks, is_ending: false });
        HandshakeSlot { number, handshakes: self.0.clone() }
    }
}

/// A slot for one handshake, free again when this is dropped.
pub(super) struct HandshakeSlot {
    number: u64,
    handshakes: Arc<Mutex<InProgress>>,
}

impl Drop for HandshakeSlot {
    fn drop(&mut self) {
        self.handshakes.lock().begun.remove(&self.number);
    }
}

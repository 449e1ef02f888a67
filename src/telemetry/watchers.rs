//! The log that `watch` sends: who watches, and the lines on their way to each.
//!
//! Whoever has something to tell asks [`Watchers::wants`] first, one relaxed load, and makes the line only if somebody
//! does. Invariants: at most [`WATCHERS_MAX`] watch; each has a queue of at most [`QUEUE_MAX_BYTES`], and what does not
//! fit it is counted and told as `skipped=n` before the next line that does; nobody ever waits for a watcher.

use parking_lot::Mutex;
use std::cell::Cell;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::Waker;

/// Watchers at once, as memcached has them.
pub const WATCHERS_MAX: usize = 20;

/// Lines waiting for one watcher, in bytes.
pub const QUEUE_MAX_BYTES: usize = 256 * 1024;

/// What can be watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum LogClass {
    /// Lookups.
    Fetchers = 1,
    /// Storage commands.
    Mutations = 2,
    /// Live items thrown out for memory.
    Evictions = 4,
    /// Deletes that found their key.
    Deletions = 8,
    /// Connections that come and go.
    Connections = 16,
    /// What the daemon does by itself.
    System = 32,
}

/// The log.
#[derive(Default, Debug)]
pub struct Watchers {
    /// The classes that anybody watches.
    wanted: AtomicU32,
    last_id: AtomicU64,
    watchers: Mutex<Vec<Arc<Watcher>>>,
    counters: LogCounters,
}

/// What became of the lines, since the last `stats reset`.
#[derive(Default, Debug)]
struct LogCounters {
    written: AtomicU64,
    dropped: AtomicU64,
    skipped: AtomicU64,
    sent: AtomicU64,
}

/// The same as plain numbers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct LogStatistics {
    /// Lines made.
    pub written: u64,
    /// Lines that could not be made, because more happened than is kept.
    pub dropped: u64,
    /// Lines not queued, because a watcher was slow.
    pub skipped: u64,
    /// Lines handed to a watcher's connection.
    pub sent: u64,
    /// Who watches now.
    pub watchers: u64,
}

/// Somebody who watches.
#[derive(Debug)]
pub struct Watcher {
    classes: u32,
    queue: Mutex<Queue>,
}

#[derive(Default, Debug)]
struct Queue {
    bytes: Vec<u8>,
    lines: u64,
    skipped: u64,
    /// To be told of the next line.
    waker: Option<Waker>,
}

impl Queue {
    fn push(&mut self, line: &[u8]) -> bool {
        let note = if self.skipped > 0 { format!("skipped={}\n", self.skipped) } else { String::new() };
        if self.bytes.len() + note.len() + line.len() > QUEUE_MAX_BYTES {
            self.skipped += 1;
            return false;
        }
        self.skipped = 0;
        self.lines += 1;
        self.bytes.extend_from_slice(note.as_bytes());
        self.bytes.extend_from_slice(line);
        true
    }
}

impl Watcher {
    /// Hands all waiting lines to `take`, or else remembers whom to wake for the next one. False if there were none.
    fn take(&self, waker: &Waker, take: impl FnOnce(&[u8])) -> u64 {
        let mut queue = self.queue.lock();
        if queue.bytes.is_empty() {
            queue.waker = Some(waker.clone());
            return 0;
        }
        take(&queue.bytes);
        // Queues are mostly empty; the room that a burst took is given back.
        queue.bytes = Vec::new();
        std::mem::take(&mut queue.lines)
    }
}

impl Watchers {
    /// True if somebody watches this class.
    pub fn wants(&self, class: LogClass) -> bool {
        self.wanted.load(Ordering::Relaxed) & class as u32 != 0
    }

    /// Somebody begins to watch; `None` if as many do as may.
    pub fn add(&self, classes: &[LogClass]) -> Option<Arc<Watcher>> {
        let mut watchers = self.watchers.lock();
        if watchers.len() >= WATCHERS_MAX {
            return None;
        }
        let classes = classes.iter().fold(0, |bits, class| bits | *class as u32);
        let watcher = Arc::new(Watcher { classes, queue: Mutex::default() });
        watchers.push(watcher.clone());
        self.note_wanted(&watchers);
        Some(watcher)
    }

    /// Somebody watches no longer.
    pub fn remove(&self, watcher: &Arc<Watcher>) {
        let mut watchers = self.watchers.lock();
        watchers.retain(|known| !Arc::ptr_eq(known, watcher));
        self.note_wanted(&watchers);
    }

    fn note_wanted(&self, watchers: &[Arc<Watcher>]) {
        let wanted = watchers.iter().fold(0, |bits, watcher| bits | watcher.classes);
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Sends a line, given without time and number, to all who watch its class.
    pub fn publish(&self, class: LogClass, unix_micros: u64, body: &[u8]) {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        // Micros without leading zeros, as memcached prints them.
        let mut line =
            format!("ts={}.{} gid={id} ", unix_micros / 1_000_000, unix_micros % 1_000_000).into_bytes();
        line.extend_from_slice(body);
        line.push(b'\n');
        self.counters.written.fetch_add(1, Ordering::Relaxed);
        for watcher in self.watchers.lock().iter().filter(|watcher| watcher.classes & class as u32 != 0) {
            let mut queue = watcher.queue.lock();
            if !queue.push(&line) {
                self.counters.skipped.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(waker) = queue.waker.take() {
                waker.wake();
            }
        }
    }

    /// Counts what was not told because more happened than is kept.
    pub fn count_dropped(&self, count: u64) {
        self.counters.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Hands all lines that wait for a watcher to `take`; if there are none, `waker` is woken by the next one, and this
    /// says false.
    pub fn take(&self, watcher: &Watcher, waker: &Waker, take: impl FnOnce(&[u8])) -> bool {
        let lines = watcher.take(waker, take);
        self.counters.sent.fetch_add(lines, Ordering::Relaxed);
        lines > 0
    }

    /// What became of the lines.
    pub fn statistics(&self) -> LogStatistics {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        LogStatistics {
            written: get(&self.counters.written),
            dropped: get(&self.counters.dropped),
            skipped: get(&self.counters.skipped),
            sent: get(&self.counters.sent),
            watchers: self.watchers.lock().len() as u64,
        }
    }

    /// Counts anew from here.
    pub fn reset(&self) {
        let LogCounters { written, dropped, skipped, sent } = &self.counters;
        [written, dropped, skipped, sent].into_iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }
}

thread_local! {
    static SERVED: Cell<RawFd> = const { Cell::new(0) };
}

/// Notes which connection this thread is at work for.
pub fn set_current_connection(fd: RawFd) {
    SERVED.set(fd);
}

/// The connection that this thread is at work for; 0 if there was none yet.
pub fn current_connection() -> RawFd {
    SERVED.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn taken(watchers: &Watchers, watcher: &Watcher) -> String {
        let mut lines = String::new();
        watchers.take(watcher, Waker::noop(), |bytes| lines = String::from_utf8_lossy(bytes).into_owned());
        lines
    }

    #[test]
    fn a_line_reaches_those_who_watch_its_class() {
        let watchers = Watchers::default();
        assert!(!watchers.wants(LogClass::Fetchers));
        let one = watchers.add(&[LogClass::Fetchers]).unwrap();
        let two = watchers.add(&[LogClass::Fetchers, LogClass::System]).unwrap();
        assert!(watchers.wants(LogClass::System) && !watchers.wants(LogClass::Mutations));
        watchers.publish(LogClass::Fetchers, 7_000_012, b"a");
        watchers.publish(LogClass::System, 8_123_456, b"b");
        assert_eq!(taken(&watchers, &one), "ts=7.12 gid=1 a\n");
        assert_eq!(taken(&watchers, &two), "ts=7.12 gid=1 a\nts=8.123456 gid=2 b\n");
        assert_eq!(taken(&watchers, &two), "");
        watchers.remove(&two);
        assert!(!watchers.wants(LogClass::System) && watchers.wants(LogClass::Fetchers));
        let counters = LogStatistics { written: 2, dropped: 0, skipped: 0, sent: 3, watchers: 1 };
        assert_eq!(watchers.statistics(), counters);
    }

    #[test]
    fn what_does_not_fit_the_queue_is_counted_and_told() {
        let watchers = Watchers::default();
        let slow = watchers.add(&[LogClass::Mutations]).unwrap();
        let line = [b'x'; 1000];
        for _ in 0..QUEUE_MAX_BYTES / 1000 + 50 {
            watchers.publish(LogClass::Mutations, 0, &line);
        }
        let skipped = watchers.statistics().skipped;
        assert!(skipped >= 50);
        assert!(taken(&watchers, &slow).len() <= QUEUE_MAX_BYTES);
        watchers.publish(LogClass::Mutations, 0, b"y");
        let lines = taken(&watchers, &slow);
        assert!(lines.starts_with(&format!("skipped={skipped}\nts=")) && lines.ends_with(" y\n"), "{lines}");
        watchers.publish(LogClass::Mutations, 0, b"z");
        assert!(taken(&watchers, &slow).starts_with("ts="), "told once");
    }

    #[test]
    fn only_so_many_may_watch() {
        let watchers = Watchers::default();
        let all: Vec<_> = (0..WATCHERS_MAX).map(|_| watchers.add(&[LogClass::System]).unwrap()).collect();
        assert!(watchers.add(&[LogClass::System]).is_none());
        watchers.remove(&all[3]);
        assert!(watchers.add(&[LogClass::System]).is_some());
    }

    #[test]
    fn a_watcher_is_woken_once_for_the_lines_since_it_looked() {
        let watchers = Watchers::default();
        let watcher = watchers.add(&[LogClass::System]).unwrap();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        assert!(!watchers.take(&watcher, &waker, |_| {}));
        watchers.publish(LogClass::System, 0, b"a");
        watchers.publish(LogClass::System, 0, b"b");
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert!(
            watchers
                .take(&watcher, &waker, |lines| assert_eq!(lines.iter().filter(|b| **b == b'\n').count(), 2))
        );
    }
}

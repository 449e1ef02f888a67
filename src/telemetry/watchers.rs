//! The log of `watch`: the watchers, and a queue of lines for each.
//!
//! [`Watchers::wants`] costs one relaxed load; a line is only formatted if a client watches its class. Invariants:
//! there are at most [`WATCHERS_MAX`] watchers; each has a queue of at most [`QUEUE_MAX_BYTES`]; lines that do not fit
//! are counted and reported as `skipped=n` before the next line; no thread waits for a watcher.

use parking_lot::Mutex;
use std::cell::Cell;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::Waker;

/// Watchers at once, as in memcached.
pub const WATCHERS_MAX: usize = 20;

/// Bytes in the queue of one watcher, at most.
pub const QUEUE_MAX_BYTES: usize = 256 * 1024;

/// A class of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum LogClass {
    /// Lookups.
    Fetchers = 1,
    /// Storage commands.
    Mutations = 2,
    /// Evictions of live items.
    Evictions = 4,
    /// Deletes that found their key.
    Deletions = 8,
    /// Connections opened and closed.
    Connections = 16,
    /// Background work of the daemon.
    System = 32,
}

/// The log.
#[derive(Default, Debug)]
pub struct Watchers {
    /// The classes that at least one client watches.
    wanted: AtomicU32,
    last_id: AtomicU64,
    watchers: Mutex<Vec<Arc<Watcher>>>,
    counters: LogCounters,
}

/// Counters of lines since the last `stats reset`.
#[derive(Default, Debug)]
struct LogCounters {
    written: AtomicU64,
    dropped: AtomicU64,
    skipped: AtomicU64,
    sent: AtomicU64,
}

/// The counters of lines, and the number of watchers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct LogStatistics {
    /// Lines written.
    pub written: u64,
    /// Lines never written, because too many events came at once.
    pub dropped: u64,
    /// Lines not queued, because the queue of a watcher was full.
    pub skipped: u64,
    /// Lines passed to the connection of a watcher.
    pub sent: u64,
    /// Current watchers.
    pub watchers: u64,
}

/// A client that watches, and its queue.
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
    /// To be woken by the next line.
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
    /// Passes all queued lines to `take` and returns their number, or registers `waker` for the next line and returns
    /// 0.
    fn take(&self, waker: &Waker, take: impl FnOnce(&[u8])) -> u64 {
        let mut queue = self.queue.lock();
        if queue.bytes.is_empty() {
            queue.waker = Some(waker.clone());
            return 0;
        }
        take(&queue.bytes);
        // Queues are mostly empty, so the memory of a burst is freed.
        queue.bytes = Vec::new();
        std::mem::take(&mut queue.lines)
    }
}

impl Watchers {
    /// True if a client watches this class.
    pub fn wants(&self, class: LogClass) -> bool {
        self.wanted.load(Ordering::Relaxed) & class as u32 != 0
    }

    /// Adds a watcher of these classes; `None` at the limit.
    pub fn add(&self, classes: &[LogClass]) -> Option<Arc<Watcher>> {
        let mut watchers = self.watchers.lock();
        if watchers.len() >= WATCHERS_MAX {
            return None;
        }
        let classes = classes.iter().fold(0, |bits, class| bits | *class as u32);
        let watcher = Arc::new(Watcher { classes, queue: Mutex::default() });
        watchers.push(watcher.clone());
        self.update_wanted(&watchers);
        Some(watcher)
    }

    /// Removes a watcher.
    pub fn remove(&self, watcher: &Arc<Watcher>) {
        let mut watchers = self.watchers.lock();
        watchers.retain(|known| !Arc::ptr_eq(known, watcher));
        self.update_wanted(&watchers);
    }

    fn update_wanted(&self, watchers: &[Arc<Watcher>]) {
        let wanted = watchers.iter().fold(0, |bits, watcher| bits | watcher.classes);
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Queues a line, given without time and number, for all watchers of its class.
    pub fn publish(&self, class: LogClass, unix_micros: u64, body: &[u8]) {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        // Microseconds without leading zeros, as memcached prints them.
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

    /// Counts events that were dropped before their lines were written.
    pub fn count_dropped(&self, count: u64) {
        self.counters.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Passes all queued lines of a watcher to `take`. Without lines, registers `waker` for the next one and returns
    /// false.
    pub fn take(&self, watcher: &Watcher, waker: &Waker, take: impl FnOnce(&[u8])) -> bool {
        let lines = watcher.take(waker, take);
        self.counters.sent.fetch_add(lines, Ordering::Relaxed);
        lines > 0
    }

    /// The counters of lines.
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

    /// Starts counting at 0 again.
    pub fn reset(&self) {
        let LogCounters { written, dropped, skipped, sent } = &self.counters;
        [written, dropped, skipped, sent].into_iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }
}

thread_local! {
    static CURRENT_CONNECTION: Cell<RawFd> = const { Cell::new(0) };
}

/// Sets the connection that this thread serves.
pub fn set_current_connection(fd: RawFd) {
    CURRENT_CONNECTION.set(fd);
}

/// The connection that this thread serves or has served last; 0 before the first one.
pub fn current_connection() -> RawFd {
    CURRENT_CONNECTION.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    #[derive(Default)]
    struct WakeCount(AtomicUsize);

    impl Wake for WakeCount {
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
    fn a_line_reaches_the_watchers_of_its_class() {
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
    fn lines_that_do_not_fit_the_queue_are_counted_and_reported() {
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
        assert!(taken(&watchers, &slow).starts_with("ts="), "reported once");
    }

    #[test]
    fn watchers_beyond_the_limit_are_refused() {
        let watchers = Watchers::default();
        let all: Vec<_> = (0..WATCHERS_MAX).map(|_| watchers.add(&[LogClass::System]).unwrap()).collect();
        assert!(watchers.add(&[LogClass::System]).is_none());
        watchers.remove(&all[3]);
        assert!(watchers.add(&[LogClass::System]).is_some());
    }

    #[test]
    fn a_watcher_is_woken_once_for_all_lines_since_its_last_read() {
        let watchers = Watchers::default();
        let watcher = watchers.add(&[LogClass::System]).unwrap();
        let woken = Arc::new(WakeCount::default());
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

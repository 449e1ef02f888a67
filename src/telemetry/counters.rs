//! Counters of requests and bytes: one set per worker, written by that worker alone and summed when they are read.
//!
//! Invariant: a [`WorkerCounters`] has one writer, so an addition needs no locked instruction. `stats reset` moves a
//! baseline instead of writing to the counters of other workers.

use crate::sync::{AtomicU64, Mutex, Ordering};

/// A count with one writer and many readers.
#[derive(Default, Debug)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`; only the owning worker may call it.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one worker. Padded, so that two workers never write to one cache line.
        #[derive(Default, Debug)]
        #[repr(align(128))]
        pub struct WorkerCounters { $($(#[$doc])* pub $name: Counter,)* }

        /// Totals over all workers.
        #[derive(Default, Clone, Copy, Debug)]
        pub struct Totals { $($(#[$doc])* pub $name: u64,)* }

        impl Totals {
            fn add(&mut self, worker: &WorkerCounters) {
                $(self.$name = self.$name.wrapping_add(worker.$name.get());)*
            }

            fn subtract(&mut self, base: &Totals) {
                $(self.$name = self.$name.wrapping_sub(base.$name);)*
            }
        }
    };
}

counters! {
    /// Keys read by get and gets.
    cmd_get,
    /// Storage commands that got memory for their value.
    cmd_set,
    /// flush_all commands, including refused ones.
    cmd_flush,
    /// touch, and keys of gat and gats.
    cmd_touch,
    /// `me`, and no other meta command.
    cmd_meta,
    /// Keys found by get and gets.
    get_hits,
    /// Keys not found, including expired ones.
    get_misses,
    /// Keys found expired.
    get_expired,
    /// Deletes that found their key.
    delete_hits,
    /// Deletes that did not.
    delete_misses,
    /// incr that found its key.
    incr_hits,
    /// incr that did not.
    incr_misses,
    /// decr that found its key.
    decr_hits,
    /// decr that did not.
    decr_misses,
    /// cas that stored.
    cas_hits,
    /// cas on an absent key.
    cas_misses,
    /// cas whose CAS unique differs from that of the item.
    cas_badval,
    /// touch and gat that found their key.
    touch_hits,
    /// touch and gat that did not.
    touch_misses,
    /// Values refused for their size.
    store_too_large,
    /// Values refused for lack of memory.
    store_no_memory,
    /// Stores with an absolute time that had already passed.
    store_passed_time,
    /// Login attempts.
    auth_cmds,
    /// Logins refused.
    auth_errors,
    /// Bytes received.
    bytes_read,
    /// Bytes sent.
    bytes_written,
    /// Connections accepted.
    total_connections,
    /// Connections refused at the limit.
    rejected_connections,
    /// Times that accepting was suspended, at the limit of connections or without descriptors.
    listen_disabled,
    /// Times that a connection yielded with work left.
    conn_yields,
    /// Connections closed by the idle timeout.
    idle_kicks,
    /// TLS handshakes that made a new session.
    ssl_new_sessions,
    /// TLS handshakes that failed.
    ssl_handshake_errors,
    /// TLS connections with a protocol error after the handshake.
    ssl_proto_errors,
}

/// The counters of all workers.
#[derive(Debug)]
pub struct Counters {
    workers: Box<[WorkerCounters]>,
    baseline: Mutex<Totals>,
}

impl Counters {
    /// For this many workers.
    pub fn new(workers: usize) -> Counters {
        Counters {
            workers: (0..workers).map(|_| WorkerCounters::default()).collect(),
            baseline: Mutex::default(),
        }
    }

    /// The counters of one worker.
    pub fn worker(&self, worker: usize) -> &WorkerCounters {
        &self.workers[worker]
    }

    /// Number of workers.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// The totals since the last reset.
    pub fn totals(&self) -> Totals {
        // Locked before the totals are read: a baseline set afterwards would be larger than they are.
        let baseline = self.baseline.lock();
        let mut totals = self.lifetime_totals();
        totals.subtract(&baseline);
        totals
    }

    /// Starts counting at 0 again.
    pub fn reset(&self) {
        *self.baseline.lock() = self.lifetime_totals();
    }

    fn lifetime_totals(&self) -> Totals {
        let mut totals = Totals::default();
        for worker in &self.workers {
            totals.add(worker);
        }
        totals
    }
}

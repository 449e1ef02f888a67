//! The advisor behind a lock: one thread records operations in batches, any thread asks for advice.

use super::Advisor;
use super::advice::{Access, Advice, CacheState};
use parking_lot::Mutex;

/// The advisor takes one in this many bytes of the limit,
const LIMIT_SHARE: u64 = 200;

/// and at least this many bytes.
const MEMORY_BYTES_MIN: u64 = 64 << 10;

/// An advisor that threads share.
pub struct SharedAdvisor(Mutex<Advisor>);

impl SharedAdvisor {
    /// An advisor for a cache with this limit.
    pub fn new(limit_bytes: u64) -> SharedAdvisor {
        let memory_bytes = (limit_bytes / LIMIT_SHARE).max(MEMORY_BYTES_MIN);
        SharedAdvisor(Mutex::new(Advisor::new(limit_bytes, memory_bytes, 1.0)))
    }

    /// See [`Advisor::threshold`].
    pub fn threshold(&self) -> u64 {
        self.0.lock().threshold()
    }

    /// See [`Advisor::halve_sample`].
    pub fn halve_sample(&self) {
        self.0.lock().halve_sample();
    }

    /// Records the operations that `batch` passes on, under one lock. `batch` must not call this advisor.
    pub fn record_batch<R>(&self, batch: impl FnOnce(&mut dyn FnMut(&Access)) -> R) -> R {
        let mut advisor = self.0.lock();
        batch(&mut |access| advisor.record(access))
    }

    /// See [`Advisor::observe`].
    pub fn observe(&self, state: &CacheState) {
        self.0.lock().observe(state);
    }

    /// See [`Advisor::flush`].
    pub fn flush(&self) {
        self.0.lock().flush();
    }

    /// See [`Advisor::advise`].
    pub fn advise(&self) -> Advice {
        self.0.lock().advise()
    }

    /// Memory of the advisor, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.0.lock().memory_bytes()
    }
}

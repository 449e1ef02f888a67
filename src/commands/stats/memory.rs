//! `stats memory`: the resident memory by its use.
//!
//! The part of the resident memory that larder does not count is reported as `allocator_slack`: memory that the
//! allocator retains, and objects too small to be counted.

use crate::commands::Engine;
use crate::store::{PAGE_OVERHEAD_BYTES, Store};
use crate::telemetry::resident_and_file_bytes;
use std::sync::atomic::Ordering;

/// A part of the resident memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryPart {
    /// The name in `stats memory`.
    pub name: &'static str,
    /// The size in bytes.
    pub bytes: u64,
}

/// Memory of an idle connection, approximately, in bytes.
const CONNECTION_BYTES: u64 = 320;

/// Memory that the process may use in addition to `-m` and connections, in bytes.
const ALLOWED_BYTES: u64 = 8 << 20;

/// Memory of a worker thread beyond the resident memory at start, in bytes: the allocator's share for the thread, and
/// buffers, some of page size. Measured, like the memory of a shard.
const THREAD_BYTES: u64 = 192 << 10;
const PAGES_PER_THREAD: u64 = 12;

/// Memory of a shard in bytes: classes, samples and lists.
const SHARD_BYTES: u64 = 128 << 10;

/// The expected excess over [`ALLOWED_BYTES`] of a process with this many threads, given its resident memory at start.
pub(in crate::commands) fn excess_bytes(resident_at_start_bytes: u64, threads: usize, store: &Store) -> u64 {
    let per_thread = THREAD_BYTES + PAGES_PER_THREAD * store.page_bytes() as u64;
    let in_time = threads as u64 * per_thread + store.shards() as u64 * SHARD_BYTES;
    (resident_at_start_bytes + in_time).saturating_sub(ALLOWED_BYTES)
}

impl Engine {
    /// Bytes of pages that unsent replies reference, whether or not the values are still stored.
    pub fn pinned_bytes(&self) -> u64 {
        self.store.pinned_bytes()
    }

    /// Records the memory used by starting the threads.
    pub(in crate::commands) fn measure_thread_memory(&self) {
        let (resident, files) = resident_and_file_bytes();
        let before = self.anonymous_at_start_bytes + self.statistics_bytes();
        self.threads_bytes.store(resident.saturating_sub(files + before), Ordering::Relaxed);
    }

    /// Memory of larder's own statistics: advisor, heavy hitters, families, latencies.
    fn statistics_bytes(&self) -> u64 {
        self.advisor.memory_bytes() + self.insight_bytes()
    }

    fn insight_bytes(&self) -> u64 {
        self.insight.memory_bytes() + self.census.memory_bytes() + self.latencies.memory_bytes()
    }

    /// The resident memory by its use. The parts add up to the resident size that the system reports.
    ///
    /// A chunk of a slab page becomes resident at its first use, so free chunks are reduced by the excess over the
    /// resident memory.
    pub fn memory_account(&self) -> Vec<MemoryPart> {
        let totals = self.store.totals();
        let ghosts = totals.ghosts_bytes;
        let (resident, files) = resident_and_file_bytes();
        let mut parts = vec![
            ("slab_items", totals.slab_used_bytes),
            ("slab_free", totals.slab_bytes - totals.slab_used_bytes),
            ("large_values", totals.large_bytes),
            ("index", totals.index_bytes - ghosts),
            ("ghosts", ghosts),
            ("removals", totals.removals_bytes),
            ("incoming", self.store.incoming_bytes()),
            ("replies", totals.detached_bytes),
            ("free_pages", self.store.free_page_bytes() + totals.flushed_bytes),
            ("page_records", totals.pages * PAGE_OVERHEAD_BYTES),
            ("samples", totals.samples_bytes),
            ("advisor", self.advisor.memory_bytes()),
            ("insight", self.insight_bytes()),
            ("connections", self.connections.open() as u64 * CONNECTION_BYTES),
            ("threads", self.threads_bytes.load(Ordering::Relaxed)),
            ("program", files + self.anonymous_at_start_bytes),
        ];
        let mut counted: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
        let untouched = counted.saturating_sub(resident).min(parts[1].1);
        parts[1].1 -= untouched;
        counted -= untouched;
        parts.push(("allocator_slack", resident.saturating_sub(counted)));
        parts.into_iter().map(|(name, bytes)| MemoryPart { name, bytes }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Settings;

    #[test]
    fn only_memory_over_the_allowance_is_charged() {
        let store = Store::new(Settings { shards: Some(2), ..Settings::default() });
        assert_eq!(excess_bytes(6 << 20, 1, &store), 0);
        let eight = 8 * (THREAD_BYTES + PAGES_PER_THREAD * (32 << 10)) + 2 * SHARD_BYTES;
        assert_eq!(excess_bytes(6 << 20, 8, &store), eight - (2 << 20));
    }
}

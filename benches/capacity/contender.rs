//! The servers that are compared.

use crate::support::Failure;
use crate::support::affinity::Placement;
use crate::support::server::Server;

/// A server that is not started yet.
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) command: String,
}

impl Contender {
    /// Starts it with `-m` in MiB and the default item limit.
    pub(crate) fn start(&self, memory_mib: u64) -> Result<Server, Failure> {
        self.start_with_items(memory_mib, "1m")
    }

    pub(crate) fn start_with_items(&self, memory_mib: u64, item_limit: &str) -> Result<Server, Failure> {
        self.start_as(memory_mib, item_limit, 1, Placement::Apart)
    }

    /// As [`Contender::start`], with this number of threads, on all CPUs.
    pub(crate) fn start_with_threads(&self, memory_mib: u64, threads: usize) -> Result<Server, Failure> {
        self.start_as(memory_mib, "1m", threads, Placement::Free)
    }

    fn start_as(
        &self,
        memory_mib: u64,
        item_limit: &str,
        threads: usize,
        placement: Placement,
    ) -> Result<Server, Failure> {
        let memory = memory_mib.to_string();
        let fills = [("{memory}", memory.as_str()), ("{item}", item_limit)];
        Server::start(&self.command, threads, placement, false, &fills)
    }
}

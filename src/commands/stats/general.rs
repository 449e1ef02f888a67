//! The general report of `stats`.

use super::{ABSENT, StatValue};
use crate::clock::{FIRST_SECOND, Now};
use crate::commands::{Engine, WIRE_VERSION};
use crate::store::Totals as StoreTotals;
use crate::telemetry::{Totals, cpu_usage};
use std::sync::atomic::Ordering;

/// `uptime` counts from here, so that it is never 0.
const UPTIME_ZERO_SECS: u32 = FIRST_SECOND - 2;

impl Engine {
    /// Emits the stats of the general report in memcached's order: name and value.
    pub fn general_stats(&self, now: Now, stat: &mut dyn FnMut(&'static str, &dyn StatValue)) {
        let counters = self.counters.totals();
        let store = self.store.totals();
        self.process_stats(&counters, now, stat);
        command_stats(&counters, stat);
        self.server_stats(&counters, &store, stat);
        self.background_stats(&store, stat);
        self.log_stats(stat);
        self.tls_stats(&counters, now, stat);
        item_stats(&store, stat);
        // Of larder alone.
        stat("store_passed_time", &counters.store_passed_time);
    }

    fn process_stats(&self, counters: &Totals, now: Now, stat: &mut dyn FnMut(&'static str, &dyn StatValue)) {
        let usage = cpu_usage();
        let listeners = self.connections.listeners() as u64;
        let open = self.connections.open() as u64;
        stat("pid", &std::process::id());
        stat("uptime", &(now.secs() - UPTIME_ZERO_SECS));
        stat("time", &self.clock.unix(now));
        stat("version", &WIRE_VERSION);
        stat("libevent", &"none");
        stat("pointer_size", &usize::BITS);
        stat("rusage_user", &usage.user);
        stat("rusage_system", &usage.system);
        stat("max_connections", &self.settings.max_connections);
        stat("curr_connections", &(open + listeners).saturating_sub(1));
        stat("total_connections", &(counters.total_connections + self.connections.listeners_since_reset()));
        if self.settings.max_connections_fast {
            stat("rejected_connections", &counters.rejected_connections);
        }
        stat("connection_structures", &(self.connections.open_max() as u64 + listeners));
        stat("response_obj_oom", &ABSENT);
        stat("response_obj_count", &ABSENT);
        stat("response_obj_bytes", &ABSENT);
        stat("read_buf_count", &ABSENT);
        stat("read_buf_bytes", &ABSENT);
        stat("read_buf_bytes_free", &ABSENT);
        stat("read_buf_oom", &ABSENT);
        stat("reserved_fds", &ABSENT);
    }

    fn server_stats(
        &self,
        counters: &Totals,
        store: &StoreTotals,
        stat: &mut dyn FnMut(&'static str, &dyn StatValue),
    ) {
        let open = self.connections.open() as u64;
        if self.settings.idle_timeout_secs > 0 {
            stat("idle_kicks", &counters.idle_kicks);
        }
        stat("bytes_read", &counters.bytes_read);
        stat("bytes_written", &counters.bytes_written);
        stat("limit_maxbytes", &self.store.memory_limit());
        let refuses_beyond = self.settings.max_connections_fast;
        stat("accepting_conns", &u8::from(refuses_beyond || open < self.settings.max_connections as u64));
        stat("listen_disabled_num", &counters.listen_disabled);
        stat("time_in_listen_disabled_us", &ABSENT);
        stat("threads", &self.settings.threads);
        stat("conn_yields", &counters.conn_yields);
        stat("hash_power_level", &(store.index_bytes / 8).max(1).ilog2());
        stat("hash_bytes", &store.index_bytes);
        stat("hash_is_expanding", &ABSENT);
    }

    fn background_stats(&self, store: &StoreTotals, stat: &mut dyn FnMut(&'static str, &dyn StatValue)) {
        stat("slab_reassign_rescues", &store.rescued);
        stat("slab_reassign_chunk_rescues", &ABSENT);
        stat("slab_reassign_inline_reclaim", &ABSENT);
        stat("slab_reassign_busy_items", &ABSENT);
        stat("slab_reassign_busy_deletes", &ABSENT);
        stat("slab_reassign_busy_nomem", &ABSENT);
        stat("slab_reassign_last_busy_status", &"none");
        stat("slab_reassign_running", &ABSENT);
        stat("slabs_moved", &store.pages_moved);
        stat("lru_crawler_running", &u8::from(self.store.is_crawling()));
        stat("lru_crawler_starts", &self.crawler.starts.load(Ordering::Relaxed));
        stat("lru_maintainer_juggles", &ABSENT);
        stat("malloc_fails", &ABSENT);
    }

    fn log_stats(&self, stat: &mut dyn FnMut(&'static str, &dyn StatValue)) {
        let log = self.watchers.statistics();
        stat("log_worker_dropped", &log.dropped);
        stat("log_worker_written", &log.written);
        stat("log_watcher_skipped", &log.skipped);
        stat("log_watcher_sent", &log.sent);
        stat("log_watchers", &log.watchers);
    }
}

fn command_stats(counters: &Totals, stat: &mut dyn FnMut(&'static str, &dyn StatValue)) {
    stat("cmd_get", &counters.cmd_get);
    stat("cmd_set", &counters.cmd_set);
    stat("cmd_flush", &counters.cmd_flush);
    stat("cmd_touch", &counters.cmd_touch);
    stat("cmd_meta", &counters.cmd_meta);
    stat("get_hits", &counters.get_hits);
    stat("get_misses", &counters.get_misses);
    stat("get_expired", &counters.get_expired);
    stat("get_flushed", &ABSENT);
    stat("delete_misses", &counters.delete_misses);
    stat("delete_hits", &counters.delete_hits);
    stat("incr_misses", &counters.incr_misses);
    stat("incr_hits", &counters.incr_hits);
    stat("decr_misses", &counters.decr_misses);
    stat("decr_hits", &counters.decr_hits);
    stat("cas_misses", &counters.cas_misses);
    stat("cas_hits", &counters.cas_hits);
    stat("cas_badval", &counters.cas_badval);
    stat("touch_hits", &counters.touch_hits);
    stat("touch_misses", &counters.touch_misses);
    stat("store_too_large", &counters.store_too_large);
    stat("store_no_memory", &counters.store_no_memory);
    stat("auth_cmds", &counters.auth_cmds);
    stat("auth_errors", &counters.auth_errors);
}

fn item_stats(store: &StoreTotals, stat: &mut dyn FnMut(&'static str, &dyn StatValue)) {
    stat("unexpected_napi_ids", &ABSENT);
    stat("round_robin_fallback", &ABSENT);
    stat("bytes", &store.item_bytes);
    stat("curr_items", &store.items);
    stat("total_items", &store.items_ever);
    stat("slab_global_page_pool", &store.free_pages);
    stat("expired_unfetched", &store.expired_unfetched);
    stat("evicted_unfetched", &store.evicted_unfetched);
    stat("evicted_active", &store.evicted_active);
    stat("evictions", &store.evictions);
    stat("reclaimed", &store.reclaimed);
    stat("crawler_reclaimed", &store.swept_reclaimed);
    stat("crawler_items_checked", &store.swept);
    stat("lrutail_reflocked", &ABSENT);
    stat("moves_to_cold", &ABSENT);
    stat("moves_to_warm", &store.promoted);
    stat("moves_within_lru", &ABSENT);
    stat("direct_reclaims", &ABSENT);
    stat("lru_bumps_dropped", &ABSENT);
}

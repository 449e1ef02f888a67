//! `stats settings`.

use super::stat_value::{StatValue, TwoDecimals};
use super::yes_no;
use crate::commands::Engine;
use crate::telemetry::QUEUE_MAX_BYTES;
use std::sync::atomic::{AtomicU32, Ordering};

/// `temporary_ttl` while it is disabled.
const TEMP_TTL_SECS: i32 = 61;

/// Thousandths, printed with two decimals.
fn two_decimals(thousandths: &AtomicU32) -> TwoDecimals {
    TwoDecimals(thousandths.load(Ordering::Relaxed))
}

impl Engine {
    /// Emits the stats of `stats settings`, as [`Engine::general_stats`].
    pub fn settings_stats(&self, stat: &mut dyn FnMut(&'static str, &dyn StatValue)) {
        let settings = &self.settings;
        let unset = "NULL".to_owned();
        stat("maxbytes", &self.store.memory_limit());
        stat("maxconns", &settings.max_connections);
        stat("tcpport", &settings.tcp_port);
        stat("udpport", &settings.udp_port);
        stat("inter", settings.listen.as_ref().unwrap_or(&unset));
        stat("verbosity", &self.verbosity.load(Ordering::Relaxed));
        stat("oldest", &self.flushed_before_secs.load(Ordering::Relaxed));
        stat("evictions", &if settings.evict { "on" } else { "off" });
        stat("domain_socket", settings.unix_path.as_ref().unwrap_or(&unset));
        stat("umask", &format_args!("{:o}", settings.unix_mask));
        stat("shutdown_command", &yes_no(settings.shutdown_enabled));
        stat("growth_factor", &format_args!("{:.2}", settings.growth_factor));
        stat("chunk_size", &settings.chunk_min_bytes);
        stat("num_threads", &settings.threads);
        let several = settings.listen.as_ref().is_some_and(|texts| texts.contains(','));
        stat("num_threads_per_udp", &if several { 1 } else { settings.threads });
        stat("stat_key_prefix", &char::from(self.prefixes.delimiter()));
        stat("detail_enabled", &yes_no(self.prefixes.is_on()));
        stat("reqs_per_event", &settings.requests_per_event);
        stat("cas_enabled", &yes_no(settings.cas_enabled));
        stat("tcp_backlog", &settings.backlog);
        stat("binding_protocol", &settings.protocol.name());
        stat("auth_enabled_sasl", &yes_no(self.sasl.is_some()));
        let auth_file = self.auth_file.as_ref().map(|auth_file| auth_file.path().display().to_string());
        stat("auth_enabled_ascii", &auth_file.unwrap_or("no".to_owned()));
        stat("item_size_max", &settings.item_max_bytes);
        stat("maxconns_fast", &yes_no(settings.max_connections_fast));
        stat("hashpower_init", &settings.reported_options.number("hashpower", 0.0));
        let slabs_and_lru = &self.slabs_and_lru;
        let load = |number: &AtomicU32| number.load(Ordering::Relaxed);
        stat("slab_reassign", &yes_no(settings.reassign_enabled));
        stat("slab_automove", &load(&slabs_and_lru.automove));
        stat("slab_automove_ratio", &two_decimals(&slabs_and_lru.automove_ratio));
        stat("slab_automove_window", &load(&slabs_and_lru.automove_window));
        stat("slab_chunk_max", &settings.item_max_bytes);
        // The expiry sweep replaces memcached's crawler.
        stat("lru_crawler", &yes_no(self.store.is_sweeping()));
        stat("lru_crawler_sleep", &self.crawler.sleep_micros.load(Ordering::Relaxed));
        stat("lru_crawler_tocrawl", &self.crawler.to_crawl.load(Ordering::Relaxed));
        stat("tail_repair_time", &settings.reported_options.number("tail_repair_time", 0.0));
        stat("flush_enabled", &yes_no(settings.flush_enabled));
        stat("dump_enabled", &yes_no(settings.dump_enabled));
        stat("hash_algorithm", &"foldhash");
        stat("lru_maintainer_thread", &"yes");
        stat("lru_segmented", &yes_no(slabs_and_lru.segmented.load(Ordering::Relaxed)));
        stat("hot_lru_pct", &load(&slabs_and_lru.hot_percent));
        stat("warm_lru_pct", &load(&slabs_and_lru.warm_percent));
        stat("hot_max_factor", &two_decimals(&slabs_and_lru.hot_factor));
        stat("warm_max_factor", &two_decimals(&slabs_and_lru.warm_factor));
        let temp_ttl_secs = slabs_and_lru.temp_ttl_secs.load(Ordering::Relaxed);
        stat("temp_lru", &yes_no(temp_ttl_secs >= 0));
        stat("temporary_ttl", &if temp_ttl_secs >= 0 { temp_ttl_secs } else { TEMP_TTL_SECS });
        stat("idle_timeout", &settings.idle_timeout_secs);
        stat("watcher_logbuf_size", &QUEUE_MAX_BYTES);
        stat("worker_logbuf_size", &0);
        stat("read_buf_mem_limit", &0);
        stat("track_sizes", &yes_no(settings.track_sizes));
        stat("inline_ascii_response", &"no");
        self.tls_settings(stat);
        stat("num_napi_ids", &0);
        stat("memory_file", &"(null)");
        stat("client_flags_size", &4);
    }
}

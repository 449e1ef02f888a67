//! `stats` and its sub-commands, under memcached's names and in its order, so that its tools and exporters read them.
//!
//! What is printed here and what the metrics show have one source: the functions that hand out figures one by one.
//!
//! A figure that larder has is a true one; what has no counterpart in larder is 0 (or the constant that memcached
//! prints when the feature is off), and the manual lists it.

use super::figure::Figure;
use super::tuning::two_decimals;
use super::{Engine, WIRE_VERSION};
use crate::clock::{FIRST_SECOND, Now};
use crate::protocol::{ReplyBuffer, StatsTopic};
use crate::telemetry::{QUEUE_MAX_BYTES, cpu_usage};
use std::sync::atomic::{AtomicU32, Ordering};

/// `uptime` counts from here, so that it is never 0.
const UPTIME_ZERO_SECS: u32 = FIRST_SECOND - 2;

/// The figure of what larder does not have. The manual's row of such figures is held to where this stands.
const ABSENT: u64 = 0;

/// `temporary_ttl` while there is none.
const TEMP_TTL_SECS: i32 = 61;

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

impl Engine {
    pub(super) fn stats(&self, topic: StatsTopic, now: Now, out: &mut ReplyBuffer) {
        match topic {
            StatsTopic::General => self.general_figures(now, &mut |name, value| out.push_stat(name, value)),
            StatsTopic::Settings => self.settings_figures(&mut |name, value| out.push_stat(name, value)),
            StatsTopic::Items => self.item_figures(now, &mut |class, name, value| {
                out.push_stat(format_args!("items:{class}:{name}"), value);
            }),
            StatsTopic::Slabs => self.slabs(now, out),
            StatsTopic::Sizes => out.push_stat("sizes_status", "disabled"),
            // Not made in one piece: `report.rs` and `detail.rs`.
            StatsTopic::CacheDump { .. } | StatsTopic::Conns | StatsTopic::Detail(_) => {}
            StatsTopic::Advisor
            | StatsTopic::HotKeys
            | StatsTopic::Families
            | StatsTopic::Memory
            | StatsTopic::Latency => return self.explain(topic, out),
            StatsTopic::Reset => {
                self.counters.reset();
                self.connections.reset();
                self.store.reset_counters();
                self.prefixes.reset();
                self.watchers.reset();
                self.insight.reset();
                self.latencies.reset();
                self.crawler.starts.store(0, Ordering::Relaxed);
                return out.push(b"RESET\r\n");
            }
        }
        out.push(b"END\r\n");
    }

    /// Hands out the figures of `stats`, name and value, in its order.
    pub fn general_figures(&self, now: Now, stat: &mut dyn FnMut(&'static str, &dyn Figure)) {
        let sums = self.counters.totals();
        let store = self.store.totals();
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
        stat("total_connections", &(sums.total_connections + self.connections.listeners_since_reset()));
        if self.settings.max_connections_fast {
            stat("rejected_connections", &sums.rejected_connections);
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
        stat("cmd_get", &sums.cmd_get);
        stat("cmd_set", &sums.cmd_set);
        stat("cmd_flush", &sums.cmd_flush);
        stat("cmd_touch", &sums.cmd_touch);
        stat("cmd_meta", &sums.cmd_meta);
        stat("get_hits", &sums.get_hits);
        stat("get_misses", &sums.get_misses);
        stat("get_expired", &sums.get_expired);
        stat("get_flushed", &ABSENT);
        stat("delete_misses", &sums.delete_misses);
        stat("delete_hits", &sums.delete_hits);
        stat("incr_misses", &sums.incr_misses);
        stat("incr_hits", &sums.incr_hits);
        stat("decr_misses", &sums.decr_misses);
        stat("decr_hits", &sums.decr_hits);
        stat("cas_misses", &sums.cas_misses);
        stat("cas_hits", &sums.cas_hits);
        stat("cas_badval", &sums.cas_badval);
        stat("touch_hits", &sums.touch_hits);
        stat("touch_misses", &sums.touch_misses);
        stat("store_too_large", &sums.store_too_large);
        stat("store_no_memory", &sums.store_no_memory);
        stat("auth_cmds", &sums.auth_cmds);
        stat("auth_errors", &sums.auth_errors);
        if self.settings.idle_timeout_secs > 0 {
            stat("idle_kicks", &sums.idle_kicks);
        }
        stat("bytes_read", &sums.bytes_read);
        stat("bytes_written", &sums.bytes_written);
        stat("limit_maxbytes", &self.store.memory_limit());
        let refuses_beyond = self.settings.max_connections_fast;
        stat("accepting_conns", &u8::from(refuses_beyond || open < self.settings.max_connections as u64));
        stat("listen_disabled_num", &sums.listen_disabled);
        stat("time_in_listen_disabled_us", &ABSENT);
        stat("threads", &self.settings.threads);
        stat("conn_yields", &sums.conn_yields);
        stat("hash_power_level", &(store.index_bytes / 8).max(1).ilog2());
        stat("hash_bytes", &store.index_bytes);
        stat("hash_is_expanding", &ABSENT);
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
        let log = self.watchers.statistics();
        stat("log_worker_dropped", &log.dropped);
        stat("log_worker_written", &log.written);
        stat("log_watcher_skipped", &log.skipped);
        stat("log_watcher_sent", &log.sent);
        stat("log_watchers", &log.watchers);
        self.tls_figures(&sums, now, stat);
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

    /// Hands out the figures of `stats settings`, as [`Engine::general_figures`].
    pub fn settings_figures(&self, stat: &mut dyn FnMut(&'static str, &dyn Figure)) {
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
        stat("binding_protocol", &settings.binding.name());
        stat("auth_enabled_sasl", &yes_no(self.sasl.is_some()));
        let token_file = self.tokens.as_ref().map(|tokens| tokens.path().display().to_string());
        stat("auth_enabled_ascii", &token_file.unwrap_or("no".to_owned()));
        stat("item_size_max", &settings.item_max_bytes);
        stat("maxconns_fast", &yes_no(settings.max_connections_fast));
        stat("hashpower_init", &settings.told.number("hashpower", 0.0));
        let tuning = &self.tuning;
        let told = |number: &AtomicU32| number.load(Ordering::Relaxed);
        stat("slab_reassign", &yes_no(settings.reassign_enabled));
        stat("slab_automove", &told(&tuning.automove));
        stat("slab_automove_ratio", &two_decimals(&tuning.automove_ratio));
        stat("slab_automove_window", &told(&tuning.automove_window));
        stat("slab_chunk_max", &settings.item_max_bytes);
        // The expiry sweep takes the crawler's place.
        stat("lru_crawler", &yes_no(self.store.is_sweeping()));
        stat("lru_crawler_sleep", &self.crawler.sleep_micros.load(Ordering::Relaxed));
        stat("lru_crawler_tocrawl", &self.crawler.to_crawl.load(Ordering::Relaxed));
        stat("tail_repair_time", &settings.told.number("tail_repair_time", 0.0));
        stat("flush_enabled", &yes_no(settings.flush_enabled));
        stat("dump_enabled", &yes_no(settings.dump_enabled));
        stat("hash_algorithm", &"foldhash");
        stat("lru_maintainer_thread", &"yes");
        stat("lru_segmented", &yes_no(tuning.segmented.load(Ordering::Relaxed)));
        stat("hot_lru_pct", &told(&tuning.hot_percent));
        stat("warm_lru_pct", &told(&tuning.warm_percent));
        stat("hot_max_factor", &two_decimals(&tuning.hot_factor));
        stat("warm_max_factor", &two_decimals(&tuning.warm_factor));
        let temp_ttl_secs = tuning.temp_ttl_secs.load(Ordering::Relaxed);
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

    /// Hands out the figures of `stats items`, class, name and value, in its order.
    pub fn item_figures(&self, now: Now, figure: &mut dyn FnMut(u32, &'static str, u64)) {
        for class in self.store.classes(now).iter().filter(|class| class.used_chunks > 0) {
            let mut stat = |name: &'static str, value: u64| figure(class.id, name, value);
            stat("number", class.used_chunks);
            stat("number_hot", class.probation);
            stat("number_warm", ABSENT);
            stat("number_cold", class.used_chunks - class.probation);
            stat("age_hot", ABSENT);
            stat("age_warm", ABSENT);
            stat("age", u64::from(class.age_secs));
            stat("mem_requested", class.item_bytes);
            stat("evicted", class.evicted);
            stat("evicted_nonzero", class.evicted_nonzero);
            stat("evicted_time", u64::from(class.evicted_idle_secs));
            stat("outofmemory", class.out_of_memory);
            stat("tailrepairs", ABSENT);
            stat("reclaimed", class.reclaimed);
            stat("expired_unfetched", class.expired_unfetched);
            stat("evicted_unfetched", class.evicted_unfetched);
            stat("evicted_active", class.evicted_active);
            stat("crawler_reclaimed", class.swept_reclaimed);
            stat("crawler_items_checked", class.swept);
            stat("lrutail_reflocked", ABSENT);
            stat("moves_to_cold", ABSENT);
            stat("moves_to_warm", class.promoted);
            stat("moves_within_lru", ABSENT);
            stat("direct_reclaims", ABSENT);
            stat("hits_to_hot", class.hits_probation);
            stat("hits_to_warm", ABSENT);
            stat("hits_to_cold", class.get_hits.saturating_sub(class.hits_probation));
            stat("hits_to_temp", ABSENT);
        }
    }

    fn slabs(&self, now: Now, out: &mut ReplyBuffer) {
        let classes = self.slab_figures(now, &mut |class, name, value| {
            out.push_stat(format_args!("{class}:{name}"), value);
        });
        out.push_stat("active_slabs", classes);
        out.push_stat("total_malloced", self.malloced_bytes());
    }

    /// Hands out the figures of `stats slabs` per class, as [`Engine::item_figures`]; returns how many classes there are.
    pub fn slab_figures(&self, now: Now, figure: &mut dyn FnMut(u32, &'static str, u64)) -> usize {
        let classes = self.store.classes(now);
        for class in &classes {
            let mut stat = |name: &'static str, value: u64| figure(class.id, name, value);
            stat("chunk_size", class.chunk_bytes);
            // A large value has a buffer of its own: a page with one chunk. Tools skip a class without pages.
            let (per_page, pages) =
                if class.large { (1, class.used_chunks) } else { (class.chunks_per_page, class.pages) };
            stat("chunks_per_page", per_page);
            stat("total_pages", pages);
            stat("total_chunks", class.used_chunks + class.free_chunks);
            stat("used_chunks", class.used_chunks);
            stat("free_chunks", class.free_chunks);
            stat("free_chunks_end", ABSENT);
            stat("get_hits", class.get_hits);
            stat("cmd_set", class.stores);
            stat("delete_hits", class.delete_hits);
            stat("incr_hits", class.incr_hits);
            stat("decr_hits", class.decr_hits);
            stat("cas_hits", class.cas_hits);
            stat("cas_badval", class.cas_badval);
            stat("touch_hits", class.touch_hits);
        }
        classes.len()
    }

    /// Memory in use for items and all that grows with them: `total_malloced` of `stats slabs`.
    pub fn malloced_bytes(&self) -> u64 {
        self.store.charged_bytes()
    }

    /// Appends the connections from this descriptor on, a part of them; where to go on, if there are more.
    pub(super) fn connections_from(&self, first: i32, now: Now, out: &mut ReplyBuffer) -> Option<i32> {
        let (rows, next) = self.connections.rows(first);
        for row in rows {
            let mut stat = |name: &str, value: &dyn std::fmt::Display| {
                out.push_stat(format_args!("{}:{name}", row.fd), value);
            };
            if row.udp {
                stat("UDP", &"UDP");
            }
            stat("addr", &row.address);
            if let Some(listen_address) = &row.listen_address {
                stat("listen_addr", listen_address);
            }
            stat("state", &row.state);
            stat("secs_since_last_cmd", &now.secs().saturating_sub(row.last_command_secs));
        }
        next
    }
}

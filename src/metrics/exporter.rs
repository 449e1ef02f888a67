//! The metrics of memcached_exporter, so that its dashboards and alerts work unchanged.
//!
//! Names and labels are those of prometheus/memcached_exporter 0.15 for a memcached without extstore and proxy. Metrics
//! about the exporter's own process (`go_`, `process_`, `promhttp_`) are left out. What larder does not have is 0, as
//! in `stats`.

use super::exposition::Exposition;
use super::exposition::Kind::{self, Counter, Gauge};
use super::snapshot::{Snapshot, Stats};
use crate::commands::WIRE_VERSION;

/// Metrics with one sample: the stat, the kind, the name after `memcached_`, the help text.
type Table = &'static [(&'static str, Kind, &'static str, &'static str)];

/// From `stats`.
const GENERAL: Table = &[
    ("uptime", Counter, "uptime_seconds", "Number of seconds since the server started."),
    ("time", Gauge, "time_seconds", "current UNIX time according to the server."),
    ("rusage_user", Counter, "process_user_cpu_seconds_total", "Accumulated user time for this process."),
    (
        "rusage_system",
        Counter,
        "process_system_cpu_seconds_total",
        "Accumulated system time for this process.",
    ),
    ("bytes_read", Counter, "read_bytes_total", "Total number of bytes read by this server from network."),
    (
        "bytes_written",
        Counter,
        "written_bytes_total",
        "Total number of bytes sent by this server to network.",
    ),
    ("curr_connections", Gauge, "current_connections", "Current number of open connections."),
    (
        "total_connections",
        Counter,
        "connections_total",
        "Total number of connections opened since the server started running.",
    ),
    ("max_connections", Gauge, "max_connections", "Maximum number of clients allowed."),
    (
        "rejected_connections",
        Counter,
        "connections_rejected_total",
        "Total number of connections rejected due to hitting the memcached's -c limit in maxconns_fast mode.",
    ),
    (
        "conn_yields",
        Counter,
        "connections_yielded_total",
        "Total number of connections yielded running due to hitting the memcached's -R limit.",
    ),
    (
        "listen_disabled_num",
        Counter,
        "connections_listener_disabled_total",
        "Number of times that memcached has hit its connections limit and disabled its listener.",
    ),
    (
        "accepting_conns",
        Gauge,
        "accepting_connections",
        "The Memcached server is currently accepting new connections.",
    ),
    ("bytes", Gauge, "current_bytes", "Current number of bytes used to store items."),
    ("limit_maxbytes", Gauge, "limit_bytes", "Number of bytes this server is allowed to use for storage."),
    ("curr_items", Gauge, "current_items", "Current number of items stored by this instance."),
    ("total_items", Counter, "items_total", "Total number of items stored during the life of this instance."),
    (
        "evictions",
        Counter,
        "items_evicted_total",
        "Total number of valid items removed from cache to free memory for new items.",
    ),
    (
        "reclaimed",
        Counter,
        "items_reclaimed_total",
        "Total number of times an entry was stored using memory from an expired entry.",
    ),
    (
        "store_too_large",
        Counter,
        "item_too_large_total",
        "The number of times an item exceeded the max-item-size when being stored.",
    ),
    (
        "store_no_memory",
        Counter,
        "item_no_memory_total",
        "The number of times an item could not be stored due to no more memory.",
    ),
    (
        "direct_reclaims",
        Counter,
        "direct_reclaims_total",
        "Times worker threads had to directly reclaim or evict items.",
    ),
    ("lru_crawler_starts", Counter, "lru_crawler_starts_total", "Times an LRU crawler was started."),
    ("crawler_reclaimed", Counter, "lru_crawler_reclaimed_total", "Total items freed by LRU Crawler."),
    (
        "crawler_items_checked",
        Counter,
        "lru_crawler_items_checked_total",
        "Total items examined by LRU Crawler.",
    ),
    (
        "moves_to_cold",
        Counter,
        "lru_crawler_moves_to_cold_total",
        "Total number of items moved from HOT/WARM to COLD LRU's.",
    ),
    (
        "moves_to_warm",
        Counter,
        "lru_crawler_moves_to_warm_total",
        "Total number of items moved from COLD to WARM LRU.",
    ),
    (
        "moves_within_lru",
        Counter,
        "lru_crawler_moves_within_lru_total",
        "Total number of items reshuffled within HOT or WARM LRU's.",
    ),
];

/// From `stats settings`.
const SETTINGS: Table = &[
    ("lru_crawler", Gauge, "lru_crawler_enabled", "Whether the LRU crawler is enabled."),
    ("lru_crawler_sleep", Gauge, "lru_crawler_sleep", "Microseconds to sleep between LRU crawls."),
    ("lru_crawler_tocrawl", Gauge, "lru_crawler_to_crawl", "Max items to crawl per slab per run."),
    (
        "lru_maintainer_thread",
        Gauge,
        "lru_crawler_maintainer_thread",
        "Split LRU mode and background threads.",
    ),
    ("hot_lru_pct", Gauge, "lru_crawler_hot_percent", "Percent of slab memory reserved for HOT LRU."),
    ("warm_lru_pct", Gauge, "lru_crawler_warm_percent", "Percent of slab memory reserved for WARM LRU."),
    ("hot_max_factor", Gauge, "lru_crawler_hot_max_factor", "Set idle age of HOT LRU to COLD age * this"),
    ("warm_max_factor", Gauge, "lru_crawler_warm_max_factor", "Set idle age of WARM LRU to COLD age * this"),
];

/// From `stats items` and `stats slabs`, with the class as the label `slab`.
const CLASSES: Table = &[
    ("number", Gauge, "slab_current_items", "Number of items currently stored in this slab class."),
    ("age", Gauge, "slab_items_age_seconds", "Number of seconds the oldest item has been in the slab class."),
    (
        "crawler_reclaimed",
        Counter,
        "slab_items_crawler_reclaimed_total",
        "Number of items freed by the LRU Crawler.",
    ),
    (
        "evicted",
        Counter,
        "slab_items_evicted_total",
        "Total number of times an item had to be evicted from the LRU before it expired.",
    ),
    (
        "evicted_nonzero",
        Counter,
        "slab_items_evicted_nonzero_total",
        "Total number of times an item which had an explicit expire time set had to be evicted from the LRU before it \
         expired.",
    ),
    (
        "evicted_time",
        Counter,
        "slab_items_evicted_time_seconds",
        "Seconds since the last access for the most recent item evicted from this class.",
    ),
    (
        "evicted_unfetched",
        Counter,
        "slab_items_evicted_unfetched_total",
        "Total nmber of items evicted and never fetched.",
    ),
    (
        "expired_unfetched",
        Counter,
        "slab_items_expired_unfetched_total",
        "Total number of valid items evicted from the LRU which were never touched after being set.",
    ),
    (
        "outofmemory",
        Counter,
        "slab_items_outofmemory_total",
        "Total number of items for this slab class that have triggered an out of memory error.",
    ),
    ("reclaimed", Counter, "slab_items_reclaimed_total", "Total number of items reclaimed."),
    (
        "tailrepairs",
        Counter,
        "slab_items_tailrepairs_total",
        "Total number of times the entries for a particular ID need repairing.",
    ),
    (
        "mem_requested",
        Gauge,
        "slab_mem_requested_bytes",
        "Number of bytes of memory actual items take up within a slab.",
    ),
    ("number_hot", Gauge, "slab_hot_items", "Number of items presently stored in the HOT LRU."),
    ("number_warm", Gauge, "slab_warm_items", "Number of items presently stored in the WARM LRU."),
    ("number_cold", Gauge, "slab_cold_items", "Number of items presently stored in the COLD LRU."),
    ("age_hot", Gauge, "slab_hot_age_seconds", "Age of the oldest item in HOT LRU."),
    ("age_warm", Gauge, "slab_warm_age_seconds", "Age of the oldest item in WARM LRU."),
    (
        "moves_to_cold",
        Counter,
        "slab_items_moves_to_cold",
        "Number of items moved from HOT or WARM into COLD.",
    ),
    ("moves_to_warm", Counter, "slab_items_moves_to_warm", "Number of items moved from COLD to WARM."),
    (
        "moves_within_lru",
        Counter,
        "slab_items_moves_within_lru",
        "Number of times active items were bumped within HOT or WARM.",
    ),
    (
        "chunk_size",
        Gauge,
        "slab_chunk_size_bytes",
        "Number of bytes allocated to each chunk within this slab class.",
    ),
    (
        "chunks_per_page",
        Gauge,
        "slab_chunks_per_page",
        "Number of chunks within a single page for this slab class.",
    ),
    ("total_pages", Gauge, "slab_current_pages", "Number of pages allocated to this slab class."),
    ("total_chunks", Gauge, "slab_current_chunks", "Number of chunks allocated to this slab class."),
    ("used_chunks", Gauge, "slab_chunks_used", "Number of chunks allocated to an item."),
    ("free_chunks", Gauge, "slab_chunks_free", "Number of chunks not yet allocated items."),
    (
        "free_chunks_end",
        Gauge,
        "slab_chunks_free_end",
        "Number of free chunks at the end of the last allocated page.",
    ),
];

/// Commands that hit or miss: the stat, the labels `command` and `status`.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("get_hits", "get", "hit"),
    ("get_misses", "get", "miss"),
    ("delete_hits", "delete", "hit"),
    ("delete_misses", "delete", "miss"),
    ("incr_hits", "incr", "hit"),
    ("incr_misses", "incr", "miss"),
    ("decr_hits", "decr", "hit"),
    ("decr_misses", "decr", "miss"),
    ("cas_hits", "cas", "hit"),
    ("cas_misses", "cas", "miss"),
    ("cas_badval", "cas", "badval"),
    ("touch_hits", "touch", "hit"),
    ("touch_misses", "touch", "miss"),
    ("cmd_flush", "flush", "hit"),
];

/// Hits by LRU segment: the stat, the label `lru`.
const LRU_HITS: [(&str, &str); 4] = [
    ("hits_to_hot", "hot"),
    ("hits_to_warm", "warm"),
    ("hits_to_cold", "cold"),
    ("hits_to_temp", "temporary"),
];

/// Adds all of them.
pub(super) fn push(snapshot: &Snapshot, exposition: &mut Exposition) {
    exposition.gauge("memcached_up", "Could the memcached server be reached.").add(1.0);
    let help = "The version of this memcached server.";
    exposition.gauge("memcached_version", help).add_labeled(&[("version", WIRE_VERSION)], 1.0);
    for (table, stats) in [(GENERAL, &snapshot.general), (SETTINGS, &snapshot.settings)] {
        for (stat, kind, name, help) in table {
            exposition.metric(*kind, &format!("memcached_{name}"), help).add(stats.get(stat));
        }
    }
    push_commands(&snapshot.general, exposition);
    let help = "Number of bytes of memory allocated to slab pages.";
    exposition.gauge("memcached_malloced_bytes", help).add(snapshot.malloced_bytes as f64);
    push_classes(snapshot, exposition);
}

fn push_commands(stats: &Stats, exposition: &mut Exposition) {
    let help = "Total number of all requests broken down by command (get, set, etc.) and status.";
    let mut commands = exposition.counter("memcached_commands_total", help);
    for (stat, command, status) in COMMANDS {
        commands.add_labeled(&[("command", command), ("status", status)], stats.get(stat));
    }
    let sets = sets(stats, &["cas_hits", "cas_misses", "cas_badval"]);
    commands.add_labeled(&[("command", "set"), ("status", "hit")], sets);
}

/// `cmd_set` includes what `cas` stores, the metric does not.
fn sets(stats: &Stats, cas: &[&str]) -> Option<f64> {
    let cas: f64 = cas.iter().filter_map(|name| stats.get(name)).sum();
    stats.get("cmd_set").map(|sets| (sets - cas).max(0.0))
}

fn push_classes(snapshot: &Snapshot, exposition: &mut Exposition) {
    let classes: Vec<(String, &Stats)> =
        snapshot.classes.iter().map(|(class, stats)| (class.to_string(), stats)).collect();
    for (stat, kind, name, help) in CLASSES {
        let mut samples = exposition.metric(*kind, &format!("memcached_{name}"), help);
        for (class, stats) in &classes {
            samples.add_labeled(&[("slab", class)], stats.get(stat));
        }
    }
    let mut hits = exposition.counter("memcached_slab_lru_hits_total", "Number of get_hits to the LRU.");
    for (class, stats) in &classes {
        for (stat, lru) in LRU_HITS {
            hits.add_labeled(&[("slab", class), ("lru", lru)], stats.get(stat));
        }
    }
    let help = "Total number of all requests broken down by command (get, set, etc.) and status per slab.";
    let mut commands = exposition.counter("memcached_slab_commands_total", help);
    for (class, stats) in &classes {
        for (stat, command, status) in COMMANDS.iter().filter(|(_, _, status)| *status != "miss") {
            commands
                .add_labeled(&[("slab", class), ("command", command), ("status", status)], stats.get(stat));
        }
        let sets = sets(stats, &["cas_hits", "cas_badval"]);
        commands.add_labeled(&[("slab", class), ("command", "set"), ("status", "hit")], sets);
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::tests::full;
    use super::*;

    #[test]
    fn every_stat_of_the_tables_exists() {
        let snapshot = full();
        for (table, stats) in [(GENERAL, &snapshot.general), (SETTINGS, &snapshot.settings)] {
            for (stat, ..) in table {
                assert!(stats.get(stat).is_some(), "{stat}");
            }
        }
        for (stat, ..) in COMMANDS {
            assert!(snapshot.general.get(stat).is_some(), "{stat}");
        }
    }

    #[test]
    fn cas_is_counted_once() {
        let stats: Stats = [("cmd_set", 10.0), ("cas_hits", 3.0), ("cas_badval", 2.0)].into_iter().collect();
        assert_eq!(sets(&stats, &["cas_hits", "cas_misses", "cas_badval"]), Some(5.0));
        assert_eq!(sets(&Stats::default(), &["cas_hits"]), None);
    }
}

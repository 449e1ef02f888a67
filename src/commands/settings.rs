//! The settings that commands enforce, and those that `stats settings` reports.

use super::stats::TlsReport;
use crate::protocol::AcceptedProtocol;

/// The settings, checked by `options`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// False with `-F`.
    pub flush_enabled: bool,
    /// False with `-X`: no report contains keys.
    pub dump_enabled: bool,
    /// False with `-o no_slab_reassign`.
    pub reassign_enabled: bool,
    /// False with `-o no_lru_crawler`, until `lru_crawler enable`.
    pub sweep_enabled: bool,
    /// False with `-W`.
    pub watch_enabled: bool,
    /// The delimiter after a prefix in `stats detail` (`-D`).
    pub prefix_delimiter: u8,
    /// True with `-D`: prefixes are counted from the start.
    pub detail_enabled: bool,
    /// True with `-o track_sizes`: `stats sizes` is enabled.
    pub track_sizes: bool,
    /// True with `-A`.
    pub shutdown_enabled: bool,
    /// False with `-C`.
    pub cas_enabled: bool,
    /// False with `-M`.
    pub evict: bool,
    /// Largest item (`-I`), counted as memcached counts it.
    pub item_max_bytes: u64,
    /// Connection limit (`-c`).
    pub max_connections: usize,
    /// TCP port as given (`-p`).
    pub tcp_port: i32,
    /// UDP port as given (`-U`), 0 for none.
    pub udp_port: i32,
    /// The `-l` texts, joined by commas.
    pub listen: Option<String>,
    /// Unix socket (`-s`).
    pub unix_path: Option<String>,
    /// Mode of the unix socket (`-a`).
    pub unix_mask: u32,
    /// Ratio of neighbouring chunk sizes (`-f`).
    pub growth_factor: f64,
    /// Smallest chunk (`-n`).
    pub chunk_min_bytes: u32,
    /// Worker threads (`-t`).
    pub threads: usize,
    /// Requests per wake-up (`-R`).
    pub requests_per_event: u32,
    /// Listen backlog (`-b`).
    pub backlog: i32,
    /// True if a connection over the limit is refused, false if it waits.
    pub max_connections_fast: bool,
    /// Seconds after which an idle connection is closed (`-o idle_timeout`); 0 for never.
    pub idle_timeout_secs: u32,
    /// Options of `-o` without effect in larder.
    pub reported_options: ReportedOptions,
    /// TLS.
    pub tls: TlsReport,
    /// The protocol that is accepted (`-B`).
    pub protocol: AcceptedProtocol,
    /// Verbosity at start (`-v`).
    pub verbosity: u32,
    /// Accepts `debugtime` (`--debug-commands`).
    pub debug_commands: bool,
}

#[cfg(test)]
impl Settings {
    /// The default settings with all commands enabled.
    pub(crate) fn for_tests() -> Settings {
        Settings {
            flush_enabled: true,
            dump_enabled: true,
            reassign_enabled: true,
            sweep_enabled: true,
            watch_enabled: true,
            prefix_delimiter: b':',
            detail_enabled: false,
            track_sizes: false,
            reported_options: Default::default(),
            shutdown_enabled: true,
            cas_enabled: true,
            evict: true,
            item_max_bytes: 1 << 20,
            max_connections: 10,
            tcp_port: 0,
            listen: None,
            udp_port: 0,
            unix_path: None,
            unix_mask: 0o700,
            growth_factor: 1.1,
            chunk_min_bytes: 48,
            threads: 1,
            requests_per_event: 20,
            backlog: 10,
            max_connections_fast: true,
            idle_timeout_secs: 0,
            tls: Default::default(),
            protocol: AcceptedProtocol::Auto,
            verbosity: 0,
            debug_commands: false,
        }
    }
}

/// Names and values of `-o` without effect in larder, which `stats settings` reports.
#[derive(Clone, Debug, Default)]
pub struct ReportedOptions(pub Vec<(String, String)>);

impl ReportedOptions {
    /// The last number given for an option, or `otherwise` without one.
    pub(super) fn number(&self, name: &str, otherwise: f64) -> f64 {
        let values = self.0.iter().rev().filter(|(given, _)| given == name);
        values.filter_map(|(_, value)| value.parse().ok()).next().unwrap_or(otherwise)
    }
}

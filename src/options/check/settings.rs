//! The settings of each layer, from the checked values.

use super::absolute;
use super::addresses::Addresses;
use crate::options::arguments::Arguments;
use crate::options::extended::Extended;
use crate::server::{AcceptedProtocol, ClientCertificates, KeyFormat, MetricsAddress, TlsSettings};
use crate::{commands, server, store};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The checked values of all options.
pub(super) struct Checked {
    pub(super) protocol: AcceptedProtocol,
    pub(super) sasl: bool,
    pub(super) auth_file: Option<PathBuf>,
    pub(super) extended: Extended,
    pub(super) max_connections: usize,
    pub(super) threads: usize,
    pub(super) requests_per_event: u32,
    pub(super) chunk_min_bytes: u32,
    pub(super) backlog: i32,
    pub(super) growth_factor: f64,
    pub(super) memory_limit_bytes: u64,
    pub(super) item_max_bytes: u64,
    pub(super) tls: Option<TlsSettings>,
    pub(super) metrics: Option<MetricsAddress>,
    pub(super) addresses: Addresses,
    pub(super) prefix_delimiter: u8,
}

impl Checked {
    pub(super) fn commands(&self, arguments: &Arguments) -> commands::Settings {
        let Checked { extended, addresses, .. } = self;
        commands::Settings {
            flush_enabled: !arguments.flag('F'),
            reassign_enabled: extended.reassign,
            sweep_enabled: extended.sweep,
            watch_enabled: !arguments.flag('W'),
            prefix_delimiter: self.prefix_delimiter,
            detail_enabled: arguments.value('D').is_some(),
            track_sizes: extended.track_sizes,
            reported_options: commands::ReportedOptions(extended.without_effect.clone()),
            dump_enabled: !arguments.flag('X'),
            shutdown_enabled: arguments.flag('A'),
            cas_enabled: !arguments.flag('C'),
            evict: !arguments.flag('M'),
            item_max_bytes: self.item_max_bytes,
            max_connections: self.max_connections,
            tcp_port: addresses.port,
            udp_port: addresses.udp_port,
            listen: addresses.texts.clone(),
            unix_path: addresses.unix.as_ref().map(|unix| unix.path.display().to_string()),
            unix_mask: addresses.mask,
            growth_factor: self.growth_factor,
            chunk_min_bytes: self.chunk_min_bytes,
            threads: self.threads,
            requests_per_event: self.requests_per_event,
            backlog: self.backlog,
            max_connections_fast: extended.max_connections_fast,
            idle_timeout_secs: extended.idle_timeout_secs,
            tls: self.tls.as_ref().map_or_else(Default::default, tls_report),
            protocol: self.protocol,
            verbosity: arguments.verbosity(),
            debug_commands: arguments.debug_commands(),
        }
    }

    pub(super) fn store(&self, commands: &commands::Settings) -> store::Settings {
        store::Settings {
            memory_limit_bytes: self.memory_limit_bytes,
            threads: self.threads,
            growth_factor: self.growth_factor,
            chunk_min_bytes: self.chunk_min_bytes,
            evict: commands.evict,
            cas: commands.cas_enabled,
            item_max_bytes: self.item_max_bytes,
            hash_seed: None,
            shards: None,
        }
    }

    pub(super) fn server(self, port_file: Option<OsString>) -> server::Settings {
        let Checked { extended, addresses, .. } = self;
        server::Settings {
            threads: self.threads,
            max_connections: self.max_connections,
            requests_per_event: self.requests_per_event,
            backlog: self.backlog,
            tcp: addresses.tcp,
            udp: addresses.udp,
            udp_reply_max_bytes: extended.udp_reply_max_bytes,
            unix: addresses.unix,
            port_file: port_file.filter(|path| !path.is_empty()).map(|path| absolute(Path::new(&path))),
            protocol: self.protocol,
            inherited: Vec::new(),
            max_connections_fast: extended.max_connections_fast,
            idle_timeout_secs: extended.idle_timeout_secs,
            socket_mark: extended.socket_mark,
            tls: self.tls,
            metrics: self.metrics,
        }
    }
}

/// The TLS settings in the form of `stats settings`.
fn tls_report(tls: &TlsSettings) -> commands::TlsReport {
    let text = |path: &PathBuf| path.display().to_string();
    commands::TlsReport {
        enabled: true,
        chain_cert: Some(text(&tls.chain_cert)),
        key: Some(text(&tls.key)),
        ca_cert: tls.ca_cert.as_ref().map(text),
        ciphers: tls.ciphers.clone(),
        verify_mode: match tls.clients {
            ClientCertificates::Ignored => 0,
            ClientCertificates::Requested => 1,
            ClientCertificates::Required => 2,
        },
        key_format: match tls.key_format {
            KeyFormat::Pem => 1,
            KeyFormat::Der => 2,
        },
        session_cache: tls.session_cache,
        min_version: if tls.only_tls13 { "tlsv1.3" } else { "tlsv1.2" },
    }
}

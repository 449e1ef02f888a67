//! Stats and settings of TLS, with memcached's names.

use super::stat_value::StatValue;
use crate::clock::Now;
use crate::commands::Engine;
use crate::telemetry::Totals;
use std::sync::atomic::Ordering;

/// The settings of TLS in `stats settings`; the default is without TLS.
#[derive(Clone, Debug)]
pub struct TlsReport {
    /// True with `-Z`.
    pub enabled: bool,
    /// `ssl_chain_cert`
    pub chain_cert: Option<String>,
    /// `ssl_key`
    pub key: Option<String>,
    /// `ssl_ca_cert`
    pub ca_cert: Option<String>,
    /// `ssl_ciphers`
    pub ciphers: Option<String>,
    /// `ssl_verify_mode`
    pub verify_mode: u8,
    /// `ssl_keyformat`
    pub key_format: u8,
    /// `ssl_session_cache`
    pub session_cache: bool,
    /// `ssl_min_version`
    pub min_version: &'static str,
}

impl Default for TlsReport {
    fn default() -> TlsReport {
        TlsReport {
            enabled: false,
            chain_cert: None,
            key: None,
            ca_cert: None,
            ciphers: None,
            verify_mode: 0,
            key_format: 1,
            session_cache: false,
            min_version: "tlsv1.2",
        }
    }
}

impl Engine {
    /// Records that the certificates were loaded now.
    pub fn record_certificate_load(&self) {
        self.certificates_secs.store(self.clock.now().secs(), Ordering::Relaxed);
    }

    pub(in crate::commands) fn tls_stats(
        &self,
        sums: &Totals,
        now: Now,
        stat: &mut dyn FnMut(&'static str, &dyn StatValue),
    ) {
        let tls = &self.settings.tls;
        if !tls.enabled {
            return;
        }
        if tls.session_cache {
            stat("ssl_new_sessions", &sums.ssl_new_sessions);
        }
        stat("ssl_handshake_errors", &sums.ssl_handshake_errors);
        stat("ssl_proto_errors", &sums.ssl_proto_errors);
        let since_secs = now.secs().saturating_sub(self.certificates_secs.load(Ordering::Relaxed));
        stat("time_since_server_cert_refresh", &since_secs);
    }

    pub(in crate::commands) fn tls_settings(&self, stat: &mut dyn FnMut(&'static str, &dyn StatValue)) {
        let tls = &self.settings.tls;
        let yes_no = |yes| if yes { "yes" } else { "no" };
        let text = |text: &Option<String>, unset: &str| text.clone().unwrap_or_else(|| unset.to_owned());
        stat("ssl_enabled", &yes_no(tls.enabled));
        stat("ssl_chain_cert", &text(&tls.chain_cert, "(null)"));
        stat("ssl_key", &text(&tls.key, "(null)"));
        stat("ssl_verify_mode", &tls.verify_mode);
        stat("ssl_keyformat", &tls.key_format);
        stat("ssl_ciphers", &text(&tls.ciphers, "NULL"));
        stat("ssl_ca_cert", &text(&tls.ca_cert, "NULL"));
        // rustls manages its own buffer and does not use kernel TLS.
        stat("ssl_wbuf_size", &16384);
        stat("ssl_session_cache", &yes_no(tls.session_cache));
        stat("ssl_kernel_tls", &"no");
        stat("ssl_min_version", &tls.min_version);
    }
}

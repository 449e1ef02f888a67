//! The `ssl_` settings of `-o`, which apply together with `-Z`.

use super::{BadSetting, number, status};
use crate::server::{ClientCertificates, KeyFormat, TlsSettings};
use std::path::{Path, PathBuf};

/// The given settings; `None` for a setting that is not given.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Given {
    chain_cert: Option<String>,
    key: Option<String>,
    ca_cert: Option<String>,
    ciphers: Option<String>,
    verify_mode: Option<ClientCertificates>,
    key_format: Option<KeyFormat>,
    only_tls13: Option<bool>,
    session_cache: bool,
}

fn bad(line: impl Into<String>) -> BadSetting {
    BadSetting::new(line, status::OPTION)
}

impl Given {
    /// Parses a setting if it is one of these; true if so.
    pub(super) fn take(&mut self, name: &str, value: Option<&str>) -> Result<bool, BadSetting> {
        let text = || {
            let given = value.filter(|value| !value.is_empty()).map(str::to_owned);
            given.ok_or_else(|| bad(format!("Missing {name} argument")))
        };
        let whole = || match number::integer(&text()?) {
            Some((number, "")) => Ok(number),
            _ => Err(bad(format!("could not parse argument to {name}"))),
        };
        match name {
            "ssl_chain_cert" => self.chain_cert = Some(text()?),
            "ssl_key" => self.key = Some(text()?),
            "ssl_ca_cert" => self.ca_cert = Some(text()?),
            "ssl_ciphers" => self.ciphers = Some(text()?),
            "ssl_session_cache" => self.session_cache = true,
            "ssl_verify_mode" => {
                self.verify_mode = Some(match whole()? {
                    0 => ClientCertificates::Ignored,
                    1 => ClientCertificates::Requested,
                    // 3 requests the certificate once per connection, which is the same without renegotiation.
                    2 | 3 => ClientCertificates::Required,
                    _ => return Err(bad("Invalid ssl_verify_mode. Use help to see valid options.")),
                });
            }
            "ssl_keyformat" => {
                self.key_format = Some(match whole()? {
                    1 => KeyFormat::Pem,
                    2 => KeyFormat::Der,
                    other => {
                        return Err(bad(format!("ssl_keyformat must be 1 (PEM) or 2 (ASN.1), not {other}")));
                    }
                });
            }
            "ssl_min_version" => {
                self.only_tls13 = Some(match whole()? {
                    2 => false,
                    3 => true,
                    old @ 0..=1 => {
                        let line = format!(
                            "ssl_min_version={old} (TLS 1.{old}) is not secure: larder supports 2 (TLS 1.2) and 3 \
                            (TLS 1.3)"
                        );
                        return Err(bad(line));
                    }
                    _ => return Err(bad("Invalid ssl_min_version. Use help to see valid options.")),
                });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// True if any setting is given.
    pub(super) fn is_any(&self) -> bool {
        *self != Given::default()
    }

    /// The settings of the server, if `-Z` is given.
    pub(super) fn settings(&self, absolute: fn(&Path) -> PathBuf) -> Result<TlsSettings, BadSetting> {
        let path = |text: &String| absolute(Path::new(text));
        let (Some(chain_cert), Some(key)) = (&self.chain_cert, &self.key) else {
            let line = "-Z needs -o ssl_chain_cert=<file>,ssl_key=<file>";
            return Err(BadSetting::new(line, status::USAGE));
        };
        Ok(TlsSettings {
            chain_cert: path(chain_cert),
            key: path(key),
            key_format: self.key_format.unwrap_or(KeyFormat::Pem),
            ca_cert: self.ca_cert.as_ref().map(path),
            clients: self.verify_mode.unwrap_or(ClientCertificates::Ignored),
            only_tls13: self.only_tls13.unwrap_or(false),
            ciphers: self.ciphers.clone(),
            session_cache: self.session_cache,
        })
    }
}

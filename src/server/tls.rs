//! The configuration of TLS, from the settings and files of the operator.
//!
//! A [`Tls`] holds one configuration of rustls for each [`ClientCertificates`], because listening sockets may differ in
//! it. [`Tls::refresh`] reads the files again and replaces all configurations or, after an error, none. A connection
//! keeps the configuration with which it began.

mod ciphers;

use super::settings::{ClientCertificates, KeyFormat, Settings, TlsSettings};
use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Sessions kept for resumption (`-o ssl_session_cache`).
const SESSIONS_MAX: usize = 20 * 1024;

/// Versions that rustls has; TLS 1.2 is the oldest.
const FROM_TLS12: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const FROM_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];

/// Why TLS cannot be served, in one line.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// The current configurations, and the settings to build them again.
#[derive(Debug)]
pub struct Tls {
    settings: TlsSettings,
    current: RwLock<Configurations>,
}

#[derive(Debug)]
struct Configurations {
    ignoring: Arc<ServerConfig>,
    requesting: Option<Arc<ServerConfig>>,
    requiring: Option<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files of `settings`; `None` without TLS. To be called before privileges to read them are dropped.
    pub fn load(settings: &Settings) -> Result<Option<Tls>, TlsError> {
        let Some(tls) = &settings.tls else { return Ok(None) };
        let current = Configurations::read(tls)?;
        let modes = settings.tcp.iter().filter_map(|listen| listen.service.tls).chain([tls.clients]);
        if current.requiring.is_none()
            && modes.into_iter().any(|clients| clients != ClientCertificates::Ignored)
        {
            return Err(TlsError(
                "client certificates need -o ssl_ca_cert=<file> to be checked against".to_owned(),
            ));
        }
        Ok(Some(Tls { settings: tls.clone(), current: RwLock::new(current) }))
    }

    /// Reads the files again. After an error the old configurations stay in use.
    pub fn refresh(&self) -> Result<(), TlsError> {
        let new = Configurations::read(&self.settings)?;
        *self.current.write() = new;
        Ok(())
    }

    /// The configuration of a connection that begins now.
    pub(super) fn configuration(&self, clients: ClientCertificates) -> Option<Arc<ServerConfig>> {
        let current = self.current.read();
        match clients {
            ClientCertificates::Ignored => Some(current.ignoring.clone()),
            ClientCertificates::Requested => current.requesting.clone(),
            ClientCertificates::Required => current.requiring.clone(),
        }
    }
}

impl Configurations {
    fn read(settings: &TlsSettings) -> Result<Configurations, TlsError> {
        let chain = certificates(&settings.chain_cert, "the certificate chain")?;
        let key = key(settings)?;
        let provider = Arc::new(provider(settings)?);
        let roots = settings.ca_cert.as_deref().map(authorities).transpose()?;
        let build = |clients| build(settings, &provider, clients, roots.as_ref(), &chain, &key);
        let with_roots = |clients| roots.is_some().then(|| build(clients)).transpose();
        Ok(Configurations {
            ignoring: build(ClientCertificates::Ignored)?,
            requesting: with_roots(ClientCertificates::Requested)?,
            requiring: with_roots(ClientCertificates::Required)?,
        })
    }
}

fn build(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
    clients: ClientCertificates,
    roots: Option<&Arc<RootCertStore>>,
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let versions = if settings.only_tls13 { FROM_TLS13 } else { FROM_TLS12 };
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| TlsError(format!("TLS cannot be set up: {error}")))?;
    let builder = match roots {
        Some(roots) if clients != ClientCertificates::Ignored => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
            let verifier = match clients {
                ClientCertificates::Requested => verifier.allow_unauthenticated(),
                _ => verifier,
            };
            let verifier =
                verifier.build().map_err(|error| authority_error(settings.ca_cert.as_deref(), &error))?;
            builder.with_client_cert_verifier(verifier)
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain.to_vec(), key.clone_key())
        .map_err(|error| load_error("the certificate chain", &settings.chain_cert, &error))?;
    if settings.session_cache {
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

fn load_error(what: &str, path: &Path, reason: &dyn fmt::Display) -> TlsError {
    TlsError(format!("Error loading {what}: {} : {reason}", path.display()))
}

fn authority_error(path: Option<&Path>, reason: &dyn fmt::Display) -> TlsError {
    load_error("the client authorities", path.unwrap_or(Path::new("")), reason)
}

/// Why a PEM file could not be read. The debug form of the error could show the key.
fn describe_pem_error(error: &PemError) -> String {
    match error {
        PemError::Io(error) => error.to_string(),
        PemError::NoItemsFound => "no such item in the file".to_owned(),
        _ => "not a PEM file".to_owned(),
    }
}

fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(|items| items.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err(load_error(what, path, &"no certificate in the file"))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(load_error(what, path, &describe_pem_error(&error))),
    }
}

fn key(settings: &TlsSettings) -> Result<PrivateKeyDer<'static>, TlsError> {
    let path = &settings.key;
    match settings.key_format {
        KeyFormat::Pem => PrivateKeyDer::from_pem_file(path)
            .map_err(|error| load_error("the key", path, &describe_pem_error(&error))),
        KeyFormat::Der => {
            let bytes = fs::read(path).map_err(|error| load_error("the key", path, &error))?;
            PrivateKeyDer::try_from(bytes).map_err(|error| load_error("the key", path, &error))
        }
    }
}

fn authorities(path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, "the client authorities")? {
        roots.add(certificate).map_err(|error| authority_error(Some(path), &error))?;
    }
    Ok(Arc::new(roots))
}

/// The cryptography provider, with the cipher suites that the operator allows.
fn provider(settings: &TlsSettings) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    if let Some(list) = &settings.ciphers {
        provider.cipher_suites = ciphers::suites(list, &provider.cipher_suites)
            .ok_or_else(|| TlsError(format!("Error setting the provided cipher(s): {list}")))?;
    }
    Ok(provider)
}

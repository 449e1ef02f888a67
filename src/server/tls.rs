//! TLS: what the operator's files and settings make of a handshake.
//!
//! A [`Tls`] holds one configuration of rustls for each way to treat client certificates, because listening sockets may
//! differ in it. [`Tls::refresh`] reads the files again and replaces all of them at once or, when something is wrong,
//! none. Connections keep the configuration they began with.

mod ciphers;
mod stream;

pub(super) use stream::{Handshakes, Room, TlsConnection};

use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sessions kept for clients that come back (`-o ssl_session_cache`).
const SESSIONS_MAX: usize = 20 * 1024;

/// Versions that rustls speaks; below 1.2 it speaks none.
const FROM_TLS12: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
const FROM_TLS13: &[&SupportedProtocolVersion] = &[&TLS13];

/// Whether a client has to show a certificate of the operator's authority.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientCertificates {
    /// It is not asked for one.
    Ignored,
    /// One that it shows must be good.
    Requested,
    /// It must show a good one.
    Required,
}

/// How the key file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyFormat {
    /// PEM.
    Pem,
    /// ASN.1, as it is.
    Der,
}

/// Checked by `options`, but for the files.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// The server's certificate and those between it and its authority, PEM.
    pub chain_cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// How that is written.
    pub key_format: KeyFormat,
    /// Authorities of client certificates, PEM.
    pub ca_cert: Option<PathBuf>,
    /// What a listening socket asks of clients, unless its address says otherwise.
    pub clients: ClientCertificates,
    /// True: TLS 1.3 only. False: TLS 1.2 as well.
    pub only_tls13: bool,
    /// Cipher suites of TLS 1.2, as OpenSSL lists them; `None` for all.
    pub ciphers: Option<String>,
    /// Keep sessions for clients that come back.
    pub session_cache: bool,
}

/// Why TLS cannot be served, in one line.
#[derive(Debug)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// The configurations in force, and how to make them anew.
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
    /// Reads the files of `settings`, if it is for TLS at all. To be called while there are privileges to read them.
    pub fn load(settings: &super::Settings) -> Result<Option<Tls>, TlsError> {
        let Some(tls) = &settings.tls else { return Ok(None) };
        let current = Configurations::read(tls)?;
        let asked = settings.tcp.iter().filter_map(|listen| listen.service.tls).chain([tls.clients]);
        if current.requiring.is_none()
            && asked.into_iter().any(|clients| clients != ClientCertificates::Ignored)
        {
            return Err(TlsError(
                "client certificates need -o ssl_ca_cert=<file> to be checked by".to_owned(),
            ));
        }
        Ok(Some(Tls { settings: tls.clone(), current: RwLock::new(current) }))
    }

    /// Reads the files again; on failure everything stays as it is.
    pub fn refresh(&self) -> Result<(), TlsError> {
        let new = Configurations::read(&self.settings)?;
        *self.current.write() = new;
        Ok(())
    }

    /// What applies to a connection that begins now.
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
            let verifier = verifier.build().map_err(|error| unusable(settings.ca_cert.as_deref(), &error))?;
            builder.with_client_cert_verifier(verifier)
        }
        _ => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain.to_vec(), key.clone_key())
        .map_err(|error| failed("the certificate chain", &settings.chain_cert, &error))?;
    if settings.session_cache {
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(Arc::new(config))
}

fn failed(what: &str, path: &Path, why: &dyn fmt::Display) -> TlsError {
    TlsError(format!("Error loading {what}: {} : {why}", path.display()))
}

fn unusable(path: Option<&Path>, why: &dyn fmt::Display) -> TlsError {
    failed("the client authorities", path.unwrap_or(Path::new("")), why)
}

/// Why a PEM file could not be read, without the debug form of what was in it.
fn pem_reason(error: &PemError) -> String {
    match error {
        PemError::Io(error) => error.to_string(),
        PemError::NoItemsFound => "nothing of this kind in it".to_owned(),
        _ => "not a PEM file".to_owned(),
    }
}

fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(|items| items.collect::<Result<Vec<_>, _>>());
    match read {
        Ok(certificates) if certificates.is_empty() => Err(failed(what, path, &"no certificate in it")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(failed(what, path, &pem_reason(&error))),
    }
}

fn key(settings: &TlsSettings) -> Result<PrivateKeyDer<'static>, TlsError> {
    let path = &settings.key;
    match settings.key_format {
        KeyFormat::Pem => {
            PrivateKeyDer::from_pem_file(path).map_err(|error| failed("the key", path, &pem_reason(&error)))
        }
        KeyFormat::Der => {
            let bytes = fs::read(path).map_err(|error| failed("the key", path, &error))?;
            PrivateKeyDer::try_from(bytes).map_err(|error| failed("the key", path, &error))
        }
    }
}

fn authorities(path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, "the client authorities")? {
        roots.add(certificate).map_err(|error| unusable(Some(path), &error))?;
    }
    Ok(Arc::new(roots))
}

/// The cryptography, with the cipher suites that the operator allows.
fn provider(settings: &TlsSettings) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    if let Some(list) = &settings.ciphers {
        provider.cipher_suites = ciphers::suites(list, &provider.cipher_suites)
            .ok_or_else(|| TlsError(format!("Error setting the provided cipher(s): {list}")))?;
    }
    Ok(provider)
}

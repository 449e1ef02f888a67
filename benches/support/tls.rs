//! The certificate of all servers of a run, and clients that trust it.

use super::failure::Failure;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// The host name of the certificate.
const NAME: &str = "localhost";

struct Identity {
    chain: PathBuf,
    key: PathBuf,
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned()]).expect("a name that certificates can have");
    let file = |kind: &str| std::env::temp_dir().join(format!("bench-{}.{kind}", std::process::id()));
    let (chain, key) = (file("pem"), file("key"));
    fs::write(&chain, cert.pem()).expect("a writable directory for temporary files");
    fs::write(&key, signing_key.serialize_pem()).expect("a writable directory for temporary files");
    Identity { chain, key }
});

/// The TLS options of memcached and larder.
pub(crate) fn server_options() -> String {
    format!("-Z -o ssl_chain_cert={},ssl_key={}", IDENTITY.chain.display(), IDENTITY.key.display())
}

/// The file of the certificate, which is created at the first call.
pub(crate) fn certificate() -> &'static Path {
    &IDENTITY.chain
}

/// Removes the files of the certificate, if they exist.
pub(crate) fn clean_up() {
    if let Some(identity) = LazyLock::get(&IDENTITY) {
        // These are temporary files; a remaining one does no harm.
        let _ = fs::remove_file(&identity.chain);
        let _ = fs::remove_file(&identity.key);
    }
}

/// A client that trusts the certificate in a file.
pub(crate) fn client(certificate: &Path) -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate)?)?;
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// A TLS session of a client, before its handshake.
pub(crate) fn session(config: Arc<ClientConfig>) -> Result<ClientConnection, Failure> {
    Ok(ClientConnection::new(config, ServerName::try_from(NAME)?)?)
}

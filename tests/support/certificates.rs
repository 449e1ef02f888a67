//! Certificates for one test: an authority, the certificates it signed, and TLS clients that trust it.

use super::{Client, Folder};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// A certificate authority and the folder of its PEM files.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: Folder,
}

/// A certificate and its key.
pub struct CertifiedKey {
    /// In PEM.
    pub certificate: String,
    pub key: KeyPair,
}

impl Authority {
    /// Creates an authority. Its certificate is in `ca.pem`; `server.pem` and `server.key` are for a server.
    pub fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = Folder::new();
        fs::write(folder.file("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let authority = Authority { issuer: Issuer::new(params, key), folder };
        authority.renew_server_certificate();
        authority
    }

    /// Creates a key and a certificate for it.
    pub fn sign(&self) -> CertifiedKey {
        let mut params =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        CertifiedKey { certificate, key }
    }

    /// Replaces the server's key and certificate; returns the certificate.
    pub fn renew_server_certificate(&self) -> CertificateDer<'static> {
        let pair = self.sign();
        fs::write(self.file("server.pem"), &pair.certificate).unwrap();
        fs::write(self.file("server.key"), pair.key.serialize_pem()).unwrap();
        CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()
    }

    /// The path of a file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    /// The options that make a daemon serve TLS with the server's certificate.
    pub fn options(&self) -> String {
        let (certificate, key) = (self.file("server.pem"), self.file("server.key"));
        format!("-Z -o ssl_chain_cert={},ssl_key={}", certificate.display(), key.display())
    }

    /// The option that names the authority by which a daemon verifies client certificates.
    pub fn ca_option(&self) -> String {
        format!("-o ssl_ca_cert={}", self.file("ca.pem").display())
    }

    /// A TLS client that trusts the authority and presents `identity` on request.
    pub fn client(
        &self,
        identity: Option<&CertifiedKey>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsClient {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.file("ca.pem")).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(identity.key.serialize_pem().as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        TlsClient(Arc::new(config))
    }
}

/// The configuration of a TLS client.
pub struct TlsClient(pub Arc<ClientConfig>);

impl TlsClient {
    /// Connects; the first write or read makes the handshake.
    #[track_caller]
    pub fn connect(&self, address: SocketAddr) -> Client {
        let name = ServerName::try_from("localhost").unwrap();
        Client::tls(address, ClientConnection::new(self.0.clone(), name).unwrap())
    }

    /// True if the daemon at `address` replies to this client.
    #[track_caller]
    pub fn is_served(&self, address: SocketAddr) -> bool {
        self.connect(address).is_served()
    }
}

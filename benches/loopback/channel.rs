//! A connection to a server, in the clear or encrypted.

use crate::support::Failure;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::Socket;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// The name that the servers' certificate is for.
const NAME: &str = "localhost";

pub(crate) enum Channel {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

/// The certificate of all servers of this run.
struct Identity {
    certificate: CertificateDer<'static>,
    chain: PathBuf,
    key: PathBuf,
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([NAME.to_owned()]).expect("a name that certificates can have");
    let file = |kind: &str| std::env::temp_dir().join(format!("loopback-{}.{kind}", std::process::id()));
    let (chain, key) = (file("pem"), file("key"));
    fs::write(&chain, cert.pem()).expect("a writable directory for temporary files");
    fs::write(&key, signing_key.serialize_pem()).expect("a writable directory for temporary files");
    Identity { certificate: cert.der().clone(), chain, key }
});

/// The options by which memcached and larder serve TLS.
pub(crate) fn tls_options() -> String {
    format!("-Z -o ssl_chain_cert={},ssl_key={}", IDENTITY.chain.display(), IDENTITY.key.display())
}

/// Removes what [`tls_options`] has made.
pub(crate) fn clean_up() {
    if let Some(identity) = LazyLock::get(&IDENTITY) {
        // Files for temporary use: one that is left harms nobody.
        let _ = fs::remove_file(&identity.chain);
        let _ = fs::remove_file(&identity.key);
    }
}

impl Channel {
    /// Begins to speak TLS on a new socket.
    pub(crate) fn encrypted(socket: Socket) -> Result<Channel, Failure> {
        let mut roots = RootCertStore::empty();
        roots.add(IDENTITY.certificate.clone())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = ClientConnection::new(Arc::new(config), ServerName::try_from(NAME)?)?;
        Ok(Channel::Tls(Box::new(StreamOwned::new(session, socket))))
    }

    /// Sends everything.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Channel::Plain(socket) => socket.write_all(bytes)?,
            Channel::Tls(tls) => {
                tls.write_all(bytes)?;
                tls.flush()?;
            }
        }
        Ok(())
    }

    /// Receives what is there, and waits if there is nothing; 0 at the end.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        Ok(match self {
            Channel::Plain(socket) => socket.read(buffer)?,
            Channel::Tls(tls) => tls.read(buffer)?,
        })
    }

    /// True if bytes have come that the socket does not show any more.
    pub(crate) fn holds_more(&mut self) -> Result<bool, Failure> {
        Ok(match self {
            Channel::Plain(_) => false,
            Channel::Tls(tls) => tls.conn.process_new_packets()?.plaintext_bytes_to_read() > 0,
        })
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Channel::Plain(socket) => socket.as_fd(),
            Channel::Tls(tls) => tls.sock.as_fd(),
        }
    }
}

//! Certificates: client certificates are checked as configured, server certificates are read again on request, and
//! files that cannot be used fail with one line.

use crate::support::{Authority, TlsClient, larder, wait_for};
use nix::sys::signal::Signal;
use rustls::version::{TLS12, TLS13};
use std::fs;

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&TLS13, &TLS12];

#[test]
fn client_certificates_are_checked_according_to_the_mode() {
    let authority = Authority::new();
    let (good, strange) = (authority.sign(), Authority::new().sign());
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let clients: [TlsClient; 3] =
            [None, Some(&good), Some(&strange)].map(|pair| authority.client(pair, versions));
        for (mode, served) in [
            (0, [true, true, true]),
            (1, [true, true, false]),
            (2, [false, true, false]),
            (3, [false, true, false]),
        ] {
            let options =
                format!("-o ssl_verify_mode={mode} {} {}", authority.options(), authority.ca_option());
            let daemon = larder(&options).start();
            let got = clients.each_ref().map(|client| client.is_served(daemon.address()));
            assert_eq!(got, served, "mode {mode}, versions {versions:?}");
        }
    }
}

#[test]
fn refresh_certs_reads_the_files_again_and_connections_stay_open() {
    let authority = Authority::new();
    let daemon = larder(&authority.options()).start();
    let tls = authority.client(None, BOTH);
    let mut early = tls.connect(daemon.address());
    early.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    let old = early.session().2;
    let new = authority.renew_server_certificate();
    assert_eq!(server_certificate(&tls, &daemon), old);
    early.ask("refresh_certs\r\n", "OK\r\n");
    assert_eq!(server_certificate(&tls, &daemon), new);
    early.ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
    assert!(early.stat("", "time_since_server_cert_refresh").parse::<u32>().unwrap() < 60);
}

#[test]
fn sighup_reads_the_files_again() {
    let authority = Authority::new();
    let daemon = larder(&authority.options()).start();
    let tls = authority.client(None, BOTH);
    let new = authority.renew_server_certificate();
    assert_ne!(server_certificate(&tls, &daemon), new);
    daemon.signal(Signal::SIGHUP);
    wait_for("the new certificate", || (server_certificate(&tls, &daemon) == new).then_some(()));
}

#[test]
fn after_a_failed_reload_the_old_certificates_stay_in_use() {
    let authority = Authority::new();
    let daemon = larder(&authority.options()).start();
    let tls = authority.client(None, BOTH);
    let mut client = tls.connect(daemon.address());
    fs::write(authority.file("server.pem"), "no certificate").unwrap();
    let path = authority.file("server.pem").display().to_string();
    let line = format!("Error loading the certificate chain: {path} : no certificate in the file\r\n");
    client.ask("refresh_certs\r\n", line);
    daemon.signal(Signal::SIGHUP);
    wait_for("the warning", || {
        daemon.stderr().contains("the old certificates stay in use: Error loading").then_some(())
    });
    assert!(tls.is_served(daemon.address()));
}

#[test]
fn without_tls_refresh_certs_is_an_error() {
    let daemon = larder("").start();
    daemon.connect().ask("refresh_certs\r\n", "Error TLS not enabled\r\n");
    daemon.signal(Signal::SIGHUP);
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
}

#[test]
fn settings_are_reported() {
    let authority = Authority::new();
    let daemon = larder(&format!("-o ssl_verify_mode=1 {} {}", authority.options(), authority.ca_option()));
    let daemon = daemon.start();
    let mut client = authority.client(None, BOTH).connect(daemon.address());
    let file = |name| authority.file(name).display().to_string();
    for (name, value) in [
        ("ssl_enabled", "yes"),
        ("ssl_chain_cert", &file("server.pem")),
        ("ssl_key", &file("server.key")),
        ("ssl_ca_cert", &file("ca.pem")),
        ("ssl_verify_mode", "1"),
        ("ssl_ciphers", "NULL"),
        ("ssl_min_version", "tlsv1.2"),
    ] {
        assert_eq!(client.stat("settings", name), value, "{name}");
    }
}

#[test]
fn keys_may_be_in_asn1_format() {
    let authority = Authority::new();
    let pair = authority.sign();
    fs::write(authority.file("server.pem"), &pair.certificate).unwrap();
    fs::write(authority.file("server.key"), pair.key.serialize_der()).unwrap();
    let daemon = larder(&format!("-o ssl_keyformat=2 {}", authority.options())).start();
    assert!(authority.client(None, BOTH).is_served(daemon.address()));
}

#[test]
fn unusable_files_fail_with_one_line() {
    let authority = Authority::new();
    let other = authority.sign();
    fs::write(authority.file("other.key"), other.key.serialize_pem()).unwrap();
    let options = |certificate: &str, key: &str, more: &str| {
        let (certificate, key) = (authority.file(certificate), authority.file(key));
        format!("-p -1 -Z -o ssl_chain_cert={},ssl_key={}{more}", certificate.display(), key.display())
    };
    for (options, start) in [
        (options("none.pem", "server.key", ""), "Error loading the certificate chain: "),
        (options("server.key", "server.key", ""), "Error loading the certificate chain: "),
        (options("server.pem", "none.key", ""), "Error loading the key: "),
        (options("server.pem", "server.pem", ""), "Error loading the key: "),
        (options("server.pem", "other.key", ""), "Error loading the certificate chain: "),
        (options("server.pem", "server.key", ",ssl_ca_cert=/none"), "Error loading the client authorities: "),
        (
            options("server.pem", "server.key", ",ssl_verify_mode=2"),
            "client certificates need -o ssl_ca_cert",
        ),
        (
            options("server.pem", "server.key", ",ssl_ciphers=RC4"),
            "Error setting the provided cipher(s): RC4",
        ),
    ] {
        let (line, status) = larder(&options).refusal();
        assert!(line.starts_with(start), "{options}: {line}");
        assert_eq!(status, 64, "{line}");
        assert!(!line.contains("PRIVATE KEY"), "{line}");
    }
    let (line, status) = larder(&format!("{} -l mtls:127.0.0.1:0", authority.options())).refusal();
    assert!(line.starts_with("client certificates need -o ssl_ca_cert"), "{line}");
    assert_eq!(status, 64);
}

/// The certificate that the server presents to a new connection.
fn server_certificate(
    tls: &TlsClient,
    daemon: &crate::support::Daemon,
) -> rustls::pki_types::CertificateDer<'static> {
    let mut client = tls.connect(daemon.address());
    assert!(client.is_served());
    client.session().2
}

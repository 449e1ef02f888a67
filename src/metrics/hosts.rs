//! The host names that requests may use.
//!
//! In a DNS rebinding attack, the page of another site has its name resolved to the address of this server and reads
//! the responses as its own. The browser still sends the name of that site as the host, so the server refuses such a
//! request. An IP address as the host involves no DNS.

use hyper::header::{self, HeaderMap};
use hyper::{Uri, Version};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The name of the local machine, which browsers resolve without DNS (RFC 6761).
const LOCALHOST: &str = "localhost";

/// The accepted names, in addition to IP addresses and `localhost`.
#[derive(Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// Accepts these names, in upper or lower case.
    pub(super) fn new(names: Vec<String>) -> Hosts {
        Hosts(names)
    }

    /// True if every host of the request is accepted. Only HTTP/1.0 requests may have none.
    pub(super) fn accept(&self, uri: &Uri, version: Version, headers: &HeaderMap) -> bool {
        let mut named = 0;
        let in_headers = headers.get_all(header::HOST).iter().map(|value| value.to_str().unwrap_or_default());
        let in_uri = uri.authority().map(|authority| authority.as_str());
        let all = in_headers.chain(in_uri).all(|host| {
            named += 1;
            self.accepts(host)
        });
        all && (named > 0 || version == Version::HTTP_10)
    }

    /// True for an accepted `host` or `host:port`, with any port.
    fn accepts(&self, host: &str) -> bool {
        let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(inside) = host.strip_prefix('[') {
            let Some((address, rest)) = inside.split_once(']') else { return false };
            let port_follows = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
            return port_follows && address.parse::<Ipv6Addr>().is_ok();
        }
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        is_port(port) && (name.parse::<Ipv4Addr>().is_ok() || self.is_known_name(name))
    }

    fn is_known_name(&self, name: &str) -> bool {
        // A final dot marks a name as complete; it is the same host.
        let without_dot = |name: &'_ str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let name = without_dot(name);
        !name.is_empty() && (name == LOCALHOST || self.0.iter().any(|known| without_dot(known) == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(host: &str) -> bool {
        Hosts::new(vec!["cache.internal".to_owned(), "Web".to_owned()]).accepts(host)
    }

    #[test]
    fn addresses_localhost_and_configured_names_are_accepted() {
        for host in [
            "127.0.0.1",
            "10.1.2.3:9150",
            "[::1]",
            "[2001:db8::1]:9150",
            "[::ffff:10.0.0.1]:1",
            "localhost",
            "LocalHost:9150",
            "localhost.",
            "cache.internal",
            "CACHE.internal.:80",
            "web",
            "web:",
        ] {
            assert!(accepts(host), "{host}");
        }
    }

    #[test]
    fn other_hosts_are_refused() {
        for host in [
            "",
            ".",
            ":80",
            "evil.example",
            "evil.example:9150",
            "cache.internal.evil.example",
            "evil.localhost",
            "localhost.evil.example",
            "localhost..",
            "127.0.0.1.evil.example",
            "127.0.0.1:80@evil.example",
            "localhost:80:80",
            "localhost:x",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "[evil.example]",
            "[127.0.0.1]",
            "2130706433",
            "0x7f.1",
            "127.1",
            "user@localhost",
        ] {
            assert!(!accepts(host), "{host}");
        }
    }

    #[test]
    fn every_host_of_a_request_counts_and_only_http_1_0_may_have_none() {
        let hosts = Hosts::new(Vec::new());
        let is_accepted = |uri: &'static str, version, names: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for name in names {
                headers.append(header::HOST, name.parse().unwrap());
            }
            hosts.accept(&Uri::from_static(uri), version, &headers)
        };
        assert!(is_accepted("/", Version::HTTP_11, &["localhost"]));
        assert!(!is_accepted("/", Version::HTTP_11, &["localhost", "evil.example"]));
        assert!(!is_accepted("http://evil.example/", Version::HTTP_11, &["localhost"]));
        assert!(is_accepted("http://127.0.0.1/", Version::HTTP_11, &["localhost"]));
        assert!(!is_accepted("/", Version::HTTP_11, &[]));
        assert!(is_accepted("/", Version::HTTP_10, &[]));
        assert!(!is_accepted("/", Version::HTTP_10, &["evil.example"]));
        assert!(!is_accepted("/", Version::HTTP_10, &[""]));
    }
}

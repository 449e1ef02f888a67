//! Addresses of servers: `host:port`, `[v6]:port`, a host alone, or the path of a Unix socket.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The default port.
const PORT: u16 = 11211;

/// The address of a server. Names are not resolved here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A TCP address.
    Tcp {
        /// A name, or an IP address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Default for Address {
    fn default() -> Address {
        Address::Tcp { host: "127.0.0.1".to_owned(), port: PORT }
    }
}

/// The text is not an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadAddress;

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not host:port, [v6]:port, a host or the path of a unix socket")
    }
}

impl std::error::Error for BadAddress {}

impl FromStr for Address {
    type Err = BadAddress;

    /// A text with a slash is a path; the prefix `unix:`, as in Django's settings, is ignored.
    fn from_str(text: &str) -> Result<Address, BadAddress> {
        if text.contains('/') {
            return Ok(Address::Unix(text.strip_prefix("unix:").unwrap_or(text).into()));
        }
        let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, ""))) => (host, None),
            Some(Some((host, port))) => (host, Some(port.strip_prefix(':').ok_or(BadAddress)?)),
            Some(None) => return Err(BadAddress),
            // More than one colon: an IPv6 address without a port.
            None if text.matches(':').count() > 1 => (text, None),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(PORT), |port| port.parse().map_err(|_| BadAddress))?;
        if host.is_empty() || port == 0 || host.contains(char::is_whitespace) {
            return Err(BadAddress);
        }
        Ok(Address::Tcp { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_printed() {
        for (text, written) in [
            ("cache:7", "cache:7"),
            ("cache", "cache:11211"),
            ("10.0.0.1:7", "10.0.0.1:7"),
            ("[::1]:7", "[::1]:7"),
            ("[::1]", "[::1]:11211"),
            ("::1", "[::1]:11211"),
            ("/run/larder.sock", "/run/larder.sock"),
            ("unix:/run/larder.sock", "/run/larder.sock"),
            ("./sock", "./sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), written, "{text}");
        }
        assert_eq!(Address::default().to_string(), "127.0.0.1:11211");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", ":7", "cache:", "cache:x", "cache:0", "cache:65536", "[::1", "[::1]7", "[]:7", "a b"]
        {
            assert_eq!(text.parse::<Address>(), Err(BadAddress), "{text}");
        }
    }
}

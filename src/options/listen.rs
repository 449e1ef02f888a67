//! The grammar of `-l`: a list of `[notls:][proto[name]:][tag[name]:]host[:port]`, separated by commas or semicolons.
//!
//! Names are not resolved here; that is part of binding.

use super::arguments::Arguments;
use super::{BadSetting, number, status};
use crate::server::{AcceptedProtocol, ClientCertificates, ListenAddress, MetricsAddress, Service};

/// Prefixes that require TLS, and the client certificates that they select.
const TLS_PREFIXES: [(&str, Option<ClientCertificates>); 3] = [
    ("notls", None),
    ("btls", Some(ClientCertificates::Ignored)),
    ("mtls", Some(ClientCertificates::Required)),
];

/// Address of `--metrics` if only a port is given.
const LOCALHOST: &str = "127.0.0.1";

/// Longest listener tag; memcached's proxy uses tags, larder only checks them.
const TAG_MAX_BYTES: usize = 8;

/// Parses the values of all `-l` options. `port` is the port of `-p`, 0 if the OS chooses it. `base` is the default for
/// addresses without prefixes. If `logged_in` is set, only the protocol of `base` has a login. A repeated address
/// counts once.
pub(super) fn addresses(
    values: &[String],
    port: u16,
    base: Service,
    logged_in: bool,
) -> Result<Vec<ListenAddress>, BadSetting> {
    let mut addresses: Vec<ListenAddress> = Vec::new();
    for text in values.iter().flat_map(|value| value.split([',', ';'])).map(str::trim) {
        if text.is_empty() {
            continue;
        }
        let address = address(text, port, base, logged_in)?;
        // Each port 0 is a different port.
        let is_known = |known: &ListenAddress| known.host == address.host && known.port == address.port;
        if address.port == 0 || !addresses.iter().any(is_known) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// Parses `--metrics` and `--metrics-host`.
pub(super) fn metrics(arguments: &Arguments) -> Result<Option<MetricsAddress>, BadSetting> {
    let names = arguments.metrics_hosts();
    if let Some(bad) = names.iter().find(|name| !is_host_name(name)) {
        let line = format!("--metrics-host needs a host name without a port, not \"{bad}\"");
        return Err(BadSetting::new(line, status::USAGE));
    }
    let Some(text) = arguments.metrics() else {
        let without = BadSetting::new("--metrics-host has no effect without --metrics", status::USAGE);
        return if names.is_empty() { Ok(None) } else { Err(without) };
    };
    let mut listen = metrics_address(&text)?;
    listen.names = names;
    listen.names.push(listen.host.clone());
    Ok(Some(listen))
}

fn is_host_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name.bytes().all(is_part)
}

/// Parses the value of `--metrics`: `host:port`, or a port of the loopback address with or without a colon.
fn metrics_address(text: &str) -> Result<MetricsAddress, BadSetting> {
    let split = match text.strip_prefix('[') {
        Some(inside) => inside.split_once("]:"),
        None => match text.split_once(':') {
            // An IPv6 address without brackets.
            Some((_, after)) if after.contains(':') => None,
            Some(("", port)) => Some((LOCALHOST, port)),
            Some(split) => Some(split),
            None => Some((LOCALHOST, text)),
        },
    };
    let read = split.and_then(|(host, port)| match number::integer(port)? {
        (port @ 0..=65535, "") => {
            Some(MetricsAddress { host: host.to_owned(), port: port as u16, names: Vec::new() })
        }
        _ => None,
    });
    read.filter(|listen| !listen.host.is_empty()).ok_or_else(|| {
        let line =
            format!("--metrics needs <host>:<port>, [<IPv6 address>]:<port> or <port>, not \"{text}\"");
        BadSetting::new(line, status::OS)
    })
}

fn address(
    text: &str,
    default_port: u16,
    base: Service,
    logged_in: bool,
) -> Result<ListenAddress, BadSetting> {
    let bad = |line: String| BadSetting::new(line, status::OS);
    let (rest, service) = parse_prefixes(text, base, logged_in)?;
    let (host, port) = split_port(rest).ok_or_else(|| {
        bad(format!("Invalid interface: \"{text}\" (an IPv6 address with a port: [::1]:11211)"))
    })?;
    let port = match port {
        None => default_port,
        Some(port) => match number::integer(port) {
            Some((port @ 0..=65535, "")) => port as u16,
            Some((-1, "")) => 0,
            _ => return Err(bad(format!("Invalid port number: \"{port}\" (-l {text})"))),
        },
    };
    let host = (host != "*").then(|| host.to_owned());
    Ok(ListenAddress { host, port, service, text: text.to_owned(), optional: false })
}

/// Parses the prefixes; returns the text after them and the selected service.
fn parse_prefixes(text: &str, base: Service, logged_in: bool) -> Result<(&str, Service), BadSetting> {
    let bad = |line: String| Err(BadSetting::new(line, status::OS));
    let mut rest = text;
    let mut service = base;
    loop {
        if let Some((prefix, asked)) = TLS_PREFIXES.iter().find(|(prefix, _)| has_prefix(rest, prefix)) {
            if base.tls.is_none() {
                return bad(format!("'{prefix}' option is valid only when SSL is enabled (-l {text})"));
            }
            service.tls = *asked;
            rest = &rest[prefix.len() + 1..];
        } else if let Some(after) = rest.strip_prefix("proto[") {
            let Some((name, after)) = after.split_once("]:") else {
                return bad(format!("Invalid protocol in socket config: \"{text}\""));
            };
            service.protocol = match name {
                // If clients must log in, no other protocol is allowed than the one with the login.
                "binary" if logged_in && service.protocol == AcceptedProtocol::Ascii => {
                    return bad(format!(
                        "Cannot use binary protocol when ascii authentication enabled (-l {text})"
                    ));
                }
                "ascii" | "negotiating" if logged_in && service.protocol == AcceptedProtocol::Binary => {
                    return bad(format!(
                        "ERROR: You cannot allow the ASCII protocol while using SASL. (-l {text})"
                    ));
                }
                "negotiating" if logged_in => AcceptedProtocol::Ascii,
                "ascii" => AcceptedProtocol::Ascii,
                "negotiating" => AcceptedProtocol::Auto,
                "binary" => AcceptedProtocol::Binary,
                "proxy" => return bad(format!("Server not built with proxy: \"{text}\"")),
                _ => return bad(format!("Invalid protocol in socket config: \"{text}\"")),
            };
            rest = after;
        } else if let Some(after) = rest.strip_prefix("tag[") {
            rest = parse_tag(text, after.split_once("]:"))?;
        } else if let Some(after) = rest.strip_prefix("tag_") {
            rest = parse_tag(text, after.split_once("_:"))?;
        } else {
            return Ok((rest, service));
        }
    }
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|after| after.starts_with(':'))
}

fn parse_tag<'a>(text: &str, split: Option<(&str, &'a str)>) -> Result<&'a str, BadSetting> {
    match split {
        Some((tag, rest)) if (1..=TAG_MAX_BYTES).contains(&tag.len()) => Ok(rest),
        Some(_) => Err(BadSetting::new(
            format!("Listener tags must be between 1 and 8 characters: \"{text}\""),
            status::OS,
        )),
        None => Err(BadSetting::new(format!("Invalid tag in socket config: \"{text}\""), status::OS)),
    }
}

/// Host and port; `None` if the brackets are wrong or the host is empty.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = if let Some(inside) = text.strip_prefix('[') {
        let (host, after) = inside.split_once(']')?;
        match after {
            "" => (host, None),
            _ => (host, Some(after.strip_prefix(':')?)),
        }
    } else {
        match text.split_once(':') {
            // More than one colon outside brackets: an IPv6 address.
            Some((_, after)) if after.contains(':') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Vec<(String, u16)>, String> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        addresses(&values, 11211, Service::default(), false)
            .map(|list| list.into_iter().map(|a| (a.host.unwrap_or("*".into()), a.port)).collect())
            .map_err(|bad| {
                assert_eq!(bad.status(), 71);
                bad.to_string()
            })
    }

    fn one(value: &str) -> (String, u16) {
        let mut list = read(&[value]).unwrap();
        assert_eq!(list.len(), 1, "{value}");
        list.remove(0)
    }

    #[test]
    fn hosts_of_every_kind_are_parsed() {
        assert_eq!(one("127.0.0.1"), ("127.0.0.1".into(), 11211));
        assert_eq!(one("::1"), ("::1".into(), 11211));
        assert_eq!(one("[::1]"), ("::1".into(), 11211));
        assert_eq!(one("[fe80::1]:7"), ("fe80::1".into(), 7));
        assert_eq!(one("localhost:7"), ("localhost".into(), 7));
        assert_eq!(one("*"), ("*".into(), 11211));
        assert_eq!(one("*:7"), ("*".into(), 7));
    }

    #[test]
    fn metrics_take_an_address_or_a_loopback_port() {
        let read =
            |text| metrics_address(text).map(|listen| (listen.host.clone(), listen.port, listen.to_string()));
        for (text, host, port, whole) in [
            ("9150", "127.0.0.1", 9150, "127.0.0.1:9150"),
            (":9150", "127.0.0.1", 9150, "127.0.0.1:9150"),
            ("0", "127.0.0.1", 0, "127.0.0.1:0"),
            ("10.0.0.1:80", "10.0.0.1", 80, "10.0.0.1:80"),
            ("cache.internal:65535", "cache.internal", 65535, "cache.internal:65535"),
            ("[::1]:9150", "::1", 9150, "[::1]:9150"),
        ] {
            assert_eq!(read(text), Ok((host.to_owned(), port, whole.to_owned())), "{text}");
        }
        for text in
            ["", ":", "host", "host:", "[::1]", "[]:1", "::1", "::1:9150", "65536", "-1", "a:1x", "1 2"]
        {
            let bad = read(text).unwrap_err();
            assert!(bad.to_string().starts_with("--metrics needs <host>:<port>"), "{text}: {bad}");
            assert_eq!(bad.status(), 71);
        }
    }

    #[test]
    fn lists_and_repeats_add_up() {
        let list = read(&["127.0.0.1,::1", "10.0.0.1:7;10.0.0.1:8"]).unwrap();
        assert_eq!(list.len(), 4);
        assert_eq!(list[3], ("10.0.0.1".into(), 8));
    }

    #[test]
    fn an_address_given_twice_counts_once() {
        assert_eq!(read(&["127.0.0.1", "127.0.0.1,127.0.0.1:11211"]).unwrap().len(), 1);
    }

    #[test]
    fn ports_0_and_minus_1_are_for_the_os_to_choose() {
        assert_eq!(one("127.0.0.1:0").1, 0);
        assert_eq!(one("127.0.0.1:-1").1, 0);
    }

    #[test]
    fn bad_ports_are_named() {
        for port in ["abc", "65536", "-2", "7x", ""] {
            let line = read(&[&format!("127.0.0.1:{port}")]).unwrap_err();
            assert!(line.starts_with(&format!("Invalid port number: \"{port}\"")), "{line}");
        }
    }

    #[test]
    fn an_empty_list_is_empty() {
        assert_eq!(read(&[""]), Ok(vec![]));
        assert_eq!(read(&["127.0.0.1,"]).unwrap().len(), 1);
    }

    #[test]
    fn bad_hosts_are_refused() {
        for text in ["[::1", "[::1]x", ":7", "[]:7", "tag[a]:"] {
            assert!(read(&[text]).unwrap_err().starts_with("Invalid interface"), "{text}");
        }
    }

    #[test]
    fn prefixes_without_effect_are_accepted() {
        assert_eq!(one("proto[ascii]:127.0.0.1:7"), ("127.0.0.1".into(), 7));
        assert_eq!(one("tag[web]:127.0.0.1"), ("127.0.0.1".into(), 11211));
        assert_eq!(one("proto[negotiating]:tag_web_:[::1]:7"), ("::1".into(), 7));
    }

    #[test]
    fn a_protocol_prefix_applies_to_its_address_only() {
        let values = ["proto[ascii]:127.0.0.1:7,127.0.0.1:8;tag[a]:proto[binary]:127.0.0.1:9".to_owned()];
        let list = addresses(&values, 11211, Service::default(), false).unwrap();
        let protocols: Vec<_> = list.iter().map(|address| address.service.protocol).collect();
        use AcceptedProtocol::{Ascii, Auto, Binary};
        assert_eq!(protocols, [Ascii, Auto, Binary]);
    }

    #[test]
    fn protocols_without_a_login_are_refused_if_clients_must_log_in() {
        let read = |text: &str, protocol| {
            let base = Service { protocol, tls: None };
            addresses(&[text.to_owned()], 11211, base, true).map_err(|bad| (bad.to_string(), bad.status()))
        };
        for text in ["::1", "proto[ascii]:::1", "proto[negotiating]:::1"] {
            assert_eq!(
                read(text, AcceptedProtocol::Ascii).unwrap()[0].service.protocol,
                AcceptedProtocol::Ascii,
                "{text}"
            );
        }
        let (line, status) = read("proto[binary]:::1", AcceptedProtocol::Ascii).unwrap_err();
        assert!(line.starts_with("Cannot use binary protocol when ascii authentication enabled"), "{line}");
        assert_eq!(status, 71);
        assert!(read("proto[binary]:::1", AcceptedProtocol::Binary).is_ok());
        for text in ["proto[ascii]:::1", "proto[negotiating]:::1"] {
            assert!(read(text, AcceptedProtocol::Binary).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_may_have_its_own_tls_mode() {
        let values = ["127.0.0.1:7,notls:127.0.0.1:8,btls:proto[ascii]:127.0.0.1:9,mtls:[::1]:7".to_owned()];
        let service = Service { tls: Some(ClientCertificates::Requested), ..Service::default() };
        let list = addresses(&values, 11211, service, false).unwrap();
        let asked: Vec<_> = list.iter().map(|address| address.service.tls).collect();
        use ClientCertificates::*;
        assert_eq!(asked, [Some(Requested), None, Some(Ignored), Some(Required)]);
        assert_eq!(list[3].host.as_deref(), Some("::1"));
    }

    #[test]
    fn invalid_prefixes_are_refused() {
        for (text, start) in [
            ("notls:127.0.0.1", "'notls' option is valid only when SSL is enabled"),
            ("mtls:127.0.0.1", "'mtls' option is valid only when SSL is enabled"),
            ("proto[telepathy]:127.0.0.1", "Invalid protocol in socket config"),
            ("proto[ascii:127.0.0.1", "Invalid protocol in socket config"),
            ("proto[proxy]:127.0.0.1", "Server not built with proxy"),
            ("tag[]:127.0.0.1", "Listener tags must be between"),
            ("tag[ninechars]:127.0.0.1", "Listener tags must be between"),
            ("tag[x:127.0.0.1", "Invalid tag in socket config"),
        ] {
            let line = read(&[text]).unwrap_err();
            assert!(line.starts_with(start), "{line}");
        }
    }
}

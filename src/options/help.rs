//! The texts of `-h` and `-i`. Each option has an entry in memcached's form, grouped by purpose.

use super::ProgramName;

/// The usage, with its final line end.
pub(super) fn text(name: ProgramName) -> String {
    let (word, version) = (name.as_str(), name.version());
    let (metrics, tools) = match name {
        ProgramName::Larder => (METRICS, TOOLS),
        ProgramName::Memcached => ("", ""),
    };
    let (listening, memory) = (listening(name), memory(name));
    format!(
        "\
{word} {version}
usage: {word} [options]

{listening}
{memory}
{THREADS}
{CLIENTS}
{SERVICE}{metrics}{LOGGING}
{OTHER}{tools}"
    )
}

fn listening(name: ProgramName) -> String {
    let (listen, unix) = match name {
        ProgramName::Larder => ("127.0.0.1 and ::1", "UNIX socket to listen on, in addition to TCP"),
        ProgramName::Memcached => ("all", "UNIX socket to listen on (disables network support)"),
    };
    format!(
        "\
listening
-p, --port=<num>          TCP port to listen on (default: 11211)
                          0 for no TCP, -1 for a port that the system chooses
-l, --listen=<addr>       address to listen on (default: {listen})
                          <host>[:<port>], where host is an IPv4 or IPv6 address
                          ([::1]:11211), a name, or * for all interfaces;
                          prefix proto[ascii]: or proto[binary]: selects the
                          protocol; with -Z, prefix notls:, btls: or mtls:
                          selects plain text, TLS, or TLS with client
                          certificates; separate addresses by commas or repeat
                          the option
-s, --unix-socket=<file>  {unix}
-a, --unix-mask=<mask>    mode of the UNIX socket, in octal (default: 700)
-c, --conn-limit=<num>    max simultaneous connections (default: 1024)
-b, --listen-backlog=<num> connections waiting to be accepted (default: 1024)
"
    )
}

fn memory(name: ProgramName) -> String {
    let (factor, item, limit) = match name {
        ProgramName::Larder => ("1.10", "largest item: bytes, or a size such as 512k, 4MB", LARDER_LIMIT),
        ProgramName::Memcached => ("1.25", "largest item, with suffix k or m", MEMCACHED_LIMIT),
    };
    format!(
        "\
memory
{limit}
-M, --disable-evictions   when memory is full, return an error instead of
                          evicting
-I, --max-item-size=<num> {item}
                          (default: 1m, min: 1k, max: half of -m, 1024m)
-f, --slab-growth-factor=<num> ratio of neighbouring chunk sizes (default: {factor})
-n, --slab-min-size=<bytes> smallest chunk for an item (default: 48)
-C, --disable-cas         store no CAS unique, which saves 8 bytes per item
-k, --lock-memory         lock all memory, so that it is never swapped out
-L, --enable-largepages   allow transparent huge pages; the process may then
                          need more memory than -m
"
    )
}

const LARDER_LIMIT: &str = "\
-m, --memory-limit=<size> limit for items and for all memory that grows with
                          them: megabytes, or a size such as 512MB, 2g
                          (default: 64)";

const MEMCACHED_LIMIT: &str = "\
-m, --memory-limit=<num>  limit in megabytes for items and for all memory that
                          grows with them (default: 64)";

const THREADS: &str = "\
threads
-t, --threads=<num>       worker threads (default: 4)
-R, --max-reqs-per-event=<num> requests of one connection before other
                          connections are served (default: 20)
";

const CLIENTS: &str = "\
access
-F, --disable-flush-all   refuse flush_all
-A, --enable-shutdown     allow shutdown
-X, --disable-dumping     refuse commands that list keys
-D <char>                 collect statistics by key prefix; this character ends
                          a prefix (default: off, and :)
-W, --disable-watch       refuse watch
-Y, --auth-file=<file>    clients must log in with a user:password line of
                          this file; turns the binary protocol off; SIGHUP
                          reads the file again
-U, --udp-port=<num>      UDP port to listen on (default: 0, off); without -p
                          also the TCP port
-B, --protocol=<name>     auto, ascii or binary (default: auto)
-S, --enable-sasl         binary protocol only; clients must log in with a
                          user:password line of the file that
                          MEMCACHED_SASL_PWDB names
-Z, --enable-ssl          TLS on TCP; needs -o ssl_chain_cert and ssl_key
";

const SERVICE: &str = "\
running as a service
-d, --daemon              run in the background
-u, --user=<user>         user to run as, when started as root
-P, --pidfile=<file>      file to write the process id to
-r, --enable-coredumps    allow core files of any size
";

const LOGGING: &str = "\
-v, --verbose             log events in addition to warnings
-vv                       also log requests and replies
-vvv                      the same as -vv
                          sockets of a systemd .socket unit replace -p, -l and
                          -s; readiness and watchdog are reported to systemd
";

const OTHER: &str = "\
other
-h, --help                print this help and exit
-V, --version             print version and exit
-i, --license             print license and exit
-o, --extended=<list>     memcached's extended options, separated by commas
   - maxconns_fast:       refuse connections over the limit with an error
                          (default; no_maxconns_fast lets them wait)
   - idle_timeout:        seconds after which an idle TCP connection is closed
                          (default: 0, never)
   - ssl_chain_cert:      file of the server's certificate chain (PEM)
   - ssl_key:             file of its private key
   - ssl_keyformat:       1 for PEM (default), 2 for ASN.1
   - ssl_ca_cert:         file of the authorities of client certificates (PEM)
   - ssl_verify_mode:     client certificates: 0 not requested (default),
                          1 optional, 2 and 3 required
   - ssl_min_version:     2 for TLS 1.2 (default), 3 for TLS 1.3
   - ssl_ciphers:         cipher suites of TLS 1.2, by OpenSSL's names
   - ssl_session_cache:   resume TLS sessions
                          SIGHUP and refresh_certs read the files again
   - track_sizes:         let stats sizes count the items of each size
   - udp_reply_max:       largest reply to a datagram in bytes (larder only;
                          default: 65536)
   - sock_cookie_id:      mark of the packets of TCP connections (SO_MARK)
                          larder accepts all other names of memcached, with a
                          warning that they have no effect

accepted without effect: -e --memory-file, -N --napi-ids
";

/// Options that only larder has.
const METRICS: &str = "\
--metrics=<addr>          HTTP server on <host>:<port>, or on a <port> of
                          127.0.0.1: / is a status page, /metrics is for
                          Prometheus, /livez and /readyz are probes; it has no
                          login (default: off)
--metrics-host=<name>     host name that requests may use, in addition to IP
                          addresses, localhost and the name of --metrics;
                          other names are refused; may be repeated
";

/// The tools.
const TOOLS: &str = "
tools for a running server, larder or memcached (see larder top --help)
larder stats [TOPIC]      statistics: an overview, or one topic
larder top                rates, memory, key families and hot keys, live
larder keys [PREFIX]      list of keys, without their values
larder why KEY            why a key is missing
larder advise             hit ratio with other memory limits
larder ping               version and round trip, or why no server answers
larder get KEY            a value with type, age and time left
larder delete KEY         delete a key
larder set-memory SIZE    set the memory limit while the server runs
   --server=<addr>        host:port or path of a UNIX socket, also as the last
                          word: larder stats cache:11211 (default: the
                          environment's LARDER_SERVER, else 127.0.0.1:11211)
   --json                 print JSON
exit status of a tool: 0 for a result, 1 for a failure, 2 for a wrong command
line; the daemon has memcached's exit statuses
";

/// The licence notice.
pub(super) const LICENSE: &str = "\
larder is licensed under either of
 - the Apache License, Version 2.0 (http://www.apache.org/licenses/LICENSE-2.0)
 - the MIT license (http://opensource.org/licenses/MIT)
at your option. The full texts come with its source.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_name_and_version() {
        assert_eq!(text(ProgramName::Memcached).lines().next(), Some("memcached 1.6.45"));
        let larder = format!("larder {}", env!("CARGO_PKG_VERSION"));
        assert_eq!(text(ProgramName::Larder).lines().next(), Some(larder.as_str()));
    }

    #[test]
    fn entries_have_the_form_of_memcached() {
        let entry = "-p, --port=<num>          TCP port to listen on (default: 11211)";
        assert!(text(ProgramName::Memcached).lines().any(|line| line == entry));
    }

    #[test]
    fn only_larder_lists_its_tools() {
        for tool in ["stats", "top", "keys", "why", "advise", "ping", "get", "delete", "set-memory"] {
            assert!(text(ProgramName::Larder).contains(&format!("\nlarder {tool} ")), "{tool}");
        }
        assert!(!text(ProgramName::Memcached).contains("tools for a running server"));
    }

    #[test]
    fn lines_fit_a_terminal() {
        for line in text(ProgramName::Larder).lines().chain(text(ProgramName::Memcached).lines()) {
            assert!(line.len() <= 80, "{line}");
        }
    }
}

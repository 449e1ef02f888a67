//! What `-h` and `-i` print. One entry per option in memcached's form, grouped by what an operator wants to do.

use super::ProgramName;

/// The usage, ended by a line end.
pub(super) fn text(name: ProgramName) -> String {
    let (word, version) = (name.as_str(), name.version());
    let (listen, factor, unix) = match name {
        ProgramName::Larder => ("127.0.0.1 and ::1", "1.10", "UNIX socket to listen on, besides TCP"),
        ProgramName::Memcached => ("all", "1.25", "UNIX socket to listen on (disables network support)"),
    };
    let (metrics, tools) = match name {
        ProgramName::Larder => (METRICS, TOOLS),
        ProgramName::Memcached => ("", ""),
    };
    format!(
        "\
{word} {version}
usage: {word} [options]

listening
-p, --port=<num>          TCP port to listen on (default: 11211)
                          0 for no TCP, -1 for a port that the system chooses
-l, --listen=<addr>       address to listen on (default: {listen})
                          <host>[:<port>], where host is an IPv4 or IPv6 address
                          ([::1]:11211), a name, or * for all interfaces;
                          proto[ascii]: or proto[binary]: before it says what
                          is spoken there,
                          notls:, btls: or mtls: (with -Z) plain text, TLS, or
                          TLS with client certificates;
                          lists by comma, and repeats, add up
-s, --unix-socket=<file>  {unix}
-a, --unix-mask=<mask>    mode of the UNIX socket, in octal (default: 700)
-c, --conn-limit=<num>    max simultaneous connections (default: 1024)
-b, --listen-backlog=<num> connections waiting to be accepted (default: 1024)

memory
-m, --memory-limit=<num>  memory for items and all that grows with them,
                          in megabytes (default: 64)
-M, --disable-evictions   when memory is full, return an error instead of
                          evicting
-I, --max-item-size=<num> largest item, with suffix k or m
                          (default: 1m, min: 1k, max: half of -m, 1024m)
-f, --slab-growth-factor=<num> ratio of neighbouring chunk sizes (default: {factor})
-n, --slab-min-size=<bytes> smallest chunk for an item (default: 48)
-C, --disable-cas         keep no CAS unique, which saves 8 bytes an item
-k, --lock-memory         keep all memory out of swap
-L, --enable-largepages   let the system use huge pages where it does so by
                          itself; takes more memory than -m says

work
-t, --threads=<num>       worker threads (default: 4)
-R, --max-reqs-per-event=<num> requests of one connection before the others
                          get their turn (default: 20)

what clients may do
-F, --disable-flush-all   refuse flush_all
-A, --enable-shutdown     allow shutdown
-X, --disable-dumping     refuse commands that list keys
-D <char>                 count what happens to keys by their prefix, which
                          ends in this character (default: off, and :)
-W, --disable-watch       refuse watch
-Y, --auth-file=<file>    clients must log in with a user:password line of
                          this file; turns the binary protocol off; SIGHUP
                          reads the file again
-U, --udp-port=<num>      UDP port to listen on (default: 0, off); without -p
                          also the TCP port
-B, --protocol=<name>     auto, ascii or binary (default: auto)
-S, --enable-sasl         binary protocol only, and only for those who log in as
                          a user:password line of the file that
                          MEMCACHED_SASL_PWDB names

-Z, --enable-ssl          TLS on TCP; needs -o ssl_chain_cert and ssl_key

running as a service
-d, --daemon              run in the background
-u, --user=<user>         user to run as, when started as root
-P, --pidfile=<file>      file to write the process id to
-r, --enable-coredumps    allow core files of any size
{metrics}-v, --verbose             print what happens, besides warnings
-vv                       also print requests and replies
-vvv                      the same as -vv
                          sockets of a systemd .socket unit are taken instead of
                          -p, -l and -s; readiness and watchdog are reported

other
-h, --help                print this help and exit
-V, --version             print version and exit
-i, --license             print license and exit
-o, --extended=<list>     memcached's extended options, separated by commas
   - maxconns_fast:       tell connections over the limit so and close them
                          (default; no_maxconns_fast lets them wait)
   - idle_timeout:        seconds after which an idle TCP connection is closed
                          (default: 0, never)
   - ssl_chain_cert:      file of the server's certificate chain (PEM)
   - ssl_key:             file of its private key
   - ssl_keyformat:       1 for PEM (default), 2 for ASN.1
   - ssl_ca_cert:         file of the authorities of client certificates (PEM)
   - ssl_verify_mode:     client certificates: 0 not asked for (default),
                          1 checked if shown, 2 and 3 required
   - ssl_min_version:     2 for TLS 1.2 (default), 3 for TLS 1.3
   - ssl_ciphers:         suites of TLS 1.2, as OpenSSL lists them
   - ssl_session_cache:   keep sessions for clients that come back
                          SIGHUP and refresh_certs read the files again
   - track_sizes:         let stats sizes count the items of each size
   - udp_reply_max:       bytes that answer one datagram, at most (larder's
                          own; default: 65536)
   - sock_cookie_id:      mark of the packets of TCP connections (SO_MARK)
                          others of memcached's names are accepted, and told
                          to have no meaning here

without meaning here: -e --memory-file, -N --napi-ids
{tools}"
    )
}

/// Options of larder's own.
const METRICS: &str = "\
--metrics=<addr>          answer HTTP on <host>:<port> or a <port> of 127.0.0.1:
                          / is a status page, /metrics is for Prometheus,
                          /livez and /readyz are probes; nobody logs in there
                          (default: off)
--metrics-host=<name>     answer requests to this host name as well; IP
                          addresses, localhost and the name of --metrics are
                          answered in any case, other names are refused;
                          repeats add up
";

/// The words that make it ask instead of serve.
const TOOLS: &str = "
asking a running server, larder or memcached (larder top --help tells more)
larder stats [TOPIC]      figures: an overview, or one topic
larder top                rates, memory, families of keys and hot keys, live
larder keys [PREFIX]      the keys that are there, without their values
larder why KEY            why a key is not there
larder advise             what the hit ratio would be with other memory
   --server=<addr>        where it is (default: 127.0.0.1:11211), also the path
                          of a UNIX socket
   --json                 print JSON
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
    fn only_larder_tells_of_its_tools() {
        for tool in ["stats", "top", "keys", "why", "advise"] {
            assert!(text(ProgramName::Larder).contains(&format!("\nlarder {tool} ")), "{tool}");
        }
        assert!(!text(ProgramName::Memcached).contains("asking a running server"));
    }

    #[test]
    fn lines_fit_a_terminal() {
        for line in text(ProgramName::Larder).lines().chain(text(ProgramName::Memcached).lines()) {
            assert!(line.len() <= 80, "{line}");
        }
    }
}

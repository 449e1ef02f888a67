//! The answers of `--metrics`, and that no HTTP client harms the cache.

use crate::support::{Client, Daemon, Folder, has_ipv6, larder, memcached, wait_for};
use nix::sys::signal::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

/// The metrics of prometheus/memcached_exporter for a memcached without extstore, with their labels. Those with the
/// label `slab` are there once there are items.
const EXPORTER: &str = "
    memcached_up
    memcached_version version
    memcached_uptime_seconds
    memcached_time_seconds
    memcached_process_user_cpu_seconds_total
    memcached_process_system_cpu_seconds_total
    memcached_read_bytes_total
    memcached_written_bytes_total
    memcached_current_connections
    memcached_connections_total
    memcached_max_connections
    memcached_connections_rejected_total
    memcached_connections_yielded_total
    memcached_connections_listener_disabled_total
    memcached_accepting_connections
    memcached_current_bytes
    memcached_limit_bytes
    memcached_malloced_bytes
    memcached_current_items
    memcached_items_total
    memcached_items_evicted_total
    memcached_items_reclaimed_total
    memcached_item_too_large_total
    memcached_item_no_memory_total
    memcached_direct_reclaims_total
    memcached_commands_total command status
    memcached_lru_crawler_enabled
    memcached_lru_crawler_sleep
    memcached_lru_crawler_to_crawl
    memcached_lru_crawler_maintainer_thread
    memcached_lru_crawler_hot_percent
    memcached_lru_crawler_warm_percent
    memcached_lru_crawler_hot_max_factor
    memcached_lru_crawler_warm_max_factor
    memcached_lru_crawler_starts_total
    memcached_lru_crawler_reclaimed_total
    memcached_lru_crawler_items_checked_total
    memcached_lru_crawler_moves_to_cold_total
    memcached_lru_crawler_moves_to_warm_total
    memcached_lru_crawler_moves_within_lru_total
    memcached_slab_current_items slab
    memcached_slab_items_age_seconds slab
    memcached_slab_items_crawler_reclaimed_total slab
    memcached_slab_items_evicted_total slab
    memcached_slab_items_evicted_nonzero_total slab
    memcached_slab_items_evicted_time_seconds slab
    memcached_slab_items_evicted_unfetched_total slab
    memcached_slab_items_expired_unfetched_total slab
    memcached_slab_items_outofmemory_total slab
    memcached_slab_items_reclaimed_total slab
    memcached_slab_items_tailrepairs_total slab
    memcached_slab_items_moves_to_cold slab
    memcached_slab_items_moves_to_warm slab
    memcached_slab_items_moves_within_lru slab
    memcached_slab_mem_requested_bytes slab
    memcached_slab_hot_items slab
    memcached_slab_warm_items slab
    memcached_slab_cold_items slab
    memcached_slab_hot_age_seconds slab
    memcached_slab_warm_age_seconds slab
    memcached_slab_lru_hits_total slab lru
    memcached_slab_commands_total slab command status
    memcached_slab_chunk_size_bytes slab
    memcached_slab_chunks_per_page slab
    memcached_slab_current_pages slab
    memcached_slab_current_chunks slab
    memcached_slab_chunks_used slab
    memcached_slab_chunks_free slab
    memcached_slab_chunks_free_end slab
";

/// An answer: its status, its headers in lower case, its body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn of(text: &str) -> Answer {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    #[track_caller]
    fn expect(&self, status: u16, header: &str, body: &str) {
        assert_eq!(self.status, status, "{}", self.head);
        assert!(self.head.lines().any(|line| line == header), "{header} in {}", self.head);
        assert!(self.body.contains(body), "{body} in {}", self.body);
    }
}

#[track_caller]
fn send(daemon: &Daemon, request: &str) -> Answer {
    let mut client = Client::tcp(daemon.http_address());
    client.send(request);
    Answer::of(&client.read_to_close())
}

#[track_caller]
fn get(daemon: &Daemon, path: &str) -> Answer {
    let host = daemon.http_address();
    send(daemon, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

/// The samples of `/metrics`: name and labels, and value.
fn samples(daemon: &Daemon) -> BTreeMap<String, f64> {
    let text = get(daemon, "/metrics").body;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}")))
        })
        .collect()
}

fn with_metrics(args: &str) -> Daemon {
    larder(&format!("--metrics 0 {args}")).start()
}

#[test]
fn every_path_is_answered() {
    let daemon = with_metrics("");
    get(&daemon, "/livez").expect(200, "content-type: text/plain; charset=utf-8", "alive\n");
    get(&daemon, "/readyz").expect(200, "content-type: text/plain; charset=utf-8", "ready\n");
    get(&daemon, "/metrics").expect(200, "content-type: text/plain; version=0.0.4", "\nmemcached_up 1\n");
    get(&daemon, "/metrics?from=here").expect(200, "cache-control: no-store", "\nmemcached_up 1\n");
    get(&daemon, "/status.json").expect(200, "content-type: application/json", "\"serving\":true");
    let page = get(&daemon, "/");
    page.expect(200, "content-type: text/html; charset=utf-8", "<title>larder</title>");
    assert!(page.head.contains("content-security-policy: default-src 'none';"), "{}", page.head);
    for path in ["/metric", "/metrics/", "//", "/status", "/../metrics"] {
        get(&daemon, path).expect(404, "content-type: text/plain; charset=utf-8", "/metrics");
    }
    daemon.connect().ask("get a\r\n", "END\r\n");
}

#[test]
fn the_page_loads_no_other_resource_and_creates_no_markup_from_data() {
    let page = get(&with_metrics(""), "/").body;
    for word in ["http://", "https://", "//cdn", "<link rel=\"stylesheet\"", "@import", "src=", "url("] {
        // The namespace of SVG is not fetched.
        assert!(!page.replace("http://www.w3.org/2000/svg", "").contains(word), "{word}");
    }
    for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn only_known_host_names_are_answered() {
    let daemon = larder("--metrics localhost:0 --metrics-host cache.example --metrics-host web").start();
    let status_as = |path: &str, host: &str| {
        send(&daemon, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).status
    };
    for path in ["/", "/status.json", "/metrics", "/livez", "/readyz"] {
        for host in ["127.0.0.1", "[::1]:9150", "localhost:1", "cache.example", "WEB:80", "10.0.0.1"] {
            assert_eq!(status_as(path, host), 200, "{path} {host}");
        }
        for host in ["evil.example", "evil.example:9150", "127.0.0.1.evil.example", ""] {
            assert_eq!(status_as(path, host), 421, "{path} {host}");
        }
    }
    let refused = send(&daemon, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    refused.expect(421, "content-type: text/plain; charset=utf-8", "with --metrics-host\n");
    assert_eq!(refused.body.lines().count(), 1, "{}", refused.body);
    assert_eq!(send(&daemon, "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 421);
    assert_eq!(send(&daemon, "GET / HTTP/1.1\r\n\r\n").status, 421);
    assert_eq!(send(&daemon, "GET / HTTP/1.0\r\n\r\n").status, 200);
}

#[test]
fn only_get_and_head_are_answered() {
    let daemon = with_metrics("");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let request =
            format!("{method} /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
        send(&daemon, &request).expect(405, "allow: get, head", "");
    }
    let head = send(&daemon, "HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    head.expect(200, "content-length: 6", "");
    assert_eq!(head.body, "");
    send(&daemon, "GET /livez HTTP/1.0\r\n\r\n").expect(200, "content-length: 6", "alive\n");
    for nonsense in ["get a\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\0\0\0\0\r\n\r\n"] {
        assert_eq!(send(&daemon, nonsense).status, 400, "{nonsense:?}");
    }
}

#[test]
fn the_metrics_of_memcached_exporter_exist_with_their_labels() {
    let daemon = with_metrics("");
    daemon.connect().ask("set a 0 0 1\r\nx\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
    let found: BTreeSet<String> = samples(&daemon)
        .keys()
        .filter(|sample| sample.starts_with("memcached_"))
        .map(|sample| {
            let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
            let labels = labels.split(['{', ',']).filter_map(|label| Some(label.split_once('=')?.0));
            std::iter::once(name).chain(labels).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let expected = EXPORTER.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
    assert_eq!(found, expected.collect());
}

#[test]
fn metrics_have_the_values_of_stats() {
    let daemon = with_metrics("-m 100 -c 77");
    let mut client = daemon.connect();
    client.ask("set a 0 0 3\r\nabc\r\nset n 0 0 1\r\n1\r\n", "STORED\r\nSTORED\r\n");
    client.ask("get a\r\nget b\r\nget c\r\n", "VALUE a 0 3\r\nabc\r\nEND\r\nEND\r\nEND\r\n");
    client.ask(
        "incr n 1\r\ndecr x 1\r\ndelete x\r\ntouch a 9\r\n",
        "2\r\nNOT_FOUND\r\nNOT_FOUND\r\nTOUCHED\r\n",
    );
    client.ask("cas a 0 0 1 99\r\nx\r\ncas x 0 0 1 1\r\nx\r\n", "EXISTS\r\nNOT_FOUND\r\n");
    client.ask("flush_all 1000\r\n", "OK\r\n");
    let samples = wait_for("an answer made after the commands", || {
        let samples = samples(&daemon);
        (samples[r#"memcached_commands_total{command="flush",status="hit"}"#] == 1.0).then_some(samples)
    });
    for (sample, value) in [
        (r#"memcached_commands_total{command="get",status="hit"}"#, 1.0),
        (r#"memcached_commands_total{command="get",status="miss"}"#, 2.0),
        (r#"memcached_commands_total{command="incr",status="hit"}"#, 1.0),
        (r#"memcached_commands_total{command="decr",status="miss"}"#, 1.0),
        (r#"memcached_commands_total{command="delete",status="miss"}"#, 1.0),
        (r#"memcached_commands_total{command="touch",status="hit"}"#, 1.0),
        (r#"memcached_commands_total{command="cas",status="badval"}"#, 1.0),
        (r#"memcached_commands_total{command="cas",status="miss"}"#, 1.0),
        (r#"memcached_version{version="1.6.45"}"#, 1.0),
        ("memcached_current_items", 2.0),
        ("memcached_items_total", 2.0),
        ("memcached_limit_bytes", f64::from(100 << 20)),
        ("memcached_max_connections", 77.0),
        ("memcached_lru_crawler_enabled", 1.0),
        ("larder_serving", 1.0),
    ] {
        assert_eq!(samples.get(sample), Some(&value), "{sample}");
    }
    let sets = samples[r#"memcached_commands_total{command="set",status="hit"}"#];
    let slab_sets: f64 = samples
        .iter()
        .filter(|(name, _)| {
            name.starts_with("memcached_slab_commands_total") && name.contains(r#"command="set""#)
        })
        .map(|(_, value)| value)
        .sum();
    let cmd_set: f64 = client.stat("", "cmd_set").parse().unwrap();
    assert_eq!(sets, cmd_set - 2.0);
    assert!(slab_sets >= 2.0, "{slab_sets}");
    let items: f64 = samples
        .iter()
        .filter(|(name, _)| name.starts_with("memcached_slab_current_items"))
        .map(|(_, value)| value)
        .sum();
    assert_eq!(items, 2.0);
    assert!(samples["memcached_read_bytes_total"] > 100.0 && samples["memcached_time_seconds"] > 1.7e9);
}

#[test]
fn keys_are_shown_unless_x_forbids_it() {
    for (args, shown) in [("", "true"), ("-X", "false")] {
        let daemon = with_metrics(args);
        let key = "secret-key-of-a-user";
        for _ in 0..100 {
            daemon.connect().ask(format!("get {key}\r\n"), "END\r\n");
        }
        let status = get(&daemon, "/status.json").body;
        assert!(status.contains(&format!("\"lists_keys\":{shown}")), "{status}");
        if args == "-X" {
            assert!(!status.contains("secret") && status.contains("\"families\":null"), "{status}");
            assert!(!get(&daemon, "/metrics").body.contains("secret"));
        }
    }
}

#[test]
fn an_incomplete_request_is_closed_after_a_timeout() {
    let daemon = with_metrics("");
    let mut slow = Client::tcp(daemon.http_address());
    slow.send("GET /livez HTTP/1.1\r\nHost: h");
    let mut silent = Client::tcp(daemon.http_address());
    assert!(!slow.read_to_close().contains("200"));
    assert_eq!(silent.read_to_close(), "");
}

#[test]
fn probes_and_the_cache_are_answered_beside_a_hundred_idle_connections() {
    let daemon = with_metrics("");
    let before = daemon.descriptors();
    let mut clients: Vec<_> = (0..100).map(|_| Client::tcp(daemon.http_address())).collect();
    daemon.connect().ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    wait_for("the connections above the limit to be closed", || {
        (daemon.descriptors() <= before + 16 + 1).then_some(())
    });
    for probe in ["/livez", "/readyz"] {
        assert_eq!(get(&daemon, probe).status, 200, "{probe}");
    }
    // Of 100 connections 16 stayed open, and each probe closed the oldest of them.
    for client in &mut clients[..84] {
        let sent = client.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut reply = Vec::new();
        let _ = sent.and_then(|()| client.read_to_end(&mut reply));
        assert_eq!(String::from_utf8_lossy(&reply), "");
    }
}

#[test]
fn probes_are_answered_beside_connections_that_send_slowly() {
    let daemon = with_metrics("");
    let slow: Vec<_> = (0..40)
        .map(|_| {
            let mut client = Client::tcp(daemon.http_address());
            client.send("GET /livez HTTP/1.1\r\nHost: loc");
            client
        })
        .collect();
    for probe in ["/livez", "/readyz"].repeat(20) {
        assert_eq!(get(&daemon, probe).status, 200, "{probe}");
    }
    drop(slow);
}

#[test]
fn scrapes_and_a_busy_cache_do_not_disturb_each_other() {
    let daemon = with_metrics("-m 64");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..50)
            .map(|number| {
                let mut client = daemon.connect();
                scope.spawn(move || {
                    for round in 0..200 {
                        let key = format!("k{number}:{round}");
                        client.ask(format!("set {key} 0 0 5\r\nhello\r\n"), "STORED\r\n");
                        client.ask(format!("get {key}\r\n"), format!("VALUE {key} 0 5\r\nhello\r\nEND\r\n"));
                    }
                })
            })
            .collect();
        let scraper = scope.spawn(|| {
            let mut scrapes = 0;
            while !done.load(Ordering::Relaxed) || scrapes < 3 {
                let samples = samples(&daemon);
                assert_eq!(samples["memcached_up"], 1.0);
                assert_eq!(get(&daemon, "/status.json").status, 200);
                scrapes += 1;
            }
        });
        for client in clients {
            client.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        scraper.join().unwrap();
    });
    wait_for("all of it to be counted", || {
        let samples = samples(&daemon);
        (samples[r#"memcached_commands_total{command="get",status="hit"}"#] == 10_000.0).then_some(())
    });
}

#[test]
fn the_daemon_is_alive_but_not_ready_while_it_stops() {
    let mut daemon = with_metrics("");
    // Replies that the client does not read delay the end of the daemon.
    let mut client = daemon.connect();
    let value = "x".repeat(500_000);
    client.ask(format!("set big 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    client.send("get big\r\n".repeat(100));
    let mut other = daemon.connect();
    wait_for("replies to wait for the client", || {
        other.send("stats conns\r\n");
        other.read_until("END\r\n").contains("conn_mwrite").then_some(())
    });
    daemon.signal(Signal::SIGTERM);
    wait_for("the daemon to be no longer ready", || (get(&daemon, "/readyz").status == 503).then_some(()));
    assert_eq!(get(&daemon, "/livez").status, 200);
    client.read_to_close();
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(TcpStream::connect(daemon.http_address()).is_err());
}

#[test]
fn an_unusable_address_fails_with_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (line, status) = larder(&format!("-p -1 --metrics {address}")).refusal();
    assert_eq!(line, format!("failed to listen on metrics address {address}: Address already in use"));
    assert_eq!(status, 71);
    let (line, status) = larder("--metrics nonsense").refusal();
    assert!(line.starts_with("--metrics needs <host>:<port>"), "{line}");
    assert_eq!(status, 71);
    let (line, status) = memcached("--metrics 0").refusal();
    assert!(line.contains("unrecognized option '--metrics'"), "{line}");
    assert_eq!(status, 1);
}

#[test]
fn metrics_are_off_by_default_and_served_at_the_given_address() {
    assert!(!larder("-v").start().stop().contains("metrics"));
    let daemon = larder("-v --metrics=127.0.0.2:0").start();
    let address = format!("127.0.0.2:{}", daemon.http_address().port());
    let mut client = Client::tcp(address.parse().unwrap());
    client.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(Answer::of(&client.read_to_close()).status, 200);
    assert!(TcpStream::connect(daemon.http_address()).is_err());
    assert!(daemon.stop().contains("server listening (metrics)"));
    if has_ipv6() {
        let daemon = larder("--metrics [::1]:0").start();
        assert!(daemon.http_address().is_ipv6());
        assert_eq!(get(&daemon, "/livez").status, 200);
    }
}

#[test]
fn metrics_are_served_in_the_background_until_the_daemon_ends() {
    let folder = Folder::new();
    let pid_file = folder.file("pid");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let started = larder(&format!("-d -p -1 --metrics {port}")).arg("-P").arg(&pid_file).output();
    assert_eq!(started.status.code(), Some(0), "{}", String::from_utf8_lossy(&started.stderr));
    let pid: i32 = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut client = Client::tcp(address);
    client.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(Answer::of(&client.read_to_close()).status, 200);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    wait_for("the daemon to end", || TcpStream::connect(address).is_err().then_some(()));
}

//! watch: the lines of every class, and slow watchers.

use crate::conversation::conversation;
use crate::support::{Authority, Client, Daemon, frames, larder, wait_for};

/// A connection that watches these classes.
#[track_caller]
fn watching(daemon: &Daemon, classes: &str) -> Client {
    let mut watcher = daemon.connect();
    watcher.ask(format!("watch {classes}\r\n"), "OK\r\n");
    watcher
}

/// The next line without its time, number and descriptor.
#[track_caller]
fn next(watcher: &mut Client) -> String {
    let line = watcher.read_until("\n");
    let (time, rest) = line.split_once(' ').expect("a time");
    let (secs, micros) = time.strip_prefix("ts=").and_then(|time| time.split_once('.')).expect("a time");
    assert!(
        secs.parse::<u64>().unwrap() > 1_600_000_000 && micros.parse::<u32>().unwrap() < 1_000_000,
        "{line}"
    );
    let (id, body) = rest.strip_prefix("gid=").and_then(|rest| rest.split_once(' ')).expect("a number");
    assert!(id.parse::<u64>().unwrap() > 0, "{line}");
    let words = body.trim_end_matches('\n').split(' ').filter(|word| !word.starts_with("cfd="));
    words.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn expect_lines(watcher: &mut Client, lines: &[&str]) {
    for line in lines {
        assert_eq!(next(watcher), format!("type={line}"));
    }
}

#[test]
fn fetchers_lines_report_every_lookup() {
    let daemon = larder("--debug-commands").start();
    let mut watcher = watching(&daemon, "fetchers");
    let mut client = daemon.connect();
    client.ask("debugtime p\r\nset a/1 0 10 3\r\nabc\r\n", "OK\r\nSTORED\r\n");
    client.ask("gets a/1 b\r\n", "VALUE a/1 0 3 2\r\nabc\r\nEND\r\n");
    client.ask(
        "touch a/1 10\r\ngat 10 b\r\nincr a/1 1\r\ndelete a/1\r\n",
        "TOUCHED\r\nEND\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nDELETED\r\n",
    );
    let found = "item_get key=a%2F1 status=found clsid=1 size=3";
    let missing = "item_get key=b status=not_found clsid=0 size=0";
    expect_lines(
        &mut watcher,
        &["item_get key=a%2F1 status=not_found clsid=0 size=0", found, missing, found, missing],
    );
    expect_lines(&mut watcher, &[found, found]);
    client.ask(
        "lru_crawler disable\r\nset c 0 5 1\r\n1\r\ndebugtime 5\r\nget c\r\n",
        "OK\r\nSTORED\r\nOK\r\nEND\r\n",
    );
    expect_lines(
        &mut watcher,
        &["item_get key=c status=not_found clsid=0 size=0", "item_get key=c status=expired clsid=0 size=0"],
    );
}

#[test]
fn mutations_lines_report_every_storage_command_and_its_result() {
    let daemon = larder("-I 1m").start();
    let mut watcher = watching(&daemon, "mutations");
    let large = format!("set big 0 0 2000000\r\n{}\r\n", "v".repeat(2_000_000));
    let stream = "set a 5 100 3\r\nabc\r\nadd a 0 0 1\r\n1\r\nadd b 0 0 1\r\n1\r\nreplace c 0 0 1\r\n1\r\n\
        append a 0 0 2\r\nde\r\nprepend a 0 0 1\r\n_\r\ncas a 0 0 1 9\r\n1\r\ncas c 0 0 1 9\r\n1\r\n\
        incr b 1\r\ntouch b 0\r\ndelete b\r\nget b\r\n";
    conversation(&daemon, format!("{stream}{large}"));
    expect_lines(
        &mut watcher,
        &[
            "item_store key=a status=stored cmd=set ttl=100 clsid=1 size=3",
            "item_store key=a status=not_stored cmd=add ttl=0 clsid=1 size=1",
            "item_store key=b status=stored cmd=add ttl=0 clsid=1 size=1",
            "item_store key=c status=not_stored cmd=replace ttl=0 clsid=1 size=1",
            "item_store key=a status=stored cmd=append ttl=0 clsid=1 size=5",
            "item_store key=a status=stored cmd=prepend ttl=0 clsid=1 size=6",
            "item_store key=a status=exists cmd=cas ttl=0 clsid=1 size=1",
            "item_store key=c status=not_found cmd=cas ttl=0 clsid=1 size=1",
        ],
    );
    let refused = next(&mut watcher);
    assert!(
        refused.starts_with("type=item_store key=big status=too_large cmd=set ttl=0 clsid="),
        "{refused}"
    );
    // The class in the line is that of the item.
    let value = "v".repeat(30_000);
    for len in [10, 50, 100, 500, 5000, 30_000] {
        conversation(&daemon, format!("flush_all\r\nset k{len} 1 0 {len}\r\n{}\r\n", &value[..len]));
        let mut client = daemon.connect();
        client.ask("lru_crawler metadump all\r\n", "OK\r\n");
        let dump = client.read_until("END\r\n");
        let class = dump.split(' ').find(|field| field.starts_with("cls=")).unwrap().replace("cls=", "");
        expect_lines(
            &mut watcher,
            &[&format!("item_store key=k{len} status=stored cmd=set ttl=0 clsid={class} size={len}")],
        );
    }
}

#[test]
fn deletions_lines_report_deletes_of_existing_keys() {
    let daemon = larder("").start();
    let mut watcher = watching(&daemon, "deletions");
    conversation(
        &daemon,
        "delete a\r\nset a 0 0 3\r\nabc\r\ndelete a noreply\r\nset b 0 0 1\r\n1\r\ndelete b\r\n",
    );
    expect_lines(
        &mut watcher,
        &["deleted key=a cmd=delete clsid=1 size=3", "deleted key=b cmd=delete clsid=1 size=1"],
    );
}

#[test]
fn meta_commands_are_reported_by_their_effect() {
    let daemon = larder("-I 1m").start();
    let mut watcher = watching(&daemon, "fetchers mutations deletions");
    let stream = "ms k 2 T100\r\nab\r\nms k 1 MA\r\nc\r\nms k 1 C9\r\nx\r\nmg k v\r\nma k\r\nmd k I\r\n\
        md k C9\r\nmd k\r\nmd k\r\nma n N60 J123\r\nms ISsx 1 b\r\n1\r\n";
    conversation(&daemon, format!("{stream}ms k 2000000\r\n{}\r\n", "v".repeat(2_000_000)));
    let gone = "item_get key=k status=not_found clsid=0 size=0";
    let here = "item_get key=k status=found clsid=1 size=3";
    expect_lines(
        &mut watcher,
        &[
            gone,
            "item_store key=k status=stored cmd=set ttl=100 clsid=1 size=2",
            "item_get key=k status=found clsid=1 size=2",
            "item_store key=k status=stored cmd=append ttl=0 clsid=1 size=3",
            here,
            "item_store key=k status=exists cmd=cas ttl=0 clsid=1 size=1",
            here,
            here,
            here,
            here,
            here,
            "deleted key=k cmd=md clsid=1 size=3",
            gone,
            "item_get key=n status=not_found clsid=0 size=0",
            "item_get key=n status=not_found clsid=0 size=0",
            "item_store key=n status=stored cmd=add ttl=60 clsid=1 size=3",
            "item_get key=%21%2B1 status=not_found clsid=0 size=0",
            "item_store key=%21%2B1 status=stored cmd=set ttl=0 clsid=1 size=1",
        ],
    );
    assert!(next(&mut watcher).starts_with("type=item_store key=k status=too_large cmd=set "));
}

#[test]
fn binary_commands_are_reported_by_their_effect() {
    let daemon = larder("").start();
    let mut watcher = watching(&daemon, "fetchers mutations deletions");
    let requests = [
        frames::store(0x01, "k", 5, 100, "ab"),
        frames::store(0x02, "k", 0, 0, "x"),
        frames::valued(0x0e, "k", "c"),
        frames::store(0x01, "k", 0, 0, "x").cas(9),
        frames::keyed(0x00, "k"),
        frames::numbered(0x1c, "k", 0),
        frames::arithmetic(0x05, "n", 1, 7, 0),
        frames::keyed(0x04, "k"),
        frames::store(0x01, "k", 0, 0, "v".repeat(2_000_000)),
    ];
    let stream: Vec<u8> = requests.iter().flat_map(frames::Request::bytes).collect();
    let mut client = daemon.connect();
    client.send(stream);
    let gone = "item_get key=k status=not_found clsid=0 size=0";
    let (two, three) =
        ("item_get key=k status=found clsid=1 size=2", "item_get key=k status=found clsid=1 size=3");
    expect_lines(
        &mut watcher,
        &[
            gone,
            "item_store key=k status=stored cmd=set ttl=100 clsid=1 size=2",
            two,
            "item_store key=k status=not_stored cmd=add ttl=0 clsid=1 size=1",
            two,
            "item_store key=k status=stored cmd=append ttl=0 clsid=1 size=3",
            three,
            "item_store key=k status=exists cmd=cas ttl=0 clsid=1 size=1",
            three,
            three,
            "item_get key=n status=not_found clsid=0 size=0",
            "item_get key=n status=not_found clsid=0 size=0",
            "item_store key=n status=stored cmd=add ttl=0 clsid=1 size=1",
            three,
        ],
    );
    assert!(next(&mut watcher).starts_with("type=item_store key=k status=too_large cmd=set "));
}

#[test]
fn evictions_lines_report_every_evicted_item() {
    let daemon = larder("-m 8 -t 1 --debug-commands").start();
    let mut client = daemon.connect();
    let value = "v".repeat(5000);
    client.ask(format!("debugtime p\r\nset first 0 1000 5000\r\n{value}\r\n"), "OK\r\nSTORED\r\n");
    let mut watcher = watching(&daemon, "evictions");
    client.ask("debugtime 7\r\n", "OK\r\n");
    let evictions = |client: &mut Client| client.stat("", "evictions").parse::<u64>().unwrap();
    let mut stored = 0;
    while evictions(&mut client) < 100 {
        client.ask(format!("set fill{stored} 0 0 5000\r\n{value}\r\n"), "STORED\r\n");
        stored += 1;
        assert!(stored < 10_000);
    }
    for count in 0..evictions(&mut client) {
        let line = next(&mut watcher);
        let class = line.split("clsid=").nth(1).unwrap().split(' ').next().unwrap();
        let (key, ttl, idle) = if count == 0 {
            ("first", 993, 7)
        } else {
            (line["type=eviction key=".len()..].split(' ').next().unwrap(), -1, 0)
        };
        assert_eq!(
            line,
            format!("type=eviction key={key} fetch=no ttl={ttl} la={idle} clsid={class} size=5000")
        );
        assert!(count == 0 || key.starts_with("fill"));
        client.ask(format!("get {key}\r\n"), "END\r\n");
    }
    // Evictions of large values are reported as well.
    let large = "v".repeat(900_000);
    for number in 0..20 {
        client.ask(format!("set large{number} 0 0 900000\r\n{large}\r\n"), "STORED\r\n");
    }
    while !next(&mut watcher).starts_with("type=eviction key=large0 fetch=no ttl=-1 la=0 ") {}
}

#[test]
fn connevents_lines_report_opened_and_closed_connections() {
    let daemon = larder("").start();
    let mut watcher = watching(&daemon, "connevents");
    assert_eq!(conversation(&daemon, "version\r\nquit\r\n"), "VERSION 1.6.45\r\n");
    let new = next(&mut watcher);
    let port = new
        .strip_prefix("type=conn_new rip=127.0.0.1 rport=")
        .and_then(|rest| rest.strip_suffix(" transport=tcp"));
    let port: u16 = port.unwrap_or_else(|| panic!("{new}")).parse().unwrap();
    expect_lines(
        &mut watcher,
        &[&format!("conn_close rip=127.0.0.1 rport={port} transport=tcp reason=normal")],
    );
    for invalid in ["x".repeat(3000), "GET / HTTP/1.1\r\n".to_owned(), "HTTP/1.1\r\n".to_owned()] {
        conversation(&daemon, invalid);
        assert!(next(&mut watcher).starts_with("type=conn_new "));
        assert!(next(&mut watcher).ends_with(" reason=error"));
    }
}

#[test]
fn the_close_of_an_idle_connection_reports_the_reason() {
    let daemon = larder("-o idle_timeout=3").start();
    let mut watcher = watching(&daemon, "connevents");
    assert_eq!(daemon.connect().read_to_close(), "");
    assert!(next(&mut watcher).starts_with("type=conn_new "));
    assert!(next(&mut watcher).ends_with(" reason=idle_timeout"));
}

#[test]
fn a_failed_tls_handshake_reports_the_reason() {
    let authority = Authority::new();
    let daemon = larder(&format!("-l notls:127.0.0.1,btls:127.0.0.2 {}", authority.options())).start();
    let mut watcher = watching(&daemon, "connevents");
    let mut plain = Client::tcp((std::net::Ipv4Addr::new(127, 0, 0, 2), daemon.addresses()[1].port()).into());
    plain.send("version\r\n");
    assert!(next(&mut watcher).starts_with("type=conn_new "));
    let line = next(&mut watcher);
    let said = line.strip_prefix("type=conntlserr fd=").and_then(|rest| rest.split_once(" msg="));
    let (fd, why) = said.unwrap_or_else(|| panic!("{line}"));
    assert!(fd.parse::<u32>().is_ok() && !why.is_empty(), "{line}");
    assert!(next(&mut watcher).ends_with(" reason=error"));
}

#[test]
fn connections_by_unix_socket_are_reported_as_local() {
    let folder = crate::support::Folder::new();
    let path = folder.file("socket");
    let daemon = larder("-s").arg(&path).start();
    let mut watcher = watching(&daemon, "connevents");
    Client::unix(&path).ask("version\r\n", "VERSION 1.6.45\r\n");
    expect_lines(
        &mut watcher,
        &[
            "conn_new rip=unix rport=0 transport=local",
            "conn_close rip=unix rport=0 transport=local reason=normal",
        ],
    );
}

#[test]
fn sysevents_lines_report_the_end_of_a_crawl() {
    let daemon = larder("--debug-commands").start();
    let mut watcher = watching(&daemon, "sysevents");
    let mut client = daemon.connect();
    client.ask(
        "debugtime p\r\nlru_crawler disable\r\nset a 0 1 1\r\n1\r\ndebugtime 1\r\n",
        "OK\r\nOK\r\nSTORED\r\nOK\r\n",
    );
    client.ask("lru_crawler enable\r\nlru_crawler crawl all\r\n", "OK\r\nOK\r\n");
    let line = next(&mut watcher);
    let start = "type=lru_crawler crawler=0 lru=cold low_mark=0 next_reclaims=0 since_run=0 next_run=0 elapsed=0 \
        examined=";
    assert!(line.starts_with(start), "{line}");
}

#[test]
fn a_watcher_gets_the_lines_of_its_classes_only() {
    let daemon = larder("").start();
    let mut deletions = watching(&daemon, "deletions");
    let mut both = watching(&daemon, "del mut rawcmds proxyreqs proxyevents proxyuser");
    let mut fetchers = watching(&daemon, "");
    conversation(&daemon, "set a 0 0 1\r\n1\r\ndelete a\r\n");
    let (stored, deleted) = (
        "item_store key=a status=stored cmd=set ttl=0 clsid=1 size=1",
        "deleted key=a cmd=delete clsid=1 size=1",
    );
    expect_lines(&mut both, &[stored, deleted]);
    expect_lines(&mut deletions, &[deleted]);
    assert!(next(&mut fetchers).starts_with("type=item_get "));
}

#[test]
fn invalid_watch_commands_are_refused() {
    let daemon = larder("").start();
    let version = "VERSION 1.6.45\r\n";
    for words in ["x", "fetchersx", "fetchers x", "noreply"] {
        assert_eq!(
            conversation(&daemon, format!("watch {words}\r\nversion\r\n")),
            format!("ERROR\r\n{version}")
        );
    }
    assert_eq!(
        conversation(&daemon, "version\r\nwatch\r\nversion\r\n"),
        format!("{version}ERROR cannot pipeline other commands before watch\r\n{version}")
    );
    // Later commands on the connection are ignored.
    assert_eq!(conversation(&daemon, "watch\r\nversion\r\n"), "OK\r\n");
    let refusing = larder("-W").start();
    let refused = "CLIENT_ERROR watch commands not allowed\r\n";
    assert_eq!(conversation(&refusing, "watch\r\nversion\r\n"), format!("{refused}{version}"));
}

#[test]
fn at_most_twenty_clients_may_watch() {
    let daemon = larder("").start();
    let mut watchers: Vec<Client> = (0..20).map(|_| watching(&daemon, "mutations")).collect();
    let mut client = daemon.connect();
    client.ask("watch\r\nversion\r\n", "WATCHER_TOO_MANY log watcher limit reached\r\nVERSION 1.6.45\r\n");
    assert_eq!(client.stat("", "log_watchers"), "20");
    // A watcher gets its reply shortly before it is registered.
    wait_for("twenty watchers", || {
        client.send("stats conns\r\n");
        (client.read_until("END\r\n").matches("conn_watch").count() == 20).then_some(())
    });
    client.ask("set a 0 0 1\r\n1\r\n", "STORED\r\n");
    for watcher in &mut watchers {
        expect_lines(watcher, &["item_store key=a status=stored cmd=set ttl=0 clsid=1 size=1"]);
    }
    assert_eq!(client.stat("", "log_worker_written"), "1");
    assert_eq!(client.stat("", "log_watcher_sent"), "20");
    // Input of a watcher is dropped until it closes.
    watchers[0].send("quit\r\nset b 0 0 1\r\n1\r\n".repeat(10_000));
    watchers.truncate(1);
    wait_for("the close of the other watchers", || (client.stat("", "log_watchers") == "1").then_some(()));
    watchers.clear();
    wait_for("the close of the last watcher", || (client.stat("", "log_watchers") == "0").then_some(()));
    client.ask("get b\r\n", "END\r\n");
}

#[test]
fn a_slow_watcher_does_not_delay_clients_and_gets_the_number_of_skipped_lines() {
    let daemon = larder("").start();
    let mut slow = watching(&daemon, "fetchers");
    let mut client = daemon.connect();
    let request = format!("get{}\r\n", " key".repeat(400));
    let before = daemon.resident_bytes();
    while client.stat("", "log_watcher_skipped").parse::<u64>().unwrap() < 100_000 {
        client.ask(request.repeat(20), "END\r\n".repeat(20));
    }
    let grown = daemon.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown}");
    let mut lines = 0;
    let skipped: u64 = loop {
        let line = slow.read_until("\n");
        match line.strip_prefix("skipped=") {
            Some(count) => break count.trim_end().parse().unwrap(),
            None => assert!(line.starts_with("ts=") && line.contains(" type=item_get key=key "), "{line}"),
        }
        lines += 1;
        // The watcher has room again: the next line is preceded by the number of skipped ones.
        if lines % 1000 == 0 {
            client.ask("get key\r\n", "END\r\n");
        }
    };
    assert!(skipped >= 1 && lines > 1000);
}

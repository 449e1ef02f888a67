//! Hostile clients: the others are answered, and memory stays bounded.

use crate::support::{Client, Daemon, Folder, larder, wait_for};
use std::io::Write;
use std::path::Path;

const MIB: u64 = 1 << 20;

/// Memory that hostile clients may take in addition to the items that they store, in bytes.
const ALLOWANCE: u64 = 16 * MIB;

fn assert_served(client: &mut Client) {
    client.ask("set other 0 0 2\r\nok\r\n", "STORED\r\n");
    client.ask("get other\r\n", "VALUE other 0 2\r\nok\r\nEND\r\n");
}

#[track_caller]
fn assert_growth_is_bounded(daemon: &Daemon, before: u64) {
    let now = daemon.resident_bytes();
    assert!(now < before + ALLOWANCE, "{} MiB at first, {} MiB now", before / MIB, now / MIB);
}

#[test]
fn clients_that_request_a_gigabyte_and_never_read() {
    let daemon = larder("-t 1").start();
    let value = "x".repeat(500_000);
    let mut other = daemon.connect();
    other.ask(format!("set big 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    let before = daemon.resident_bytes();
    let mut greedy: Vec<Client> = (0..10).map(|_| daemon.connect()).collect();
    for client in &mut greedy {
        client.send("get big big big big\r\n".repeat(500));
    }
    wait_for("the replies to all of them to be unsent", || {
        other.send("stats conns\r\n");
        let waiting = other.read_until("END\r\n").matches("conn_mwrite").count();
        (waiting == greedy.len()).then_some(())
    });
    assert_served(&mut other);
    assert_growth_is_bounded(&daemon, before);
}

#[test]
fn a_client_that_sends_a_byte_at_a_time() {
    let daemon = larder("-t 1").start();
    let mut other = daemon.connect();
    let mut slow = daemon.connect();
    for byte in b"set slow 5 0 5\r\nhello\r\nget slow\r\n" {
        slow.send([*byte]);
        assert_served(&mut other);
    }
    slow.expect("STORED\r\nVALUE slow 5 5\r\nhello\r\nEND\r\n");
}

#[test]
fn a_client_that_declares_a_gigabyte_over_the_limit_and_sends_much_of_it() {
    let daemon = larder("-t 1").start();
    let mut other = daemon.connect();
    assert_served(&mut other);
    let before = daemon.resident_bytes();
    let mut liar = daemon.connect();
    liar.send("set big 0 0 1073741824\r\n");
    let part = vec![b'x'; 1 << 20];
    for _ in 0..100 {
        liar.send(&part);
        assert_served(&mut other);
    }
    assert_growth_is_bounded(&daemon, before);
}

#[test]
fn clients_that_declare_a_gigabyte_within_the_limit_and_send_little() {
    let daemon = larder("-t 1 -m 4096 -I 1024m").start();
    let mut other = daemon.connect();
    assert_served(&mut other);
    let before = daemon.resident_bytes();
    let mut liars: Vec<Client> = (0..100).map(|_| daemon.connect()).collect();
    for liar in &mut liars {
        liar.send("set big 0 0 1073000000\r\nabc");
    }
    wait_for("all declarations to be read", || {
        other.send("stats conns\r\n");
        let report = other.read_until("END\r\n");
        let waiting = report.matches("conn_nread").count() + report.matches("conn_swallow").count();
        (waiting == liars.len()).then_some(())
    });
    assert_served(&mut other);
    assert_growth_is_bounded(&daemon, before);
    drop(liars);
    assert_served(&mut other);
}

#[test]
fn clients_that_send_almost_all_of_a_value_and_stop() {
    let daemon = larder("-t 1 -m 64").start();
    let mut other = daemon.connect();
    assert_served(&mut other);
    let before = daemon.resident_bytes();
    let part = format!("set big 0 0 1000000\r\n{}", "x".repeat(900_000));
    let stuck: Vec<Client> = (0..200)
        .map(|_| {
            let mut client = daemon.connect();
            client.send(&part);
            client
        })
        .collect();
    wait_for("all bytes to be read", || {
        let read: usize = other.stat("", "bytes_read").parse().unwrap();
        (read > stuck.len() * part.len()).then_some(())
    });
    assert_served(&mut other);
    // Values being received count against -m.
    let now = daemon.resident_bytes();
    assert!(now < before + 64 * MIB + ALLOWANCE, "{} MiB at first, {} MiB now", before / MIB, now / MIB);
}

#[test]
fn a_client_that_sends_an_endless_line() {
    let daemon = larder("-t 1").start();
    let mut other = daemon.connect();
    assert_served(&mut other);
    let before = daemon.resident_bytes();
    let mut endless = daemon.connect();
    // The daemon closes in between, so the write may fail.
    let _ = endless.write_all(&vec![b'x'; 10 << 20]);
    assert_served(&mut other);
    assert_growth_is_bounded(&daemon, before);
    let ended = endless.read_to_close();
    assert!(ended.is_empty() || ended == "CLIENT_ERROR line too long\r\n", "{ended}");
}

#[test]
fn a_client_that_sends_an_endless_list_of_keys() {
    let daemon = larder("-t 1").start();
    let mut other = daemon.connect();
    assert_served(&mut other);
    let before = daemon.resident_bytes();
    let mut endless = daemon.connect();
    endless.send("get");
    let keys = " k".repeat(1 << 19);
    for _ in 0..20 {
        endless.send(&keys);
        assert_served(&mut other);
    }
    assert_growth_is_bounded(&daemon, before);
    endless.ask("\r\n", "END\r\n");
}

#[test]
fn a_client_that_sends_a_pipeline_without_pause() {
    let daemon = larder("-t 1").start();
    let mut other = daemon.connect();
    let mut busy = daemon.connect();
    let burst = "get nothing\r\n".repeat(50_000);
    let sender = std::thread::spawn(move || {
        // The replies fit the socket buffers, so the sender need not read in between.
        busy.send(burst);
        busy.close_sending();
        busy.read_to_close()
    });
    for _ in 0..50 {
        assert_served(&mut other);
    }
    let answers = sender.join().unwrap();
    assert_eq!(answers.len(), 50_000 * "END\r\n".len());
}

#[test]
fn clients_that_close_in_the_middle_of_a_request() {
    let daemon = larder("-t 1").start();
    let mut other = daemon.connect();
    assert_served(&mut other);
    let (memory, descriptors) = (daemon.resident_bytes(), daemon.descriptors());
    for beginning in ["get", "set a 0 0 5\r\nxx", "set a 0 0 500000\r\nxx", "get a\r\nset b 0 0 1"] {
        for _ in 0..100 {
            daemon.connect().send(beginning);
        }
        assert_served(&mut other);
    }
    wait_for("their connections to be closed", || (daemon.descriptors() == descriptors).then_some(()));
    assert_eq!(other.stat("", "curr_items"), "1");
    assert_growth_is_bounded(&daemon, memory);
}

#[test]
fn clients_that_declare_a_megabyte_and_send_nothing() {
    let daemon = larder("-m 64").start();
    let mut other = daemon.connect();
    let mut silent: Vec<Client> = (0..200).map(|_| daemon.connect()).collect();
    for client in &mut silent {
        client.send("set big 0 0 1000000\r\n");
    }
    wait_for("all declarations to be read", || {
        other.send("stats conns\r\n");
        let waiting = other.read_until("END\r\n").matches("conn_nread").count();
        (waiting == silent.len()).then_some(())
    });
    let value = "x".repeat(1_000_000);
    for _ in 0..20 {
        other.ask(format!("set big 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    }
}

#[test]
fn clients_that_are_refused_and_do_not_close() {
    let folder = Folder::new();
    std::fs::write(folder.file("users"), "ann:secret\n").unwrap();
    let users = folder.file("users").display().to_string();
    let line = vec![b'x'; 3000];
    let frame = b"\x80\xff\0\x05\0\0\0\0\0\0\0\0".repeat(2);
    let wrong = "set a 0 0 9\r\nann wrong\r\n".repeat(3).into_bytes();
    let logs_in = format!("-t 1 -Y {users}");
    // More failed logins would have to wait.
    for (options, refused, count) in [("-t 1", &line, 20), ("-t 1", &frame, 20), (&*logs_in, &wrong, 1)] {
        let daemon = larder(options).start();
        let mut other = daemon.connect();
        if options == logs_in {
            other.ask("set a 0 0 10\r\nann secret\r\n", "STORED\r\n");
        }
        let mut clients: Vec<Client> = (0..count).map(|_| daemon.connect()).collect();
        for client in &mut clients {
            client.send(refused);
            assert_ne!(client.read_to_close(), "", "the refusal arrives");
        }
        wait_for("their connections to be closed", || {
            other.send("stats conns\r\n");
            let report = other.read_until("END\r\n");
            (report.matches("state conn_").count() == report.matches("state conn_listening").count() + 1)
                .then_some(())
        });
    }
}

/// Stores small items that must stay.
fn store_small_items(client: &mut Client, count: usize) {
    let sets =
        (0..count).map(|number| format!("set small{number} 0 0 100 noreply\r\n{}\r\n", "s".repeat(100)));
    client.send(sets.collect::<String>());
    client.ask("mn\r\n", "MN\r\n");
}

fn small_items_left(client: &mut Client, count: usize) -> usize {
    let keys: String = (0..count).map(|number| format!(" small{number}")).collect();
    client.send(format!("get{keys}\r\n"));
    client.read_until("END\r\n").matches("VALUE ").count()
}

/// A client that requests a value and never reads. Its request is number `gets` of the daemon, counted from 0.
fn reader_that_never_reads(path: &Path, key: &str, gets: usize, other: &mut Client) -> Client {
    let mut reader = Client::unix(path);
    reader.send(format!("get {key}\r\n"));
    wait_for("the request to be read", || {
        let read: usize = other.stat("", "cmd_get").parse().unwrap();
        (read > gets).then_some(())
    });
    reader
}

/// Asserts that no more is resident than the limit and 64 KiB for each connection.
#[track_caller]
fn assert_memory_is_bounded(daemon: &Daemon, limit: u64, connections: usize) {
    let now = daemon.resident_bytes();
    let most = limit + connections as u64 * (64 << 10);
    assert!(now <= most, "{} KiB resident, at most {} KiB expected", now >> 10, most >> 10);
}

/// Values that left the store while replies still refer to them count against `-m`.
#[test]
fn clients_that_never_read_versions_of_a_value() {
    const OUT_OF_MEMORY: &str = "SERVER_ERROR out of memory storing object\r\n";
    let folder = Folder::new();
    let path = folder.file("socket");
    let daemon = larder("-t 2 -m 64 -I 8m").arg("-s").arg(&path).start();
    let mut other = daemon.connect();
    store_small_items(&mut other, 2000);
    let before = daemon.resident_bytes();
    let set = format!("set big 0 0 6000000\r\n{}\r\n", "x".repeat(6_000_000));
    let mut readers = Vec::new();
    let mut refused = 0;
    for round in 0..30 {
        other.send(&set);
        let answer = other.read_until("\r\n");
        assert!(answer == "STORED\r\n" || answer == OUT_OF_MEMORY, "{answer}");
        refused += usize::from(answer == OUT_OF_MEMORY);
        readers.push(reader_that_never_reads(&path, "big", round, &mut other));
    }
    assert!(refused >= 15, "{refused} of 30 versions of 6 MB were refused");
    assert_memory_is_bounded(&daemon, before + 64 * MIB, readers.len());
    assert_eq!(small_items_left(&mut other, 2000), 2000);
    drop(readers);
    wait_for("the memory of values without readers", || {
        other.send(&set);
        (other.read_until("\r\n") == "STORED\r\n").then_some(())
    });
}

#[test]
fn clients_that_never_read_values_of_their_own() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let daemon = larder("-t 2 -m 32").arg("-s").arg(&path).start();
    let mut other = daemon.connect();
    store_small_items(&mut other, 6000);
    let before = daemon.resident_bytes();
    let value = "x".repeat(1_000_000);
    let mut readers = Vec::new();
    let mut refused = 0;
    for number in 0..150 {
        other.send(format!("set big{number} 0 0 1000000\r\n{value}\r\n"));
        refused += usize::from(other.read_until("\r\n") != "STORED\r\n");
        readers.push(reader_that_never_reads(&path, &format!("big{number}"), number, &mut other));
    }
    assert!(refused > 100, "{refused} of 150 values of 1 MB were refused");
    assert_memory_is_bounded(&daemon, before + 32 * MIB, readers.len());
    assert_eq!(small_items_left(&mut other, 6000), 6000);
    assert_served(&mut other);
}

/// Without address space for another page, the cache works with its pages.
#[test]
fn a_machine_without_free_memory() {
    let daemon = larder("-t 2 -m 1024").under("prlimit --as=400000000").start();
    let mut client = daemon.connect();
    let value = "v".repeat(100_000);
    for batch in 0..60 {
        let sets = (0..100).map(|number| format!("set {batch}.{number} 0 0 100000\r\n{value}\r\n"));
        client.send(sets.collect::<String>());
        for _ in 0..100 {
            assert_eq!(client.read_until("\r\n"), "STORED\r\n");
        }
    }
    client.send("get 59.99\r\n");
    assert!(client.read_until("END\r\n").starts_with("VALUE 59.99 0 100000\r\n"));
    assert_ne!(client.stat("", "evictions"), "0", "the cache got less than its gigabyte");
    assert_served(&mut client);
}

#[test]
fn heavy_requests_of_every_kind() {
    let daemon = larder("").start();
    let mut other = daemon.connect();
    let value = "x".repeat(1_000_000);
    other.ask(format!("set big 0 0 {}\r\n{value}\r\n", value.len()), "STORED\r\n");
    for number in 0..1000 {
        other.ask(format!("set k{number} 0 0 100\r\n{}\r\n", "v".repeat(100)), "STORED\r\n");
    }
    let keys: String = (0..1000).map(|number| format!(" k{number}")).collect();
    let requests = [
        "get big\r\n".repeat(50),
        format!("get{keys}\r\n").repeat(50),
        "lru_crawler metadump all\r\n".repeat(50),
        "stats\r\nstats items\r\nstats slabs\r\nstats conns\r\n".repeat(50),
        "set a 0 0 1 noreply\r\nx\r\nget a\r\n".repeat(5000),
        format!("set big 0 0 {}\r\n{value}\r\n", value.len()).repeat(20),
    ];
    std::thread::scope(|scope| {
        for request in &requests {
            for _ in 0..2 {
                let mut reads = daemon.connect();
                let mut writes = reads.try_clone();
                scope.spawn(move || {
                    writes.send(request);
                    writes.close_sending();
                });
                scope.spawn(move || std::io::copy(&mut reads, &mut std::io::sink()).unwrap());
            }
        }
        for _ in 0..200 {
            assert_served(&mut other);
        }
    });
    assert_served(&mut other);
}

//! What is no longer needed goes back to the system within seconds, also when no client asks for anything.

use crate::support::{larder, wait_for};
use std::fs;

const MIB: u64 = 1024 * 1024;

#[test]
fn after_a_flush_and_after_a_lowered_limit() {
    let daemon = larder("-m 128 -t 2").start();
    let before = daemon.resident_bytes();
    let mut client = daemon.connect();
    for (command, left) in [("cache_memlimit 16", 16 * MIB), ("flush_all", 0)] {
        client.ask("cache_memlimit 128\r\n", "OK\r\n");
        let value = "v".repeat(10_000);
        for batch in 0..100 {
            let sets =
                (0..100).map(|number| format!("set {batch}.{number} 0 0 10000 noreply\r\n{value}\r\n"));
            client.send(sets.collect::<String>());
        }
        client.ask("version\r\n", "VERSION 1.6.45\r\n");
        assert!(daemon.resident_bytes() > before + 90 * MIB);
        client.ask(format!("{command}\r\n"), "OK\r\n");
        wait_for("memory to be given back", || {
            (daemon.resident_bytes() < before + left + 12 * MIB).then_some(())
        });
    }
}

#[test]
fn by_a_thread_that_lets_those_who_serve_go_first() {
    let daemon = larder("-t 2").start();
    let expected =
        [("returning", 10), ("worker", 0), ("worker", 0)].map(|(name, nice)| (name.to_owned(), nice));
    // Each takes its name and how nice it is by itself, after it has begun.
    wait_for("a thread that is nice beside two that are not", || {
        let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
        let stats = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok());
        let mut threads: Vec<_> = stats.map(|stat| name_and_nice(&stat)).collect();
        threads.retain(|(name, _)| name == "worker" || name == "returning");
        threads.sort();
        (threads == expected).then_some(())
    });
}

/// The second and the nineteenth field of proc_pid_stat(5).
fn name_and_nice(stat: &str) -> (String, i32) {
    let (front, rest) = stat.rsplit_once(')').unwrap();
    let name = front.split_once('(').unwrap().1.to_owned();
    (name, rest.split_whitespace().nth(16).unwrap().parse().unwrap())
}

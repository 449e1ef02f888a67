//! Freed memory is returned to the system within seconds, also without requests. The process never takes more memory
//! than its limit allows.

use crate::support::{larder, wait_for};

const MIB: u64 = 1024 * 1024;

#[test]
fn memory_is_returned_after_a_flush_and_after_a_lowered_limit() {
    let daemon = larder("-m 128 -t 2").start();
    let before = daemon.resident_bytes();
    let mut client = daemon.connect();
    for (command, left) in [("cache_memlimit 16", 16 * MIB), ("flush_all", 0), ("flush_all 1", 0)] {
        client.ask("cache_memlimit 128\r\n", "OK\r\n");
        for (length, batches) in [(10_000, 50), (100, 2500), (300_000, 2)] {
            let value = "v".repeat(length);
            for batch in 0..batches {
                let sets = (0..100)
                    .map(|number| format!("set {batch}.{number} 0 0 {length} noreply\r\n{value}\r\n"));
                client.send(sets.collect::<String>());
            }
        }
        client.ask("version\r\n", "VERSION 1.6.45\r\n");
        assert!(daemon.resident_bytes() > before + 90 * MIB);
        client.ask(format!("{command}\r\n"), "OK\r\n");
        wait_for("memory to be returned", || {
            (daemon.resident_bytes() < before + left + 12 * MIB).then_some(())
        });
    }
}

/// Four connections store values of all sizes, and the resident memory is read all the while. Memory that the process
/// has at the start is not counted, because a test build is larger than the program.
#[test]
fn resident_memory_never_exceeds_the_promised_limit() {
    const CONNECTIONS: u64 = 4;
    let daemon = larder("-m 64 -t 4").start();
    let most = daemon.resident_bytes() + (64 + 3) * MIB + CONNECTIONS * (64 << 10);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let mut client = daemon.connect();
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(number);
                    let value = "v".repeat(1_000_000);
                    for _ in 0..100 {
                        let sets = (0..100).map(|_| {
                            let length = match random.u32(..100) {
                                0..90 => random.usize(1..200),
                                90..97 => random.usize(100..70_000),
                                _ => value.len(),
                            };
                            let key = random.u32(..100_000);
                            format!("set k{key} 0 0 {length} noreply\r\n{}\r\n", &value[..length])
                        });
                        client.send(sets.collect::<String>());
                        client.ask("mn\r\n", "MN\r\n");
                    }
                })
            })
            .collect();
        while !threads.iter().all(|thread| thread.is_finished()) {
            let now = daemon.resident_bytes();
            assert!(now <= most, "{} KiB resident, {} KiB promised", now >> 10, most >> 10);
            std::thread::yield_now();
        }
    });
    let mut client = daemon.connect();
    assert_ne!(client.stat("", "evictions"), "0", "the memory was full");
}

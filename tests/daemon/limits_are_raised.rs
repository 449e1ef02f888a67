//! The limits of the OS that an option needs are raised as far as possible, with a warning or a failure otherwise.

use crate::support::{Daemon, larder, skip};
use std::fs;

/// The capability to lock any amount of memory (linux/capability.h).
const CAP_IPC_LOCK: u64 = 1 << 14;

/// Soft and hard limit of a running daemon, from /proc.
fn limits(daemon: &Daemon, name: &str) -> [String; 2] {
    let limits = fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    [words.next().unwrap(), words.next().unwrap()]
}

#[test]
fn open_files_are_raised_for_all_connections() {
    let daemon = larder("-p -1 -c 2000").under("prlimit --nofile=100:4000").start_on_given_ports();
    let [soft, hard] = limits(&daemon, "Max open files");
    // Connections, and not many more: listeners, event loops, standard streams.
    assert!((2030..2200).contains(&soft.parse::<u32>().unwrap()), "{soft}");
    assert_eq!(hard, "4000");
}

#[test]
fn a_limit_that_is_high_enough_is_left_alone() {
    let daemon = larder("-p -1 -c 100").under("prlimit --nofile=3000:4000").start_on_given_ports();
    assert_eq!(limits(&daemon, "Max open files"), ["3000", "4000"]);
}

#[test]
fn a_limit_with_room_for_some_connections_is_a_warning() {
    let command = larder("-p -1 -c 90 -t 1").under("prlimit --nofile=50:100").without_privileges();
    let daemon = command.start_on_given_ports();
    assert_eq!(limits(&daemon, "Max open files"), ["100", "100"]);
    let messages = daemon.stop();
    assert!(messages.starts_with("the limit of 100 open files leaves room for "), "{messages}");
}

#[test]
fn a_limit_without_room_for_a_connection_is_a_failure() {
    for limit in 12..16 {
        let command =
            larder("-p -1 -c 10").under(&format!("prlimit --nofile={limit}:{limit}")).without_privileges();
        let (line, status) = command.refusal();
        assert!(line.contains("Too many open files"), "{limit}: {line}");
        assert_eq!(status, 71);
    }
}

#[test]
fn huge_pages_are_off_by_default() {
    let daemon = larder("").start();
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    assert!(status.contains("THP_enabled:\t0"), "{status}");
}

#[test]
fn huge_pages_are_allowed_where_the_policy_is_always() {
    let policy = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let daemon = larder("-L").start();
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let messages = daemon.stop();
    if policy.contains("[always]") {
        assert!(!status.contains("THP_enabled:\t0"), "{status}");
        assert!(!messages.contains("-L"), "{messages}");
    } else {
        assert!(messages.contains("warning: -L has no effect"), "{messages}");
    }
}

#[test]
fn the_limit_of_core_files_is_raised_to_the_hard_limit() {
    let daemon = larder("-p -1 -r").under("prlimit --core=0:1000000").start_on_given_ports();
    let [soft, hard] = limits(&daemon, "Max core file size");
    assert_eq!(soft, hard);
    assert_ne!(soft, "0");
}

#[test]
fn a_hard_limit_without_core_files_is_a_failure() {
    let refusal = larder("-p -1 -r").under("prlimit --core=0:0").without_privileges().refusal();
    assert_eq!(refusal, ("failed to ensure corefile creation".to_owned(), 71));
}

#[test]
fn memory_is_locked_when_it_is_touched() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap().trim();
    if u64::from_str_radix(capabilities, 16).unwrap() & CAP_IPC_LOCK == 0 {
        return skip("locking memory (needs root)");
    }
    let daemon = larder("-p -1 -k").under("prlimit --memlock=65536:65536").start_on_given_ports();
    daemon.connect().ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    assert!(!status.contains("VmLck:\t       0 kB"), "{status}");
    // Reserved address space stays out of memory.
    assert!(daemon.resident_bytes() < 24 << 20);
    assert!(!daemon.stop().contains("-k"));
}

#[test]
fn memory_is_not_locked_under_a_limit() {
    let command = larder("-p -1 -k").under("prlimit --memlock=65536:65536").without_privileges();
    let messages = command.start_on_given_ports().stop();
    assert!(
        messages.starts_with("warning: -k invalid, the limit of 65536 bytes of locked memory"),
        "{messages}"
    );
}

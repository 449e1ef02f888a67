//! The `memcache` crate in the binary protocol, without and with a login.
//!
//! In this protocol the crate's increments create missing keys with the value 0.

use crate::support::{Daemon, Folder, larder};
use memcache::{Client, CommandError, MemcacheError};
use std::collections::HashMap;
use std::fs;
use std::thread;

/// An exptime beyond 30 days is a Unix time; this one is in January 1970.
const LONG_AGO: u32 = 60 * 60 * 24 * 30 + 1;

/// The client repeats a failed login until this timeout, in seconds.
const LOGIN_TIMEOUT: &str = "&connect_timeout=5";

fn url(daemon: &Daemon) -> String {
    format!("memcache://{}?protocol=binary", daemon.address())
}

fn start() -> (Daemon, Client) {
    let daemon = larder("").start();
    let client = Client::connect(url(&daemon)).unwrap();
    (daemon, client)
}

fn text(client: &Client, key: &str) -> Option<String> {
    client.get(key).unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, MemcacheError>, expected: &str) {
    match result {
        Err(MemcacheError::CommandError(error)) => assert_eq!(format!("{error:?}"), expected),
        other => panic!("{other:?}, not {expected}"),
    }
}

#[test]
fn version_and_statistics_are_read() {
    let (daemon, client) = start();
    assert_eq!(client.version().unwrap()[0].1, "1.6.45");
    client.set("k", "v", 0).unwrap();
    let (_, figures) = &client.stats().unwrap()[0];
    assert_eq!(figures["pid"], daemon.pid().to_string());
    assert_eq!(figures["curr_items"], "1");
}

#[test]
fn values_come_back_in_their_type() {
    let (_daemon, client) = start();
    client.set("text", "bread", 0).unwrap();
    client.set("number", 42u64, 0).unwrap();
    client.set("bytes", &[0u8, 13, 10, 255][..], 0).unwrap();
    client.set("empty", "", 0).unwrap();
    assert_eq!(text(&client, "text").unwrap(), "bread");
    assert_eq!(client.get::<u64>("number").unwrap(), Some(42));
    assert_eq!(client.get::<Vec<u8>>("bytes").unwrap().unwrap(), [0, 13, 10, 255]);
    assert_eq!(text(&client, "empty").unwrap(), "");
    assert_eq!(text(&client, "missing"), None);
}

#[test]
fn a_value_of_almost_a_mebibyte_is_stored_and_a_larger_one_is_refused() {
    let (_daemon, client) = start();
    let value: Vec<u8> = (0..1_000_000u32).map(|at| (at % 251) as u8).collect();
    client.set("k", &value[..], 0).unwrap();
    assert!(client.get::<Vec<u8>>("k").unwrap().unwrap() == value);
    refused(client.set("k", &vec![0u8; 1 << 20][..], 0), "ValueTooLarge");
    assert_eq!(client.get::<Vec<u8>>("k").unwrap(), None);
}

#[test]
fn stores_report_their_failed_condition() {
    let (_daemon, client) = start();
    refused(client.replace("k", "lost", 0), "KeyNotFound");
    client.add("k", "first", 0).unwrap();
    refused(client.add("k", "second", 0), "KeyExists");
    client.replace("k", "and", 0).unwrap();
    client.append("k", " cheese").unwrap();
    client.prepend("k", "bread ").unwrap();
    assert_eq!(text(&client, "k").unwrap(), "bread and cheese");
    assert!(client.append("missing", "x").is_err());
    assert!(client.delete("k").unwrap());
    assert!(!client.delete("k").unwrap());
}

#[test]
fn numbers_are_incremented_stop_at_zero_and_are_created() {
    let (_daemon, client) = start();
    client.set("n", 40u64, 0).unwrap();
    assert_eq!(client.increment("n", 2).unwrap(), 42);
    assert_eq!(client.decrement("n", 40).unwrap(), 2);
    assert_eq!(client.decrement("n", 40).unwrap(), 0);
    assert_eq!(client.increment("made", 7).unwrap(), 0);
    assert_eq!(client.increment("made", 7).unwrap(), 7);
    client.set("word", "x", 0).unwrap();
    refused(client.increment("word", 1), "Unknown(6)");
}

#[test]
fn exptimes_in_the_past_and_touch_take_effect() {
    let (_daemon, client) = start();
    assert!(!client.touch("k", 60).unwrap());
    client.set("k", "x", 60).unwrap();
    assert!(client.touch("k", 0).unwrap());
    assert_eq!(text(&client, "k").unwrap(), "x");
    assert!(client.touch("k", LONG_AGO).unwrap());
    assert_eq!(text(&client, "k"), None);
    client.set("k", "x", LONG_AGO).unwrap();
    assert_eq!(text(&client, "k"), None);
}

#[test]
fn cas_stores_only_over_the_value_that_was_read() {
    let (_daemon, client) = start();
    client.set("k", "read", 0).unwrap();
    let (_, _, unique): (Vec<u8>, u32, Option<u64>) = client.get("k").unwrap().unwrap();
    let unique = unique.unwrap();
    assert!(client.cas("k", "written", 0, unique).unwrap());
    assert!(!client.cas("k", "too late", 0, unique).unwrap());
    assert_eq!(text(&client, "k").unwrap(), "written");
    assert!(!client.cas("missing", "x", 0, unique).unwrap());
}

#[test]
fn many_keys_are_read_at_once() {
    let (_daemon, client) = start();
    let names: Vec<String> = (0..100).map(|number| format!("key-{number}")).collect();
    for name in &names {
        client.set(name, name.as_str(), 0).unwrap();
    }
    let asked: Vec<&str> = names.iter().map(String::as_str).chain(["missing"]).collect();
    let found: HashMap<String, String> = client.gets(&asked).unwrap();
    assert_eq!(found.len(), names.len());
    assert!(found.iter().all(|(name, value)| name == value));
}

#[test]
fn flush_removes_all_items_and_a_delayed_flush_waits() {
    let (_daemon, client) = start();
    client.set("k", "x", 0).unwrap();
    client.flush_with_delay(3600).unwrap();
    assert_eq!(text(&client, "k").unwrap(), "x");
    client.flush().unwrap();
    assert_eq!(text(&client, "k"), None);
}

#[test]
fn eight_threads_lose_no_increment() {
    let daemon = larder("").start();
    let client = Client::with_pool_size(url(&daemon), 8).unwrap();
    client.set("n", 0u64, 0).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..500).for_each(|_| assert!(client.increment("n", 1).is_ok())));
        }
    });
    assert_eq!(client.get::<u64>("n").unwrap(), Some(4000));
}

#[test]
fn a_login_succeeds_and_a_wrong_login_is_refused() {
    let folder = Folder::new();
    fs::write(folder.file("users"), "ann:secret\n").unwrap();
    let daemon = larder("-S").env("MEMCACHED_SASL_PWDB", folder.file("users")).start();
    let connect = |login: &str| {
        let url = format!("memcache://{login}{}?protocol=binary{LOGIN_TIMEOUT}", daemon.address());
        Client::with_pool_size(url, 1)
    };
    let client = connect("ann:secret@").unwrap();
    client.set("k", "v", 0).unwrap();
    assert_eq!(text(&client, "k").unwrap(), "v");
    assert!(connect("ann:wrong@").is_err() && connect("bob:secret@").is_err());
    let stranger = connect("").and_then(|client| client.get::<String>("k"));
    assert!(
        matches!(stranger, Err(MemcacheError::CommandError(CommandError::AuthenticationRequired))),
        "{stranger:?}"
    );
}

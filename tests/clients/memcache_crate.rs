//! The `memcache` crate in the classic text protocol.
//!
//! The crate treats `NOT_STORED` as success, so tests of refused stores read the value. Its `stats` is left out: it
//! reads the first line only, and the rest is taken for the next reply.

use crate::support::{Daemon, Folder, larder};
use memcache::{Client, CommandError, MemcacheError, ToMemcacheValue};
use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::thread;

/// An exptime beyond 30 days is a Unix time; this one is in January 1970.
const LONG_AGO: u32 = 60 * 60 * 24 * 30 + 1;

/// The text `value` with client flags.
struct Flagged(u32);

impl<W: Write> ToMemcacheValue<W> for Flagged {
    fn get_flags(&self) -> u32 {
        self.0
    }

    fn get_length(&self) -> usize {
        5
    }

    fn write_to(&self, stream: &mut W) -> io::Result<()> {
        stream.write_all(b"value")
    }
}

fn url(daemon: &Daemon) -> String {
    format!("memcache://{}?protocol=ascii", daemon.address())
}

fn start() -> (Daemon, Client) {
    let daemon = larder("").start();
    let client = Client::connect(url(&daemon)).unwrap();
    (daemon, client)
}

fn text(client: &Client, key: &str) -> Option<String> {
    client.get(key).unwrap()
}

#[test]
fn version_is_three_numbers() {
    let (_daemon, client) = start();
    let versions = client.version().unwrap();
    let [(_, version)] = &versions[..] else { panic!("{versions:?}") };
    assert_eq!(version.split('.').filter(|part| part.parse::<u32>().is_ok()).count(), 3, "{version}");
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
fn flags_come_back_as_they_were_stored() {
    let (_daemon, client) = start();
    client.set("k", Flagged(0xCAFE_F00D), 0).unwrap();
    let (value, flags, cas): (Vec<u8>, u32, Option<u64>) = client.get("k").unwrap().unwrap();
    assert_eq!((value.as_slice(), flags), (&b"value"[..], 0xCAFE_F00D));
    assert!(cas.is_some_and(|cas| cas > 0));
}

#[test]
fn a_value_of_almost_a_mebibyte_is_stored_and_a_larger_one_is_refused() {
    let (_daemon, client) = start();
    let value: Vec<u8> = (0..1_000_000u32).map(|at| (at % 251) as u8).collect();
    client.set("k", &value[..], 0).unwrap();
    assert_eq!(client.get::<Vec<u8>>("k").unwrap().unwrap(), value);
    let refusal = client.set("k", &vec![0u8; 1 << 20][..], 0).unwrap_err();
    assert!(matches!(&refusal, MemcacheError::ServerError(_)), "{refusal:?}");
    assert!(refusal.to_string().contains("object too large for cache"), "{refusal}");
    assert_eq!(client.get::<Vec<u8>>("k").unwrap(), None);
}

#[test]
fn add_stores_only_missing_keys() {
    let (_daemon, client) = start();
    client.add("k", "first", 0).unwrap();
    client.add("k", "second", 0).unwrap();
    assert_eq!(text(&client, "k").unwrap(), "first");
}

#[test]
fn replace_stores_only_existing_keys() {
    let (_daemon, client) = start();
    client.replace("k", "lost", 0).unwrap();
    assert_eq!(text(&client, "k"), None);
    client.set("k", "old", 0).unwrap();
    client.replace("k", "new", 0).unwrap();
    assert_eq!(text(&client, "k").unwrap(), "new");
}

#[test]
fn append_and_prepend_extend_existing_values() {
    let (_daemon, client) = start();
    client.append("k", "lost").unwrap();
    client.prepend("k", "lost").unwrap();
    assert_eq!(text(&client, "k"), None);
    client.set("k", "and", 0).unwrap();
    client.append("k", " cheese").unwrap();
    client.prepend("k", "bread ").unwrap();
    assert_eq!(text(&client, "k").unwrap(), "bread and cheese");
}

#[test]
fn delete_reports_whether_the_key_existed() {
    let (_daemon, client) = start();
    client.set("k", "x", 0).unwrap();
    assert!(client.delete("k").unwrap());
    assert!(!client.delete("k").unwrap());
    assert_eq!(text(&client, "k"), None);
}

#[test]
fn numbers_are_incremented_and_stop_at_zero() {
    let (_daemon, client) = start();
    client.set("n", 40u64, 0).unwrap();
    assert_eq!(client.increment("n", 2).unwrap(), 42);
    assert_eq!(client.decrement("n", 40).unwrap(), 2);
    assert_eq!(client.decrement("n", 40).unwrap(), 0);
    assert_eq!(client.increment("n", u64::MAX).unwrap(), u64::MAX);
    let missing = client.increment("missing", 1).unwrap_err();
    assert!(matches!(missing, MemcacheError::CommandError(CommandError::KeyNotFound)), "{missing:?}");
    client.set("word", "x", 0).unwrap();
    let refusal = client.increment("word", 1).unwrap_err();
    assert!(matches!(refusal, MemcacheError::ClientError(_)), "{refusal:?}");
}

#[test]
fn touch_changes_the_expiry_of_existing_keys() {
    let (_daemon, client) = start();
    assert!(!client.touch("k", 60).unwrap());
    client.set("k", "x", 60).unwrap();
    assert!(client.touch("k", 0).unwrap());
    assert_eq!(text(&client, "k").unwrap(), "x");
    assert!(client.touch("k", LONG_AGO).unwrap());
    assert_eq!(text(&client, "k"), None);
}

#[test]
fn an_item_with_an_exptime_in_the_past_expires_at_once() {
    let (_daemon, client) = start();
    client.set("k", "old", 0).unwrap();
    client.set("k", "new", LONG_AGO).unwrap();
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
fn many_keys_are_read_at_once_with_their_cas_uniques() {
    let (_daemon, client) = start();
    let names: Vec<String> = (0..100).map(|number| format!("key-{number}")).collect();
    for name in &names {
        client.set(name, name.as_str(), 0).unwrap();
    }
    let asked: Vec<&str> = names.iter().map(String::as_str).chain(["missing"]).collect();
    let found: HashMap<String, (Vec<u8>, u32, Option<u64>)> = client.gets(&asked).unwrap();
    assert_eq!(found.len(), names.len());
    assert!(found.iter().all(|(name, (value, ..))| name.as_bytes() == value));
    let uniques: HashSet<u64> = found.values().map(|(.., unique)| unique.unwrap()).collect();
    assert_eq!(uniques.len(), names.len());
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
fn keys_are_distributed_over_several_servers() {
    let daemons = [larder("").start(), larder("").start()];
    let client = Client::connect(daemons.iter().map(url).collect::<Vec<_>>()).unwrap();
    let names: Vec<String> = (0..50).map(|number| format!("key-{number}")).collect();
    for name in &names {
        client.set(name, name.as_str(), 0).unwrap();
    }
    let asked: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(client.gets::<String>(&asked).unwrap().len(), names.len());
    let kept =
        daemons.each_ref().map(|daemon| daemon.connect().stat("", "curr_items").parse::<usize>().unwrap());
    assert_eq!(kept.iter().sum::<usize>(), names.len());
    assert!(kept.iter().all(|items| *items > 0), "{kept:?}");
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
fn a_unix_socket_works() {
    let folder = Folder::new();
    let path = folder.file("socket");
    let _daemon = larder(&format!("-s {}", path.display())).start();
    let client = Client::connect(format!("memcache://{}?protocol=ascii", path.display())).unwrap();
    client.set("k", "bread", 0).unwrap();
    assert_eq!(text(&client, "k").unwrap(), "bread");
}

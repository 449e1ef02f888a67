//! `larder stats` with larder: an overview, every other topic as a list, and both as JSON.

use super::{larder_with_items, printed, refused};
use crate::support::{Client, larder};

#[test]
fn the_overview_shows_memory_items_and_hits() {
    let daemon = larder_with_items();
    let mut client: Client = daemon.connect();
    client.send("get :1:page none\r\n");
    client.expect("VALUE :1:page 24 5\r\nhello\r\nEND\r\n");
    let text = printed("stats", &daemon.address().to_string());
    assert!(text.contains(", version 1.6.45, up "), "{text}");
    for part in ["\nmemory       ", " of 64 MB (", "\nitems        4, ", "\nhits         50.0 % of 2 gets\n"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let json = printed("stats --json", &daemon.address().to_string());
    assert!(json.contains("\"curr_items\":4,") && json.contains("\"version\":\"1.6.45\""), "{json}");
}

#[test]
fn every_topic_is_an_aligned_list() {
    let daemon = larder_with_items();
    let server = daemon.address().to_string();
    for (topic, name) in [
        ("settings", "maxbytes "),
        ("slabs", "active_slabs "),
        ("items", "items:"),
        ("conns", ":addr "),
        ("sizes", "sizes_status "),
    ] {
        let text = printed(&format!("stats {topic}"), &server);
        assert!(text.contains(name), "{topic}: {text}");
        let widths: Vec<usize> = text.lines().map(str::len).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{topic}: {text}");
        assert!(printed(&format!("stats {topic} --json"), &server).starts_with('{'));
    }
    let empty = larder("").start();
    assert_eq!(printed("stats items", &empty.address().to_string()), "no statistics\n");
}

#[test]
fn an_unknown_topic_fails_with_one_line() {
    let daemon = larder("").start();
    let line = refused("stats nonsense", &daemon.address().to_string());
    assert!(line.ends_with(" does not support \"stats nonsense\": no server supports it"), "{line}");
}

#[test]
fn a_unix_socket_is_addressed_by_its_path() {
    let folder = crate::support::Folder::new();
    let path = folder.file("sock");
    let _daemon = larder("-s").arg(&path).start();
    let text = printed("stats", path.to_str().unwrap());
    assert!(text.starts_with(path.to_str().unwrap()), "{text}");
}

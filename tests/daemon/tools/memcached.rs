//! The tools with Debian's memcached: its reports are shown, and a report that it does not have fails with one line.

use super::{printed, refused};
use crate::support::{Client, Folder, Process, skip, wait_for};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Memcached {
    _process: Process,
    folder: Folder,
}

impl Memcached {
    fn start() -> Option<Memcached> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found =
            std::env::split_paths(&path).chain(["/usr/bin".into()]).map(|folder| folder.join("memcached"));
        let Some(program) = found.into_iter().find(|program| program.exists()) else {
            skip("the tools against memcached (apt-get install memcached)");
            return None;
        };
        let folder = Folder::new();
        let mut command = Command::new(program);
        command.args(["-u", "root", "-t", "1", "-s"]).arg(socket(&folder)).stdin(Stdio::null());
        let process = Process(command.spawn().unwrap());
        wait_for("memcached to serve", || std::os::unix::net::UnixStream::connect(socket(&folder)).ok());
        Some(Memcached { _process: process, folder })
    }

    fn path(&self) -> PathBuf {
        socket(&self.folder)
    }
}

fn socket(folder: &Folder) -> PathBuf {
    folder.file("memcached")
}

fn store_items(path: &Path) {
    let mut client = Client::unix(path);
    client.send("set site:1:news 1 0 5\r\nhello\r\nset evil\x1b[2J 0 300 5\r\nhello\r\n");
    client.expect("STORED\r\nSTORED\r\n");
}

#[test]
fn reports_of_memcached_are_shown() {
    let Some(memcached) = Memcached::start() else { return };
    store_items(&memcached.path());
    let path = memcached.path().to_string_lossy().into_owned();
    let text = printed("stats", &path);
    assert!(text.contains("\nitems        2, ") && text.contains(" of 64 MB ("), "{text}");
    // Not conns: memcached prints an address that it never set for a client of a unix socket.
    for topic in ["slabs", "items", "settings"] {
        assert!(printed(&format!("stats {topic}"), &path).lines().count() > 3, "{topic}");
    }
    let text = printed("keys", &path);
    assert!(text.contains("  1  site        site:1:news\n") && text.contains("  evil\\x1b[2J\n"), "{text}");
    assert_eq!(printed("keys site --json", &path).lines().count(), 1);
}

#[test]
fn reports_that_memcached_lacks_fail_with_one_line() {
    let Some(memcached) = Memcached::start() else { return };
    let path = memcached.path().to_string_lossy().into_owned();
    for (tool, question) in [
        ("advise", "stats advisor"),
        ("why k", "why k"),
        ("stats hotkeys", "stats hotkeys"),
        ("stats families", "stats families"),
        ("stats memory", "stats memory"),
        ("stats latency", "stats latency"),
    ] {
        let line = refused(tool, &path);
        let expected =
            format!("larder: {path} does not support \"{question}\": it is not larder, or an older version");
        assert_eq!(line, expected);
    }
}

//! `-u`: started as root, the daemon switches to that user irrevocably, and its files belong to that user.

use crate::support::{Folder, larder, skip, wait_for};
use nix::unistd::{User, geteuid};
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn root_switches_to_the_user_irrevocably() {
    if !geteuid().is_root() {
        return skip("changing the user (needs root)");
    }
    let user = User::from_name("daemon").unwrap().unwrap();
    let folder = Folder::new();
    let (socket, pid) = (folder.file("socket"), folder.file("pid"));
    let command = larder("-u daemon -p -1").arg("-s").arg(&socket).arg("-P").arg(&pid);
    let daemon = command.under("setpriv --groups=1,2 --").start_on_given_ports();
    wait_for("the pid file", || pid.exists().then_some(()));
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let field =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let (uid, gid) = (user.uid, user.gid);
    assert_eq!(field("Uid:"), format!("{uid}\t{uid}\t{uid}\t{uid}"));
    assert_eq!(field("Gid:"), format!("{gid}\t{gid}\t{gid}\t{gid}"));
    assert_eq!(field("Groups:"), "");
    assert_eq!(field("CapEff:"), "0000000000000000");
    for path in [&socket, &pid] {
        assert_eq!(fs::metadata(path).unwrap().uid(), uid.as_raw());
    }
}

#[test]
fn root_without_a_user_is_warned_once() {
    if !geteuid().is_root() {
        return skip("the warning of root (needs root)");
    }
    let messages = larder("").start().stop();
    assert_eq!(messages, "running as root; -u <user> drops its privileges\n");
}

#[test]
fn a_port_below_1024_is_bound_before_the_user_is_changed() {
    if !geteuid().is_root() {
        return skip("a port below 1024 (needs root)");
    }
    let Some(port) = (600..1024).find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
    else {
        return skip("a port below 1024 (needs a free one)");
    };
    let daemon = larder(&format!("-u daemon -l 127.0.0.1:{port}")).start();
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
}

//! `-d`: the command ends when the daemon serves, with a status that is the truth.

use crate::support::{Client, Folder, larder, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// A daemon that left the command which started it.
struct Detached {
    folder: Folder,
    pid: Pid,
    address: SocketAddr,
}

/// Starts one, by default with a pid file; what the command said is returned too.
#[track_caller]
fn detach(args: &str) -> (Detached, String) {
    let folder = Folder::new();
    let pid_file = format!("-P {} ", folder.file("pid").display());
    let args = if args.contains("-P") { args.to_owned() } else { pid_file + args };
    let output = larder(&args).arg("-dp-1").env("MEMCACHED_PORT_FILENAME", folder.file("ports")).output();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    // Nothing is waited for: when the command has ended, its files are there and it serves.
    let ports = fs::read_to_string(folder.file("ports")).unwrap();
    let port: u16 = ports.lines().next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let address = ([127, 0, 0, 1], port).into();
    let pid = Client::tcp(address).stat("", "pid").parse().unwrap();
    (Detached { folder, pid: Pid::from_raw(pid), address }, said)
}

impl Detached {
    fn is_running(&self) -> bool {
        Path::new("/proc").join(self.pid.to_string()).join("exe").exists()
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
    }
}

#[test]
fn the_command_ends_when_the_daemon_serves() {
    let (daemon, _) = detach("");
    Client::tcp(daemon.address).ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    let written = fs::read_to_string(daemon.folder.file("pid")).unwrap();
    assert_eq!(written, format!("{}\n", daemon.pid));
}

#[test]
fn it_leaves_directory_terminal_and_session() {
    let (daemon, _) = detach("");
    let process = Path::new("/proc").join(daemon.pid.to_string());
    assert_eq!(fs::read_link(process.join("cwd")).unwrap(), Path::new("/"));
    for stream in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(fs::read_link(process.join(stream)).unwrap(), Path::new("/dev/null"), "{stream}");
    }
    let stat = fs::read_to_string(process.join("stat")).unwrap();
    let terminal = stat.rsplit_once(") ").unwrap().1.split(' ').nth(4).unwrap();
    assert_eq!(terminal, "0", "{stat}");
}

#[test]
fn it_ends_by_sigterm_and_removes_its_pid_file() {
    let (daemon, _) = detach("");
    kill(daemon.pid, Signal::SIGTERM).unwrap();
    wait_for("the end of the daemon", || (!daemon.is_running()).then_some(()));
    assert!(!daemon.folder.file("pid").exists());
}

#[test]
fn the_command_tells_that_the_port_is_in_use() {
    let first = larder("").start();
    let (line, status) = larder(&format!("-d -p {}", first.address().port())).refusal();
    assert_eq!(
        line,
        format!("failed to listen on TCP port {}: Address already in use", first.address().port())
    );
    assert_eq!(status, 71);
}

#[test]
fn the_command_tells_that_the_daemon_could_not_serve() {
    let user = if geteuid().is_root() { "setpriv --reuid=65534 --clear-groups -- " } else { "" };
    // With few descriptors it cannot bind; with a few more it binds and forks, and fails at its event loops. How many
    // that are depends on what this process hands down.
    let said = (8..100).find_map(|descriptors| {
        let limited = larder("-d -p -1 -c 1 -t 1 -l 127.0.0.1")
            .under(&format!("{user}prlimit --nofile={descriptors}:{descriptors}"));
        let output = limited.output();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_ne!(output.status.code(), Some(0), "{descriptors} descriptors: {said}");
        said.contains("failed to serve").then_some((said, output.status.code()))
    });
    let (said, status) = said.expect("a failure behind the fork");
    assert!(said.ends_with(" more open files: Too many open files (os error 24)\n"), "{said}");
    assert_eq!(status, Some(71));
}

#[test]
fn the_command_passes_on_what_the_daemon_warns_of() {
    let (_daemon, said) = detach("-P /nonexistent/larder.pid");
    assert!(said.contains("Could not open the pid file /nonexistent/larder.pid.tmp for writing"), "{said}");
}

#[test]
fn a_port_file_that_cannot_be_written_is_a_warning() {
    let folder = Folder::new();
    let (socket, pid) = (folder.file("socket"), folder.file("pid"));
    let starting = larder("-d -p -1").arg("-s").arg(&socket).arg("-P").arg(&pid);
    let output = starting.env("MEMCACHED_PORT_FILENAME", "/nonexistent/ports").output();
    let pid = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    let _daemon = Detached { folder, pid: Pid::from_raw(pid), address: ([127, 0, 0, 1], 0).into() };
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("Failed to write /nonexistent/ports: No such file or directory"), "{said}");
    Client::unix(&socket).ask("version\r\n", "VERSION 1.6.45\r\n");
}

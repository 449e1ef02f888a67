//! `-d`: the command ends when the daemon serves, and its status tells whether the daemon could start.

use crate::support::{Client, Folder, larder, larder_program, memcached, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A daemon in the background; it is killed with this value.
struct BackgroundDaemon {
    folder: Folder,
    pid: Pid,
    address: SocketAddr,
}

/// Starts a daemon, by default with a pid file; the messages of the command are returned too.
#[track_caller]
fn start_in_background(args: &str) -> (BackgroundDaemon, String) {
    let folder = Folder::new();
    let pid_file = format!("-P {} ", folder.file("pid").display());
    let args = if args.contains("-P") { args.to_owned() } else { pid_file + args };
    let output = larder(&args).arg("-dp-1").env("MEMCACHED_PORT_FILENAME", folder.file("ports")).output();
    let messages = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{messages}");
    // Without waiting: the daemon serves and its files exist when the command ends.
    let ports = fs::read_to_string(folder.file("ports")).unwrap();
    let port: u16 = ports.lines().next().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    let address = ([127, 0, 0, 1], port).into();
    let pid = Client::tcp(address).stat("", "pid").parse().unwrap();
    (BackgroundDaemon { folder, pid: Pid::from_raw(pid), address }, messages)
}

/// A daemon whose command has ended, by the pid file in `folder`.
fn daemon_of_pid_file(folder: Folder) -> BackgroundDaemon {
    let pid = fs::read_to_string(folder.file("pid")).unwrap().trim().parse().unwrap();
    BackgroundDaemon { folder, pid: Pid::from_raw(pid), address: ([127, 0, 0, 1], 0).into() }
}

impl BackgroundDaemon {
    fn proc_file(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.pid.to_string()).join(name)
    }

    fn is_running(&self) -> bool {
        self.proc_file("exe").exists()
    }

    fn stream(&self, number: u32) -> PathBuf {
        fs::read_link(self.proc_file(&format!("fd/{number}"))).unwrap()
    }
}

impl Drop for BackgroundDaemon {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
    }
}

#[test]
fn the_command_ends_when_the_daemon_serves() {
    let (daemon, _) = start_in_background("");
    Client::tcp(daemon.address).ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    let pid_file = fs::read_to_string(daemon.folder.file("pid")).unwrap();
    assert_eq!(pid_file, format!("{}\n", daemon.pid));
}

#[test]
fn the_daemon_leaves_directory_terminal_and_session() {
    let (daemon, _) = start_in_background("");
    assert_eq!(fs::read_link(daemon.proc_file("cwd")).unwrap(), Path::new("/"));
    for number in 0..3 {
        assert_eq!(daemon.stream(number), Path::new("/dev/null"), "descriptor {number}");
    }
    let stat = fs::read_to_string(daemon.proc_file("stat")).unwrap();
    // After the name in parentheses: state, parent, process group, session, terminal.
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    assert_eq!(fields[3], daemon.pid.to_string(), "{stat}");
    assert_eq!(fields[4], "0", "{stat}");
}

#[test]
fn with_v_the_daemon_keeps_the_terminal() {
    let (daemon, messages) = start_in_background("-v");
    assert!(messages.contains("server listening"), "{messages}");
    assert_eq!(daemon.stream(0), Path::new("/dev/null"));
    assert_ne!(daemon.stream(2), Path::new("/dev/null"));
    assert_eq!(daemon.stream(1), daemon.stream(2));
}

#[test]
fn the_daemon_has_the_name_and_arguments_of_the_command() {
    for name in ["larder", "memcached"] {
        let folder = Folder::new();
        let command = if name == "larder" { larder("") } else { memcached("") };
        let output = command.arg("-dp-1").arg("-P").arg(folder.file("pid")).output();
        assert_eq!(output.status.code(), Some(0));
        let daemon = daemon_of_pid_file(folder);
        assert_eq!(fs::read_to_string(daemon.proc_file("comm")).unwrap(), format!("{name}\n"));
        let arguments = fs::read_to_string(daemon.proc_file("cmdline")).unwrap();
        let arguments: Vec<&str> = arguments.split('\0').collect();
        assert!(arguments[0].ends_with(&format!("/{name}")), "{arguments:?}");
        assert!(arguments.contains(&"-dp-1"), "{arguments:?}");
    }
}

#[test]
fn sigterm_ends_the_daemon_and_removes_its_pid_file() {
    let (daemon, _) = start_in_background("");
    kill(daemon.pid, Signal::SIGTERM).unwrap();
    wait_for("the end of the daemon", || (!daemon.is_running()).then_some(()));
    assert!(!daemon.folder.file("pid").exists());
}

#[test]
fn relative_paths_start_at_the_directory_of_the_command() {
    let folder = Folder::new();
    fs::write(folder.file("users"), "ann:secret\n").unwrap();
    let mut command = Command::new(larder_program());
    command.current_dir(folder.path()).args(["-dp-1", "-s", "socket", "-P", "pid", "-Y", "users"]);
    assert!(command.stdin(Stdio::null()).status().unwrap().success());
    let socket = folder.file("socket");
    let _daemon = daemon_of_pid_file(folder);
    Client::unix(&socket).ask("set auth 0 0 10\r\nann secret\r\n", "STORED\r\n");
}

#[test]
fn passwords_may_come_from_standard_input() {
    let folder = Folder::new();
    fs::write(folder.file("users"), "ann:secret\n").unwrap();
    let mut command = Command::new(larder_program());
    command.args(["-dp-1", "-Y", "/dev/stdin", "-P"]).arg(folder.file("pid"));
    command.arg("-s").arg(folder.file("socket")).stdin(fs::File::open(folder.file("users")).unwrap());
    assert!(command.status().unwrap().success());
    let socket = folder.file("socket");
    let _daemon = daemon_of_pid_file(folder);
    Client::unix(&socket).ask("set auth 0 0 10\r\nann secret\r\n", "STORED\r\n");
}

#[test]
fn sockets_of_the_service_manager_are_passed_to_the_daemon() {
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg("LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\" 3<&0");
    command.arg(larder_program()).args(["-d", "-P"]).arg(folder.file("pid"));
    assert!(command.stdin(OwnedFd::from(listener)).status().unwrap().success());
    let _daemon = daemon_of_pid_file(folder);
    Client::tcp(address).ask("version\r\n", "VERSION 1.6.45\r\n");
}

#[test]
fn a_port_in_use_fails_the_command() {
    let first = larder("").start();
    let (line, status) = larder(&format!("-d -p {}", first.address().port())).refusal();
    assert_eq!(
        line,
        format!("failed to listen on TCP port {}: Address already in use", first.address().port())
    );
    assert_eq!(status, 71);
}

#[test]
fn the_command_fails_with_the_status_of_the_daemon() {
    let (line, status) = larder("-d -p -1 -Z -o ssl_chain_cert=/nonexistent,ssl_key=/nonexistent").refusal();
    assert!(line.starts_with("Error loading the certificate chain: /nonexistent"), "{line}");
    assert_eq!(status, 64);
}

#[test]
fn a_daemon_that_cannot_serve_fails_the_command() {
    // With few descriptors it cannot bind; with a few more it binds and fails at its event loops. How many it takes
    // depends on the descriptors that this process hands down.
    let failure = (8..100).find_map(|descriptors| {
        let limit = format!("prlimit --nofile={descriptors}:{descriptors}");
        let output = larder("-d -p -1 -c 1 -t 1 -l 127.0.0.1").under(&limit).without_privileges().output();
        let messages = String::from_utf8(output.stderr).unwrap();
        assert_ne!(output.status.code(), Some(0), "{descriptors} descriptors: {messages}");
        messages.contains("failed to serve").then_some((messages, output.status.code()))
    });
    let (messages, status) = failure.expect("a failure after the sockets were bound");
    assert!(messages.ends_with(" more open files: Too many open files (os error 24)\n"), "{messages}");
    assert_eq!(status, Some(71));
}

#[test]
fn warnings_of_the_daemon_are_messages_of_the_command() {
    let (_daemon, messages) = start_in_background("-P /nonexistent/larder.pid");
    let warning = "Could not open the pid file /nonexistent/larder.pid.tmp for writing";
    assert!(messages.contains(warning), "{messages}");
}

#[test]
fn a_port_file_that_cannot_be_written_is_a_warning() {
    let folder = Folder::new();
    let socket = folder.file("socket");
    let command = larder("-d -p -1").arg("-s").arg(&socket).arg("-P").arg(folder.file("pid"));
    let output = command.env("MEMCACHED_PORT_FILENAME", "/nonexistent/ports").output();
    let _daemon = daemon_of_pid_file(folder);
    let messages = String::from_utf8(output.stderr).unwrap();
    assert!(messages.contains("Failed to write /nonexistent/ports: No such file or directory"), "{messages}");
    Client::unix(&socket).ask("version\r\n", "VERSION 1.6.45\r\n");
}

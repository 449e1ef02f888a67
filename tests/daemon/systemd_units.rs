//! The units under `systemd/`, and socket activation, notifications and watchdog of the daemon.
//!
//! The tests of the units need systemd's programs; without these they are skipped with one line, and fail under
//! CI=true.

use crate::support::{Client, Folder, Process, larder, larder_program, skip, wait_for};
use std::fs;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Exposure that `systemd-analyze security` may find, in tenths.
const EXPOSURE_MAX: &str = "15";

/// A program of systemd, if it is installed.
fn program(name: &str) -> Option<Command> {
    let found = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            skip(&format!("what needs {name} (package systemd)"));
            None
        }
        _ => Some(Command::new(name)),
    }
}

/// The text of a unit.
fn unit(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)).unwrap()
}

/// The units, with the binary under test in place of the installed one.
fn units(folder: &Folder) -> [PathBuf; 3] {
    ["larder.service", "larder.socket", "larder@.service"].map(|name| {
        let unit = unit(name);
        let copy = folder.file(name);
        fs::write(
            &copy,
            unit.replace("ExecStart=larder", &format!("ExecStart={}", larder_program().display())),
        )
        .unwrap();
        copy
    })
}

#[test]
fn systemd_analyze_accepts_the_units() {
    let Some(mut analyze) = program("systemd-analyze") else { return };
    let folder = Folder::new();
    let output = analyze.arg("verify").args(units(&folder)).output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && messages.is_empty(), "{messages}");
}

#[test]
fn the_service_exposes_little() {
    let Some(mut analyze) = program("systemd-analyze") else { return };
    let folder = Folder::new();
    let [service, ..] = units(&folder);
    let output = analyze
        .args(["security", "--no-pager", "--offline=true", "--threshold", EXPOSURE_MAX])
        .arg(service)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn instances_are_hardened_like_the_service() {
    let hardening = |name: &str| {
        let unit = unit(name);
        let (_, settings) = unit.split_once("# Ports above 1023").expect("the hardening");
        let lines =
            settings.lines().filter(|line| !line.starts_with('#') && !line.contains("RuntimeDirectory"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(hardening("larder.service"), hardening("larder@.service"));
}

#[test]
fn every_hardening_line_of_the_service_has_a_reason() {
    let unit = unit("larder.service");
    let service = unit.split("[Service]\n").nth(1).unwrap().split("[Install]").next().unwrap();
    for paragraph in service.split("\n#").skip(1) {
        let (reason, settings) = paragraph.split_once('\n').unwrap();
        assert!(reason.trim().len() > 20, "{reason}");
        assert!(settings.lines().any(|line| line.contains('=')), "{reason}");
    }
    assert!(service.trim_start().starts_with('#'));
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn tcp_and_unix_sockets_of_a_socket_unit_are_served() {
    let Some(mut activate) = program("systemd-socket-activate") else { return };
    let folder = Folder::new();
    let unix = folder.file("socket");
    let port = free_port();
    activate.arg("-l").arg(format!("127.0.0.1:{port}")).arg("-l").arg(&unix);
    // The port of -p stays closed, because inherited sockets replace it.
    let own = free_port();
    activate.arg(larder_program()).args(["-p", &own.to_string(), "-v"]);
    let _daemon = Process(activate.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    // The first connection starts the daemon and is served by it.
    let mut first = wait_for("the socket", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        Some(Client::tcp(([127, 0, 0, 1], port).into()))
    });
    first.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    Client::unix(&unix).ask("get a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n");
    assert!(std::net::TcpStream::connect(("127.0.0.1", own)).is_err());
    first.send("stats conns\r\n");
    let listeners = first.read_until("END\r\n").matches("conn_listening").count();
    assert_eq!(listeners, 2);
}

#[test]
fn an_inherited_descriptor_that_is_not_a_listening_socket_is_refused() {
    let peer = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = std::net::TcpStream::connect(peer.local_addr().unwrap()).unwrap();
    let datagrams = UnixDatagram::unbound().unwrap();
    for inherited in [Stdio::null(), OwnedFd::from(connected).into(), OwnedFd::from(datagrams).into()] {
        let what = "neither a UDP socket nor a listening TCP or UNIX stream socket";
        refuses_socket(inherited, &[], &format!("socket 1 of LISTEN_FDS is {what}"), 71);
    }
}

/// A daemon that inherits one socket as from systemd.
fn start_with_socket(inherited: impl Into<Stdio>, arguments: &[&str]) -> Process {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg("LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\" 3<&0")
        .arg(larder_program())
        .args(arguments);
    Process(command.stdin(inherited).stderr(Stdio::piped()).spawn().unwrap())
}

#[track_caller]
fn refuses_socket(inherited: impl Into<Stdio>, arguments: &[&str], line: &str, code: i32) {
    let mut daemon = start_with_socket(inherited, arguments);
    let status = wait_for("the refusal", || daemon.0.try_wait().unwrap());
    let messages = io::read_to_string(daemon.0.stderr.take().unwrap()).unwrap();
    assert_eq!((messages, status.code()), (format!("{line}\n"), Some(code)));
}

#[test]
fn an_inherited_udp_socket_is_served() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.connect(socket.local_addr().unwrap()).unwrap();
    peer.set_read_timeout(Some(crate::support::WAIT_MAX)).unwrap();
    // A datagram that arrives before the daemon starts is answered too.
    peer.send(b"\0\x01\0\0\0\x01\0\0version\r\n").unwrap();
    let _daemon = start_with_socket(OwnedFd::from(socket), &[]);
    let mut reply = [0; 100];
    let len = peer.recv(&mut reply).expect("an answer");
    assert_eq!(&reply[..len], b"\0\x01\0\0\0\x01\0\0VERSION 1.6.45\r\n");
}

#[test]
fn an_inherited_udp_socket_cannot_bypass_a_login_or_tls() {
    let folder = Folder::new();
    let users = folder.file("users");
    fs::write(&users, "ann:secret\n").unwrap();
    let users = users.display().to_string();
    for (option, arguments) in [
        ("-Y", vec!["-Y", &users]),
        ("-S", vec!["-S"]),
        ("-Z", vec!["-Z", "-o", "ssl_chain_cert=c,ssl_key=k"]),
    ] {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let line = format!("{option} and a UDP socket of LISTEN_FDS exclude each other");
        refuses_socket(OwnedFd::from(socket), &arguments, &line, 64);
    }
}

#[test]
fn a_reload_reads_the_password_file_again_and_keeps_every_connection() {
    let unit = unit("larder.service");
    let reload = unit.lines().find_map(|line| line.strip_prefix("ExecReload=")).expect("a line ExecReload=");
    let folder = Folder::new();
    let users = folder.file("users");
    fs::write(&users, "ann:old\n").unwrap();
    let daemons = [larder("").start(), larder("").arg("-Y").arg(&users).start()];
    let mut clients = daemons.each_ref().map(|daemon| daemon.connect());
    clients[1].ask("set auth 0 0 7\r\nann old\r\n", "STORED\r\n");
    fs::write(&users, "ann:new\n").unwrap();
    for daemon in &daemons {
        // systemd splits the line into words without a shell.
        let words: Vec<String> =
            reload.split(' ').map(|word| word.replace("$MAINPID", &daemon.pid().to_string())).collect();
        assert!(Command::new(&words[0]).args(&words[1..]).status().unwrap().success(), "{reload}");
    }
    wait_for("the new password to be accepted", || {
        let mut other = daemons[1].connect();
        other.send("set auth 0 0 7\r\nann new\r\n");
        (other.read_until("\r\n") == "STORED\r\n").then_some(())
    });
    for client in &mut clients {
        client.ask("get a\r\n", "END\r\n");
    }
}

#[test]
fn sockets_for_another_process_are_ignored() {
    let daemon = larder("").env("LISTEN_FDS", "1").env("LISTEN_PID", "1").start();
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
}

/// A service manager that receives notifications.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _folder: Folder,
}

impl Manager {
    fn new() -> Manager {
        let folder = Folder::new();
        let path = folder.file("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(crate::support::WAIT_MAX)).unwrap();
        Manager { socket, path, _folder: folder }
    }

    #[track_caller]
    fn expect(&self, expected: &str) {
        let mut message = [0; 1024];
        let length = loop {
            match self.socket.recv(&mut message) {
                // A receive with a timeout is not restarted after a signal.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => break received.expect("a message to the service manager"),
            }
        };
        assert_eq!(String::from_utf8_lossy(&message[..length]), format!("{expected}\n"));
    }
}

#[test]
fn readiness_and_the_end_are_notified() {
    let manager = Manager::new();
    let daemon = larder("").env("NOTIFY_SOCKET", &manager.path).start();
    manager.expect("READY=1");
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
    daemon.stop();
    manager.expect("STOPPING=1");
}

#[test]
fn the_watchdog_is_notified_repeatedly() {
    let manager = Manager::new();
    let daemon = larder("").env("NOTIFY_SOCKET", &manager.path).env("WATCHDOG_USEC", "30000000").start();
    manager.expect("READY=1");
    manager.expect("WATCHDOG=1");
    manager.expect("WATCHDOG=1");
    drop(daemon);
}

#[test]
fn a_watchdog_for_another_process_is_not_notified() {
    let manager = Manager::new();
    let daemon = larder("")
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "30000000")
        .env("WATCHDOG_PID", "1")
        .start();
    manager.expect("READY=1");
    let uptime = |client: &mut Client| client.stat("", "uptime").parse::<u32>().unwrap();
    let mut client = daemon.connect();
    let before = uptime(&mut client);
    wait_for("two seconds to pass", || (uptime(&mut client) >= before + 2).then_some(()));
    daemon.stop();
    manager.expect("STOPPING=1");
}

#[test]
fn a_missing_service_manager_is_a_warning() {
    let daemon = larder("").env("NOTIFY_SOCKET", "/nonexistent/notify").start();
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
    let messages = daemon.stop();
    assert!(messages.contains("cannot notify the service manager that the service is up"), "{messages}");
}

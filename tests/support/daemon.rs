//! Starts the built binary, waits until it serves, and stops it.

use super::{Client, Folder, larder_program, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// A larder daemon with these arguments, separated by spaces.
pub fn larder(args: &str) -> DaemonCommand {
    DaemonCommand::new("larder", args)
}

/// A larder daemon that runs under the name `memcached`. The user root runs it as root, unless the arguments name a
/// user.
pub fn memcached(args: &str) -> DaemonCommand {
    let user = if args.contains("-u") { "" } else { "-u root " };
    DaemonCommand::new("memcached", &format!("{user}{args}"))
}

/// The command line of a daemon and its environment.
pub struct DaemonCommand {
    command: Command,
    binary: PathBuf,
    folder: Folder,
}

impl DaemonCommand {
    fn new(name: &str, args: &str) -> DaemonCommand {
        let folder = Folder::new();
        let binary = folder.file(name);
        symlink(larder_program(), &binary).unwrap();
        let mut command = Command::new(&binary);
        command.args(args.split_whitespace());
        command.stdin(Stdio::null());
        for variable in ["LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            command.env_remove(variable);
        }
        command.env_remove("MEMCACHED_SASL_PWDB");
        command.env_remove("LARDER_SERVER");
        DaemonCommand { command, binary, folder }
    }

    /// Adds one argument, which may contain spaces.
    pub fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> DaemonCommand {
        self.command.arg(arg);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> DaemonCommand {
        self.command.env(name, value);
        self
    }

    /// Runs the daemon under another program, given with its arguments: `prlimit --nofile=50:50`.
    pub fn under(mut self, line: &str) -> DaemonCommand {
        let mut words = line.split_whitespace();
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.command = command;
        self
    }

    /// Drops the privileges of root, if this process has them. The binary is copied, because another user may be unable
    /// to enter the folder of the build.
    pub fn without_privileges(self) -> DaemonCommand {
        if !geteuid().is_root() {
            return self;
        }
        fs::remove_file(&self.binary).unwrap();
        // A process of its own writes the copy. If this one did, a child forked meanwhile by another test could still
        // hold the file open for writing, and Linux executes no such file (ETXTBSY).
        let copied = Command::new("cp").arg(larder_program()).arg(&self.binary).status();
        assert!(copied.expect("cp is part of coreutils").success());
        self.under("setpriv --reuid=65534 --clear-groups --")
    }

    /// Runs it until it exits by itself. Its output goes to files: a background process may keep them open.
    #[track_caller]
    pub fn output(mut self) -> Output {
        let paths = [self.folder.file("stdout"), self.folder.file("stderr")];
        let [stdout, stderr] = paths.each_ref().map(|path| fs::File::create(path).unwrap());
        let mut child = Process(self.command.stdout(stdout).stderr(stderr).spawn().unwrap());
        let status = wait_for("the exit of the process", || child.0.try_wait().unwrap());
        let [stdout, stderr] = paths.map(|path| fs::read(path).unwrap());
        Output { status, stdout, stderr }
    }

    /// Runs it until it refuses to start: returns its only line of output and its exit status.
    #[track_caller]
    pub fn refusal(self) -> (String, i32) {
        let output = self.output();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(line.lines().count(), 1, "expected one line: {line:?}");
        assert!(output.stdout.is_empty());
        (line.trim_end().to_owned(), output.status.code().expect("not killed by a signal"))
    }

    /// Starts it on free ports, which the system chooses, and waits until it serves.
    #[track_caller]
    pub fn start(mut self) -> Daemon {
        self.command.args(["-p", "-1"]);
        self.start_on_given_ports()
    }

    /// Starts it on the ports in its arguments, and waits until it serves.
    #[track_caller]
    pub fn start_on_given_ports(mut self) -> Daemon {
        let port_file = self.folder.file("ports");
        let stderr = fs::File::create(self.folder.file("stderr")).unwrap();
        self.command.env("MEMCACHED_PORT_FILENAME", &port_file).stdout(Stdio::null()).stderr(stderr);
        let child = Process(self.command.spawn().unwrap());
        let folder = self.folder;
        let mut daemon = Daemon { child, addresses: Vec::new(), udp: Vec::new(), http: None, folder };
        let ports = wait_for("a serving daemon", || {
            if let Some(status) = daemon.child.0.try_wait().unwrap() {
                panic!("{status}: {}", daemon.stderr());
            }
            fs::read_to_string(&port_file).ok()
        });
        let of = |word| ports.lines().filter(move |line| line.starts_with(word)).map(address);
        daemon.addresses = of("TCP").collect();
        daemon.udp = of("UDP").collect();
        daemon.http = of("HTTP").next();
        daemon
    }
}

/// The loopback address for a line of the port file.
fn address(line: &str) -> SocketAddr {
    let (family, port) = line.rsplit_once(": ").unwrap();
    let host = if family.ends_with("INET6") { "[::1]" } else { "127.0.0.1" };
    format!("{host}:{port}").parse().unwrap()
}

/// A running daemon, killed when this value is dropped.
pub struct Daemon {
    child: Process,
    addresses: Vec<SocketAddr>,
    udp: Vec<SocketAddr>,
    http: Option<SocketAddr>,
    folder: Folder,
}

impl Daemon {
    /// The TCP addresses that it serves, in the order of binding.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The UDP addresses that it serves, in the order of binding.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        &self.udp
    }

    /// The address of `--metrics`.
    #[track_caller]
    pub fn http_address(&self) -> SocketAddr {
        self.http.expect("it serves metrics")
    }

    /// The first TCP address.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        *self.addresses.first().expect("it serves TCP")
    }

    /// Connects by TCP.
    #[track_caller]
    pub fn connect(&self) -> Client {
        Client::tcp(self.address())
    }

    /// Connects by TCP from an address that no other client has.
    #[track_caller]
    pub fn connect_from_new_address(&self) -> Client {
        Client::tcp_from_new_address(self.address())
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.0.id() as i32)
    }

    /// A folder that is removed with the daemon.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Stops the clock of a daemon that was started with `--debug-commands`; `debugtime SECONDS` moves it.
    #[track_caller]
    pub fn stop_clock(&self) {
        self.connect().ask("debugtime p\r\n", "OK\r\n");
    }

    /// Sends a signal to the daemon.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits until the daemon exits by itself.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the exit of the daemon", || self.child.0.try_wait().unwrap())
    }

    /// Stops it by SIGTERM and returns its standard error.
    #[track_caller]
    pub fn stop(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.stderr());
        self.stderr()
    }

    /// Its standard error so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.file("stderr")).unwrap()
    }

    /// Its resident memory, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        resident_bytes(self.pid())
    }

    /// The number of its open descriptors.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(proc_path(self.pid(), "fd")).unwrap().count()
    }

    /// The lowest free descriptor, which its next file gets. Inherited descriptors may be higher.
    pub fn next_descriptor(&self) -> usize {
        let taken = proc_path(self.pid(), "fd");
        (0..).find(|number: &usize| fs::symlink_metadata(taken.join(number.to_string())).is_err()).unwrap()
    }
}

/// A process, killed when this value is dropped.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn proc_path(pid: Pid, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(name)
}

/// Resident memory of a process, in bytes.
fn resident_bytes(pid: Pid) -> u64 {
    let status = fs::read_to_string(proc_path(pid, "status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

//! Starting the built binary, waiting until it serves, and ending it.

use super::{Client, Folder, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// A daemon about to be started under its own name, with these arguments, split at spaces.
pub fn larder(args: &str) -> Starting {
    Starting::new("larder", args)
}

/// The same under the name `memcached`. As root it runs as root, unless the arguments name a user.
pub fn memcached(args: &str) -> Starting {
    let user = if args.contains("-u") { "" } else { "-u root " };
    Starting::new("memcached", &format!("{user}{args}"))
}

/// A command line and its environment.
pub struct Starting {
    command: Command,
    folder: Folder,
}

impl Starting {
    fn new(name: &str, args: &str) -> Starting {
        let folder = Folder::new();
        let binary = folder.file(name);
        symlink(env!("CARGO_BIN_EXE_larder"), &binary).unwrap();
        let mut command = Command::new(binary);
        command.args(args.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for variable in ["LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            command.env_remove(variable);
        }
        Starting { command, folder }
    }

    /// One more argument, as it is.
    pub fn arg(mut self, arg: impl AsRef<std::ffi::OsStr>) -> Starting {
        self.command.arg(arg);
        self
    }

    /// An environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Starting {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    pub fn output(mut self) -> Output {
        self.command.output().unwrap()
    }

    /// Runs it to its end, which must be a refusal: returns its one line and its status.
    #[track_caller]
    pub fn refusal(self) -> (String, i32) {
        let output = self.output();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(line.lines().count(), 1, "not one line: {line:?}");
        assert!(output.stdout.is_empty());
        (line.trim_end().to_owned(), output.status.code().expect("ended by itself"))
    }

    /// Starts it on ports that the system chooses, and waits until it serves.
    #[track_caller]
    pub fn start(mut self) -> Daemon {
        self.command.args(["-p", "-1"]);
        self.start_as_it_is()
    }

    /// Starts it where its arguments say, and waits until it serves.
    #[track_caller]
    pub fn start_as_it_is(mut self) -> Daemon {
        let port_file = self.folder.file("ports");
        let child = self.command.env("MEMCACHED_PORT_FILENAME", &port_file).spawn().unwrap();
        let mut daemon = Daemon { child, addresses: Vec::new(), folder: self.folder };
        let ports = wait_for("the daemon to serve", || {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("{status}: {}", daemon.stderr());
            }
            fs::read_to_string(&port_file).ok()
        });
        daemon.addresses = ports.lines().map(address).collect();
        daemon
    }
}

/// The address on this machine that a line of the port file stands for.
fn address(line: &str) -> SocketAddr {
    let (family, port) = line.rsplit_once(": ").unwrap();
    let host = if family == "TCP INET6" { "[::1]" } else { "127.0.0.1" };
    format!("{host}:{port}").parse().unwrap()
}

/// A running daemon; it is killed with this value.
pub struct Daemon {
    child: Child,
    addresses: Vec<SocketAddr>,
    folder: Folder,
}

impl Daemon {
    /// The TCP addresses it serves, in the order they were bound.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The first of them.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        *self.addresses.first().expect("it serves TCP")
    }

    /// Connects by TCP.
    #[track_caller]
    pub fn connect(&self) -> Client {
        Client::tcp(self.address())
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// A folder of its own, gone with it.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        wait_for("the daemon to end", || self.child.try_wait().unwrap())
    }

    /// Ends it by SIGTERM and returns what it wrote to standard error.
    #[track_caller]
    pub fn stop(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.stderr());
        self.stderr()
    }

    /// What it wrote to standard error; waits for its end.
    pub fn stderr(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut text).unwrap();
        }
        text
    }

    /// Its resident memory, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        resident_bytes(self.pid())
    }

    /// Its open descriptors.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(proc_path(self.pid(), "fd")).unwrap().count()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

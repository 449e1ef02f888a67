//! A server process: started on free ports, its resource usage, stopped when dropped.

use super::affinity::Placement;
use super::failure::Failure;
use super::schedstat::Scheduled;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// Name of the larder that this build contains.
pub(crate) const LARDER_NAME: &str = "larder";

/// Interval and number of the attempts to connect to a starting server.
const INTERVAL: Duration = Duration::from_millis(20);
const ATTEMPTS: u32 = 500;

pub(crate) struct Server {
    child: Child,
    port: u16,
    path: PathBuf,
}

/// Resource usage of a server so far.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// CPU time in nanoseconds, from the scheduler.
    pub(crate) cpu_nanos: u64,
    /// CPU time of threads other than workers, which run maintenance and the advisor.
    pub(crate) background_nanos: u64,
    /// CPU time in user mode and in the kernel, in system ticks (coarse).
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
}

impl Server {
    /// Starts `command` and waits until it accepts connections on its Unix socket or TCP port. Replaces `{port}`,
    /// `{sock}`, `{threads}`, `{larder}` and the names in `fills`. Their values may contain the other ones.
    pub(crate) fn start(
        command: &str,
        threads: usize,
        placement: Placement,
        unix: bool,
        fills: &[(&str, &str)],
    ) -> Result<Server, Failure> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let path = std::env::temp_dir().join(format!("bench-{}-{port}.sock", std::process::id()));
        let command =
            fills.iter().fold(command.to_owned(), |command, (name, value)| command.replace(name, value));
        let command = command
            .replace("{larder}", env!("CARGO_BIN_EXE_larder"))
            .replace("{port}", &port.to_string())
            .replace("{sock}", &path.display().to_string())
            .replace("{threads}", &threads.to_string());
        let mut words = command.split_whitespace();
        let program = words.next().ok_or("a server without a command")?;
        placement.pin_to_server()?;
        let started = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        placement.pin_to_load()?;
        let child = started.map_err(|error| format!("{program}: {error}"))?;
        let mut server = Server { child, port, path };
        for _ in 0..ATTEMPTS {
            if server.connect(unix).is_ok() {
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{command}: {status}").into());
            }
            sleep(INTERVAL);
        }
        Err(format!("{command}: it does not accept connections").into())
    }

    /// Opens a connection without Nagle's algorithm.
    pub(crate) fn connect(&self, unix: bool) -> Result<Socket, Failure> {
        if unix {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.connect(&SockAddr::unix(&self.path)?)?;
            return Ok(socket);
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_tcp_nodelay(true)?;
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).into())?;
        Ok(socket)
    }

    /// The TCP port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn proc(&self, file: &str) -> Result<String, Failure> {
        Ok(fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))?)
    }

    /// Resource usage so far.
    pub(crate) fn usage(&self) -> Result<Usage, Failure> {
        let (mut cpu_nanos, mut background_nanos) = (0, 0);
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let task = task?.path();
            let nanos = Scheduled::of(&task)?.ran_nanos;
            let works = fs::read_to_string(task.join("comm"))?.contains("worker");
            cpu_nanos += nanos;
            background_nanos += if works { 0 } else { nanos };
        }
        let stat = self.proc("stat")?;
        // The process name may contain spaces. Fields 14 and 15 (proc(5)).
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks =
            |field: usize| fields.get(field - 3).ok_or("a short stat")?.parse().map_err(Failure::from);
        Ok(Usage { cpu_nanos, background_nanos, user_ticks: ticks(14)?, system_ticks: ticks(15)? })
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Failure> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops the server and waits for its end.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.path);
    }
}

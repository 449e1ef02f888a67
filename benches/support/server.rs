//! A server under load: started on ports of its own, asked what it has used, ended with this value.

use super::affinity::Placement;
use super::{Failure, Scheduled};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// What the larder of this build is called.
pub(crate) const OWN_NAME: &str = "larder";

/// How often, and for how long in all, a server that starts is looked for.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 500;

pub(crate) struct Server {
    child: Child,
    port: u16,
    path: PathBuf,
}

/// What a server has used up to a moment.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    /// On a CPU, in nanoseconds, by the scheduler.
    pub(crate) cpu_nanos: u64,
    /// Of which in threads that are not named workers: those that run maintenance and the advisor.
    pub(crate) background_nanos: u64,
    /// Of which in user mode and in the kernel, in ticks of the system; coarse.
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
}

impl Server {
    /// Starts `command` and waits until it serves, by the unix socket or by TCP. `{port}`, `{sock}`, `{threads}`,
    /// `{larder}`, and what `fills` names, are filled in; what `fills` brings in may hold the others.
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
        placement.hold_server()?;
        let started = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        placement.hold_load()?;
        let child = started.map_err(|error| format!("{program}: {error}"))?;
        let mut server = Server { child, port, path };
        for _ in 0..LOOKS {
            if server.connect(unix).is_ok() {
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{command}: {status}").into());
            }
            sleep(LOOK);
        }
        Err(format!("{command}: nobody listens").into())
    }

    /// A new connection, without delay on its packets.
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

    /// Its TCP port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn proc(&self, file: &str) -> Result<String, Failure> {
        Ok(fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))?)
    }

    /// What it has used so far.
    pub(crate) fn used(&self) -> Result<Used, Failure> {
        let (mut cpu_nanos, mut background_nanos) = (0, 0);
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let task = task?.path();
            let nanos = Scheduled::of(&task)?.ran_nanos;
            let works = fs::read_to_string(task.join("comm"))?.contains("worker");
            cpu_nanos += nanos;
            background_nanos += if works { 0 } else { nanos };
        }
        let stat = self.proc("stat")?;
        // The name before it may hold spaces. Fields 14 and 15 of the whole (proc(5)).
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks =
            |field: usize| fields.get(field - 3).ok_or("a short stat")?.parse().map_err(Failure::from);
        Ok(Used { cpu_nanos, background_nanos, user_ticks: ticks(14)?, system_ticks: ticks(15)? })
    }

    /// Memory in use, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Failure> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it and waits for its end.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.path);
    }
}

//! Counts system calls per batch with the kernel's trace points during a turn (`perf stat`, as root).
//!
//! strace would slow the server down and so make its batches larger.

use crate::exchange;
use crate::fill::fill;
use crate::loads::{Kind, LOADS};
use crate::support::Failure;
use crate::target;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const COUNTED: &[&str] = &["get", "get-deep", "mix", "get-100-keys", "get-unix"];

const EVENTS: &[(&str, &str)] = &[
    ("raw_syscalls:sys_enter", "all"),
    ("syscalls:sys_enter_recvfrom", "recv"),
    ("syscalls:sys_enter_sendto", "send"),
    ("syscalls:sys_enter_sendmsg", "sendmsg"),
    ("syscalls:sys_enter_epoll_wait", "epoll_wait"),
    ("syscalls:sys_enter_epoll_pwait", "epoll_pwait"),
];

/// Time for perf to attach.
const ATTACH: Duration = Duration::from_millis(500);

pub(crate) fn count(servers: &[(String, String)], keys: u64, turn: Duration) -> Result<(), Failure> {
    print!("{:<14}{:<12}{:>12}", "load", "server", "batch");
    EVENTS.iter().for_each(|(_, name)| print!("{name:>12}"));
    println!("   (calls per batch)");
    for name in COUNTED {
        let load = LOADS.iter().find(|load| load.name == *name).ok_or("no such load")?;
        let Kind::Exchange(mix) = load.kind else { continue };
        for (name, command) in servers.iter().filter(|(_, command)| target::serves(command, load)) {
            let running = target::start(command, load)?;
            fill(&running, load, keys)?;
            let names: Vec<&str> = EVENTS.iter().map(|(event, _)| *event).collect();
            let perf = Command::new("perf")
                .args(["stat", "-x", ",", "-e", &names.join(","), "-p", &running.pid().to_string()])
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|error| format!("perf: {error}"))?;
            sleep(ATTACH);
            let batches = exchange::run(&running, load, mix, keys, turn, 1)?.batches;
            kill(Pid::from_raw(perf.id() as i32), Signal::SIGINT)?;
            let output = String::from_utf8(perf.wait_with_output()?.stderr)?;
            print!("{:<14}{name:<12}{batches:>12}", load.name);
            for (event, _) in EVENTS {
                let line = output.lines().find(|line| line.contains(event)).ok_or_else(|| output.clone())?;
                let calls: f64 = line.split(',').next().unwrap_or_default().parse()?;
                print!("{:>12.2}", calls / batches as f64);
            }
            println!();
        }
    }
    Ok(())
}

//! Heavy clients run in processes of their own: this program with hidden arguments.
//!
//! A heavy client replies to every line of its standard input with its count so far. It exits at the end of the input,
//! so it does not outlive the bench.

use crate::connection::Target;
use crate::counter;
use crate::kinds::{KINDS, Kind};
use crate::support::Failure;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// The hidden argument. A kind, a port, the smoke size, and a file follow.
pub(crate) const ARGUMENT: &str = "heavy-client";

/// Interval and time limit of the wait for a client's first count.
const INTERVAL: Duration = Duration::from_millis(5);
const BEGIN_MAX: Duration = Duration::from_secs(30);

/// A running client.
pub(crate) struct HeavyClient {
    process: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl HeavyClient {
    pub(crate) fn start(kind: &Kind, target: &Target) -> Result<HeavyClient, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([&format!("--{ARGUMENT}"), kind.name, &target.port.to_string(), &target.smoke.to_string()])
            .arg(&target.certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = process.stdin.take().ok_or("a client without input")?;
        let replies = BufReader::new(process.stdout.take().ok_or("a client without output")?);
        Ok(HeavyClient { process, requests, replies })
    }

    /// The count so far; an error if the client has ended.
    pub(crate) fn counted(&mut self) -> Result<u64, Failure> {
        let mut answer = String::new();
        // If there is no reply, the exit status says more than the error of the pipe.
        if self.requests.write_all(b"\n").and_then(|()| self.replies.read_line(&mut answer)).unwrap_or(0) == 0
        {
            return Err(format!("a heavy client has ended: {}", self.process.wait()?).into());
        }
        Ok(answer.trim_end().parse()?)
    }

    /// Latencies until the count is not 0.
    pub(crate) fn wait_until_begun(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        while self.counted()? == 0 {
            if start.elapsed() > BEGIN_MAX {
                return Err("a heavy client has counted nothing in 30 s".into());
            }
            sleep(INTERVAL);
        }
        Ok(())
    }
}

impl Drop for HeavyClient {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The body of a client process. `arguments` follow [`ARGUMENT`].
pub(crate) fn run(arguments: &[&String]) -> Result<(), Failure> {
    let [name, port, smoke, certificate] = arguments else {
        return Err("not the arguments of a client".into());
    };
    let target =
        Target { port: port.parse()?, certificate: PathBuf::from(certificate), smoke: smoke.parse()? };
    let kind = KINDS.iter().find(|kind| kind.name == *name).ok_or("no such kind")?;
    spawn(counter::answer);
    kind.run.ok_or("a kind without clients")?(&target)
}

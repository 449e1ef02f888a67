//! A heavy client is a process of its own: this program once more, with arguments that only it uses.
//!
//! For every line on its standard input it answers with what it has counted so far; at the end of the input it exits,
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

/// The hidden argument; a kind, a port, whether it is a smoke test, and a file follow.
pub(crate) const ARGUMENT: &str = "heavy-client";

/// How often, and how long in all, a client is asked whether it has begun.
const LOOK: Duration = Duration::from_millis(5);
const BEGIN_MAX: Duration = Duration::from_secs(30);

/// A client that runs.
pub(crate) struct HeavyClient {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl HeavyClient {
    pub(crate) fn start(kind: &Kind, target: &Target) -> Result<HeavyClient, Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([&format!("--{ARGUMENT}"), kind.name, &target.port.to_string(), &target.smoke.to_string()])
            .arg(&target.certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = process.stdin.take().ok_or("a client without input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("a client without output")?);
        Ok(HeavyClient { process, questions, answers })
    }

    /// What it has counted so far; a failure if it has ended.
    pub(crate) fn counted(&mut self) -> Result<u64, Failure> {
        let mut answer = String::new();
        // Without an answer the status tells more than the error of the pipe.
        if self.questions.write_all(b"\n").and_then(|()| self.answers.read_line(&mut answer)).unwrap_or(0)
            == 0
        {
            return Err(format!("a heavy client has ended: {}", self.process.wait()?).into());
        }
        Ok(answer.trim_end().parse()?)
    }

    /// Waits until it has counted something.
    pub(crate) fn wait_until_begun(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        while self.counted()? == 0 {
            if start.elapsed() > BEGIN_MAX {
                return Err("a heavy client has counted nothing in 30 s".into());
            }
            sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for HeavyClient {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the process of a client does. `arguments` are those after [`ARGUMENT`].
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

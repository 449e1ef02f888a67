//! Starts the two servers with the same options. The test fails if larder does not accept them.

use crate::transcript::WAIT_MAX;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// The variable with the path of memcached. By default `memcached` is looked up in the search path.
const ORACLE: &str = "LARDER_ORACLE";

/// The time between two polls.
const PAUSE: Duration = Duration::from_millis(5);

/// Polls the condition until it is true. Fails the test with a message about `event` after [`WAIT_MAX`].
pub fn wait_until(event: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..WAIT_MAX.as_millis() / PAUSE.as_millis() {
        if condition() {
            return;
        }
        sleep(PAUSE);
    }
    panic!("no sign of {event} within {WAIT_MAX:?}");
}

/// A running server, killed when this value is dropped.
pub struct Server {
    child: Child,
    pub port: u16,
    /// 0 without UDP.
    pub udp_port: u16,
}

impl Server {
    /// The larder under test.
    pub fn larder() -> Server {
        Server::start(Command::new(env!("CARGO_BIN_EXE_larder")), "larder", "0")
    }

    /// The larder under test, with UDP.
    pub fn larder_with_udp() -> Server {
        Server::start(Command::new(env!("CARGO_BIN_EXE_larder")), "larder", "-1")
    }

    /// Debian's memcached, with UDP.
    pub fn oracle_with_udp() -> Server {
        Server::start_oracle(false, "-1")
    }

    /// Debian's memcached without its background threads: they would make counters depend on timing, and an item that
    /// they refer to is not changed in place (see `phases.rs`).
    pub fn oracle() -> Server {
        Server::start_oracle(false, "0")
    }

    /// Debian's memcached with its background threads.
    pub fn oracle_with_background_threads() -> Server {
        Server::start_oracle(true, "0")
    }

    fn start_oracle(background: bool, udp: &str) -> Server {
        let program = env::var_os(ORACLE).unwrap_or_else(|| "memcached".into());
        let version = Command::new(&program).arg("-V").output();
        let version = version.unwrap_or_else(|error| {
            panic!("no memcached to compare with ({error}): apt-get install memcached, or set {ORACLE}")
        });
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        assert_eq!(version, "memcached 1.6.18", "the known differences are those of memcached 1.6.18");
        let mut command = Command::new(program);
        if !background {
            command.args(["-o", "no_lru_crawler,no_lru_maintainer"]);
        }
        Server::start(command, "memcached", udp)
    }

    fn start(mut command: Command, name: &str, udp: &str) -> Server {
        let file = port_file(name);
        // A killed test process that had the same id may have left it behind.
        let _ = fs::remove_file(&file);
        command.args(["-p", "-1", "-U", udp, "-l", "127.0.0.1", "-t", "1", "-m", "1024", "-u", "root"]);
        command.env("MEMCACHED_PORT_FILENAME", &file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        for _ in 0..WAIT_MAX.as_millis() / PAUSE.as_millis() {
            if let Some(port) = port_in(&file, "TCP") {
                let udp_port = port_in(&file, "UDP").unwrap_or(0);
                let _ = fs::remove_file(&file);
                return Server { child, port, udp_port };
            }
            if let Ok(Some(status)) = child.try_wait() {
                panic!("{command:?} ended: {status}");
            }
            sleep(PAUSE);
        }
        let _ = child.kill();
        panic!("{command:?} wrote no port file within {WAIT_MAX:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A path that no other test of this or another run uses.
fn port_file(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let file = format!("{name}-{}-{}.port", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    env::temp_dir().join(file)
}

/// The port in a line like `TCP INET: 39523`.
fn port_in(file: &Path, transport: &str) -> Option<u16> {
    let text = fs::read_to_string(file).ok()?;
    let start = format!("{transport} INET: ");
    text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok())
}

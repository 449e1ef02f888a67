//! `-P`: the pid file exists while the daemon serves. The port file (MEMCACHED_PORT_FILENAME) is written in the same
//! way.

use crate::support::{Folder, larder, wait_for};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn the_file_is_written_in_the_foreground_too_and_removed_at_the_end() {
    let folder = Folder::new();
    let file = folder.file("pid");
    let mut daemon = larder("").arg("-P").arg(&file).start();
    // The port file is written before the pid file.
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
    wait_for("the pid file", || file.exists().then_some(()));
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n", daemon.pid()));
    assert!(!folder.file("pid.tmp").exists());
    daemon.signal(Signal::SIGINT);
    daemon.wait();
    assert!(!file.exists());
}

#[test]
fn a_running_process_in_the_file_is_a_warning() {
    let folder = Folder::new();
    let file = folder.file("pid");
    fs::write(&file, format!("{}\n", std::process::id())).unwrap();
    let daemon = larder("").arg("-P").arg(&file).start();
    let named = format!("{}\n", daemon.pid());
    wait_for("the new pid", || (fs::read_to_string(&file).unwrap() == named).then_some(()));
    let messages = daemon.stop();
    let warning =
        format!("WARNING: The pid file contained the following (running) pid: {}", std::process::id());
    assert!(messages.contains(&warning), "{messages}");
}

#[test]
fn a_file_without_a_process_id_is_replaced_silently() {
    let folder = Folder::new();
    let file = folder.file("pid");
    fs::write(&file, "-1\n").unwrap();
    let daemon = larder("").arg("-P").arg(&file).start();
    let named = format!("{}\n", daemon.pid());
    wait_for("the new pid", || (fs::read_to_string(&file).unwrap() == named).then_some(()));
    assert!(!daemon.stop().contains("pid"));
}

#[test]
fn a_path_that_cannot_be_written_is_a_warning() {
    let daemon = larder("-P /nonexistent/larder.pid").start();
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
    let messages = daemon.stop();
    assert!(
        messages.contains("Could not open the pid file /nonexistent/larder.pid.tmp for writing"),
        "{messages}"
    );
}

#[test]
fn the_file_of_another_process_is_not_removed() {
    let folder = Folder::new();
    let file = folder.file("pid");
    let daemon = larder("").arg("-P").arg(&file).start();
    wait_for("the pid file", || file.exists().then_some(()));
    fs::write(&file, "1\n").unwrap();
    daemon.stop();
    assert_eq!(fs::read_to_string(&file).unwrap(), "1\n");
}

#[test]
fn a_full_disk_is_a_warning_and_leaves_no_file() {
    let folder = Folder::new();
    // /dev/full can be opened, and every write to it fails.
    let full = |name| symlink("/dev/full", folder.file(name)).unwrap();
    full("pid.tmp");
    full("ports.lck");
    let daemon = larder("").arg("-P").arg(folder.file("pid")).start();
    let messages = daemon.stop();
    assert!(
        messages.contains("Could not open the pid file") && messages.contains("No space left"),
        "{messages}"
    );
    let started = larder("-d -p -1")
        .arg("-P")
        .arg(folder.file("other_pid"))
        .env("MEMCACHED_PORT_FILENAME", folder.file("ports"))
        .output();
    let pid: i32 = fs::read_to_string(folder.file("other_pid")).unwrap().trim().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    let messages = String::from_utf8(started.stderr).unwrap();
    assert!(messages.contains("Failed to write") && messages.contains("No space left"), "{messages}");
    wait_for("the end", || (!folder.file("other_pid").exists()).then_some(()));
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_failed_rename_leaves_no_file() {
    let folder = Folder::new();
    fs::create_dir(folder.file("pid")).unwrap();
    let messages = larder("").arg("-P").arg(folder.file("pid")).start().stop();
    assert!(messages.contains("Could not rename the pid file"), "{messages}");
    assert!(!folder.file("pid.tmp").exists());
}

#[test]
fn a_pipe_at_the_path_is_replaced_without_opening_it() {
    let folder = Folder::new();
    let file = folder.file("pid");
    mkfifo(&file, Mode::S_IRWXU).unwrap();
    let daemon = larder("").arg("-P").arg(&file).start();
    wait_for("the pid file", || file.is_file().then_some(()));
    daemon.stop();
    assert!(!file.exists());
}

//! `-P`: the file is there when the daemon serves, names it, and goes with it.

use crate::support::{Folder, larder, wait_for};
use nix::sys::signal::Signal;
use std::fs;

#[test]
fn it_is_written_in_the_foreground_too_and_removed_at_the_end() {
    let folder = Folder::new();
    let file = folder.file("pid");
    let mut daemon = larder("").arg("-P").arg(&file).start();
    // The port file comes a moment before the pid file; an answer comes after both.
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
    wait_for("the pid file", || file.exists().then_some(()));
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n", daemon.pid()));
    assert!(!folder.file("pid.tmp").exists());
    daemon.signal(Signal::SIGINT);
    daemon.wait();
    assert!(!file.exists());
}

#[test]
fn a_running_process_in_it_is_warned_of_and_replaced() {
    let folder = Folder::new();
    let file = folder.file("pid");
    fs::write(&file, format!("{}\n", std::process::id())).unwrap();
    let daemon = larder("").arg("-P").arg(&file).start();
    let named = format!("{}\n", daemon.pid());
    wait_for("its own pid", || (fs::read_to_string(&file).unwrap() == named).then_some(()));
    let said = daemon.stop();
    let warning =
        format!("WARNING: The pid file contained the following (running) pid: {}", std::process::id());
    assert!(said.contains(&warning), "{said}");
}

#[test]
fn nonsense_in_it_is_replaced_in_silence() {
    let folder = Folder::new();
    let file = folder.file("pid");
    fs::write(&file, "-1\n").unwrap();
    let daemon = larder("").arg("-P").arg(&file).start();
    let named = format!("{}\n", daemon.pid());
    wait_for("its own pid", || (fs::read_to_string(&file).unwrap() == named).then_some(()));
    assert!(!daemon.stop().contains("pid"));
}

#[test]
fn a_place_where_it_cannot_be_written_is_a_warning() {
    let daemon = larder("-P /nonexistent/larder.pid").start();
    daemon.connect().ask("version\r\n", "VERSION 1.6.45\r\n");
    let said = daemon.stop();
    assert!(said.contains("Could not open the pid file /nonexistent/larder.pid.tmp for writing"), "{said}");
}

#[test]
fn the_file_of_a_successor_is_left_alone() {
    let folder = Folder::new();
    let file = folder.file("pid");
    let daemon = larder("").arg("-P").arg(&file).start();
    wait_for("the pid file", || file.exists().then_some(()));
    fs::write(&file, "1\n").unwrap();
    daemon.stop();
    assert_eq!(fs::read_to_string(&file).unwrap(), "1\n");
}

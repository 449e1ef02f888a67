//! The output of `-h`, `-V` and `-i` on standard output, with status 0. Scripts read the first lines.

use crate::support::{DaemonCommand, larder, memcached};

#[track_caller]
fn printed(command: DaemonCommand) -> String {
    let output = command.output();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_version_depends_on_the_name() {
    let own = format!("larder {}\n", env!("CARGO_PKG_VERSION"));
    for option in ["-V", "--version"] {
        assert_eq!(printed(larder(option)), own);
        assert_eq!(printed(memcached(option)), "memcached 1.6.45\n");
    }
}

#[test]
fn the_help_starts_with_the_version() {
    for option in ["-h", "--help", "--hel"] {
        assert!(printed(memcached(option)).starts_with("memcached 1.6.45\n"));
    }
    assert!(printed(larder("-h")).starts_with("larder "));
}

#[test]
fn the_help_shows_the_defaults_of_the_name() {
    assert!(printed(larder("-h")).contains("(default: 127.0.0.1 and ::1)"));
    assert!(printed(memcached("-h")).contains("(default: 1.25)"));
}

#[test]
fn help_and_version_are_printed_in_spite_of_wrong_options() {
    assert!(printed(larder("-V --nonsense -p 99999")).starts_with("larder "));
    assert!(printed(larder("-p 99999 -h")).starts_with("larder "));
}

#[test]
fn the_license_is_printed() {
    assert!(printed(larder("-i")).contains("Apache License"));
}

//! A wrong command line is refused with one line on standard error and memcached's exit status.

use crate::support::{Folder, larder, memcached, skip};
use nix::unistd::geteuid;

#[track_caller]
fn refuses(args: &str, status: i32, line: &str) {
    assert_eq!(larder(args).refusal(), (line.to_owned(), status), "larder {args}");
}

#[test]
fn unknown_options() {
    refuses("-q", 1, "larder: invalid option -- 'q' (all options: larder -h)");
    refuses("--foo", 1, "larder: unrecognized option '--foo' (all options: larder -h)");
    refuses("-p", 1, "larder: option '--port' requires an argument (all options: larder -h)");
    let (line, status) = memcached("--mem=4").refusal();
    assert!(line.starts_with("memcached: option '--mem' is ambiguous"), "{line}");
    assert_eq!(status, 1);
}

#[test]
fn values_out_of_range() {
    refuses("-p 65536", 64, "ERROR: Invalid port number 65536.");
    refuses("-c 0", 1, "Maximum connections must be greater than 0 (-c 0)");
    refuses("-t 0", 1, "Number of threads must be greater than 0 (-t 0)");
    refuses("-R 0", 1, "Number of requests per event must be greater than 0 (-R 0)");
    refuses("-n 0", 1, "Chunk size must be greater than 0 (-n 0)");
    refuses("-f 1.0", 1, "Factor must be greater than 1 (-f 1.0)");
    refuses("-m 0", 64, "The memory limit must be greater than 0 megabytes (-m 0)");
    refuses("-m 67108864000", 64, "The memory limit is in megabytes, not bytes (-m 67108864000)");
    refuses("-I 1000", 64, "Item max size cannot be less than 1024 bytes. (-I is 1000 bytes)");
    refuses(
        "-I 33m",
        64,
        "Cannot set item size limit higher than 1/2 of memory max. (-I is 34603008 bytes, -m 64 megabytes)",
    );
    refuses("-a 999", 64, "-a needs an octal mode, not \"999\"");
}

#[test]
fn values_that_are_not_numbers() {
    refuses("-p abc", 64, "-p needs a number, not \"abc\"");
    refuses("--threads=four", 1, "-t needs a number, not \"four\"");
}

#[test]
fn unknown_extended_options() {
    refuses(
        "-o ext_path=/tmp/x",
        1,
        "must supply size to ext_path, ie: ext_path=/f/e:64m (M|G|T|P supported)",
    );
    refuses("-o nonsense", 1, "Illegal suboption \"nonsense\"");
}

#[test]
fn addresses_that_cannot_be_listened_on() {
    refuses("-l 127.0.0.1:abc", 71, "Invalid port number: \"abc\" (-l 127.0.0.1:abc)");
    refuses("-p 0", 64, "nothing to listen on: give an address by -p, -l or -s");
    // 192.0.2.0/24 is for documentation: no machine has it.
    refuses(
        "-l 192.0.2.1",
        71,
        "failed to listen on one of interface(s) 192.0.2.1: Cannot assign requested address",
    );
    let (line, status) = larder("-l no-such-host.invalid").refusal();
    assert!(line.starts_with("failed to listen on one of interface(s) no-such-host.invalid: "), "{line}");
    assert_eq!(status, 71);
    let path = Folder::new().file("missing/socket");
    refuses(
        &format!("-p 0 -s {}", path.display()),
        71,
        &format!("failed to listen on UNIX socket: {}: No such file or directory", path.display()),
    );
}

#[test]
fn more_connections_than_possible_descriptors() {
    let (line, status) = larder("-p -1 -c 2000000000").refusal();
    assert!(line.starts_with("failed to set rlimit for open files. Try starting as root"), "{line}");
    assert_eq!(status, 71);
}

#[test]
fn users_as_root() {
    if !geteuid().is_root() {
        return skip("bad users (needs root)");
    }
    refuses("-u no-such-user", 67, "can't find the user no-such-user to switch to");
    let (line, status) = memcached("").arg("-u").arg("").refusal();
    assert_eq!((line.as_str(), status), ("must add '-u root' to start as root", 64));
}

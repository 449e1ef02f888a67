//! `larder keys` lists the items, and escapes the bytes of keys for the terminal.

use super::{larder_with_items, printed, refused};
use crate::support::{Process, larder, larder_program, wait_for};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn keys_are_listed_with_their_properties() {
    let daemon = larder_with_items();
    let text = printed("keys", &daemon.address().to_string());
    let row = |part: &str| -> Vec<String> {
        let line =
            text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("{part} in {text}"));
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(row("LAST USE")[3..], ["TYPE", "VERSION", "PREFIX", "KEY"]);
    assert_eq!(row("news")[3..], ["pickle", "1", "site", "site:1:news"]);
    assert_eq!(row("count")[1], "never");
    assert_eq!(row("count")[3..], ["integer", "1", "site", "site:1:count"]);
    assert_eq!(row("page")[3..], ["text, compressed", "1", ":1:page"]);
    assert_eq!(row("evil")[3..], ["text", "evil\\x1b[2J"]);
    assert!(!text.contains('\x1b'));
}

#[test]
fn a_prefix_and_a_limit_select_keys() {
    let daemon = larder_with_items();
    let server = daemon.address().to_string();
    let lines = |line: &str| printed(line, &server).lines().count();
    assert_eq!(lines("keys --json"), 4);
    assert_eq!(lines("keys site: --json"), 2);
    assert_eq!(lines("keys site:1:count --json"), 1);
    assert_eq!(lines("keys --limit 3 --json"), 3);
    assert_eq!(lines("keys --limit 0 --json"), 0);
    assert_eq!(lines("keys nothing"), 1, "only the headings");
}

#[test]
fn json_has_an_object_for_each_key() {
    let daemon = larder_with_items();
    let text = printed("keys evil --json", &daemon.address().to_string());
    assert!(
        text.starts_with("{\"django\":null,\"encoded\":\"evil%1B%5B2J\",\"expires\":false,\"flags\":16,"),
        "{text}"
    );
    assert!(text.contains("\"key\":\"evil\\u001b[2J\""), "{text}");
}

#[test]
fn many_keys_are_streamed() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    let sets: String = (0..20_000).map(|at| format!("set key-{at} 0 0 1 noreply\r\nx\r\n")).collect();
    client.send(sets + "mn\r\n");
    client.expect("MN\r\n");
    assert_eq!(printed("keys --json", &daemon.address().to_string()).lines().count(), 20_000);
    // The reader may close the pipe early.
    let mut command = Command::new(larder_program());
    command.args(["keys", "--server", &daemon.address().to_string()]);
    let mut child = Process(command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("LAST USE"), "{line}");
    let status = wait_for("the tool to end", || child.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_error_of_a_server_that_forbids_dumps_is_quoted() {
    let daemon = larder("-X").start();
    let line = refused("keys", &daemon.address().to_string());
    assert!(line.contains(" refuses \"lru_crawler metadump all\": ERROR metadump not allowed"), "{line}");
}

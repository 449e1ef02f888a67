//! Messages on standard error: warnings only, and more with `-v`, `-vv`, `-vvv` or the command `verbosity`.

use crate::support::{Authority, Client, Daemon, Folder, frames, larder};
use rustls::version::TLS13;

fn messages(daemon: Daemon) -> Vec<String> {
    let root = "running as root";
    daemon.stop().lines().filter(|line| !line.starts_with(root)).map(str::to_owned).collect()
}

/// A line without its numbers.
fn shape(line: impl AsRef<str>) -> String {
    line.as_ref().replace(|c: char| c.is_ascii_digit(), "")
}

#[test]
fn by_default_there_are_no_messages() {
    let daemon = larder("").start();
    daemon.connect().ask("get a\r\nnonsense\r\n", "END\r\nERROR\r\n");
    assert!(messages(daemon).is_empty());
}

#[test]
fn the_first_store_with_a_passed_time_is_logged_with_its_family() {
    let daemon = larder("").start();
    let store = "set user:1234:name 0 2592001 1\r\nx\r\n";
    daemon.connect().ask(store.repeat(2), "STORED\r\nSTORED\r\n");
    let lines = messages(daemon);
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let text = "of the family user:*:name was stored with an absolute time that had already passed, so it expired at \
        once: 2592001 seconds is more than 30 days and counts as a date in 1970";
    assert!(line.contains(text), "{line}");
}

#[test]
fn a_memory_limit_above_the_memory_of_the_machine_is_reported() {
    let daemon = larder("-m 100t").start();
    assert_eq!(daemon.connect().stat("settings", "maxbytes"), (100_u64 << 40).to_string());
    let lines = messages(daemon);
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(line.contains("WARNING: the memory limit is 104857600 MB (-m), but "), "{line}");
}

#[test]
fn vv_shows_requests_and_replies_in_the_form_of_memcached() {
    let daemon = larder("-vv -t 1 -l 127.0.0.1").start();
    let mut client = daemon.connect();
    client.ask("set a 0 0 1\r\nx\r\n", "STORED\r\n");
    client.send("quit\r\n");
    client.read_to_close();
    let lines = messages(daemon);
    let shapes: Vec<String> = lines.iter().map(shape).collect();
    let expected = [
        "< server listening (auto-negotiate)",
        "< new auto-negotiating client connection",
        "< set a   ",
        "> STORED",
        "< quit",
        "< connection closed.",
        "Exiting normally",
    ];
    assert_eq!(shapes, expected, "{lines:?}");
}

#[test]
fn vv_shows_neither_keys_nor_passwords_of_the_binary_protocol() {
    let folder = Folder::new();
    std::fs::write(folder.file("users"), "ann:secret\n").unwrap();
    let daemon = larder("-vv -S -t 1 -l 127.0.0.1").env("MEMCACHED_SASL_PWDB", folder.file("users")).start();
    let mut client = daemon.connect();
    client.send(frames::valued(0x21, "PLAIN", "\0ann\0secret").bytes());
    client.send(frames::request(0x07).bytes());
    client.read_to_close();
    let text = messages(daemon).join("\n");
    for line in ["binary request 0x21, 40 bytes", "binary reply to 0x21, status 0x00", "new binary client"] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn vv_shows_nothing_of_a_login_by_text() {
    let folder = Folder::new();
    std::fs::write(folder.file("users"), "ann:secret\n").unwrap();
    let daemon = larder("-vv -t 1 -l 127.0.0.1").arg("-Y").arg(folder.file("users")).start();
    let mut client = daemon.connect();
    client.ask("set auth 0 0 9\r\nann ecret\r\n", "CLIENT_ERROR authentication failure\r\n");
    client.ask("set auth 0 0 10\r\nann secret\r\nget after\r\n", "STORED\r\nEND\r\n");
    let text = messages(daemon).join("\n");
    assert!(text.contains("get after") && !text.contains("ecret"), "{text}");
}

#[test]
fn the_command_verbosity_changes_the_level() {
    let daemon = larder("").start();
    let mut client = daemon.connect();
    client.ask("get before\r\n", "END\r\n");
    client.ask("verbosity 2\r\n", "OK\r\n");
    client.ask("get while\r\n", "END\r\n");
    client.ask("verbosity 0\r\n", "OK\r\n");
    client.ask("get after\r\n", "END\r\n");
    let text = messages(daemon).join("\n");
    assert!(text.contains("get while"), "{text}");
    assert!(!text.contains("get before") && !text.contains("get after"), "{text}");
}

#[test]
fn settings_without_effect_are_reported_one_per_line() {
    let daemon = larder("-o modern,hashpower=20 -R 20x").start();
    let lines = messages(daemon);
    let expected = [
        "-o modern has no effect in larder: larder always behaves so",
        "-o hashpower has no effect in larder: the index grows as needed, and its hash function has a random key",
        "-R 20x is read as 20",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn messages_of_libraries_are_not_shown() {
    let authority = Authority::new();
    for verbosity in ["-vv", "-vvv"] {
        let options = format!("{verbosity} -t 1 -l 127.0.0.1 --metrics 0 {}", authority.options());
        let daemon = larder(&options).start();
        let mut client = authority.client(None, &[&TLS13]).connect(daemon.address());
        client.ask("get a\r\nquit\r\n", "END\r\n");
        client.read_to_close();
        let mut http = Client::tcp(daemon.http_address());
        http.send("GET /livez HTTP/1.0\r\n\r\n");
        assert!(http.read_to_close().ends_with("alive\n"));
        let lines = messages(daemon);
        let shapes: Vec<String> = lines.iter().map(shape).collect();
        let expected = [
            "< server listening (metrics)",
            "< server listening (auto-negotiate)",
            "< new auto-negotiating client connection",
            "< get a",
            "> END",
            "< quit",
            "< connection closed.",
            "Exiting normally",
        ];
        assert_eq!(shapes, expected, "{verbosity}: {lines:?}");
    }
}

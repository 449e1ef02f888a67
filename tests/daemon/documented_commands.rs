//! The commands in README, manual and CONTRIBUTING work: servers start, tools answer, files and targets exist, and the
//! conversation of the manual is answered as printed.

use crate::support::{Authority, Daemon, larder};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const README: &str = include_str!("../../README.md");
const PROTOCOLS: &str = include_str!("../../src/manual/protocols.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document with commands.
fn documents() -> Vec<PathBuf> {
    let chapters = fs::read_dir(root().join("src/manual")).unwrap().map(|entry| entry.unwrap().path());
    let mut documents: Vec<_> =
        chapters.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    documents.extend(["README.md", ".github/CONTRIBUTING.md"].map(|name| root().join(name)));
    documents
}

/// The code blocks of a document in one language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let start = format!("```{language}\n");
    let starts = text.match_indices(&start).map(|(at, _)| &text[at + start.len()..]);
    starts.map(|rest| &rest[..rest.find("```").expect("the block ends")]).collect()
}

/// The command lines of all `sh` blocks, without comments, continued lines joined.
fn command_lines() -> Vec<String> {
    let mut lines = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for block in blocks(&text, "sh") {
            let joined = block.replace("\\\n", " ");
            let commands = joined.lines().map(|line| line.split(" #").next().unwrap_or(line).trim());
            lines.extend(commands.filter(|line| !line.is_empty()).map(str::to_owned));
        }
    }
    lines
}

/// Starts a server by a documented command line, on ports of the system's choice and with files of this test.
fn start_as_documented(line: &str, authority: &Authority) -> Daemon {
    let users = authority.file("users");
    fs::write(&users, "site:secret\n").unwrap();
    let folder = format!("{}/", users.parent().unwrap().display());
    let (before, args) = line.rsplit_once("larder ").expect("the name of the program");
    let mut args = args.replace("--metrics 9150", "--metrics 0").replace("0.0.0.0", "127.0.0.1");
    for name in ["server.pem", "server.key"] {
        args = args.replace(name, &format!("{folder}{name}"));
    }
    let mut command = larder(&args.replace("/run/larder/", &folder));
    if let Some((name, value)) = before.trim().split_once('=') {
        command = command.env(name, value.replace("/etc/larder/", &folder));
    }
    command.start()
}

#[test]
fn servers_start() {
    let authority = Authority::new();
    let starts = |line: &&String| {
        let (before, args) = line.rsplit_once("larder ").unwrap_or((line, ""));
        let is_program = before.is_empty() || before.starts_with("MEMCACHED_");
        is_program && args.starts_with('-')
    };
    let lines = command_lines();
    let started: Vec<_> = lines.iter().filter(starts).collect();
    assert!(started.len() >= 5, "{started:?}");
    for line in started {
        start_as_documented(line, &authority);
    }
}

#[test]
fn tools_print_what_the_readme_shows() {
    let daemon = larder("").start();
    daemon.connect().ask("set shop:1:product.7 0 0 1\r\nx\r\nget none\r\n", "STORED\r\nEND\r\n");
    let server = daemon.address().to_string();
    let block = blocks(README, "console").concat();
    let mut shown = block.split("$ larder ").skip(1);
    assert_eq!(shown.clone().count(), 3);
    for command in shown.by_ref() {
        let (line, expected) = command.split_once('\n').unwrap();
        let output = larder(line).arg("--server").arg(&server).output();
        assert!(output.status.success(), "larder {line}");
        let text = String::from_utf8(output.stdout).unwrap();
        if line == "stats" {
            let labels = expected.lines().skip(2).filter_map(|line| line.split(' ').next());
            for label in labels {
                assert!(text.lines().any(|line| line.starts_with(label)), "{label} is not in {text}");
            }
        }
    }
}

#[test]
fn the_conversation_of_the_manual_is_answered_as_printed() {
    let daemon = larder("--debug-commands").start();
    let mut client = daemon.connect();
    // The ages that `why` prints do not depend on the speed of the machine.
    client.ask("debugtime p\r\n", "OK\r\n");
    let mut pairs: Vec<(String, String)> = Vec::new();
    let block = blocks(PROTOCOLS, "text").into_iter().find(|block| block.starts_with("> ")).unwrap();
    for line in block.lines() {
        match (line.strip_prefix("> "), pairs.last_mut()) {
            (Some(request), Some((requests, replies))) if replies.is_empty() => {
                requests.push_str(&format!("{request}\r\n"));
            }
            (Some(request), _) => pairs.push((format!("{request}\r\n"), String::new())),
            (None, pair) => pair.expect("a request").1.push_str(&format!("{line}\r\n")),
        }
    }
    assert!(pairs.len() > 5);
    for (requests, replies) in pairs {
        client.ask(requests, replies);
    }
}

/// True if `.ci`, `tests/run`, a bench, a test target or a file of this name exists.
#[track_caller]
fn exists(path: &str) {
    assert!(root().join(path).exists(), "{path} does not exist");
}

#[test]
fn files_steps_and_targets_exist() {
    let steps = Command::new(root().join("tests/run")).arg("--help").output();
    let steps = steps.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    for line in command_lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["tests/run", ref names @ ..] if !steps.is_empty() => {
                for name in names.iter().filter(|name| !name.starts_with('-')) {
                    assert!(steps.contains(&format!("  {name} ")), "{line}: no such step");
                }
            }
            [".ci/run", ..] => exists(".ci/run"),
            ["cargo", "bench", "--bench", name, ..] => {
                let file = format!("benches/{name}.rs");
                let path = if root().join(&file).exists() { file } else { format!("benches/{name}/main.rs") };
                exists(&path);
            }
            ["cargo", "test", "--test", name, ..] => exists(&format!("tests/{name}/main.rs")),
            ["cargo", "fuzz", "run", "--fuzz-dir", folder, "--sanitizer", "none", name, ..] => {
                exists(&format!("{folder}/fuzz_targets/{name}.rs"));
            }
            ["sudo", "install", "-m", _, ref files @ .., _] => {
                files.iter().filter(|file| !file.starts_with("target/")).for_each(|file| exists(file));
            }
            ["sudo", "systemctl", .., unit] if unit.starts_with("larder.") => {
                exists(&format!("systemd/{unit}"));
            }
            _ => {}
        }
    }
}

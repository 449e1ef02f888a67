//! House rules that must not be broken: the layers go one way, each uses only its own libraries, and the source holds
//! nothing of the machine it was written on.
//!
//! Reads the source as text: comments, string literals and unit tests are taken out, then paths are looked for. The
//! checker is tested on snippets, because a rule that cannot fail holds nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a module of the crate's top level may name.
struct Layer {
    name: &'static str,
    /// Other modules of larder.
    modules: &'static [&'static str],
    /// Libraries.
    libraries: &'static [&'static str],
    /// Words that do not belong there.
    words: &'static [&'static str],
}

const CLOCK_READERS: [&str; 2] = ["Instant::now", "SystemTime::now"];
const WAITING: [&str; 4] = ["async", "await", "thread::sleep", "TcpStream"];
const UNCHECKED: [&str; 2] = [".unwrap()", ".expect("];

const LAYERS: [Layer; 14] = [
    Layer {
        name: "auth",
        modules: &[],
        libraries: &["nix", "parking_lot", "subtle"],
        words: &["std::net", "log::"],
    },
    Layer {
        name: "protocol",
        modules: &[],
        libraries: &["base64", "nom", "memchr", "itoa"],
        words: &["std::io", "std::net", "std::time", "Mutex", "Atomic"],
    },
    Layer {
        name: "store",
        modules: &["clock", "advisor", "sync"],
        libraries: &["bytemuck", "foldhash", "getrandom", "hashbrown", "lru", "memmap2", "parking_lot"],
        words: &["std::io", "std::net", "pub fn lock"],
    },
    Layer { name: "sync", modules: &[], libraries: &["parking_lot"], words: &["std::io", "std::net"] },
    Layer {
        name: "advisor",
        modules: &["clock"],
        libraries: &["parking_lot"],
        words: &["std::io", "std::net"],
    },
    Layer {
        name: "insight",
        modules: &["clock", "sync"],
        libraries: &["foldhash", "hashbrown", "histogram", "parking_lot"],
        words: &["std::io", "std::net"],
    },
    Layer {
        name: "commands",
        modules: &["protocol", "store", "telemetry", "clock", "auth", "advisor", "insight"],
        libraries: &["log"],
        words: &["std::io", "std::net", "Mutex", "RwLock", ".lock()"],
    },
    Layer {
        name: "session",
        modules: &["commands", "protocol", "telemetry"],
        libraries: &["log"],
        words: &["std::io", "std::net", "Mutex", ".lock()", "tokio"],
    },
    Layer {
        name: "server",
        modules: &["commands", "session", "telemetry", "clock", "sync"],
        libraries: &["tokio", "tokio_rustls", "rustls", "rustix", "socket2", "nix", "log", "parking_lot"],
        words: &["Store::"],
    },
    Layer {
        name: "metrics",
        modules: &["commands", "clock", "advisor", "insight"],
        libraries: &[
            "http_body_util",
            "hyper",
            "hyper_util",
            "log",
            "parking_lot",
            "prometheus",
            "serde_json",
            "tokio",
        ],
        words: &["Store::", "ReplyBuffer"],
    },
    Layer {
        name: "telemetry",
        modules: &["sync"],
        libraries: &["env_logger", "log", "nix", "parking_lot"],
        words: &["std::net"],
    },
    Layer {
        name: "options",
        modules: &["commands", "process", "protocol", "server", "store", "tools"],
        libraries: &["clap", "log"],
        words: &["std::net::Tcp", "std::process::exit"],
    },
    Layer {
        name: "tools",
        modules: &["clock", "protocol"],
        libraries: &["nix", "nom", "ratatui", "serde_json"],
        words: &["log::"],
    },
    Layer {
        name: "process",
        modules: &["server", "auth"],
        libraries: &["daemonize", "listenfd", "log", "nix", "sd_notify", "socket2"],
        words: &[],
    },
];

/// Words that no layer but those named may contain.
fn words_banned_in(layer: &str) -> Vec<&'static str> {
    let mut banned: Vec<&str> = CLOCK_READERS.to_vec();
    match layer {
        "server" | "metrics" => {}
        // They wait for a server as long as a person would, on blocking sockets.
        "tools" => banned.extend(WAITING.iter().copied().filter(|word| *word != "TcpStream")),
        _ => banned.extend(WAITING),
    }
    // A peer can shape what these see.
    if matches!(layer, "protocol" | "commands" | "server" | "metrics" | "tools") {
        banned.extend(UNCHECKED);
    }
    banned
}

/// Everything wrong with one source file, each with its name in front. `path` is relative to `src`.
fn faults(path: &Path, text: &str, libraries: &BTreeSet<String>) -> Vec<String> {
    let parts: Vec<String> =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == parts[0]) else { return Vec::new() };
    // `protocol/mod.rs` is the module `protocol`, at depth 1; `protocol/intake.rs` is at depth 2.
    let depth = parts.len() - usize::from(parts.last().is_some_and(|last| last == "mod"));
    let code = code_of(text);
    let mut faults = Vec::new();
    for module in modules_named(&code, depth) {
        if module != layer.name && !layer.modules.contains(&module.as_str()) {
            faults.push(format!("{} must not use {module}", layer.name));
        }
    }
    for library in libraries {
        if names_library(&code, library) && !layer.libraries.contains(&library.as_str()) {
            faults.push(format!("{} must not use the library {library}", layer.name));
        }
    }
    for word in layer.words.iter().chain(&words_banned_in(layer.name)) {
        if has_word(&code, word) {
            faults.push(format!("{} must not contain {word}", layer.name));
        }
    }
    faults.into_iter().map(|fault| format!("src/{}: {fault}", path.display())).collect()
}

/// The code without comments, the contents of string literals, and unit tests.
fn code_of(text: &str) -> String {
    let text = match text.find("#[cfg(test)]\nmod tests {") {
        Some(tests) => &text[..tests],
        None => text,
    };
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['/', '"', '\'']) {
        code.push_str(&rest[..at]);
        rest = &rest[at..];
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with('"') {
            code.push_str("\"\"");
            string_len(rest)
        } else if rest.starts_with("'\"'") {
            3
        } else {
            code.push_str(&rest[..1]);
            1
        };
        rest = &rest[skipped..];
    }
    code.push_str(rest);
    code
}

/// Length of the string literal at the start, quotes included.
fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Modules of the crate's top level that the code names, by `crate::` or by enough `super::`.
fn modules_named(code: &str, depth: usize) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    let mut roots = vec!["crate::".to_owned()];
    // Up to two modules deeper than the file: an inline module may be there.
    roots.extend((depth..depth + 3).map(|count| "super::".repeat(count)));
    for root in roots {
        for (at, _) in code.match_indices(&root) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|before| is_name(before) || before == ':') {
                continue;
            }
            let path = &code[at + root.len()..];
            match path.strip_prefix('{') {
                Some(list) => modules.extend(first_names(list)),
                None => modules.extend(first_name(path)),
            }
        }
    }
    modules.retain(|module| !matches!(module.as_str(), "super" | "self"));
    modules
}

/// The first names of the paths in a list like `a::b, c::{d, e}, f}`.
fn first_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut starts_path = true;
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts_path = true,
            _ if starts_path && is_name(character) => {
                names.extend(first_name(&list[at..]));
                starts_path = false;
            }
            _ => {}
        }
    }
    names
}

/// The name at the start, if it is that of a module.
fn first_name(path: &str) -> Option<String> {
    let end = path.find(|character| !is_name(character)).unwrap_or(path.len());
    let name = &path[..end];
    name.starts_with(|first: char| first.is_ascii_lowercase()).then(|| name.to_owned())
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// True if the code names a library in a path or in a `use`.
fn names_library(code: &str, library: &str) -> bool {
    let stands_alone = |at: usize| !code[..at].chars().next_back().is_some_and(|c| is_name(c) || c == ':');
    code.match_indices(&format!("{library}::")).any(|(at, _)| stands_alone(at))
        || code.contains(&format!("use {library};"))
}

/// True if the code has a word that is not a part of a longer one.
fn has_word(code: &str, word: &str) -> bool {
    let starts_with_name = word.starts_with(is_name);
    let ends_with_name = word.ends_with(is_name) && word != "Atomic" && !word.ends_with("Tcp");
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let longer =
            starts_with_name && before.is_some_and(is_name) || ends_with_name && after.is_some_and(is_name);
        !longer
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files under a directory of the repository.
fn files_under(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            files.extend(files_under(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn sources(directory: &str) -> Vec<PathBuf> {
    let files = files_under(&root().join(directory));
    files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The libraries that larder depends on, as code names them.
fn libraries() -> BTreeSet<String> {
    let manifest = read(&root().join("Cargo.toml"));
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let names = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.trim().replace('-', "_")).collect()
}

#[test]
fn layers_go_one_way_and_keep_to_their_libraries() {
    let libraries = libraries();
    assert!(libraries.contains("nom") && libraries.contains("sd_notify"), "{libraries:?}");
    let mut all = Vec::new();
    for path in sources("src") {
        let is_test = path.iter().any(|part| part == "tests" || part == "tests.rs");
        let relative = path.strip_prefix(root().join("src")).expect("it is there");
        if !is_test {
            all.extend(faults(relative, &read(&path), &libraries));
        }
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn every_module_of_the_crate_has_a_layer() {
    let leaves = ["clock", "decisions"];
    for line in read(&root().join("src/lib.rs")).lines() {
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            let known = leaves.contains(&module) || LAYERS.iter().any(|layer| layer.name == module);
            assert!(known, "which modules may {module} use?");
        }
    }
}

#[test]
fn the_clock_knows_no_other_module() {
    let code = code_of(&read(&root().join("src/clock.rs")));
    assert!(modules_named(&code, 1).is_empty());
    assert!(libraries().iter().all(|library| !names_library(&code, library)));
}

#[test]
fn every_source_opens_with_what_it_is() {
    for path in sources("src").into_iter().chain(sources("tests")).chain(sources("benches")) {
        assert!(read(&path).starts_with("//! "), "{} has no module documentation", path.display());
    }
}

#[test]
fn decision_notes_are_short() {
    for path in sources("src/decisions").into_iter().filter(|path| !path.ends_with("mod.rs")) {
        let lines = read(&path).lines().count();
        assert!(lines <= 25, "{} has {lines} lines", path.display());
    }
}

#[test]
fn files_are_named_for_what_they_define() {
    for path in sources("src").into_iter().chain(sources("tests")).chain(sources("benches")) {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let empty = ["util", "utils", "common", "misc", "helpers", "helper", "manager", "basic", "test"];
        assert!(!empty.contains(&name.as_str()), "{}", path.display());
    }
}

#[test]
fn the_top_level_holds_what_a_visitor_expects() {
    let expected = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "CHANGELOG.md",
        "src",
        "tests",
        "benches",
        "systemd",
        "target",
    ];
    for entry in fs::read_dir(root()).expect("a readable directory") {
        let name = entry.expect("a readable directory").file_name().to_string_lossy().into_owned();
        let known =
            name.starts_with('.') || name.starts_with("LICENSE-") || expected.contains(&name.as_str());
        assert!(known, "{name} at the top level");
    }
}

/// Directories of people and of machines, each to be followed by a slash.
const PRIVATE: [&str; 5] = ["/home", "/root", "/Users", "/work", "/mnt"];

fn private_paths(text: &str) -> Vec<String> {
    let starts = PRIVATE.iter().map(|start| format!("{start}/"));
    starts
        .flat_map(|start| {
            let places = text.match_indices(&start).map(|(at, _)| at).collect::<Vec<_>>();
            places
                .into_iter()
                .filter(|at| !text[..*at].ends_with(|c: char| is_name(c) || c == '.' || c == '/'))
                .map(move |at| {
                    let end = text[at..].find(char::is_whitespace).map_or(text.len(), |end| at + end);
                    text[at..end].to_owned()
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn nothing_names_a_path_of_a_machine() {
    let mut files: Vec<PathBuf> = ["src", "tests", "benches", "systemd", ".ci"]
        .iter()
        .flat_map(|name| files_under(&root().join(name)))
        .collect();
    files.extend(["Cargo.toml", "README.md", "CHANGELOG.md"].map(|name| root().join(name)));
    for path in files {
        // Not every file is text, and not every one is there yet.
        let text = fs::read_to_string(&path).unwrap_or_default();
        if path != root().join("tests/tidy.rs") {
            assert_eq!(private_paths(&text), [""; 0], "{}", path.display());
        }
    }
}

mod the_checker {
    use super::*;

    fn faults_of(path: &str, text: &str) -> Vec<String> {
        let libraries = ["nom", "tokio", "log", "nix"].map(str::to_owned).into();
        faults(Path::new(path), text, &libraries)
    }

    #[test]
    fn sees_a_module_above_or_beside() {
        for text in [
            "use crate::store::Store;",
            "use crate::{clock, protocol};",
            "use crate::{\n    protocol::{self, store},\n    store::Store,\n};",
            "fn f(now: crate::clock::Now) {}",
            "use super::super::store;",
        ] {
            assert_eq!(faults_of("protocol/intake.rs", text).len(), 1, "{text}");
        }
        assert_eq!(faults_of("protocol/mod.rs", "use super::store::Store;").len(), 1);
        assert_eq!(faults_of("server/worker.rs", "use crate::store::Store;").len(), 1);
        assert_eq!(faults_of("store/slab/page.rs", "use super::super::super::protocol;").len(), 1);
    }

    #[test]
    fn lets_pass_what_is_allowed() {
        for (path, text) in [
            ("protocol/intake.rs", "use super::limits::LINE; use crate::protocol::Request;"),
            ("protocol/intake.rs", "use super::store_verb;"),
            ("store/slab/page.rs", "use super::super::handle::Handle; use crate::clock::Now;"),
            ("commands/mod.rs", "use crate::{clock, store, protocol};"),
            ("server/worker.rs", "use tokio::net::TcpStream; async fn f() { g().await }"),
            ("protocol/tokens.rs", "use nom::Parser; my_tokio::f(); catalog::x();"),
            ("main.rs", "use larder::store::Store;"),
        ] {
            assert_eq!(faults_of(path, text), [""; 0], "{text}");
        }
    }

    #[test]
    fn sees_a_library_of_another_layer() {
        for text in
            ["use tokio::net;", "fn f() { tokio::spawn(g()) }", "use log;", "use {nom::Parser, tokio::io};"]
        {
            assert_eq!(faults_of("protocol/intake.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn sees_words_that_do_not_belong() {
        for (path, text) in [
            ("protocol/intake.rs", "use std::io::Read;"),
            ("protocol/intake.rs", "let x = y.unwrap();"),
            ("commands/mod.rs", "let x = y.expect(\"it is there\");"),
            ("commands/mod.rs", "let held = self.lock.lock();"),
            ("store/mod.rs", "async fn get() {}"),
            ("store/mod.rs", "let now = Instant::now();"),
            ("server/worker.rs", "let now = std::time::SystemTime::now();"),
            ("telemetry/counters.rs", "static N: std::net::Ipv4Addr;"),
        ] {
            assert_eq!(faults_of(path, text).len(), 1, "{path} {text}");
        }
    }

    #[test]
    fn reads_code_and_nothing_else() {
        for text in [
            "// use crate::store::Store;",
            "/// See [`crate::store`].\nfn f() {}",
            "let text = \"crate::store and \\\" tokio::x \";",
            "let quote = '\"'; // crate::store \"",
            "#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n    fn f() { g().unwrap() }\n}",
        ] {
            assert_eq!(faults_of("protocol/intake.rs", text), [""; 0], "{text}");
        }
        let after = "let quote = '\"'; let text = \"a\"; use crate::store::Store;";
        assert_eq!(faults_of("protocol/intake.rs", after).len(), 1);
    }

    #[test]
    fn sees_private_paths_and_no_others() {
        assert_eq!(private_paths("run /home/me/larder now"), ["/home/me/larder"]);
        assert_eq!(private_paths("\"/mnt/x\""), ["/mnt/x\""]);
        for text in ["https://example.org/home/x", "target/mnt/x", "/homes/", "ProtectHome=yes", "/rooted/x"]
        {
            assert_eq!(private_paths(text), [""; 0], "{text}");
        }
    }
}

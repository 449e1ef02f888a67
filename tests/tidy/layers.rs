//! Layers: which modules, libraries and words each module of the crate's top level may use.
//!
//! The checker is tested on snippets, because a rule that cannot fail proves nothing.

use crate::source::{code_of, has_word, libraries, modules_named, names_library, read, root, sources};
use std::collections::BTreeSet;
use std::path::Path;

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
        modules: &["clock", "sync"],
        libraries: &[
            "bytemuck",
            "foldhash",
            "getrandom",
            "hashbrown",
            "itoa",
            "lru",
            "memmap2",
            "parking_lot",
        ],
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
        libraries: &["clap", "log", "strsim"],
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
        libraries: &["listenfd", "log", "nix", "sd_notify", "socket2"],
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
    // `protocol/mod.rs` is the module `protocol`, at depth 1; `protocol/text_decoder.rs` is at depth 2.
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
    let leaves = ["clock", "decisions", "manual"];
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

mod checker {
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
            assert_eq!(faults_of("protocol/text_decoder.rs", text).len(), 1, "{text}");
        }
        assert_eq!(faults_of("protocol/mod.rs", "use super::store::Store;").len(), 1);
        assert_eq!(faults_of("server/workers.rs", "use crate::store::Store;").len(), 1);
        assert_eq!(
            faults_of("store/memory/slab/page.rs", "use super::super::super::super::protocol;").len(),
            1
        );
    }

    #[test]
    fn lets_pass_what_is_allowed() {
        for (path, text) in [
            ("protocol/text_decoder.rs", "use super::limits::LINE; use crate::protocol::Request;"),
            ("protocol/text_decoder.rs", "use super::store_verb;"),
            ("store/memory/slab/page.rs", "use super::super::handle::Handle; use crate::clock::Now;"),
            ("commands/mod.rs", "use crate::{clock, store, protocol};"),
            ("server/workers.rs", "use tokio::net::TcpStream; async fn f() { g().await }"),
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
            assert_eq!(faults_of("protocol/text_decoder.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn sees_words_that_do_not_belong() {
        for (path, text) in [
            ("protocol/text_decoder.rs", "use std::io::Read;"),
            ("protocol/text_decoder.rs", "let x = y.unwrap();"),
            ("commands/mod.rs", "let x = y.expect(\"it is there\");"),
            ("commands/mod.rs", "let held = self.lock.lock();"),
            ("store/mod.rs", "async fn get() {}"),
            ("store/mod.rs", "let now = Instant::now();"),
            ("server/workers.rs", "let now = std::time::SystemTime::now();"),
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
            assert_eq!(faults_of("protocol/text_decoder.rs", text), [""; 0], "{text}");
        }
        let after = "let quote = '\"'; let text = \"a\"; use crate::store::Store;";
        assert_eq!(faults_of("protocol/text_decoder.rs", after).len(), 1);
    }
}

//! Files: their names, their places and their first lines.

use crate::source::{all_sources, files_under, is_name, read, root};
use std::fs;
use std::path::PathBuf;

#[test]
fn every_source_opens_with_what_it_is() {
    for path in all_sources() {
        assert!(read(&path).starts_with("//! "), "{} has no module documentation", path.display());
    }
}

#[test]
fn files_are_named_for_what_they_define() {
    for path in all_sources() {
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
        assert_eq!(private_paths(&text), [""; 0], "{}", path.display());
    }
}

#[test]
fn sees_private_paths_and_no_others() {
    for (start, end) in [("/home", "/me/larder"), ("/mnt", "/x\"")] {
        let path = format!("{start}{end}");
        assert_eq!(private_paths(&format!("run {path} now")), [path]);
    }
    for text in ["https://example.org/home/x", "target/mnt/x", "/homes/", "ProtectHome=yes", "/rooted/x"] {
        assert_eq!(private_paths(text), [""; 0], "{text}");
    }
}

//! Words: the field's terms instead of private ones, in code, comments and documents.

use crate::source::{all_sources, files_under, has_word, is_name, read, relative, root, sources};
use std::path::PathBuf;

/// Names and words that are not used, each with what is used instead.
const REPLACED: &[(&str, &str)] = &[
    ("take_news", "take_readiness"),
    ("news_of", "readiness_of"),
    ("TO_RECEIVE", "READABLE"),
    ("TO_SEND", "WRITABLE"),
    ("ENDED", "HANGUP"),
    ("bell", "waker"),
    ("call_for_help", "wake_if_backlogged"),
    ("resting", "parked"),
    ("strike_off", "deregister"),
    ("give_way", "yield_now, or reclaim"),
    ("wait_for_more", "reregister"),
    ("keep_house", "run_maintenance"),
    ("Speech", "Protocol"),
    ("Told", "ConfiguredByOption"),
    ("Remark", "StartupWarning"),
    ("Working", "ShardGuard"),
    ("shed", "reclaim"),
    ("Lack", "MemoryNeeded"),
    ("NeedRoom", "MemoryNeeded"),
    ("LargeDraft", "ValueWriter"),
    ("Gathering", "ValueWriter"),
    ("Returning", "deferred drops"),
    ("strayed", "detached"),
    ("withheld", "headroom"),
    ("Verdict", "Decision"),
    ("aside", "background"),
    ("larder_limit_withheld_bytes", "larder_pinned_bytes"),
    ("nobody", "no client, no thread"),
    ("Nobody", "no client, no thread"),
    ("everybody", "all clients"),
    ("Everybody", "all clients"),
    ("whoever", "the client or thread that"),
    ("Whoever", "the client or thread that"),
    ("Whose", "a sentence that begins with its subject"),
];

/// The system's user of that name.
const USER_NOBODY: &[&str] = &["-u nobody", "\"nobody\"", "`nobody`"];

/// Words that no function begins with: such a name hides its subject.
const SUBJECTLESS: &[&str] = &[
    "who",
    "whose",
    "whoever",
    "what",
    "whatever",
    "nobody",
    "everybody",
    "one_that",
    "one_who",
    "some_that",
];

/// File names that say nothing about the content.
const VAGUE_FILES: &[&str] = &["asking", "placing", "changing", "checks", "room", "own", "shown"];

/// Columns of a line at most, in sources and documents.
const COLUMNS_MAX: usize = 120;

/// Everything that people read, without this file.
fn texts() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = ["src", "tests", "benches", "systemd", ".github", ".ci"]
        .iter()
        .flat_map(|folder| files_under(&root().join(folder)))
        .filter(|path| {
            let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
            matches!(
                extension.as_deref(),
                Some("rs" | "py" | "md" | "html" | "yml" | "toml" | "service" | "socket")
            )
        })
        .filter(|path| !path.ends_with("tidy/words.rs"))
        .collect();
    paths.extend(["README.md", "CHANGELOG.md"].map(|name| root().join(name)));
    paths
}

#[test]
fn private_words_are_not_used() {
    let mut faults = Vec::new();
    for path in texts() {
        let text = read(&path);
        for (number, line) in (1..).zip(text.lines()) {
            let line = &USER_NOBODY.iter().fold(line.to_owned(), |line, user| line.replace(user, ""));
            let words = REPLACED.iter().filter(|(word, _)| has_word(line, word));
            faults.extend(
                words.map(|(word, instead)| format!("{}:{number}: {word}; write {instead}", relative(&path))),
            );
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The names of the functions that the text defines.
fn functions(text: &str) -> Vec<&str> {
    let starts = text.match_indices("fn ").filter(|(at, _)| !text[..*at].ends_with(is_name));
    starts
        .map(|(at, _)| {
            let name = &text[at + 3..];
            &name[..name.find(|character| !is_name(character)).unwrap_or(name.len())]
        })
        .collect()
}

#[test]
fn functions_are_named_by_a_subject_or_a_verb() {
    let mut faults = Vec::new();
    for path in all_sources() {
        let text = read(&path);
        let begins = |name: &str, word: &str| {
            name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        for name in functions(&text) {
            if SUBJECTLESS.iter().any(|word| begins(name, word)) {
                faults.push(format!("{}: {name}", relative(&path)));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn files_are_named_by_a_term_of_the_field() {
    for path in sources("src") {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        assert!(!VAGUE_FILES.contains(&name.as_str()), "{}", relative(&path));
    }
}

#[test]
fn lines_fit_a_window() {
    let mut faults = Vec::new();
    for path in all_sources() {
        for (number, line) in (1..).zip(read(&path).lines()) {
            let is_table = line.starts_with("//! |");
            if !is_table && line.chars().count() > COLUMNS_MAX {
                faults.push(format!("{}:{number}", relative(&path)));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

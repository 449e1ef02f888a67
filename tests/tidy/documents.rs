//! Documents: their lengths, their links, and the paths that they name.

use crate::source::{files_under, read, root, sources};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines and columns of a decision note, and characters of its title, at most.
const NOTE_LINES_MAX: usize = 25;
const NOTE_COLUMNS_MAX: usize = 100;
const NOTE_TITLE_MAX: usize = 70;

/// Folders whose files documents name by their whole path.
const FOLDERS: &[&str] =
    &["src/", "tests/", "benches/", "systemd/", ".ci/", ".github/", ".cargo/", ".container/", ".debian/"];

fn decision_notes() -> Vec<PathBuf> {
    sources("src/decisions").into_iter().filter(|path| !path.ends_with("mod.rs")).collect()
}

/// Everything in Markdown, but for the templates of issues.
fn documents() -> Vec<PathBuf> {
    let is_document = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let mut paths = files_under(&root().join("src/manual"));
    paths.extend(files_under(&root().join(".github")));
    paths.extend(["README.md", "CHANGELOG.md"].map(|name| root().join(name)));
    paths.into_iter().filter(is_document).collect()
}

#[test]
fn decision_notes_are_short() {
    for path in decision_notes() {
        let text = read(&path);
        assert!(text.lines().count() <= NOTE_LINES_MAX, "{}", path.display());
        let title = text.lines().next().and_then(|line| line.strip_prefix("//! # ")).expect("a title");
        assert!(title.chars().count() <= NOTE_TITLE_MAX, "{}: {title}", path.display());
        for line in text.lines() {
            assert!(line.chars().count() <= NOTE_COLUMNS_MAX, "{}: {line}", path.display());
        }
    }
}

/// The targets of the links in a text in Markdown, without anchors; links to other sites apart.
fn link_targets(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let defined = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ").map(|(_, to)| to));
    let local = |target: &&str| !target.contains("://") && !target.starts_with('#');
    let file = |target: &'_ str| target.find('#').unwrap_or(target.len());
    inline.chain(defined).filter(local).map(|target| &target[..file(target)]).collect()
}

#[test]
fn links_lead_to_files() {
    for path in documents() {
        for target in link_targets(&read(&path)) {
            let folder = path.parent().expect("a folder");
            assert!(folder.join(target).exists(), "{}: {target}", path.display());
        }
    }
}

/// The code spans of a line.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The paths of the project that a text names in code spans.
fn paths_named(text: &str) -> Vec<&str> {
    let spans = text.lines().flat_map(code_spans);
    let is_path = |span: &&str| FOLDERS.iter().any(|folder| span.starts_with(folder)) && !span.contains(' ');
    spans.filter(is_path).collect()
}

#[test]
fn named_paths_exist() {
    for path in documents().into_iter().chain(decision_notes()) {
        for named in paths_named(&read(&path)) {
            // A bench is a folder or a file, and goes by its name.
            let places = [root().join(named), root().join(format!("{named}.rs"))];
            assert!(places.iter().any(|place| place.exists()), "{}: {named}", path.display());
        }
    }
}

/// Notes name a source by its path below `src`.
#[test]
fn sources_that_notes_name_exist() {
    for path in decision_notes() {
        let text = read(&path);
        let spans = text.lines().flat_map(code_spans);
        for named in spans.filter(|span| span.ends_with(".rs")) {
            let places = [root().join("src"), root().to_owned()];
            assert!(places.iter().any(|place| place.join(named).exists()), "{}: {named}", path.display());
        }
    }
}

/// `src/lib.rs` names sources by their path below `src`, everything else from the top.
#[test]
fn the_map_of_the_source_names_what_exists() {
    let text = read(&root().join("src/lib.rs"));
    let rows = text.lines().filter(|line| line.starts_with("//! | ") || line.starts_with("//! 1"));
    let spans = rows.flat_map(code_spans);
    let paths: Vec<&str> = spans.filter(|span| span.contains('/') || span.ends_with(".rs")).collect();
    assert!(paths.len() > 80, "{paths:?}");
    for named in paths {
        let places = [root().join("src").join(named), root().join(named)];
        assert!(places.iter().any(|place| place.exists()), "{named}");
    }
    for folder in fs::read_dir(root().join("benches")).expect("a folder") {
        let name = folder.expect("a folder").file_name().to_string_lossy().into_owned();
        assert!(name == "support" || text.contains(&format!("`benches/{name}`")), "benches/{name}");
    }
}

#[test]
fn reads_links_and_paths_of_markdown() {
    let text = "[a](b.md#c) [d](https://e.org) `src/f.rs` and `cargo test`, `tests/run x`\n\n[g]: h.md\n";
    assert_eq!(link_targets(text), ["b.md", "h.md"]);
    assert_eq!(paths_named(text), ["src/f.rs"]);
    assert!(!Path::new("b.md").exists());
}

//! The source as text: its files, its code without comments, and the names in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files under a directory of the repository.
pub fn files_under(directory: &Path) -> Vec<PathBuf> {
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

pub fn sources(directory: &str) -> Vec<PathBuf> {
    let files = files_under(&root().join(directory));
    files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The libraries that larder depends on, as code names them.
pub fn libraries() -> BTreeSet<String> {
    let manifest = read(&root().join("Cargo.toml"));
    let lines = manifest.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let names = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.trim().replace('-', "_")).collect()
}

/// The Rust files of the program, its tests and its benches.
pub fn all_sources() -> impl Iterator<Item = PathBuf> {
    ["src", "tests", "benches"].into_iter().flat_map(sources)
}

/// The path of a file below the top of the repository.
pub fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("a path of the project").display().to_string()
}

/// The code without comments, the contents of string literals, and unit tests.
pub fn code_of(text: &str) -> String {
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
pub fn string_len(text: &str) -> usize {
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
pub fn modules_named(code: &str, depth: usize) -> BTreeSet<String> {
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
pub fn first_names(list: &str) -> Vec<String> {
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
pub fn first_name(path: &str) -> Option<String> {
    let end = path.find(|character| !is_name(character)).unwrap_or(path.len());
    let name = &path[..end];
    name.starts_with(|first: char| first.is_ascii_lowercase()).then(|| name.to_owned())
}

pub fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// True if the code names a library in a path or in a `use`.
pub fn names_library(code: &str, library: &str) -> bool {
    let stands_alone = |at: usize| !code[..at].chars().next_back().is_some_and(|c| is_name(c) || c == ':');
    code.match_indices(&format!("{library}::")).any(|(at, _)| stands_alone(at))
        || code.contains(&format!("use {library};"))
}

/// True if the code has a word that is not a part of a longer one.
pub fn has_word(code: &str, word: &str) -> bool {
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

//! Circles: two modules of one folder never import each other, neither directly nor through others.
//!
//! A module and the modules below it count as one: a child may use what its parent defines. Names that a parent
//! re-exports are followed to the child that defines them.

use crate::source::{code_of, is_name, read, root, sources};
use std::collections::{BTreeMap, BTreeSet};

/// The names on the way to a module or to something in it.
type ModulePath = Vec<String>;

/// The imports between the children of one folder.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// The module that the file `path`, relative to `src`, defines.
fn module_of(path: &str) -> ModulePath {
    let mut names: ModulePath = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|last| last == "mod") {
        names.pop();
    }
    names
}

/// The paths that `text` begins with: `a::b` is one, `a::{b, c::d}` are two.
fn paths_at(text: &str) -> Vec<ModulePath> {
    let mut prefix = ModulePath::new();
    let mut rest = text;
    loop {
        if let Some(list) = rest.strip_prefix('{') {
            let paths = list_items(list).into_iter().flat_map(paths_at);
            return paths.map(|path| [prefix.clone(), path].concat()).collect();
        }
        let end = rest.find(|character| !is_name(character)).unwrap_or(rest.len());
        if end > 0 {
            prefix.push(rest[..end].to_owned());
        }
        match rest[end..].strip_prefix("::") {
            Some(more) => rest = more,
            None => return vec![prefix],
        }
    }
}

/// The items of a list in braces whose opening brace is already consumed.
fn list_items(list: &str) -> Vec<&str> {
    let (mut depth, mut from, mut items) = (0, 0, Vec::new());
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' => {
                items.push(list[from..at].trim());
                break;
            }
            ',' if depth == 0 => {
                items.push(list[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    items
}

/// Every path in the code that begins at the crate's root or at a parent, from the root on.
fn paths_named(code: &str, module: &ModulePath) -> Vec<ModulePath> {
    let mut paths = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|before: char| is_name(before) || before == ':') {
                continue;
            }
            let mut base = if start == "crate::" { Vec::new() } else { module.clone() };
            let mut rest = &code[at..];
            while let Some(more) = rest.strip_prefix("super::") {
                base.pop();
                rest = more;
            }
            rest = rest.strip_prefix("crate::").unwrap_or(rest);
            paths.extend(paths_at(rest).into_iter().map(|path| [base.clone(), path].concat()));
        }
    }
    paths
}

/// For each module, the names that it imports from its own children.
fn re_exports(files: &[(ModulePath, String)]) -> BTreeMap<ModulePath, BTreeMap<String, String>> {
    let modules: BTreeSet<&ModulePath> = files.iter().map(|(module, _)| module).collect();
    let mut exports: BTreeMap<ModulePath, BTreeMap<String, String>> = BTreeMap::new();
    for (module, code) in files {
        for (at, _) in code.match_indices("use ") {
            for path in paths_at(&code[at + 4..]) {
                let (Some(child), Some(name)) = (path.first(), path.last()) else { continue };
                if path.len() > 1 && modules.contains(&[module.clone(), vec![child.clone()]].concat()) {
                    exports.entry(module.clone()).or_default().insert(name.clone(), child.clone());
                }
            }
        }
    }
    exports
}

/// The imports between siblings, by folder.
fn imports(files: &[(ModulePath, String)]) -> BTreeMap<ModulePath, Imports> {
    let modules: BTreeSet<&ModulePath> = files.iter().map(|(module, _)| module).collect();
    let exports = re_exports(files);
    let mut folders: BTreeMap<ModulePath, Imports> = BTreeMap::new();
    for (module, code) in files {
        for path in paths_named(code, module) {
            let known = (0..=path.len()).rev().find(|len| modules.contains(&path[..*len].to_vec()));
            let mut target = path[..known.unwrap_or(0)].to_vec();
            let child = path.get(target.len()).and_then(|name| exports.get(&target)?.get(name));
            target.extend(child.cloned());
            let shared = module.iter().zip(&target).take_while(|(a, b)| a == b).count();
            if let (1.., Some(from), Some(to)) = (shared, module.get(shared), target.get(shared)) {
                let folder = folders.entry(module[..shared].to_vec()).or_default();
                folder.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    folders
}

/// A circle in the imports, if there is one: each name imports the next, the last imports the first.
fn circle(imports: &Imports) -> Option<Vec<String>> {
    let mut left = imports.clone();
    // Whatever imports nothing that is left cannot be part of a circle.
    loop {
        let names: BTreeSet<String> = left.keys().cloned().collect();
        let before = left.len();
        left.retain(|_, targets| targets.iter().any(|target| names.contains(target)));
        if left.len() == before {
            break;
        }
    }
    let mut way = vec![left.keys().next()?.clone()];
    loop {
        let next = left[way.last()?].iter().find(|target| left.contains_key(*target))?.clone();
        if let Some(first) = way.iter().position(|name| *name == next) {
            return Some(way.split_off(first));
        }
        way.push(next);
    }
}

fn circles(files: &[(ModulePath, String)]) -> Vec<String> {
    let folders = imports(files).into_iter();
    folders
        .filter_map(|(folder, imports)| {
            circle(&imports).map(|way| format!("{}: {}", folder.join("/"), way.join(" -> ")))
        })
        .collect()
}

#[test]
fn modules_of_a_folder_do_not_import_each_other() {
    let mut files = Vec::new();
    for path in sources("src") {
        let relative = path.strip_prefix(root().join("src")).expect("a path below src");
        if !relative.iter().any(|part| part == "tests" || part == "tests.rs") {
            files.push((module_of(&relative.to_string_lossy()), code_of(&read(&path))));
        }
    }
    assert_eq!(circles(&files), [""; 0]);
}

#[test]
fn circles_are_found() {
    let files = |texts: &[(&str, &str)]| -> Vec<(ModulePath, String)> {
        texts.iter().map(|(path, code)| (module_of(path), (*code).to_owned())).collect()
    };
    let direct = files(&[("a/b.rs", "use super::c::C;"), ("a/c.rs", "fn f() -> crate::a::b::B {}")]);
    assert_eq!(circles(&direct), ["a: b -> c"]);
    let by_a_third = files(&[
        ("a/b/mod.rs", ""),
        ("a/b/x.rs", "use crate::a::{c::C, d};"),
        ("a/c.rs", "use super::d::D;"),
        ("a/d.rs", "use super::b::x::X;"),
    ]);
    assert_eq!(circles(&by_a_third), ["a: b -> c -> d"]);
    let re_exported =
        files(&[("a/mod.rs", "pub use b::B;"), ("a/b.rs", "use super::c::C;"), ("a/c.rs", "use super::B;")]);
    assert_eq!(circles(&re_exported), ["a: b -> c"]);
    let one_way = files(&[
        ("a/mod.rs", "pub use b::B;"),
        ("a/b.rs", "use super::{A, c};"),
        ("a/b/x.rs", "use super::B;"),
        ("a/c.rs", "use crate::clock;"),
    ]);
    assert_eq!(circles(&one_way), [""; 0]);
}

//! The packaged crate contains what its build, its users and its licences need, and nothing of the repository alone.

use crate::source::{read, root, sources};
use std::collections::BTreeSet;
use std::process::Command;

/// The files that `cargo package` packs.
fn packaged() -> BTreeSet<String> {
    let arguments = ["package", "--list", "--allow-dirty", "--offline"];
    let output =
        Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The files that a source includes by their names, as paths of the project.
fn included(path: &std::path::Path) -> Vec<String> {
    let text = read(path);
    let names = ["include_str!(\"", "include_bytes!(\"", "chapter!("].iter().flat_map(|start| {
        text.split(start).skip(1).filter_map(|rest| rest.split(['"', '\n']).find(|name| name.contains('.')))
    });
    let folder = path.parent().expect("a folder");
    let files = names.filter_map(|name| folder.join(name).canonicalize().ok());
    files
        .filter_map(|file| Some(file.strip_prefix(root().canonicalize().ok()?).ok()?.display().to_string()))
        .collect()
}

#[test]
fn the_packaged_crate_is_complete() {
    let packaged = packaged();
    let fixed = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "systemd/larder.service",
        "systemd/larder@.service",
        "systemd/larder.socket",
    ];
    let targets = sources("src").into_iter().chain(sources("tests/daemon")).chain(sources("benches"));
    let included: Vec<String> = targets.flat_map(|path| included(&path)).collect();
    assert!(included.contains(&"src/metrics/status_page.html".to_owned()), "{included:?}");
    assert!(included.contains(&"src/manual/packages.md".to_owned()), "{included:?}");
    let needed = fixed.iter().map(|name| (*name).to_owned()).chain(included);
    let missing: Vec<String> = needed.filter(|name| !packaged.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for name in &packaged {
        let foreign =
            ["tests/clients/", "tests/steps/", "tests/fuzz/"].iter().any(|start| name.starts_with(start));
        let hidden = name.starts_with('.') && name != ".cargo_vcs_info.json";
        assert!(!foreign && !hidden, "{name}");
    }
}

//! Licences: every dependency that a build links has one that `.cargo/deny.toml` allows.

use crate::source::{read, root};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// The licences that `.cargo/deny.toml` allows, by their SPDX identifiers.
fn allowed_licences() -> BTreeSet<String> {
    let text = read(&root().join(".cargo/deny.toml"));
    let list = text.split("\nallow = [").nth(1).and_then(|rest| rest.split(']').next());
    let names = list.expect("a list of licences").split('"').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

/// True if the SPDX expression can be met with allowed licences alone. An exception (`WITH`) only adds permissions.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // Older packages write `MIT/Apache-2.0`.
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let meets = |term: &str| {
        let licence = term.split(" WITH ").next().unwrap_or(term).trim();
        allowed.contains(licence)
    };
    // Without its parentheses, an expression is met only if each part between `AND` is: stricter, never laxer.
    expression.split(" AND ").all(|part| part.split(" OR ").any(meets))
}

#[test]
fn licences_of_dependencies_are_allowed() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let metadata = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let allowed = allowed_licences();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    assert!(packages.len() > 50, "{} packages", packages.len());
    for package in packages {
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(is_allowed(licence, &allowed), "{}: {licence:?}", package["name"]);
    }
}

#[test]
fn licence_expressions_are_read() {
    let allowed = BTreeSet::from(["MIT", "Apache-2.0", "Unicode-3.0"].map(str::to_owned));
    for expression in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-2.0/MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(is_allowed(expression, &allowed), "{expression}");
    }
    for expression in ["", "GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0 AND ISC"] {
        assert!(!is_allowed(expression, &allowed), "{expression}");
    }
}

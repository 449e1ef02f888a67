//! Documents: their lengths.

use crate::source::{read, sources};

#[test]
fn decision_notes_are_short() {
    for path in sources("src/decisions").into_iter().filter(|path| !path.ends_with("mod.rs")) {
        let lines = read(&path).lines().count();
        assert!(lines <= 25, "{} has {lines} lines", path.display());
    }
}

//! What the fuzzer found worth keeping, in plain tests: `tests/fuzz` has the corpus and the programs that made it,
//! `bodies` what is asserted.

use crate::bodies::{fuzz_binary, fuzz_classic, fuzz_meta, fuzz_session};
use std::fs;
use std::path::Path;

/// A corpus of fewer files is none.
const FILES_MIN: usize = 20;

/// Runs a body over its corpus.
fn hold(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        body(&fs::read(path).unwrap());
        count += 1;
    }
    assert!(count >= FILES_MIN, "{count} files in {}", folder.display());
}

#[test]
fn the_classic_corpus_holds() {
    hold("classic", fuzz_classic);
}

#[test]
fn the_meta_corpus_holds() {
    hold("meta", fuzz_meta);
}

#[test]
fn the_binary_corpus_holds() {
    hold("binary", fuzz_binary);
}

#[test]
fn the_session_corpus_holds() {
    hold("session", fuzz_session);
}

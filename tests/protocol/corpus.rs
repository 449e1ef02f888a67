//! Runs the fuzz bodies over the corpora in `tests/fuzz/corpus`.

use crate::fuzz_bodies::{fuzz_binary, fuzz_classic, fuzz_meta, fuzz_session};
use std::fs;
use std::path::Path;

/// Smallest number of files in a corpus.
const FILES_MIN: usize = 20;

/// Runs a body over its corpus.
fn run_corpus(target: &str, body: fn(&[u8])) {
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
fn the_classic_corpus_passes() {
    run_corpus("classic", fuzz_classic);
}

#[test]
fn the_meta_corpus_passes() {
    run_corpus("meta", fuzz_meta);
}

#[test]
fn the_binary_corpus_passes() {
    run_corpus("binary", fuzz_binary);
}

#[test]
fn the_session_corpus_passes() {
    run_corpus("session", fuzz_session);
}

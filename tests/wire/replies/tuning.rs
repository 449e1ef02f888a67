//! Commands: slabs and lru.

use super::*;

const NO_SPARE: &str = "NOSPARE source class has no spare pages\r\n";
const BAD_CLASSES: &str = "BADCLASS invalid src or dst class id\r\n";
const BAD_WINDOW: &str = "CLIENT_ERROR automove window too low or too high\r\n";
const BAD_FACTOR: &str = "ERROR hot/warm age factors must be greater than 0\r\n";

#[rustfmt::skip]
const SLABS: &[Row<'_>] = &[
    ("slabs\r\n", ERROR),
    ("slabs foo\r\n", ERROR),
    ("slabs foo noreply\r\n", SILENCE),
    ("slabs reassign\r\n", ERROR),
    ("slabs reassign 1\r\n", ERROR),
    ("slabs reassign 1 2 3\r\n", ERROR),
    ("slabs reassignx 1 2\r\n", ERROR),
    // The class is empty.
    ("slabs reassign 20 2\r\n", NO_SPARE),
    ("slabs reassign 1 2 noreply\r\n", SILENCE),
    ("slabs r 1 1\r\n", "SAME src and dst class are identical\r\n"),
    ("slabs reassign x 1\r\n", BAD_LINE),
    ("slabs reassign 1 x\r\n", BAD_LINE),
    ("slabs reassign 1000 1\r\n", BAD_CLASSES),
    ("slabs reassign 1 1000\r\n", BAD_CLASSES),
    ("slabs reassign 1 -1\r\n", BAD_CLASSES),
    ("slabs reassign -2 1\r\n", BAD_CLASSES),
    ("slabs reassign -1 1\r\n", BAD_CLASSES),
    ("slabs automove\r\n", ERROR),
    ("slabs automove 0\r\nslabs automove 1\r\nslabs automove 2\r\n", "OK\r\nOK\r\nOK\r\n"),
    ("slabs automove 3\r\n", ERROR),
    ("slabs automove x\r\n", BAD_LINE),
    ("slabs automove ratio 0.5\r\n", OK),
    ("slabs automove ratio 0\r\n", ERROR),
    ("slabs automove ratio 1.5\r\n", ERROR),
    ("slabs automove ratio x\r\n", ERROR),
    ("slabs automove freeratio 0.01\r\n", OK),
    ("slabs automove freeratio x\r\n", ERROR),
    ("slabs automove window 3\r\nslabs automove window 1800\r\n", "OK\r\nOK\r\n"),
    ("slabs automove window 2\r\n", BAD_WINDOW),
    ("slabs automove window 1801\r\n", BAD_WINDOW),
    ("slabs automove 1 noreply\r\n", SILENCE),
];

#[rustfmt::skip]
const LRU: &[Row<'_>] = &[
    ("lru\r\n", ERROR),
    ("lru foo\r\n", ERROR),
    ("lru tune 10 20 0.1 2\r\n", OK),
    ("lru t 40 40 0.1 2.5\r\n", OK),
    ("lru tune 40 41 0.1 2\r\n", "ERROR hot and warm pcts must not exceed 80\r\n"),
    ("lru tune 4294967295 4294967295 0.1 2\r\n", "ERROR hot and warm pcts must not exceed 80\r\n"),
    ("lru tune 10 20 0 2\r\n", BAD_FACTOR),
    ("lru tune 10 20 1 -1\r\n", BAD_FACTOR),
    ("lru tune 10 20 0.0001 1\r\n", OK),
    ("lru tune 10 20 1\r\n", ERROR),
    ("lru tune x 20 1 1\r\n", ERROR),
    ("lru tune 10 -20 1 1\r\n", ERROR),
    ("lru tune 10 20 1 x\r\n", ERROR),
    ("lru tune 10 20 inf 1\r\n", ERROR),
    ("lru tune 10 20 nan 1\r\n", ERROR),
    ("lru mode flat\r\nlru m s\r\n", "OK\r\nOK\r\n"),
    ("lru mode x\r\n", ERROR),
    ("lru mode\r\n", ERROR),
    ("lru temp_ttl 5\r\nlru temp_ttl -1\r\n", "OK\r\nOK\r\n"),
    ("lru temp_ttl x\r\n", ERROR),
    ("lru temp_ttl\r\n", ERROR),
    ("lru mode segmented noreply\r\n", SILENCE),
];

#[test]
fn slabs_commands() {
    check(SLABS);
}

#[test]
fn lru_commands() {
    check(LRU);
}

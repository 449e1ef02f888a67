//! Commands: version, verbosity, flush_all, cache_memlimit, shutdown, quit; and short replies of stats.

use super::*;

const VERSION: &str = "VERSION 1.6.45\r\n";
const TOO_SMALL: &str = "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n";
const IN_BYTES: &str = "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n";
const NO_SHUTDOWN: &str = "SERVER_ERROR: shutdown not enabled\r\n";
const FLUSHED: &str = "OK\r\nEND\r\n";
const KEPT: &str = "OK\r\nVALUE n 0 2\r\n10\r\nEND\r\n";

#[rustfmt::skip]
const FLUSH_ALL: &[Row<'_>] = &[
    ("flush_all\r\nget n\r\n", FLUSHED),
    ("flush_all 0\r\nget n\r\n", FLUSHED),
    ("flush_all -1\r\nget n\r\n", FLUSHED),
    ("flush_all -\r\nget n\r\n", FLUSHED),
    ("flush_all -2147483648\r\nget n\r\n", FLUSHED),
    ("flush_all noreply\r\nget n\r\n", END),
    ("flush_all 0 noreply\r\nget n\r\n", END),
    ("flush_all 0 2 3\r\nget n\r\n", FLUSHED),
    ("flush_all 100000\r\nget n\r\n", KEPT),
    ("flush_all 100000 noreply\r\nget n\r\n", "VALUE n 0 2\r\n10\r\nEND\r\n"),
    ("flush_all 2147483647\r\nget n\r\n", KEPT),
    // Items that are stored after it stay.
    ("flush_all\r\nset n 0 0 2\r\n10\r\nget n\r\n", "OK\r\nSTORED\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("flush_all\r\nadd n 0 0 1\r\n1\r\n", "OK\r\nSTORED\r\n"),
    // A time in the past flushes at once (memcached replies OK and keeps everything).
    ("flush_all 2592001\r\nget n\r\n", FLUSHED),
    ("flush_all 2147483648\r\nget n\r\n", "CLIENT_ERROR invalid exptime argument\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("flush_all -2147483649\r\n", BAD_EXPTIME),
    ("flush_all x\r\n", BAD_EXPTIME),
    ("flush_all +1\r\n", BAD_EXPTIME),
    ("flush_all 1x\r\n", BAD_EXPTIME),
    ("flush_all noreply x\r\n", BAD_EXPTIME),
    ("flush_all x noreply\r\nget n\r\n", "VALUE n 0 2\r\n10\r\nEND\r\n"),
];

#[rustfmt::skip]
const OTHERS: &[Row<'_>] = &[
    ("version\r\n", VERSION),
    ("version foo\r\n", VERSION),
    ("version noreply\r\n", VERSION),
    ("quit\r\nversion\r\n", SILENCE),
    ("version\r\nquit\r\nversion\r\n", VERSION),
    ("quit foo\r\nversion\r\n", SILENCE),
    ("verbosity 0\r\n", OK),
    ("verbosity 1\r\n", OK),
    ("verbosity 4294967295\r\nverbosity 0\r\n", "OK\r\nOK\r\n"),
    ("verbosity 1 foo\r\n", OK),
    ("verbosity 1 noreply\r\n", SILENCE),
    ("verbosity\r\n", BAD_LINE),
    ("verbosity x\r\n", BAD_LINE),
    ("verbosity -1\r\n", BAD_LINE),
    ("verbosity +1\r\n", BAD_LINE),
    ("verbosity 4294967296\r\n", BAD_LINE),
    ("verbosity 000000000001\r\n", BAD_LINE),
    ("verbosity 00000000000\r\n", OK),
    ("cache_memlimit 64\r\n", OK),
    ("cache_memlimit 8\r\n", OK),
    ("cache_memlimit 64 noreply\r\n", SILENCE),
    ("cache_memlimit 64 foo\r\n", OK),
    ("cache_memlimit 7\r\n", TOO_SMALL),
    ("cache_memlimit 0\r\n", TOO_SMALL),
    ("cache_memlimit 7 noreply\r\n", SILENCE),
    ("cache_memlimit 1000000001\r\n", IN_BYTES),
    ("cache_memlimit 4294967295\r\n", IN_BYTES),
    ("cache_memlimit 4294967296\r\n", ERROR),
    ("cache_memlimit\r\n", ERROR),
    ("cache_memlimit x\r\n", ERROR),
    ("cache_memlimit -1\r\n", ERROR),
    ("cache_memlimit 64m\r\n", ERROR),
    ("shutdown\r\n", NO_SHUTDOWN),
    ("shutdown graceful\r\n", NO_SHUTDOWN),
    ("shutdown foo\r\n", NO_SHUTDOWN),
    ("shutdown noreply\r\nversion\r\n", VERSION),
    // Needs `--debug-commands`.
    ("debugtime 1\r\n", ERROR),
    ("debugtime p\r\n", ERROR),
    ("debugtime p noreply\r\n", SILENCE),
    ("stats reset\r\n", "RESET\r\n"),
    ("stats re\r\n", "RESET\r\n"),
    ("stats r\r\n", "RESET\r\n"),
    ("stats resetx\r\n", ERROR),
    ("stats foo\r\n", ERROR),
    ("stats item\r\n", ERROR),
    ("stats slab\r\n", ERROR),
    ("stats Items\r\n", ERROR),
    ("stats cachedump 254 0\r\n", END),
    ("stats cachedump 255 100\r\n", END),
    ("stats cachedump 256 100\r\n", "CLIENT_ERROR Illegal slab id\r\n"),
    ("stats cachedump\r\n", "CLIENT_ERROR bad command line\r\n"),
    ("stats cachedump 1\r\n", "CLIENT_ERROR bad command line\r\n"),
    ("stats cachedump x 1\r\n", BAD_LINE),
    ("stats cachedump 1 x\r\n", BAD_LINE),
    ("stats sizes_enable\r\n", ERROR),
    ("stats sizes_disable\r\n", ERROR),
    ("stats noreply\r\n", ERROR),
    ("stats sizes\r\n", "STAT sizes_status disabled\r\nEND\r\n"),
];

#[test]
fn flush_all_removes_all_items_now_or_later() {
    check(FLUSH_ALL);
}

#[test]
fn administration_commands() {
    check(OTHERS);
}

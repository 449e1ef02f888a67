//! Line ends, spaces, tokens, unknown commands.

use super::*;

#[rustfmt::skip]
const LINES: &[Row<'_>] = &[
    // Shorter than any command, including the line end.
    ("\r\n", BAD_LINE),
    ("\n", BAD_LINE),
    ("a\n", BAD_LINE),
    ("a\r\n", BAD_LINE),
    ("ab\n", BAD_LINE),
    ("mn\n", BAD_LINE),
    ("ab\r\n", ERROR),
    ("abc\n", ERROR),
    ("abc\r\n", ERROR),
    // Line ends.
    ("version\n", "VERSION 1.6.45\r\n"),
    ("version\r\n", "VERSION 1.6.45\r\n"),
    ("version\r\r\n", ERROR),
    ("version\n\r\n", "VERSION 1.6.45\r\nCLIENT_ERROR bad command line format\r\n"),
    ("get n\rversion\r\n", END),
    ("delete n\r\r\n", NOT_FOUND),
    ("version", SILENCE),
    ("version\r", SILENCE),
    // Tokens are separated by one or more spaces and nothing else.
    ("get\tn\r\n", ERROR),
    ("get n\ta\r\n", END),
    ("get   n   a\r\n", "VALUE n 0 2\r\n10\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("get n \r\n", "VALUE n 0 2\r\n10\r\nEND\r\n"),
    ("incr  n  1 \r\n", "11\r\n"),
    ("set  b  0  0  1  \r\n1\r\n", STORED),
    ("stats nosuch \r\n", ERROR),
    // Spaces may precede administration commands only.
    (" get n\r\n", ERROR),
    (" gets n\r\n", ERROR),
    (" set a 0 0 1\r\n", ERROR),
    (" delete n\r\n", ERROR),
    (" incr n 1\r\n", ERROR),
    (" touch n 1\r\n", ERROR),
    (" version\r\n", ERROR),
    (" quit\r\nversion\r\n", "ERROR\r\nVERSION 1.6.45\r\n"),
    (" stats\r\n", ERROR),
    (" mn\r\n", ERROR),
    ("  flush_all\r\n", OK),
    ("  verbosity 1\r\n", OK),
    ("  cache_memlimit 64\r\n", OK),
    ("  shutdown\r\n", "SERVER_ERROR: shutdown not enabled\r\n"),
    ("    \r\n", ERROR),
    // Commands are case-sensitive and have no abbreviations.
    ("GET n\r\n", ERROR),
    ("Get n\r\n", ERROR),
    ("SET b 0 0 1\r\n", ERROR),
    ("VERSION\r\n", ERROR),
    ("Flush_all\r\n", ERROR),
    ("getx n\r\n", ERROR),
    ("bget n\r\n", ERROR),
    ("ge n\r\n", ERROR),
    ("flush\r\n", ERROR),
    ("flush_all_\r\n", ERROR),
    ("versions\r\n", ERROR),
    ("foo\r\n", ERROR),
    ("foo bar baz\r\n", ERROR),
    ("Host: foo\r\n", ERROR),
    ("GET / HTTP/1.1 x\r\n", ERROR),
    ("\u{7f}\u{1}\u{2}\r\n", ERROR),
    // Debug commands of memcached.
    ("misbehave\r\n", ERROR),
    ("debugtime p\r\n", ERROR),
    ("debugitem lock n\r\n", ERROR),
    // An unknown command with noreply.
    ("foo noreply\r\n", SILENCE),
    ("noreply\r\n", SILENCE),
    ("noreply \r\n", SILENCE),
    ("foo noreply \r\n", SILENCE),
    ("foo noreply bar\r\n", ERROR),
    ("foo NOREPLY\r\n", ERROR),
    ("foo noreply2\r\n", ERROR),
    ("foo 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 noreply\r\n", SILENCE),
    ("foo 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 noreply\r\n", ERROR),
    ("touch n 0 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 noreply\r\n", SILENCE),
    ("touch n 0 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 noreply\r\n", "TOUCHED\r\n"),
];

#[test]
fn lines_and_tokens_are_parsed_like_memcached() {
    check(LINES);
}

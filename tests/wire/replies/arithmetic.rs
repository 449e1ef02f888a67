//! Commands: incr and decr.

use super::*;

#[rustfmt::skip]
const STEPS: &[Row<'_>] = &[
    ("incr n 1\r\nget n\r\n", "11\r\nVALUE n 0 2\r\n11\r\nEND\r\n"),
    ("incr n 0\r\n", "10\r\n"),
    ("incr n 90\r\nget n\r\n", "100\r\nVALUE n 0 3\r\n100\r\nEND\r\n"),
    ("incr n 18446744073709551605\r\n", "18446744073709551615\r\n"),
    ("incr n 18446744073709551606\r\n", "0\r\n"),
    ("incr n 18446744073709551615\r\n", "9\r\n"),
    ("incr n 0000000000000000000001\r\n", "11\r\n"),
    ("decr n 10\r\n", "0\r\n"),
    ("decr n 11\r\n", "0\r\n"),
    ("decr n 18446744073709551615\r\n", "0\r\n"),
    // A shorter number is padded to the old length.
    ("decr n 1\r\nget n\r\n", "9\r\nVALUE n 0 2\r\n9 \r\nEND\r\n"),
    ("decr n 1\r\nincr n 1\r\nget n\r\n", "9\r\n10\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("set c 3 0 2\r\n99\r\nincr c 1\r\nget c\r\n", "STORED\r\n100\r\nVALUE c 3 3\r\n100\r\nEND\r\n"),
    ("incr b 1\r\n", NOT_FOUND),
    ("decr b 1\r\n", NOT_FOUND),
    ("incr a 1\r\n", NOT_NUMERIC),
    ("decr a 1\r\n", NOT_NUMERIC),
    // Superfluous and missing arguments.
    ("incr n 1 foo bar\r\n", "11\r\n"),
    ("incr\r\n", BAD_LINE),
    ("incr n\r\n", BAD_LINE),
    ("decr\r\n", BAD_LINE),
    ("decr n \r\n", BAD_LINE),
    ("incr {250} 1\r\n", NOT_FOUND),
    ("incr {251} 1\r\n", BAD_LINE),
    ("decr {251} x\r\n", BAD_LINE),
    // The delta is checked before the key.
    ("incr n x\r\n", BAD_DELTA),
    ("incr b x\r\n", BAD_DELTA),
    ("incr n -1\r\n", BAD_DELTA),
    ("incr n +1\r\n", BAD_DELTA),
    ("incr n 1x\r\n", BAD_DELTA),
    ("incr n 0x1\r\n", BAD_DELTA),
    ("incr n 1.5\r\n", BAD_DELTA),
    ("decr n 18446744073709551616\r\n", BAD_DELTA),
    ("decr n 00000000000000000000001\r\n", BAD_DELTA),
    ("incr n noreply\r\nget n\r\n", "VALUE n 0 2\r\n10\r\nEND\r\n"),
];

/// Values that are numeric according to `strtoull`.
#[rustfmt::skip]
const STORED_TEXT: &[Row<'_>] = &[
    ("set c 0 0 2\r\n 1\r\nincr c 1\r\n", "STORED\r\n2\r\n"),
    ("set c 0 0 2\r\n1 \r\nincr c 1\r\n", "STORED\r\n2\r\n"),
    ("set c 0 0 2\r\n+1\r\nincr c 1\r\n", "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 2\r\n\n1\r\nincr c 1\r\n", "STORED\r\n2\r\n"),
    ("set c 0 0 2\r\n\t1\r\nincr c 1\r\n", "STORED\r\n2\r\n"),
    ("set c 0 0 5\r\n00012\r\nincr c 1\r\nget c\r\n", "STORED\r\n13\r\nVALUE c 0 5\r\n13   \r\nEND\r\n"),
    ("set c 0 0 3\r\n5 6\r\nincr c 1\r\n", "STORED\r\n6\r\n"),
    ("set c 0 0 2\r\n5\0\r\nincr c 1\r\n", "STORED\r\n6\r\n"),
    ("set c 0 0 2\r\n-0\r\nincr c 1\r\n", "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 21\r\n-18446744073709551615\r\nincr c 1\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 20\r\n00000000000000000012\r\nincr c 1\r\n", "STORED\r\n13\r\n"),
    ("set c 0 0 21\r\n000000000000000000012\r\nincr c 1\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 20\r\n18446744073709551615\r\nincr c 1\r\n", "STORED\r\n0\r\n"),
    ("set c 0 0 20\r\n18446744073709551616\r\nincr c 1\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 0\r\n\r\nincr c 1\r\n", "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 1\r\n \r\nincr c 1\r\n", "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 2\r\n1a\r\nincr c 1\r\n", "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 4\r\n0x10\r\nincr c 1\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 3\r\n1.5\r\nincr c 1\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("set c 0 0 2\r\n-1\r\nincr c 1\r\n", "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
];

#[test]
fn incr_wraps_and_decr_stops_at_zero() {
    check(STEPS);
}

#[test]
fn values_are_parsed_like_strtoull() {
    check(STORED_TEXT);
}

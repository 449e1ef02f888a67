//! Commands: set, add, replace, append, prepend, cas.

use super::*;

#[rustfmt::skip]
const OUTCOMES: &[Row<'_>] = &[
    ("set b 7 0 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 7 1\r\n1\r\nEND\r\n"),
    ("set a 0 0 2\r\n12\r\nget a\r\n", "STORED\r\nVALUE a 0 2\r\n12\r\nEND\r\n"),
    ("set b 0 0 0\r\n\r\nget b\r\n", "STORED\r\nVALUE b 0 0\r\n\r\nEND\r\n"),
    ("set b 0 0 4\r\n\r\n\r\n\r\nget b\r\n", "STORED\r\nVALUE b 0 4\r\n\r\n\r\n\r\nEND\r\n"),
    ("set b 0 0 11\r\nget a\r\nEND\0\r\nget b\r\n", "STORED\r\nVALUE b 0 11\r\nget a\r\nEND\0\r\nEND\r\n"),
    ("set b 0 0 1\n1\r\n", STORED),
    ("add b 7 0 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 7 1\r\n1\r\nEND\r\n"),
    ("add a 7 0 1\r\n1\r\nget a\r\n", "NOT_STORED\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("replace a 7 0 1\r\n1\r\nget a\r\n", "STORED\r\nVALUE a 7 1\r\n1\r\nEND\r\n"),
    ("replace b 7 0 1\r\n1\r\nget b\r\n", "NOT_STORED\r\nEND\r\n"),
    ("append a 7 0 2\r\nyz\r\nget a\r\n", "STORED\r\nVALUE a 5 3\r\nxyz\r\nEND\r\n"),
    ("append b 7 0 2\r\nyz\r\nget b\r\n", "NOT_STORED\r\nEND\r\n"),
    ("append a 7 -1 0\r\n\r\nget a\r\n", "STORED\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("prepend a 7 -1 2\r\nvw\r\nget a\r\n", "STORED\r\nVALUE a 5 3\r\nvwx\r\nEND\r\n"),
    ("prepend b 7 0 2\r\nyz\r\nget b\r\n", "NOT_STORED\r\nEND\r\n"),
    ("cas b 0 0 1 1\r\n1\r\nget b\r\n", "NOT_FOUND\r\nEND\r\n"),
    ("cas b 0 0 1 0\r\n1\r\n", NOT_FOUND),
    ("cas a 0 0 1 0\r\n1\r\nget a\r\n", "EXISTS\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("cas a 0 0 1 18446744073709551615\r\n1\r\n", "EXISTS\r\n"),
    ("set {250} 0 0 1\r\n1\r\nget {250}\r\n", "STORED\r\nVALUE {250} 0 1\r\n1\r\nEND\r\n"),
    ("set a\tb\u{1}\u{7f} 0 0 1\r\n1\r\nget a\tb\u{1}\u{7f}\r\n",
     "STORED\r\nVALUE a\tb\u{1}\u{7f} 0 1\r\n1\r\nEND\r\n"),
    ("set \0 0 0 1\r\n1\r\nget \0 \0\0\r\n", "STORED\r\nVALUE \0 0 1\r\n1\r\nEND\r\n"),
    ("set k\r 0 0 1\r\n1\r\nget k\r k\r\r\n", "STORED\r\nVALUE k\r 0 1\r\n1\r\nVALUE k\r 0 1\r\n1\r\nEND\r\n"),
];

#[rustfmt::skip]
const ARGUMENTS: &[Row<'_>] = &[
    // Too few arguments: no data block is expected.
    ("set\r\n", BAD_LINE),
    ("set \r\n", BAD_LINE),
    ("set a\r\n", BAD_LINE),
    ("set a 0\r\n", BAD_LINE),
    ("set a 0 0\r\nversion\r\n", "CLIENT_ERROR bad command line format\r\nVERSION 1.6.45\r\n"),
    ("set a 0 0 noreply\r\n1\r\n", BAD_LINE),
    ("add\r\n", BAD_LINE),
    ("replace a\r\n", BAD_LINE),
    ("append a 0 0\r\n", BAD_LINE),
    ("prepend a 0 0\r\n", BAD_LINE),
    ("cas\r\n", BAD_LINE),
    ("cas a 0 0\r\n", BAD_LINE),
    // Superfluous arguments are ignored.
    ("set b 0 0 1 foo\r\n1\r\n", STORED),
    ("set b 0 0 1 foo bar\r\n1\r\n", STORED),
    ("set b 0 0 1 noreply foo\r\n1\r\n", STORED),
    ("add b 0 0 1 17\r\n1\r\n", STORED),
    ("cas b 0 0 1 2 3 4\r\n1\r\n", NOT_FOUND),
    // Flags.
    ("set b 4294967295 0 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 4294967295 1\r\n1\r\nEND\r\n"),
    ("set b 4294967296 0 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 0 1\r\n1\r\nEND\r\n"),
    ("set b 18446744073709551615 0 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 4294967295 1\r\n1\r\nEND\r\n"),
    ("set b +5 0 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 5 1\r\n1\r\nEND\r\n"),
    ("set b 00000000000000007 0 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 7 1\r\n1\r\nEND\r\n"),
    ("set b -0 0 1\r\n1\r\n", STORED),
    ("set b 18446744073709551616 0 1\r\n1\r\n", BAD_LINE),
    ("set b -1 0 1\r\n1\r\n", BAD_LINE),
    ("set b x 0 1\r\n1\r\n", BAD_LINE),
    ("set b 1x 0 1\r\n1\r\n", BAD_LINE),
    ("set b 1.5 0 1\r\n1\r\n", BAD_LINE),
    ("set b 0x1 0 1\r\n1\r\n", BAD_LINE),
    ("set b + 0 1\r\n1\r\n", BAD_LINE),
    ("set b - 0 1\r\n1\r\n", BAD_LINE),
    // Exptime.
    ("set b 0 -1 1\r\n1\r\nget b\r\n", "STORED\r\nEND\r\n"),
    ("set b 0 +100 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 0 1\r\n1\r\nEND\r\n"),
    ("set b 0 4294967296 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 0 1\r\n1\r\nEND\r\n"),
    ("set b 0 4102444800 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 0 1\r\n1\r\nEND\r\n"),
    // libmemcached writes -1 so.
    ("set b 0 4294967295 1\r\n1\r\nget b\r\n", "STORED\r\nEND\r\n"),
    ("set b 0 9223372036854775807 1\r\n1\r\nget b\r\n", "STORED\r\nVALUE b 0 1\r\n1\r\nEND\r\n"),
    ("set b 0 -9223372036854775808 1\r\n1\r\nget b\r\n", "STORED\r\nEND\r\n"),
    ("set b 0 9223372036854775808 1\r\n1\r\n", BAD_LINE),
    ("set b 0 -9223372036854775809 1\r\n1\r\n", BAD_LINE),
    ("set b 0 18446744073709551615 1\r\n1\r\n", BAD_LINE),
    ("set b 0 x 1\r\n1\r\n", BAD_LINE),
    ("set b 0 1.5 1\r\n1\r\n", BAD_LINE),
    ("set b 0 - 1\r\n1\r\n", BAD_LINE),
    // Keys.
    ("set {251} 0 0 1\r\n1\r\n", BAD_LINE),
    ("add {251} 0 0 1\r\n1\r\n", BAD_LINE),
    ("cas {251} 0 0 1 1\r\n1\r\n", BAD_LINE),
    // Length.
    ("set b 0 0 -\r\n\r\nget b\r\n", "STORED\r\nVALUE b 0 0\r\n\r\nEND\r\n"),
    ("set b 0 0 -0\r\n\r\n", STORED),
    ("set b 0 0 00000000001\r\n1\r\n", STORED),
    ("set b 0 0 000000000001\r\nblock\r\n", BAD_LINE),
    ("set b 0 0 +1\r\nblock\r\n", BAD_LINE),
    ("set b 0 0 -1\r\nblock\r\n", BAD_LINE),
    ("set b 0 0 x\r\nblock\r\n", BAD_LINE),
    ("set b 0 0 1x\r\nblock\r\n", BAD_LINE),
    ("set b 0 0 2147483646\r\nblock\r\n", BAD_LINE),
    ("set b 0 0 2147483648\r\nblock\r\n", BAD_LINE),
    ("set b 0 0 4294967297\r\nblock\r\n", BAD_LINE),
    ("set b 0 0 99999999999999999999\r\nblock\r\n", BAD_LINE),
    // An invalid CAS unique: the data block is skipped, because its length is known.
    ("cas a 0 0 1\r\n1\r\n", BAD_LINE),
    ("cas a 0 0 1 x\r\n1\r\n", BAD_LINE),
    ("cas a 0 0 1 -1\r\n1\r\n", BAD_LINE),
    ("cas a 0 0 1 +1\r\n1\r\n", BAD_LINE),
    ("cas a 0 0 1 18446744073709551616\r\n1\r\n", BAD_LINE),
    ("cas b 0 0 1 0018446744073709551615\r\n1\r\n", NOT_FOUND),
    ("cas b 0 0 1 00018446744073709551615\r\n1\r\n", BAD_LINE),
];

#[rustfmt::skip]
const BLOCKS: &[Row<'_>] = &[
    // The data block of a refused line is dropped, even if it looks like a command.
    ("set b x 0 9\r\nflush_all\r\nget a\r\n", "CLIENT_ERROR bad command line format\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("set {251} 0 0 9\r\nflush_all\r\nget n\r\n",
     "CLIENT_ERROR bad command line format\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    // Wrong lengths.
    ("set a 0 0 2\r\nabc\r\nget a\r\n", "CLIENT_ERROR bad data chunk\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("set a 0 0 2\r\nabcdef\r\nget a\r\n", "CLIENT_ERROR bad data chunk\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("set a 0 0 3\r\nab\r\nget a\r\n", "CLIENT_ERROR bad data chunk\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("set a 0 0 4\r\nab\r\nversion\r\nget a\r\n", "CLIENT_ERROR bad data chunk\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("set a 0 0 1\r\n1\nget a\r\n", "CLIENT_ERROR bad data chunk\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("set a 0 0 1\r\n1\r\r\nget a\r\n", "CLIENT_ERROR bad data chunk\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("set a 0 0 1 noreply\r\n12\r\nget a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\n"),
    ("add b 0 0 0\r\nx\r\n", BAD_CHUNK),
    ("append a 0 0 0\r\nx\r\n", BAD_CHUNK),
    // A value is never parsed as commands.
    ("set a 0 0 2\r\n12xxflush_all\r\nget n\r\n", "CLIENT_ERROR bad data chunk\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("set a 0 0 -1\r\nflush_all\r\nget n\r\n", "CLIENT_ERROR bad command line format\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("set a 0 0 9x noreply\r\nflush_all\r\nget n\r\n",
     "CLIENT_ERROR bad command line format\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    // An incomplete data block at the end of the stream is not stored.
    ("set a 0 0 5\r\nabc", SILENCE),
    ("set a 0 0 3\r\nabc", SILENCE),
    ("set a 0 0 3\r\nabc\r", SILENCE),
];

#[test]
fn storage_commands_store_by_their_condition() {
    check(OUTCOMES);
}

#[test]
fn storage_commands_check_the_range_of_their_arguments() {
    check(ARGUMENTS);
}

#[test]
fn a_data_block_is_stored_or_dropped_as_a_whole() {
    check(BLOCKS);
}

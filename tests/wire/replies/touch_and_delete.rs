//! Commands: touch and delete.

use super::*;

#[rustfmt::skip]
const TOUCH: &[Row<'_>] = &[
    ("touch n 100\r\nget n\r\n", "TOUCHED\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("touch n 0\r\nget n\r\n", "TOUCHED\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("touch n -1\r\nget n\r\n", "TOUCHED\r\nEND\r\n"),
    ("touch n -1\r\ntouch n 100\r\n", "TOUCHED\r\nNOT_FOUND\r\n"),
    ("touch n 2592000\r\nget n\r\n", "TOUCHED\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("touch n 2592001\r\nget n\r\n", "TOUCHED\r\nEND\r\n"),
    ("touch n 2147483647\r\nget n\r\n", "TOUCHED\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("touch n -\r\nget n\r\n", "TOUCHED\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("touch b 100\r\n", NOT_FOUND),
    ("touch n 10 foo\r\n", "TOUCHED\r\n"),
    ("touch n 2147483648\r\nget n\r\n", "TOUCHED\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("touch n 99999999999\r\nget n\r\n", "TOUCHED\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("touch n -2147483649\r\n", BAD_EXPTIME),
    ("touch n 100000000000\r\n", BAD_EXPTIME),
    ("touch n 000000000001\r\n", BAD_EXPTIME),
    ("touch n +1\r\n", BAD_EXPTIME),
    ("touch n x\r\n", BAD_EXPTIME),
    ("touch b x\r\n", BAD_EXPTIME),
    ("touch n noreply\r\nget n\r\n", "VALUE n 0 2\r\n10\r\nEND\r\n"),
    ("touch\r\n", BAD_LINE),
    ("touch n\r\n", BAD_LINE),
    ("touch noreply\r\n", BAD_LINE),
    ("touch {250} 0\r\n", NOT_FOUND),
    ("touch {251} 0\r\n", BAD_LINE),
];

#[rustfmt::skip]
const DELETE: &[Row<'_>] = &[
    ("delete n\r\nget n a\r\n", "DELETED\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("delete n\r\ndelete n\r\n", "DELETED\r\nNOT_FOUND\r\n"),
    ("delete b\r\n", NOT_FOUND),
    ("delete n 0\r\n", "DELETED\r\n"),
    ("delete n 5\r\n", "DELETED\r\n"),
    ("delete n -1\r\n", "DELETED\r\n"),
    // memcached ignores all words after the key; larder accepts one (decision note d08).
    ("delete n a b\r\nget n\r\n", "CLIENT_ERROR bad command line format\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("delete n 0 0\r\n", BAD_LINE),
    ("delete n 0 noreply x\r\n", BAD_LINE),
    ("delete n a b noreply\r\nget n\r\n", "VALUE n 0 2\r\n10\r\nEND\r\n"),
    ("delete n 0 noreply\r\nget n\r\n", END),
    ("delete noreply\r\n", SILENCE),
    ("set noreply 0 0 1\r\n1\r\ndelete noreply\r\nget noreply\r\n", "STORED\r\nEND\r\n"),
    ("delete\r\n", BAD_LINE),
    ("delete \r\n", BAD_LINE),
    ("delete {250}\r\n", NOT_FOUND),
    ("delete {251}\r\n", BAD_LINE),
    ("delete n\r\nadd n 0 0 1\r\n1\r\n", "DELETED\r\nSTORED\r\n"),
];

#[test]
fn touch_sets_the_exptime() {
    check(TOUCH);
}

#[test]
fn delete_removes_one_key() {
    check(DELETE);
}

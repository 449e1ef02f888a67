//! Commands: get, gets, gat, gats.

use super::*;

#[rustfmt::skip]
const GET: &[Row<'_>] = &[
    ("get n\r\n", "VALUE n 0 2\r\n10\r\nEND\r\n"),
    ("get a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\n"),
    ("get b\r\n", END),
    ("get n a\r\n", "VALUE n 0 2\r\n10\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("get a n\r\n", "VALUE a 5 1\r\nx\r\nVALUE n 0 2\r\n10\r\nEND\r\n"),
    ("get b a c\r\n", "VALUE a 5 1\r\nx\r\nEND\r\n"),
    ("get a a\r\n", "VALUE a 5 1\r\nx\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("gets b\r\n", END),
    // `noreply` is a key here.
    ("get a noreply\r\n", "VALUE a 5 1\r\nx\r\nEND\r\n"),
    ("get noreply\r\n", END),
    ("set noreply 0 0 1\r\n1\r\nget noreply\r\n", "STORED\r\nVALUE noreply 0 1\r\n1\r\nEND\r\n"),
    // Lower case: a key, not an HTTP request.
    ("get / HTTP/1.1\r\n", END),
    ("get\r\n", BAD_LINE),
    ("get \r\n", BAD_LINE),
    ("get     \r\n", BAD_LINE),
    ("gets\r\n", BAD_LINE),
    ("gets \r\n", BAD_LINE),
    ("get {250}\r\n", END),
    ("get {251}\r\n", BAD_LINE),
    ("gets {251}\r\n", BAD_LINE),
    ("get n {251}\r\n", BAD_LINE),
    ("get {251} n\r\nget a\r\n", "CLIENT_ERROR bad command line format\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    // Replies to earlier commands are sent, and the error has one line end.
    ("get n\r\nget {251}\r\nget a\r\n",
     "VALUE n 0 2\r\n10\r\nEND\r\nCLIENT_ERROR bad command line format\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("get {251} noreply\r\n", BAD_LINE),
    // A later command does not change an earlier reply.
    ("get n\r\ndelete n\r\nget n\r\n", "VALUE n 0 2\r\n10\r\nEND\r\nDELETED\r\nEND\r\n"),
];

#[rustfmt::skip]
const GAT: &[Row<'_>] = &[
    ("gat 100 b\r\n", END),
    ("gat 100 a\r\nget a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("gat 0 n a\r\n", "VALUE n 0 2\r\n10\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("gat -1 a\r\nget a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nEND\r\n"),
    ("gat -1 a a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\n"),
    ("gat 2147483647 a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\n"),
    ("gat -2147483648 a\r\nget a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nEND\r\n"),
    ("gat - a\r\nget a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("gat 2592001 a\r\nget a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nEND\r\n"),
    ("gat 2592000 a\r\nget a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("gat 2147483648 a\r\nget a\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nVALUE a 5 1\r\nx\r\nEND\r\n"),
    ("gat 100000000000 a\r\n", BAD_EXPTIME),
    ("gat -2147483649 a\r\n", BAD_EXPTIME),
    ("gat 000000000001 a\r\n", BAD_EXPTIME),
    ("gat +1 a\r\n", BAD_EXPTIME),
    ("gat x a\r\n", BAD_EXPTIME),
    ("gats 1.5 a\r\n", BAD_EXPTIME),
    ("gat a n\r\n", BAD_EXPTIME),
    ("gat\r\n", BAD_LINE),
    ("gat 10\r\n", BAD_LINE),
    ("gat a\r\n", BAD_LINE),
    ("gats\r\n", BAD_LINE),
    ("gats 10 \r\n", BAD_LINE),
    ("gat 10 {251}\r\n", BAD_LINE),
    // The keys before it have been touched.
    ("gat -1 a {251}\r\nget a\r\n", "CLIENT_ERROR bad command line format\r\nEND\r\n"),
    ("gat 100 a noreply\r\n", "VALUE a 5 1\r\nx\r\nEND\r\n"),
    ("gat 100 noreply\r\n", END),
];

#[test]
fn get_replies_in_the_order_of_its_keys() {
    check(GET);
}

#[test]
fn gat_returns_the_value_and_sets_the_exptime() {
    check(GAT);
}

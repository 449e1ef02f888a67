//! The protocol rows of the manual's table of differences: each row is there, and the daemon behaves as it says.

use crate::conversation::conversation;
use crate::support::larder;

/// The first cell of a row, a request, larder's reply. `a` holds x; `{251}` is a key of 251 bytes.
#[rustfmt::skip]
const ROWS: &[(&str, &str, &str)] = &[
    ("key over 250 bytes in `get`", "get a\r\nget {251}\r\nget a\r\n",
     "VALUE a 0 1\r\nx\r\nEND\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
    ("data block longer than declared", "set a 0 0 2\r\n12xxflush_all\r\nget a\r\n",
     "CLIENT_ERROR bad data chunk\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
    ("data block after a length that cannot be parsed", "set a 0 0 1x\r\nflush_all\r\nget a\r\n",
     "CLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
    ("line over 2048 bytes", "get a\r\ndelete a{3000 spaces}\r\nget a\r\n",
     "VALUE a 0 1\r\nx\r\nEND\r\nCLIENT_ERROR line too long\r\n"),
    ("an HTTP request", "get a\r\nGET / HTTP/1.1\r\nget a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n"),
    ("`flush_all` with a Unix time before the server's start", "flush_all 2592001\r\nget a\r\n", "OK\r\nEND\r\n"),
    ("words after the key of `delete`", "delete b 0\r\ndelete a b c\r\nget a\r\n",
     "NOT_FOUND\r\nCLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
    ("`decr` after a `get` of the same key in one packet",
     "set n 0 0 2\r\n10\r\nget n\r\ndecr n 1\r\nget n\r\n",
     "STORED\r\nVALUE n 0 2\r\n10\r\nEND\r\n9\r\nVALUE n 0 2\r\n9 \r\nEND\r\n"),
    ("`stats cachedump`", "stats cachedump 1 0\r\n", "ITEM a [1 b; 0 s]\r\nEND\r\n"),
    ("`ms` with a malformed flag", "ms a 3 !\r\nmn\n\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\nMN\r\n"),
    ("`ma` with an opaque token that is too long", "ma n N0 J1\r\nma n O{32 ones}\r\nmg n v\r\n",
     "HD\r\nCLIENT_ERROR opaque token too long\r\nVA 1\r\n1\r\n"),
    ("`T` of an `ma` whose number grows a digit", "ma n N0 J9\r\nma n T-1\r\nmg n\r\n", "HD\r\nHD\r\nEN\r\n"),
    ("append to an item by its base64 key", "ms Zm9v 1 b\r\n1\r\nms Zm9v 1 b MA\r\n2\r\nmg foo k\r\n",
     "HD\r\nHD\r\nHD kZm9v b\r\n"),
    ("`me` with a base64 key", "ms Zm9v 0 b E9\r\n\r\nme Zm9v b\r\n",
     "HD\r\nME Zm9v exp=-1 la=0 cas=9 fetch=no cls=1 size=62\r\n"),
    ("an exptime after 2038 (2147483648 and more)",
     "set a 0 4102444800 1\r\nx\r\ntouch a 4102444800\r\nget a\r\n",
     "STORED\r\nTOUCHED\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
    ("an exptime below -2147483648 in storage commands", "set a 0 -2147483649 1\r\nx\r\nget a\r\n",
     "STORED\r\nEND\r\n"),
    ("`incr` and `decr` of a text with a sign or over 20 digits",
     "set n 0 0 21\r\n-18446744073709551615\r\nincr n 1\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("`shutdown`", "get a\r\nshutdown\r\nget a\r\n", "VALUE a 0 1\r\nx\r\nEND\r\n"),
];

#[test]
fn every_protocol_difference_is_in_the_manual_and_true() {
    let manual = include_str!("../../src/manual/differences.md");
    for (row, request, reply) in ROWS {
        assert!(manual.contains(&format!("\n| {row} |")), "{row:?} is not in the manual's table");
        let daemon = larder("-A --debug-commands").start();
        daemon.stop_clock();
        assert_eq!(conversation(&daemon, "set a 0 0 1\r\nx\r\n"), "STORED\r\n");
        let request = request.replace("{251}", &"k".repeat(251)).replace("{3000 spaces}", &" ".repeat(3000));
        let request = request.replace("{32 ones}", &"1".repeat(32));
        assert_eq!(conversation(&daemon, request), *reply, "{row}");
    }
}

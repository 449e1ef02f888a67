//! Single requests to both servers: evidence for each difference in `version_rules.rs`, and regression tests for
//! requests that once got different replies.
//!
//! Before every request, `n` has the value 10 and `a` has the value x. `{long}` stands for a key of 251 bytes, `{nul}`
//! for a NUL, `{endless}` for a line without an end.

use crate::servers::Server;
use crate::transcript::transcript;

const FIXTURE: &[u8] = b"flush_all\r\nset n 0 0 2\r\n10\r\nset a 0 0 1\r\nx\r\n";
const FIXTURE_REPLY: &[u8] = b"OK\r\nSTORED\r\nSTORED\r\n";

const BAD_LINE: &str = "CLIENT_ERROR bad command line format\r\n";
const ERROR: &str = "ERROR\r\n";
const VALUE_A: &str = "VALUE a 0 1\r\nx\r\nEND\r\n";

/// A request, larder's reply, the reply of 1.6.18.
type Difference<'a> = (&'a str, &'a str, &'a str);

/// Differences between 1.6.18 and 1.6.45, whose behaviour larder has.
#[rustfmt::skip]
const OLDER: [Difference<'_>; 63] = [
    // Too few words.
    ("get\r\n", BAD_LINE, ERROR),
    ("gets \r\n", BAD_LINE, ERROR),
    ("set a 0 0\r\n", BAD_LINE, ERROR),
    ("cas a 0 0\r\n", BAD_LINE, ERROR),
    ("cas a 0 0 1\r\n1\r\n", BAD_LINE, "ERROR\r\nERROR\r\n"),
    ("incr n\r\n", BAD_LINE, ERROR),
    ("touch a\r\n", BAD_LINE, ERROR),
    ("delete\r\n", BAD_LINE, ERROR),
    ("verbosity\r\n", BAD_LINE, ERROR),
    ("gat 10\r\n", BAD_LINE, "END\r\n"),
    ("gat a\r\n", BAD_LINE, "CLIENT_ERROR invalid exptime argument\r\n"),
    ("\r\n", BAD_LINE, ERROR),
    ("a\r\n", BAD_LINE, ERROR),
    ("ab\n", BAD_LINE, ERROR),
    // Leading spaces, an alias, prefixes of sub-commands.
    (" get a\r\n", ERROR, VALUE_A),
    ("bget a\r\n", ERROR, VALUE_A),
    ("stats re\r\n", "RESET\r\n", ERROR),
    // Bad arguments of storage commands: the block is dropped, not executed.
    ("set a x 0 1\r\n1\r\n", BAD_LINE, "CLIENT_ERROR bad command line format\r\nERROR\r\n"),
    ("set a 0 x 1\r\n1\r\n", BAD_LINE, "CLIENT_ERROR bad command line format\r\nERROR\r\n"),
    ("set {long} 0 0 1\r\n1\r\n", BAD_LINE, "CLIENT_ERROR bad command line format\r\nERROR\r\n"),
    ("cas a 0 0 1 -1\r\n1\r\n", BAD_LINE, "CLIENT_ERROR bad command line format\r\nERROR\r\n"),
    ("set a 0 0 +1\r\n1\r\n", BAD_LINE, "STORED\r\n"),
    ("set a 0 0 000000000001\r\n1\r\n", BAD_LINE, "STORED\r\n"),
    ("set a 0 0 4294967296\r\nflush_all\r\n", BAD_LINE, "CLIENT_ERROR bad data chunk\r\nERROR\r\n"),
    ("set a 0 0 x noreply\r\nflush_all\r\n", BAD_LINE, "OK\r\n"),
    ("set a 0 0 1 noreply extra\r\n1\r\n", "STORED\r\n", "ERROR\r\nERROR\r\n"),
    ("set a 0 0 1 extra noreply\r\n1\r\n", "", "ERROR\r\nERROR\r\n"),
    ("set a 1\t1 0 1\r\n1\r\n", BAD_LINE, "STORED\r\n"),
    ("set a 0 0 1\r\r\n1\r\n", BAD_LINE, "STORED\r\n"),
    // Too many words in other commands.
    ("delete a 5\r\n", "DELETED\r\n", "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n"),
    ("delete a b c\r\n", BAD_LINE, "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n"),
    ("delete noreply\r\n", "", "NOT_FOUND\r\n"),
    ("touch a 10 foo bar\r\n", "TOUCHED\r\n", ERROR),
    ("incr n 1 foo bar\r\n", "11\r\n", ERROR),
    ("flush_all 0 2 3\r\n", "OK\r\n", ERROR),
    // Numbers.
    ("incr n +1\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n", "11\r\n"),
    ("incr n 00000000000000000000001\r\n", "CLIENT_ERROR invalid numeric delta argument\r\n", "11\r\n"),
    ("touch a 100000000000\r\n", "CLIENT_ERROR invalid exptime argument\r\n", "TOUCHED\r\n"),
    ("touch a -\r\n", "TOUCHED\r\n", "CLIENT_ERROR invalid exptime argument\r\n"),
    ("gat - a\r\n", VALUE_A, "CLIENT_ERROR invalid exptime argument\r\n"),
    ("flush_all 99999999999\r\n", "CLIENT_ERROR invalid exptime argument\r\n", "OK\r\n"),
    ("verbosity 4294967296\r\n", BAD_LINE, "OK\r\n"),
    // noreply after an unknown command.
    ("foo noreply\r\n", "", ERROR),
    ("noreply\r\n", "", ERROR),
    // Meta commands: 1.6.18 has fewer flags, other error lines, and allows one token less.
    ("mg\r\n", BAD_LINE, ERROR),
    ("mg a !\r\n", BAD_LINE, "CLIENT_ERROR invalid flag\r\n"),
    ("mg a M\r\n", "HD\r\n", "CLIENT_ERROR incorrect length for M token\r\n"),
    ("mg a F4294967296\r\n", BAD_LINE, "HD\r\n"),
    ("mg a T100000000000\r\n", "CLIENT_ERROR bad token in command line format\r\n", "HD\r\n"),
    ("mg b E7 N0\r\n", "HD W\r\n", "CLIENT_ERROR invalid flag\r\n"),
    ("mg a f k s v P L u q I T1 N1 R1 C1 J1 D1 F1 Mx h\r\n", "VA 1 f0 ka s1 h0\r\nx\r\n",
     "CLIENT_ERROR options flags are too long\r\n"),
    ("ms a 1 E7\r\n1\r\n", "HD\r\n", "CLIENT_ERROR invalid flag\r\n"),
    ("ms a 1 s\r\n1\r\n", "HD s1\r\n", "HD\r\n"),
    ("ms a 1 MAppend\r\n1\r\n", "HD\r\n", "CLIENT_ERROR incorrect length for M token\r\n"),
    ("ms b 1 MA N0\r\n1\r\n", "HD\r\n", "NS\r\n"),
    ("ms {long} 1\r\n1\r\n", BAD_LINE, "CLIENT_ERROR bad command line format\r\nERROR\r\n"),
    ("md a x\r\n", "HD\r\n", "CLIENT_ERROR invalid or duplicate flag\r\n"),
    ("md a v v\r\n", "CLIENT_ERROR duplicate flag\r\n", "CLIENT_ERROR invalid or duplicate flag\r\n"),
    ("ma {long}\r\n", "CLIENT_ERROR invalid or duplicate flag\r\n", BAD_LINE),
    ("ma b N0 q v\r\n", "", "VA 1\r\n0\r\n"),
    // Others.
    ("shutdown\r\n", "SERVER_ERROR: shutdown not enabled\r\n", "ERROR: shutdown not enabled\r\n"),
    ("get a{nul}b\r\n", "END\r\n", VALUE_A),
    ("version\r\n", "VERSION 1.6.45\r\n", "VERSION 1.6.18\r\n"),
];

/// Deliberate differences from all versions of memcached. larder follows the documentation.
#[rustfmt::skip]
const DELIBERATE: [Difference<'_>; 14] = [
    // larder drops an invalid data block to its line end (decision note d02); memcached parses the rest as commands.
    ("set a 0 0 2\r\nabcdef\r\n", "CLIENT_ERROR bad data chunk\r\n", "CLIENT_ERROR bad data chunk\r\nERROR\r\n"),
    ("set a 0 0 2\r\n12xxflush_all\r\nget a\r\n",
     "CLIENT_ERROR bad data chunk\r\nVALUE a 0 1\r\nx\r\nEND\r\n",
     "CLIENT_ERROR bad data chunk\r\nOK\r\nEND\r\n"),
    ("set a 0 0 -1\r\nflush_all\r\nget a\r\n",
     "CLIENT_ERROR bad command line format\r\nVALUE a 0 1\r\nx\r\nEND\r\n",
     "CLIENT_ERROR bad command line format\r\nOK\r\nEND\r\n"),
    ("set a 0 0 5\r\nabc\r\nget b\r\nget a\r\n",
     "CLIENT_ERROR bad data chunk\r\nVALUE a 0 1\r\nx\r\nEND\r\n",
     "CLIENT_ERROR bad data chunk\r\nERROR\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
    // Times after 2038 are kept; memcached cuts them to 32 bits.
    ("set a 0 4102444800 1\r\n9\r\nget a\r\n", "STORED\r\nVALUE a 0 1\r\n9\r\nEND\r\n", "STORED\r\nEND\r\n"),
    ("touch a 2147483648\r\nget a\r\n", "TOUCHED\r\nVALUE a 0 1\r\nx\r\nEND\r\n", "TOUCHED\r\nEND\r\n"),
    // A negative time expires at once, also if its low 32 bits are 0.
    ("set a 0 -9223372036854775808 1\r\n9\r\nget a\r\n", "STORED\r\nEND\r\n",
     "STORED\r\nVALUE a 0 1\r\n9\r\nEND\r\n"),
    // A number has no sign and at most 20 digits; memcached reads it as strtoull does.
    ("set n 0 0 21\r\n-18446744073709551615\r\nincr n 1\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n", "STORED\r\n2\r\n"),
    ("set n 0 0 21\r\n000000000000000000012\r\nincr n 1\r\n",
     "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n", "STORED\r\n13\r\n"),
    // A time in the past flushes at once; memcached replies OK and keeps everything.
    ("flush_all 2592001\r\nget a\r\n", "OK\r\nEND\r\n", "OK\r\nVALUE a 0 1\r\nx\r\nEND\r\n"),
    // An append by the encoded key keeps the mark that the key was encoded.
    ("ms Zm9v 1 b\r\n1\r\nms Zm9v 1 b MA\r\n2\r\nmg foo k v\r\n",
     "HD\r\nHD\r\nVA 2 kZm9v b\r\n12\r\n",
     "HD\r\nHD\r\nVA 2 kfoo\r\n12\r\n"),
    // The exptime is set although the number gets one digit more.
    ("ma n D90 T-1\r\nmg n v\r\n", "HD\r\nEN\r\n", "HD\r\nVA 3\r\n100\r\n"),
    // A refused command changes nothing.
    ("ma n O12345678901234567890123456789012\r\nmg n v\r\n",
     "CLIENT_ERROR opaque token too long\r\nVA 2\r\n10\r\n",
     "CLIENT_ERROR opaque token too long\r\nVA 2\r\n11\r\n"),
    // larder sends an error before it closes.
    ("{endless}", "CLIENT_ERROR line too long\r\n", ""),
];

/// Requests that once got different replies, and requests with results that are easily wrong.
#[rustfmt::skip]
const ALIKE: [(&str, &str); 18] = [
    ("set a 18446744073709551615 -1 1\r\n9\r\nget a\r\n", "STORED\r\nEND\r\n"),
    ("set a 0 4294967295 1\r\n9\r\nget a\r\n", "STORED\r\nEND\r\n"),
    ("set a 4294967297 4294967296 1\r\n9\r\nget a\r\n", "STORED\r\nVALUE a 1 1\r\n9\r\nEND\r\n"),
    ("touch a 10 foo\r\n", "TOUCHED\r\n"),
    ("set a 0 0 1 foo\r\n1\r\n", "STORED\r\n"),
    ("set a 0 0 1\n1\r\n", "STORED\r\n"),
    ("decr n 1\r\nget n\r\n", "9\r\nVALUE n 0 2\r\n9 \r\nEND\r\n"),
    ("incr n 90\r\nget n\r\n", "100\r\nVALUE n 0 3\r\n100\r\nEND\r\n"),
    ("incr n 18446744073709551615\r\n", "9\r\n"),
    ("get noreply n noreply\r\n", "VALUE n 0 2\r\n10\r\nEND\r\n"),
    ("cas a 0 0 1 0\r\n1\r\ncas b 0 0 1 0\r\n1\r\n", "EXISTS\r\nNOT_FOUND\r\n"),
    ("add a 0 0 1\r\n1\r\nreplace b 0 0 1\r\n1\r\nappend b 0 0 1\r\n1\r\n",
     "NOT_STORED\r\nNOT_STORED\r\nNOT_STORED\r\n"),
    ("touch a -1\r\nget a\r\n", "TOUCHED\r\nEND\r\n"),
    ("ms foo 1\r\n1\r\nms Zm9v 1 b MA\r\n2\r\nmg foo k v\r\n", "HD\r\nHD\r\nVA 2 kfoo\r\n12\r\n"),
    ("mg Zg==Zg== k b\r\nmg Zh== k b\r\n", "EN kZg== b\r\nEN kZg== b\r\n"),
    ("mg a NOREPLY F\r\nmg a F Jx\r\n",
     "CLIENT_ERROR bad token in command line format\r\nCLIENT_ERROR invalid numeric initial value\r\n"),
    ("mg b T60 N30 t\r\nmg b k\r\n", "HD t30 W\r\nHD kb Z\r\n"),
    ("ms a 1 MA C0\r\ny\r\nms a 1 ME C0 c\r\nz\r\n", "HD\r\nNS c0\r\n"),
];

#[test]
fn every_known_difference_exists() {
    let (larder, oracle) = (Server::larder(), Server::oracle());
    for (request, by_larder, by_oracle) in OLDER.into_iter().chain(DELIBERATE) {
        assert_eq!(answer(&larder, request), by_larder, "larder to {request:?}");
        assert_eq!(answer(&oracle, request), by_oracle, "memcached to {request:?}");
    }
}

#[test]
fn fixed_differences_stay_fixed() {
    let (larder, oracle) = (Server::larder(), Server::oracle());
    for (request, by_both) in ALIKE {
        assert_eq!(answer(&oracle, request), by_both, "memcached to {request:?}");
        assert_eq!(answer(&larder, request), by_both, "larder to {request:?}");
    }
}

fn answer(server: &Server, request: &str) -> String {
    let prepared = transcript(server.port, [FIXTURE]);
    assert_eq!(prepared.bytes, FIXTURE_REPLY);
    let request = request.replace("{long}", &"k".repeat(251)).replace("{nul}", "\0");
    let request = request.replace("{endless}", &"k".repeat(3000));
    String::from_utf8_lossy(&transcript(server.port, [request.as_bytes()])).into_owned()
}

//! Commands: mg, ms, md, ma, mn, me. Their codes, flags, modes and marks, and the recipes of memcached's documentation.
//!
//! CAS uniques are set by `E`, so that they are known.

use super::*;

const HD: &str = "HD\r\n";
const EN: &str = "EN\r\n";
const NF: &str = "NF\r\n";
const INVALID: &str = "CLIENT_ERROR invalid flag\r\n";
const DUPLICATE: &str = "CLIENT_ERROR duplicate flag\r\n";
const INVALID_OR_DUPLICATE: &str = "CLIENT_ERROR invalid or duplicate flag\r\n";
const BAD_TOKEN: &str = "CLIENT_ERROR bad token in command line format\r\n";

#[rustfmt::skip]
const GET: &[Row<'_>] = &[
    ("mg a\r\n", HD),
    ("mg zz\r\n", EN),
    ("mg a v\r\n", "VA 1\r\nx\r\n"),
    ("mg a v s f k O1 t\r\n", "VA 1 s1 f5 ka O1 t-1\r\nx\r\n"),
    ("mg a t O1 k f s v\r\n", "VA 1 t-1 O1 ka f5 s1\r\nx\r\n"),
    ("mg a s\r\n", "HD s1\r\n"),
    ("mg a vfoo kbar\r\n", "VA 1 ka\r\nx\r\n"),
    ("mg a O\r\n", "HD O\r\n"),
    ("mg a P1 L2 F3 J1 M k\r\n", "HD ka\r\n"),
    ("mg zz v k s t O1\r\n", "EN kzz O1\r\n"),
    ("ms b 0\r\n\r\nmg b v\r\n", "HD\r\nVA 0\r\n\r\n"),
    ("mg   a   v  k  \r\n", "VA 1 ka\r\nx\r\n"),
    ("mg a v\n", "VA 1\r\nx\r\n"),
    // `q` suppresses misses, not hits.
    ("mg a v q\r\nmg zz v q k O1\r\nmn\r\n", "VA 1\r\nx\r\nMN\r\n"),
    ("mg a q k\r\n", "HD ka\r\n"),
    // `t` and `T` take effect in the order of the line.
    ("mg a t T30\r\nmg a t\r\n", "HD t-1\r\nHD t30\r\n"),
    ("mg a T30 t\r\n", "HD t30\r\n"),
    ("mg a T0 t\r\n", "HD t-1\r\n"),
    ("mg a T-1\r\nmg a\r\n", "HD\r\nEN\r\n"),
    ("mg a T-\r\nmg a t\r\n", "HD\r\nHD t-1\r\n"),
    // The value is omitted if `C` is its unique.
    ("ms b 1 E7 F9\r\n1\r\nmg b v C7 f c\r\nmg b v C8\r\nmg b C7\r\n", "HD\r\nHD f9 c7\r\nVA 1\r\n1\r\nHD\r\n"),
    ("ms b 1 E7\r\n1\r\nmg b v C7 T30 t\r\n", "HD\r\nHD t30\r\n"),
    // `h` reports an earlier fetch; a fetch with `u` is not recorded.
    ("mg a h\r\nmg a h\r\n", "HD h0\r\nHD h1\r\n"),
    ("mg a u h\r\nmg a h u\r\nmg a h\r\nmg a h u\r\n", "HD h0\r\nHD h0\r\nHD h0\r\nHD h1\r\n"),
    ("get a\r\nmg a h u\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nHD h1\r\n"),
    ("touch a 0\r\nmg a h u\r\n", "TOUCHED\r\nHD h1\r\n"),
    ("incr n 1\r\nmg n h u\r\n", "11\r\nHD h0\r\n"),
    ("get a\r\nappend a 0 0 1\r\ny\r\nmg a h u v\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nSTORED\r\nVA 2 h0\r\nxy\r\n"),
    ("mg a l\r\n", "HD l0\r\n"),
    // `N` creates an item on a miss: one client wins (W), the others wait (Z) until it is replaced.
    ("mg b v N30 t\r\nmg b v N30 t\r\nmg b\r\nms b 1\r\n2\r\nmg b v t\r\n",
     "VA 0 t30 W\r\n\r\nVA 0 t30 Z\r\n\r\nHD Z\r\nHD\r\nVA 1 t-1\r\n2\r\n"),
    ("mg b N30 s f c E9\r\n", "HD s0 f0 c9 W\r\n"),
    ("mg b N30 E0 c\r\nms b 1 C0\r\n1\r\n", "HD c0 W\r\nEX\r\n"),
    ("mg b t N30\r\nmg b t\r\n", "HD t-1 W\r\nHD t30 Z\r\n"),
    ("mg b T60 N30 t\r\nmg b t\r\n", "HD t30 W\r\nHD t30 Z\r\n"),
    ("mg b N30 T60 t\r\nmg b t\r\n", "HD t60 W\r\nHD t60 Z\r\n"),
    ("mg b N0 t\r\nmg b t\r\n", "HD t-1 W\r\nHD t-1 Z\r\n"),
    ("mg b N-1 v\r\nmg b\r\n", "VA 0 W\r\n\r\nEN\r\n"),
    ("mg b N30 q\r\n", "HD W\r\n"),
    ("mg a N30 t\r\n", "HD t-1\r\n"),
    ("mg b N30\r\nget b\r\nset b 0 0 1\r\n1\r\nmg b\r\n", "HD W\r\nVALUE b 0 0\r\n\r\nEND\r\nSTORED\r\nHD\r\n"),
    ("mg b N30\r\ntouch b 60\r\nmg b t\r\n", "HD W\r\nTOUCHED\r\nHD t60 Z\r\n"),
    ("mg b N30\r\nappend b 0 0 1\r\n1\r\nmg b v\r\n", "HD W\r\nSTORED\r\nVA 1\r\n1\r\n"),
    // `R` lets one client renew an item before it expires.
    ("ms b 1 T100\r\n1\r\nmg b R30\r\nmg b T60 R30\r\n", "HD\r\nHD\r\nHD\r\n"),
    ("ms b 1 T20\r\n1\r\nmg b R30\r\nmg b R30\r\nmg b\r\nms b 1\r\n2\r\nmg b R30\r\n",
     "HD\r\nHD W\r\nHD Z\r\nHD Z\r\nHD\r\nHD\r\n"),
    ("ms b 1 T20\r\n1\r\nmg b R0\r\nmg b R-5\r\n", "HD\r\nHD\r\nHD\r\n"),
    ("mg a R1000\r\n", HD),
    ("mg a R40 T30\r\nmg a R40\r\n", "HD\r\nHD W\r\n"),
    ("mg a T30 R40\r\n", "HD W\r\n"),
    // Errors.
    ("mg\r\n", BAD_LINE),
    ("mg \r\n", BAD_LINE),
    ("mg {250}\r\n", EN),
    ("mg {251}\r\n", BAD_LINE),
    ("mg a v v\r\n", DUPLICATE),
    ("mg a S\r\n", INVALID),
    ("mg a 1\r\n", INVALID),
    ("mg a !\r\n", BAD_LINE),
    ("mg a -\r\n", BAD_LINE),
    ("mg a \u{7f}\r\n", BAD_LINE),
    ("mg a N\r\n", BAD_TOKEN),
    ("mg a Tx q\r\n", BAD_TOKEN),
    ("mg a F4294967296\r\n", BAD_LINE),
    ("mg a Jx\r\n", "CLIENT_ERROR invalid numeric initial value\r\n"),
    ("mg a Dx\r\n", "CLIENT_ERROR invalid numeric delta value\r\n"),
    ("mg a O1234567890123456789012345678901\r\n", "HD O1234567890123456789012345678901\r\n"),
    ("mg a O12345678901234567890123456789012\r\n", "CLIENT_ERROR opaque token too long\r\n"),
    ("mg a c f h k l s t u v q x I T1 N1 R1 C1 E1 F1 J1\r\n", "CLIENT_ERROR options flags are too long\r\n"),
];

#[rustfmt::skip]
const STORE: &[Row<'_>] = &[
    ("ms b 1\r\n1\r\nget b\r\n", "HD\r\nVALUE b 0 1\r\n1\r\nEND\r\n"),
    ("ms b 3 F7 T30 s E9 c O1 k\r\nabc\r\nmg b v f t c\r\n", "HD s3 c9 O1 kb\r\nVA 3 f7 t30 c9\r\nabc\r\n"),
    ("ms a 1 O1 c E3 k s\r\ny\r\n", "HD O1 c3 ka s1\r\n"),
    ("ms b 0 T-1\r\n\r\nmg b\r\n", "HD\r\nEN\r\n"),
    ("ms b 1 T-\r\n1\r\nmg b t\r\n", "HD\r\nHD t-1\r\n"),
    ("ms b 2 v t h N5 u\r\n12\r\nmg b v t\r\n", "HD\r\nVA 2 t-1\r\n12\r\n"),
    ("ms b 1\n1\r\n", HD),
    ("ms  b  1  q\r\n1\r\nmn\r\n", "MN\r\n"),
    // Modes.
    ("ms a 1 MS\r\n9\r\nms b 1 MS\r\n9\r\n", "HD\r\nHD\r\n"),
    ("ms a 1 ME c k s\r\n9\r\nms b 1 ME\r\n9\r\nmg a v\r\n", "NS c0 ka s1\r\nHD\r\nVA 1\r\nx\r\n"),
    ("ms a 1 MR\r\n9\r\nms b 1 MR\r\n9\r\nmg a v\r\n", "HD\r\nNS\r\nVA 1\r\n9\r\n"),
    ("ms a 1 MA T30 F9 s\r\n9\r\nms b 1 MA\r\n9\r\nmg a v f t\r\n", "HD s2\r\nNS\r\nVA 2 f5 t-1\r\nx9\r\n"),
    ("ms a 1 MP s\r\n9\r\nms b 1 MPrepend\r\n9\r\nmg a v\r\n", "HD s2\r\nNS\r\nVA 2\r\n9x\r\n"),
    ("ms b 1 MA N30 T60 F4\r\n9\r\nmg b v t f\r\n", "HD\r\nVA 1 t30 f4\r\n9\r\n"),
    ("ms b 1 MP N0 s\r\n9\r\nms b 1 MP N30 s\r\n8\r\nmg b v t\r\n", "HD s1\r\nHD s2\r\nVA 2 t-1\r\n89\r\n"),
    ("ms a 3 MQ\r\nmn\n\r\nmn\r\n", "CLIENT_ERROR invalid mode for ms M token\r\nMN\r\n"),
    ("ms a 1 M\r\n9\r\n", "CLIENT_ERROR invalid mode for ms M token\r\n"),
    ("ms a 1 Ms\r\n9\r\n", "CLIENT_ERROR invalid mode for ms M token\r\n"),
    // Uniques.
    ("ms b 1 E7\r\n1\r\nms b 1 C7 E8 c\r\n2\r\nms b 1 C7 c\r\n3\r\nmg b v c\r\n",
     "HD\r\nHD c8\r\nEX c0\r\nVA 1 c8\r\n2\r\n"),
    ("ms b 1 C7\r\n1\r\nms b 1 C7 MR c\r\n1\r\nms b 1 C0\r\n1\r\n", "NF\r\nNF c0\r\nNF\r\n"),
    ("ms a 1 C0\r\n1\r\nms a 1 C0 MR\r\n1\r\n", "EX\r\nEX\r\n"),
    ("ms b 1 C7 ME\r\n1\r\nms b 1 C7 ME\r\n1\r\n", "HD\r\nNS\r\n"),
    ("ms b 1 E7\r\n1\r\nms b 1 C7 MA E9\r\n2\r\nms b 1 C7 MA\r\n3\r\nms b 1 C0 MP\r\n0\r\nmg b v\r\n",
     "HD\r\nHD\r\nEX\r\nHD\r\nVA 3\r\n012\r\n"),
    ("ms b 1 C7 MA\r\n1\r\nms b 1 C7 MA N0\r\n1\r\n", "NS\r\nHD\r\n"),
    ("ms b 1 E9\r\n1\r\nms b 1 E3\r\n2\r\nmg b c v\r\n", "HD\r\nHD\r\nVA 1 c3\r\n2\r\n"),
    // With `I` an older unique stores: the item is stale and keeps its exptime.
    ("ms b 1 E9 T30 F1\r\n1\r\nms b 2 C5 I T60 F2\r\n22\r\nmg b v t f\r\nmg b v\r\nms b 1\r\n3\r\nmg b v t\r\n",
     "HD\r\nHD\r\nVA 2 t30 f2 X W\r\n22\r\nVA 2 Z X\r\n22\r\nHD\r\nVA 1 t-1\r\n3\r\n"),
    ("ms b 1 E9\r\n1\r\nms b 1 C10 I\r\n2\r\nms b 1 C9 I\r\n3\r\nmg b v\r\n", "HD\r\nEX\r\nHD\r\nVA 1\r\n3\r\n"),
    ("ms b 1 E9 T20\r\n1\r\nmg b R30\r\nms b 1 C5 I MR\r\n2\r\nmg b v\r\n", "HD\r\nHD W\r\nHD\r\nVA 1 Z X\r\n2\r\n"),
    ("ms b 1 I\r\n1\r\nmg b v\r\nms b 1 C5 I\r\n1\r\n", "HD\r\nVA 1\r\n1\r\nHD\r\n"),
    ("ms zz 1 C5 I\r\n1\r\n", NF),
    // `q` suppresses the reply to a successful store.
    ("ms a 1 q k\r\n1\r\nms a 1 ME q k\r\n1\r\nms zz 1 C1 q\r\n1\r\nms a 1 C0 q\r\n1\r\nmn\r\n",
     "NS ka\r\nNF\r\nEX\r\nMN\r\n"),
    ("ms a 1 q\r\n123\r\nmg a v\r\n", "CLIENT_ERROR bad data chunk\r\nVA 1\r\nx\r\n"),
    ("ms a 1 q v v\r\n1\r\nmn\r\n", "CLIENT_ERROR duplicate flag\r\nMN\r\n"),
    // Errors; the data block is dropped if its length is known.
    ("ms\r\n", BAD_LINE),
    ("ms b\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\nMN\r\n"),
    ("ms b x\r\nblock\r\n", BAD_LINE),
    ("ms b S100\r\nblock\r\n", BAD_LINE),
    ("ms b -1\r\nblock\r\n", BAD_LINE),
    ("ms b 2147483646\r\nblock\r\n", BAD_LINE),
    ("ms b T0 1\r\n1\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\nMN\r\n"),
    ("ms {250} 1\r\n1\r\nmg {250} v\r\n", "HD\r\nVA 1\r\n1\r\n"),
    ("ms {251} 3\r\nmn\n\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\nMN\r\n"),
    ("ms a 3 z\r\nmn\n\r\nmn\r\n", "CLIENT_ERROR invalid flag\r\nMN\r\n"),
    ("ms a 3 !\r\nmn\n\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\nMN\r\n"),
    ("ms a 3 Tx\r\nmn\n\r\nmn\r\n", "CLIENT_ERROR bad token in command line format\r\nMN\r\n"),
    ("ms a 3 F-1\r\nmn\n\r\nmn\r\n", "CLIENT_ERROR bad command line format\r\nMN\r\n"),
    ("ms Zg 3 b\r\nmn\n\r\nmn\r\n", "CLIENT_ERROR error decoding key\r\nMN\r\n"),
    ("ms a 3 O12345678901234567890123456789012\r\nmn\n\r\nmn\r\n", "CLIENT_ERROR opaque token too long\r\nMN\r\n"),
    ("ms a 3 c f h k l s t u v q x I T1 N1 R1 C1 E1 F1\r\nmn\n\r\nmn\r\n",
     "CLIENT_ERROR options flags are too long\r\nMN\r\n"),
    ("ms a 3\r\n12\r\nmn\r\n", "CLIENT_ERROR bad data chunk\r\nMN\r\n"),
    ("ms a 1\r\n12\r\nmg a v\r\n", "CLIENT_ERROR bad data chunk\r\nVA 1\r\nx\r\n"),
];

#[rustfmt::skip]
const DELETE: &[Row<'_>] = &[
    ("md a\r\nmg a\r\n", "HD\r\nEN\r\n"),
    ("md zz k O1 v t\r\n", "NF kzz O1\r\n"),
    ("md a O1 k s c v t\r\n", "HD O1 ka\r\n"),
    ("md a q\r\nmd a q k\r\nmn\r\n", "NF ka\r\nMN\r\n"),
    ("ms b 1 E7\r\n1\r\nmd b C8 q k\r\nmd b C0\r\nmd b C7\r\nmd b C7\r\n", "HD\r\nEX kb\r\nEX\r\nHD\r\nNF\r\n"),
    ("md a T30\r\nmg a\r\n", "HD\r\nEN\r\n"),
    // `I` marks the item stale instead of deleting it.
    ("md a I T30\r\nmg a v t\r\nmg a v t\r\nms a 1\r\ny\r\nmg a v t\r\n",
     "HD\r\nVA 1 t30 X W\r\nx\r\nVA 1 t30 Z X\r\nx\r\nHD\r\nVA 1 t-1\r\ny\r\n"),
    ("ms b 1 T30\r\n1\r\nmd b I E9\r\nmg b t c\r\n", "HD\r\nHD\r\nHD t30 c9 X W\r\n"),
    ("md a I E0\r\nmg a c\r\n", "HD\r\nHD c0 X W\r\n"),
    ("md a I\r\nmg a\r\nmg a\r\nmd a I\r\nmg a\r\n", "HD\r\nHD X W\r\nHD Z X\r\nHD\r\nHD X W\r\n"),
    ("md a I q\r\nget a\r\nmn\r\n", "VALUE a 5 1\r\nx\r\nEND\r\nMN\r\n"),
    ("md a I\r\ntouch a 60\r\nmg a t\r\n", "HD\r\nTOUCHED\r\nHD t60 X W\r\n"),
    ("md n I\r\nincr n 1\r\nmg n v\r\n", "HD\r\n11\r\nVA 2 X W\r\n11\r\n"),
    ("md n I\r\nmg n\r\nincr n 90\r\nmg n v\r\n", "HD\r\nHD X W\r\n100\r\nVA 3\r\n100\r\n"),
    ("md n I\r\nmg n\r\ndecr n 9\r\nmg n v\r\n", "HD\r\nHD X W\r\n1\r\nVA 2 Z X\r\n1 \r\n"),
    ("md a I\r\nappend a 0 0 1\r\ny\r\nmg a v\r\n", "HD\r\nSTORED\r\nVA 2\r\nxy\r\n"),
    ("md zz I\r\n", NF),
    // `x` removes the value and keeps the item.
    ("ms b 3 F7 T30 E9\r\nabc\r\nmd b x\r\nmg b v f t c\r\n", "HD\r\nHD\r\nVA 0 f0 t-1 c9\r\n\r\n"),
    ("ms b 3 F7\r\nabc\r\nmd b x T30 F2 E4\r\nmg b v f t c\r\n", "HD\r\nHD\r\nVA 0 f2 t30 c4\r\n\r\n"),
    ("md a x I T30\r\nmg a v t\r\n", "HD\r\nVA 0 t30 X W\r\n\r\n"),
    ("md a x q\r\nmg a s\r\n", "HD s0\r\n"),
    // Errors.
    ("md\r\n", BAD_LINE),
    ("md {251}\r\n", BAD_LINE),
    ("md a z\r\n", INVALID),
    ("md a q q\r\n", DUPLICATE),
    ("md a !\r\nmg a\r\n", "CLIENT_ERROR bad command line format\r\nHD\r\n"),
    ("md a Cx\r\n", BAD_TOKEN),
    ("md a O12345678901234567890123456789012\r\nmg a\r\n", "CLIENT_ERROR opaque token too long\r\nHD\r\n"),
];

#[rustfmt::skip]
const ARITHMETIC: &[Row<'_>] = &[
    ("ma n\r\nmg n v\r\n", "HD\r\nVA 2\r\n11\r\n"),
    ("ma n v\r\nma n v D5\r\nma n v MI D0\r\nma n v M+\r\n",
     "VA 2\r\n11\r\nVA 2\r\n16\r\nVA 2\r\n16\r\nVA 2\r\n17\r\n"),
    ("ma n v MD\r\nmg n v\r\nma n v M- D100\r\n", "VA 1\r\n9\r\nVA 2\r\n9 \r\nVA 1\r\n0\r\n"),
    ("ma n v D18446744073709551615\r\n", "VA 1\r\n9\r\n"),
    ("ms b 20\r\n18446744073709551615\r\nma b v D0\r\nma b v\r\n",
     "HD\r\nVA 20\r\n18446744073709551615\r\nVA 1\r\n0\r\n"),
    ("ma n O1 t k v E9 c\r\n", "VA 2 O1 t-1 kn c9\r\n11\r\n"),
    ("ma zz k O1 v t c\r\n", "NF kzz O1\r\n"),
    ("ma n q v\r\nma zz q k\r\nma zz N0 q v\r\nmn\r\nmg zz v\r\n", "NF kzz\r\nMN\r\nVA 1\r\n0\r\n"),
    // `N` creates a number on a miss with the value `J`, without the delta.
    ("ma b N30 J5 D9 v t E3 c\r\nma b v D9 t\r\nmg b f\r\n", "VA 1 t30 c3\r\n5\r\nVA 2 t30\r\n14\r\nHD f0\r\n"),
    ("ma b t N30\r\nma b t\r\n", "HD t-1\r\nHD t30\r\n"),
    ("ma b N30 T60 t\r\nma b T60 N30 t\r\n", "HD t60\r\nHD t60\r\n"),
    ("ma b T60 N30 t\r\nma b t\r\n", "HD t30\r\nHD t30\r\n"),
    ("ma b N0 MD v\r\n", "VA 1\r\n0\r\n"),
    ("ma b N-1 v\r\nma b\r\n", "VA 1\r\n0\r\nNF\r\n"),
    ("ma n t T30\r\nma n T60 t\r\nma n t\r\n", "HD t-1\r\nHD t60\r\nHD t60\r\n"),
    // Uniques.
    ("ms e 0\r\n\r\nma e C9\r\nma a C9\r\n",
     "HD\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nEX\r\n"),
    ("ma n E7\r\nma n C8 k v\r\nma n C7 E9 c\r\nma n C0 v\r\n", "HD\r\nEX kn\r\nHD c9\r\nVA 2\r\n13\r\n"),
    ("ma b C5\r\nma b C5 N0 v\r\n", "NF\r\nVA 1\r\n0\r\n"),
    // Errors.
    ("ma a\r\nma a q\r\nma a N0\r\n",
     "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n\
      CLIENT_ERROR cannot increment or decrement non-numeric value\r\n\
      CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"),
    ("ma\r\n", BAD_LINE),
    ("ma {251}\r\n", INVALID_OR_DUPLICATE),
    ("ma n v v\r\n", INVALID_OR_DUPLICATE),
    ("ma n z\r\n", INVALID_OR_DUPLICATE),
    ("ma n Dx\r\n", INVALID_OR_DUPLICATE),
    ("ma n Jx\r\n", INVALID_OR_DUPLICATE),
    ("ma Zg b\r\n", INVALID_OR_DUPLICATE),
    ("ma n !\r\n", BAD_LINE),
    ("ma n MQ\r\nma n Mi\r\nma n M\r\n",
     "CLIENT_ERROR invalid mode for ma M token\r\nCLIENT_ERROR invalid mode for ma M token\r\n\
      CLIENT_ERROR invalid mode for ma M token\r\n"),
    ("ma n O12345678901234567890123456789012\r\nmg n v\r\n", "CLIENT_ERROR opaque token too long\r\nVA 2\r\n10\r\n"),
];

#[rustfmt::skip]
const ENCODED_KEYS: &[Row<'_>] = &[
    ("ms Zm9v 3 b k\r\nabc\r\nmg foo v\r\nget foo\r\n", "HD kZm9v b\r\nVA 3\r\nabc\r\nVALUE foo 0 3\r\nabc\r\nEND\r\n"),
    // An item remembers that its key was encoded; a miss repeats the key of the request.
    ("ms Zm9v 3 b\r\nabc\r\nmg foo k\r\nmg k b k\r\nms foo 1\r\n1\r\nmg Zm9v b O1 k\r\n",
     "HD\r\nHD kZm9v b\r\nCLIENT_ERROR error decoding key\r\nHD\r\nHD O1 kfoo\r\n"),
    ("mg Zm9v k b\r\nmg Zm9v k\r\nmg Zm9v! k b\r\n", "EN kZm9v b\r\nEN kZm9v\r\nEN kZm9v b\r\n"),
    ("mg Zg k b\r\nmg Zm9 k b\r\nmg Zm9vZg= b\r\n",
     "CLIENT_ERROR error decoding key\r\nCLIENT_ERROR error decoding key\r\nCLIENT_ERROR error decoding key\r\n"),
    ("mg Zm9v N0 b k\r\nma Zm9vMg== N0 b k\r\nmd Zm9v b k O1\r\nmd Zm9v b k\r\n",
     "HD kZm9v b W\r\nHD kZm9vMg== b\r\nHD kZm9v b O1\r\nNF kZm9v b\r\n"),
    // Bytes that a line cannot contain.
    ("ms IAoNAP8= 1 b\r\n1\r\nmg IAoNAP8= b v k\r\n", "HD\r\nVA 1 kIAoNAP8= b\r\n1\r\n"),
    ("ms Zm9v 3 b\r\nabc\r\nms Zm9v 1 b MA\r\nd\r\nmg foo k v\r\n", "HD\r\nHD\r\nVA 4 kZm9v b\r\nabcd\r\n"),
    ("ms foo 3\r\nabc\r\nms Zm9v 1 b MA\r\nd\r\nmg foo k v\r\n", "HD\r\nHD\r\nVA 4 kfoo\r\nabcd\r\n"),
    ("ms Zm9v 3 b\r\nabc\r\nappend foo 0 0 1\r\nd\r\nmg foo k v\r\n", "HD\r\nSTORED\r\nVA 4 kfoo\r\nabcd\r\n"),
    ("ms Zm9v 1 b\r\n1\r\nincr foo 1\r\nmg foo k v\r\n", "HD\r\n2\r\nVA 1 kZm9v b\r\n2\r\n"),
];

#[rustfmt::skip]
const OTHERS: &[Row<'_>] = &[
    ("mn\r\n", "MN\r\n"),
    ("mn\n", BAD_LINE),
    ("mn a b ! \u{7f}\r\n", "MN\r\n"),
    ("mx\r\nmx a\r\nmgx a\r\nMG a\r\n", "ERROR\r\nERROR\r\nERROR\r\nERROR\r\n"),
    ("me zz\r\nme zz k O1 q\r\n", "EN\r\nEN\r\n"),
    ("me\r\n", BAD_LINE),
    ("me {251}\r\n", BAD_LINE),
    ("me a !\r\n", BAD_LINE),
    ("me Zg b\r\n", BAD_LINE),
    ("ms b 3 E9 T30 F1\r\nabc\r\nme b k q O1 z\r\n", "HD\r\nME b exp=30 la=0 cas=9 fetch=no cls=1 size=67\r\n"),
    ("ms b 3 E9\r\nabc\r\nmg b\r\nme b\r\nmg b h u\r\n",
     "HD\r\nHD\r\nME b exp=-1 la=0 cas=9 fetch=yes cls=1 size=63\r\nHD h1\r\n"),
    ("ms Zm9v 0 b E9\r\n\r\nme foo\r\nme Zm9v b\r\nme Zm9v b b\r\n",
     "HD\r\nME Zm9v exp=-1 la=0 cas=9 fetch=no cls=1 size=62\r\nME Zm9v exp=-1 la=0 cas=9 fetch=no cls=1 size=62\r\n\
      ME Zm9v exp=-1 la=0 cas=9 fetch=no cls=1 size=62\r\n"),
    ("me a b\r\nmg a h\r\n", "CLIENT_ERROR bad command line format\r\nHD h0\r\n"),
];

/// Recipes of protocol.txt, "Meta Commands".
#[rustfmt::skip]
const RECIPES: &[Row<'_>] = &[
    // Compare and swap.
    ("ms b 1 E7\r\n1\r\nmg b v c\r\nms b 1 C7\r\n2\r\nms b 1 C7\r\n3\r\n", "HD\r\nVA 1 c7\r\n1\r\nHD\r\nEX\r\n"),
    // One of many clients fetches a missing value.
    ("mg b v N30 t\r\nmg b v N30 t\r\nms b 1\r\n2\r\nmg b v t\r\n",
     "VA 0 t30 W\r\n\r\nVA 0 t30 Z\r\n\r\nHD\r\nVA 1 t-1\r\n2\r\n"),
    // One of many clients renews a value that will expire soon.
    ("ms b 1 T100\r\n1\r\nmg b v R30\r\nmg b T20\r\nmg b v R30 t\r\nmg b v R30\r\n",
     "HD\r\nVA 1\r\n1\r\nHD\r\nVA 1 t20 W\r\n1\r\nVA 1 Z\r\n1\r\n"),
    // A stale value is served until it is renewed.
    ("md a I T30\r\nmg a v t\r\nmg a v t\r\nms a 1\r\ny\r\nmg a v\r\n",
     "HD\r\nVA 1 t30 X W\r\nx\r\nVA 1 t30 Z X\r\nx\r\nHD\r\nVA 1\r\ny\r\n"),
    // A quiet pipeline ends with mn.
    ("mg a v q k\r\nmg b v q k\r\nmg n v q k\r\nmn\r\n", "VA 1 ka\r\nx\r\nVA 2 kn\r\n10\r\nMN\r\n"),
];

#[test]
fn mg_flags() {
    check_with_stopped_clock(GET);
}

#[test]
fn ms_modes_and_cas_uniques() {
    check_with_stopped_clock(STORE);
}

#[test]
fn md_deletes_or_marks_stale() {
    check_with_stopped_clock(DELETE);
}

#[test]
fn ma_arithmetic() {
    check_with_stopped_clock(ARITHMETIC);
}

#[test]
fn base64_keys() {
    check_with_stopped_clock(ENCODED_KEYS);
}

#[test]
fn mn_me_and_unknown_meta_commands() {
    check_with_stopped_clock(OTHERS);
}

#[test]
fn recipes_of_the_documentation() {
    check_with_stopped_clock(RECIPES);
}

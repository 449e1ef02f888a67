//! Accepted lines, and refused ones next to them.

use super::*;
use crate::protocol::classic;

fn parse_line(text: &str) -> ParsedLine<'_> {
    classic::parse_line(text.as_bytes(), 2)
}

fn meta(text: &str) -> MetaArguments<'_> {
    match parse_line(text) {
        ParsedLine::Request(
            Request::MetaGet { meta }
            | Request::MetaDelete { meta }
            | Request::MetaArithmetic { meta, .. }
            | Request::MetaDescribe { meta },
        ) => meta,
        ParsedLine::MetaStorage(header) => header.meta,
        other => panic!("{text}: {other:?}"),
    }
}

fn refusal(text: &str) -> Refusal {
    match parse_line(text) {
        ParsedLine::Refused { reply: Some(reply), .. } => reply,
        other => panic!("{text}: {other:?}"),
    }
}

fn data_block(text: &str) -> DataBlock {
    match parse_line(text) {
        ParsedLine::Refused { data_block, .. } => data_block,
        other => panic!("{text}: {other:?}"),
    }
}

fn key(text: &str) -> Vec<u8> {
    meta(text).key(&mut KeyBuffer::default()).to_vec()
}

#[test]
fn commands_need_a_key() {
    assert!(matches!(parse_line("mg k"), ParsedLine::Request(Request::MetaGet { .. })));
    assert!(matches!(parse_line("md k"), ParsedLine::Request(Request::MetaDelete { .. })));
    assert!(matches!(parse_line("ma k"), ParsedLine::Request(Request::MetaArithmetic { up: true, .. })));
    assert!(matches!(parse_line("me k"), ParsedLine::Request(Request::MetaDescribe { .. })));
    assert!(matches!(
        parse_line("ms k 7"),
        ParsedLine::MetaStorage(MetaStorageHeader { value_len: 7, mode: MetaMode::Set, .. })
    ));
    for text in ["mn", "mn ", "mn k !"] {
        assert_eq!(parse_line(text), ParsedLine::Request(Request::MetaNoop), "{text}");
    }
    for text in ["mg", "mg ", "md", "ma  ", "me", "ms", "ms ", "ms k", "ms k "] {
        assert_eq!((refusal(text), data_block(text)), (Refusal::BadLine, DataBlock::None), "{text}");
    }
    for text in ["mx k", "m", "mgk", "mgk k", "mgg k", "MG k", "mgets k", " mg k", "mn2"] {
        let expected = if text.len() < 2 { Refusal::BadLine } else { Refusal::Unknown };
        let ends_short = classic::parse_line(text.as_bytes(), 2);
        let got = match ends_short {
            ParsedLine::Refused { reply: Some(reply), .. } => reply,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(got, expected, "{text}");
    }
}

#[test]
fn flags_have_numbers() {
    let all = meta("ms k 1 T-5 N0 R30 C18446744073709551615 E7 F4294967295 J9 D0 q v");
    assert_eq!((all.exptime(), all.create_exptime(), all.recache_secs()), (Some(-5), Some(0), Some(30)));
    assert_eq!((all.compare(), all.cas(), all.client_flags()), (Some(u64::MAX), Some(7), u32::MAX));
    assert_eq!((all.initial(), all.delta(), all.quiet()), (9, 0, true));
    let none = meta("mg k");
    assert_eq!((none.exptime(), none.create_exptime(), none.recache_secs()), (None, None, None));
    assert_eq!((none.compare(), none.cas(), none.client_flags()), (None, None, 0));
    assert_eq!((none.initial(), none.delta(), none.quiet()), (0, 1, false));
    assert_eq!(meta("mg k T-").exptime(), Some(0), "a lone minus");
    assert_eq!(meta("mg k R0").recache_secs(), None);
    assert_eq!(meta("mg k R-7").recache_secs(), None);
}

#[test]
fn unused_arguments_and_flags_are_ignored() {
    let junk = meta("mg k vfoo kbar  q ");
    assert!(junk.has(b'v') && junk.has(b'k') && junk.quiet() && !junk.has(b'f'));
    for text in ["mg k F3 J1 M", "ms k 1 v t h", "md k s l", "ma k P1 L2", "mg k I x"] {
        meta(text);
    }
}

#[test]
fn unknown_repeated_and_malformed_flags_are_refused() {
    for (flags, expected) in [
        ("v v", Refusal::DuplicateFlag),
        ("v1 v2", Refusal::DuplicateFlag),
        ("v v z", Refusal::DuplicateFlag),
        ("z v v", Refusal::UnknownFlag),
        ("a", Refusal::UnknownFlag),
        ("S", Refusal::UnknownFlag),
        ("1", Refusal::UnknownFlag),
        ("1 1", Refusal::UnknownFlag),
        ("_", Refusal::UnknownFlag),
        ("Nx z", Refusal::UnknownFlag),
        ("!", Refusal::BadLine),
        ("v v -", Refusal::BadLine),
        ("z {", Refusal::BadLine),
        ("v \u{e9}", Refusal::BadLine),
    ] {
        assert_eq!(refusal(&format!("mg k {flags}")), expected, "mg {flags}");
        assert_eq!(refusal(&format!("md k {flags}")), expected, "md {flags}");
        assert_eq!(refusal(&format!("ms k 5 {flags}")), expected, "ms {flags}");
        assert_eq!(data_block(&format!("ms k 5 {flags}")), DataBlock::Bytes(5), "ms {flags}");
        let by_ma = if expected == Refusal::BadLine { expected } else { Refusal::UnknownOrDuplicateFlag };
        assert_eq!(refusal(&format!("ma k {flags}")), by_ma, "ma {flags}");
    }
}

#[test]
fn the_last_bad_argument_is_reported() {
    for (flags, expected) in [
        ("T", Refusal::BadToken),
        ("Tx", Refusal::BadToken),
        ("T+1", Refusal::BadToken),
        ("T100000000000", Refusal::BadToken),
        ("N-2147483649", Refusal::BadToken),
        ("R1x", Refusal::BadToken),
        ("C", Refusal::BadToken),
        ("C-1", Refusal::BadToken),
        ("C18446744073709551616", Refusal::BadToken),
        ("E00000000000000000000001", Refusal::BadToken),
        ("F", Refusal::BadLine),
        ("F-1", Refusal::BadLine),
        ("F4294967296", Refusal::BadLine),
        ("J", Refusal::BadInitial),
        ("J-1", Refusal::BadInitial),
        ("D", Refusal::BadFlagDelta),
        ("D1.5", Refusal::BadFlagDelta),
        ("Nx Jx", Refusal::BadInitial),
        ("Jx Nx", Refusal::BadToken),
        ("Jx T5", Refusal::BadInitial),
        ("Nx F", Refusal::BadToken),
        ("F Nx", Refusal::BadToken),
    ] {
        assert_eq!(refusal(&format!("mg k {flags}")), expected, "mg {flags}");
        assert_eq!(refusal(&format!("md k {flags}")), expected, "md {flags}");
        assert_eq!(refusal(&format!("ms k 3 {flags}")), expected, "ms {flags}");
        assert_eq!(data_block(&format!("ms k 3 {flags}")), DataBlock::Bytes(3), "ms {flags}");
        assert_eq!(refusal(&format!("ma k {flags}")), Refusal::UnknownOrDuplicateFlag, "ma {flags}");
    }
}

#[test]
fn lines_with_over_20_tokens_are_refused() {
    const LETTERS: &str = "c f h k l s t u v q x I T1 N1 R1 C1 E1 F1 J1";
    let flags = |count| LETTERS.split(' ').take(count).collect::<Vec<_>>().join(" ");
    for command in ["mg k", "md k", "ma k"] {
        meta(&format!("{command} {}", flags(18)));
        let expected =
            if command == "ma k" { Refusal::UnknownOrDuplicateFlag } else { Refusal::TooManyFlags };
        assert_eq!(refusal(&format!("{command} {}", flags(19))), expected);
    }
    meta(&format!("ms k 1 {}", flags(17)));
    let over = format!("ms k 1 {}", flags(18));
    assert_eq!((refusal(&over), data_block(&over)), (Refusal::TooManyFlags, DataBlock::Bytes(1)));
}

#[test]
fn keys_over_250_bytes_are_refused() {
    let (most, over) = ("k".repeat(250), "k".repeat(251));
    assert_eq!(key(&format!("mg {most} v")), most.as_bytes());
    for command in ["mg", "md", "me"] {
        assert_eq!(refusal(&format!("{command} {over}")), Refusal::BadLine);
    }
    assert_eq!(refusal(&format!("ma {over}")), Refusal::UnknownOrDuplicateFlag);
    let store = format!("ms {over} 9 v");
    assert_eq!((refusal(&store), data_block(&store)), (Refusal::BadLine, DataBlock::Bytes(9)));
}

#[test]
fn the_third_token_of_ms_is_the_length() {
    assert!(matches!(
        parse_line("ms k 2147483645"),
        ParsedLine::MetaStorage(MetaStorageHeader { value_len: 2147483645, .. })
    ));
    for text in ["ms k S100", "ms k x", "ms k -1", "ms k 2147483646", "ms k T0 5", "ms k +1"] {
        assert_eq!(refusal(text), Refusal::BadLine, "{text}");
        assert_eq!(data_block(text), DataBlock::UnknownLength, "{text}");
    }
}

#[test]
fn keys_may_be_base64() {
    assert_eq!(key("mg Zm9v b"), b"foo");
    assert_eq!(key("mg Zm9v"), b"Zm9v");
    assert_eq!(key("me Zm9v b"), b"foo");
    for text in ["mg Zg b", "md Zm9 b v", "ms !! 0 b", "mg Zg Nx b"] {
        assert_eq!(refusal(text), Refusal::BadEncodedKey, "{text}");
    }
    assert_eq!(refusal("mg Zg b Nx"), Refusal::BadToken);
    assert_eq!(refusal("ma Zg b"), Refusal::UnknownOrDuplicateFlag);
    assert_eq!(refusal("me Zg b"), Refusal::BadLine);
}

#[test]
fn opaque_tokens_over_32_bytes_are_refused() {
    let most = format!("O{}", "1".repeat(31));
    for command in ["mg k", "md k", "ma k", "ms k 4"] {
        let meta = meta(&format!("{command} {most}")).returned().next().map(<[u8]>::to_vec);
        assert_eq!(meta, Some(most.as_bytes().to_vec()));
        assert_eq!(refusal(&format!("{command} {most}2")), Refusal::OpaqueTooLong, "{command}");
    }
    assert_eq!(data_block(&format!("ms k 4 {most}2")), DataBlock::Bytes(4));
    assert_eq!(refusal(&format!("ms k 4 {most}2 MQ")), Refusal::BadStoreMode, "the mode is checked first");
    meta("mg k O");
}

#[test]
fn the_first_character_selects_the_mode() {
    for (flag, mode) in [
        ("MS", MetaMode::Set),
        ("ME", MetaMode::Add),
        ("MR", MetaMode::Replace),
        ("MAppend", MetaMode::Append),
        ("MP", MetaMode::Prepend),
    ] {
        let text = format!("ms k 1 {flag}");
        assert!(
            matches!(parse_line(&text), ParsedLine::MetaStorage(header) if header.mode == mode),
            "{flag}"
        );
    }
    for (flag, up) in [("MI", true), ("M+", true), ("MIncr", true), ("MD", false), ("M-", false)] {
        let text = format!("ma k {flag}");
        let ParsedLine::Request(Request::MetaArithmetic { up: read, .. }) = parse_line(&text) else {
            panic!("{flag}")
        };
        assert_eq!(read, up, "{flag}");
    }
    for flag in ["M", "Ms", "MQ", "MI", "M1"] {
        let text = format!("ms k 6 {flag}");
        assert_eq!(
            (refusal(&text), data_block(&text)),
            (Refusal::BadStoreMode, DataBlock::Bytes(6)),
            "{flag}"
        );
    }
    for flag in ["M", "Mi", "MS", "M1"] {
        assert_eq!(refusal(&format!("ma k {flag}")), Refusal::BadArithmeticMode, "{flag}");
    }
    meta("mg k MQ");
}

#[test]
fn the_order_of_two_flags_is_reported() {
    let line = meta("mg k v T1 R2");
    assert!(line.precedes(b'T', b'R') && !line.precedes(b'R', b'T'));
    assert!(!line.precedes(b'T', b'N') && !line.precedes(b'N', b'T'), "one flag is absent");
}

#[test]
fn only_lines_with_returned_flags_yield_flags() {
    assert_eq!(meta("mg k v q T5").returned().count(), 0);
    let words: Vec<&[u8]> = meta("mg k v O1  t").returned().collect();
    assert_eq!(words, [&b"v"[..], b"O1", b"t"]);
}

#[test]
fn me_ignores_all_flags_but_base64() {
    assert_eq!(key("me k v v zz O12345678901234567890123456789012345"), b"k");
    assert_eq!(refusal("me k !"), Refusal::BadLine);
}
